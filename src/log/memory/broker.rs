//! The broker all clients share: what each request does, and what goes wrong with it.
//!
//! **Invariant:** time is told, numbers are counted, and everything is ordered: the same calls
//! with the same seed end the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Timestamp;

use super::super::{Call, Cause, Commit, Committed, Isolation, LogError, TopicPartition, Trouble};
use super::disk::{By, Change, Journal, Noted, Unwritten};
use super::faults::{Fault, Injector, Rates};
use super::groups::{self, Group, Joining, MemberId, Share};
use super::partition::{Fetched, PartitionLog, ProducerId, Stored};
use super::topics::{Cleaned, Topic};
use super::transactions::{Coordinator, Identity, Refusal};

/// A process: its clients live and die together.
pub(super) type ProcessId = u64;

/// A call that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// It is done and answered.
    Well,
    /// It is done, and the answer is lost.
    Unheard,
    /// A decision is carried out at this call, of all.
    LateAt(u64),
    /// It is done, and then the process dies.
    Last,
    /// It is done, and markers that it would have had written are not.
    Unmarked,
}

/// Why a call does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// Its process is dead.
    Dead,
    /// No broker answers.
    Down,
    /// It fails and does nothing.
    Refused,
}

/// A decision under way.
#[derive(Debug)]
struct Late {
    at: u64,
    id: String,
    who: Identity,
    commit: bool,
}

#[derive(Debug)]
pub(super) struct Broker {
    now: Timestamp,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) coordinator: Coordinator,
    pub(super) groups: BTreeMap<String, Group>,
    /// The last number given to a producer, member or process.
    pub(super) numbers: u64,
    /// Where it is kept, if anywhere.
    pub(super) journal: Option<Box<Journal>>,
    calls: u64,
    injector: Injector,
    dead: BTreeSet<ProcessId>,
    frozen: BTreeSet<ProcessId>,
    processes: BTreeMap<MemberId, ProcessId>,
    late: Vec<Late>,
    down_until: u64,
    held_until: u64,
}

impl Broker {
    pub(super) fn new() -> Self {
        Self {
            now: Timestamp(0),
            topics: BTreeMap::new(),
            coordinator: Coordinator::default(),
            groups: BTreeMap::new(),
            numbers: 0,
            journal: None,
            calls: 0,
            injector: Injector::new(0, Rates::default()),
            dead: BTreeSet::new(),
            frozen: BTreeSet::new(),
            processes: BTreeMap::new(),
            late: Vec::new(),
            down_until: 0,
            held_until: 0,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn injector(&mut self) -> &mut Injector {
        &mut self.injector
    }

    pub(super) fn set_faults(&mut self, seed: u64, rates: Rates) {
        self.injector = Injector::new(seed, rates);
    }

    /// Moves time on: members that live show it, and what lasted too long ends.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        for (member, process) in &self.processes {
            if self.dead.contains(process) || self.frozen.contains(process) {
                continue;
            }
            for group in self.groups.values_mut() {
                group.seen(*member, self.now);
            }
        }
        self.coordinator.expire(self.now);
        for group in self.groups.values_mut() {
            group.expire(self.now);
        }
        self.settle();
        let mut cleaned = Vec::new();
        for (name, topic) in &mut self.topics {
            topic
                .maintain(self.now, &mut |number, what| cleaned.push((name.clone(), number, what)));
        }
        self.note_cleaned(cleaned);
    }

    /// Compacts a topic, and deletes what is due, at once.
    pub(super) fn clean(&mut self, name: &str) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        let mut cleaned = Vec::new();
        let told = &mut |number, what| cleaned.push((name.to_owned(), number, what));
        topic.clean(self.now, |_| true, told);
        self.note_cleaned(cleaned);
    }

    /// Has what was cleaned written: lost, it is cleaned again.
    fn note_cleaned(&mut self, cleaned: Vec<(String, u32, Cleaned)>) {
        let Some(journal) = &mut self.journal else { return };
        let change = |(topic, number, what): (String, u32, Cleaned)| {
            let at = (&TopicPartition::new(&topic, number)).into();
            match what {
                Cleaned::Before(before) => Change::Trimmed { at, before },
                Cleaned::Compacted(forget) => Change::Compacted { at, forget },
            }
        };
        journal.later(cleaned.into_iter().map(change).collect());
    }

    pub(super) fn crash(&mut self, process: ProcessId) {
        self.dead.insert(process);
    }

    pub(super) fn is_dead(&self, process: ProcessId) -> bool {
        self.dead.contains(&process)
    }

    pub(super) fn freeze(&mut self, process: ProcessId) {
        self.frozen.insert(process);
    }

    pub(super) fn thaw(&mut self, process: ProcessId) {
        self.frozen.remove(&process);
    }

    /// Every call comes by here first.
    pub(super) fn enter(&mut self, process: ProcessId, call: Call) -> Result<Go, Halt> {
        self.calls += 1;
        self.deliver_late();
        self.settle();
        self.tidy();
        if self.is_dead(process) {
            return Err(Halt::Dead);
        }
        let fault = self.injector.draw(call);
        if self.calls < self.down_until {
            return Err(Halt::Down);
        }
        match fault {
            Some(Fault::LoseMarkers) if call == Call::Init => Ok(Go::Unmarked),
            None | Some(Fault::LoseMarkers) => Ok(Go::Well),
            Some(Fault::LoseReply) => Ok(Go::Unheard),
            Some(Fault::Late(calls)) if matches!(call, Call::Commit | Call::Abort) => {
                Ok(Go::LateAt(self.calls + u64::from(calls)))
            }
            Some(Fault::Refuse | Fault::Late(_)) => Err(Halt::Refused),
            Some(Fault::Crash) => {
                self.crash(process);
                Err(Halt::Dead)
            }
            Some(Fault::CrashAfter) => Ok(Go::Last),
            Some(Fault::Pause(micros)) => {
                self.freeze(process);
                self.advance(self.now.plus(micros));
                self.thaw(process);
                Ok(Go::Well)
            }
            Some(Fault::Rebalance) => {
                self.groups.values_mut().for_each(Group::disturb);
                Ok(Go::Well)
            }
            Some(Fault::Down(calls)) => {
                self.down_until = self.calls + u64::from(calls);
                Err(Halt::Down)
            }
            Some(Fault::HoldMarkers(calls)) => {
                self.held_until = self.calls + u64::from(calls);
                Ok(Go::Well)
            }
        }
    }

    /// What a call that went well in itself comes to: its process may die now, its answer be lost.
    pub(super) fn leave(&mut self, process: ProcessId, go: Go) -> Result<(), Halt> {
        match go {
            Go::Well | Go::Unmarked | Go::LateAt(_) => Ok(()),
            Go::Unheard => Err(Halt::Refused),
            Go::Last => {
                self.crash(process);
                Err(Halt::Dead)
            }
        }
    }

    fn deliver_late(&mut self) {
        let due: Vec<Late> = self.late.extract_if(.., |late| late.at <= self.calls).collect();
        for late in due {
            // Whoever sent it stopped listening.
            let _ = self.coordinator.end(&late.id, late.who, late.commit);
        }
    }

    /// Writes the markers of decided transactions, and their offsets, unless they are held back
    /// or cannot be kept.
    fn settle(&mut self) {
        if self.calls < self.held_until || !self.write_decisions() {
            return;
        }
        for decided in self.coordinator.settle() {
            for place in &decided.contents.partitions {
                if let Some(log) = self.log_mut(place) {
                    log.mark(decided.producer, decided.commit);
                }
            }
            if !decided.commit {
                continue;
            }
            for ((group, place), committed) in decided.contents.offsets {
                self.groups.entry(group).or_default().offsets.insert(place, committed);
            }
        }
    }

    // Topics.

    pub(super) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    pub(super) fn topic_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.topics.get_mut(name)
    }

    pub(super) fn add_topic(&mut self, name: &str, topic: Topic) -> Result<(), Unwritten> {
        self.keep(By::Synced, || topic.made(name))?;
        self.topics.insert(name.to_owned(), topic);
        Ok(())
    }

    /// Gives a topic, which is there, so many partitions.
    pub(super) fn grow(&mut self, name: &str, partitions: u32) -> Result<(), Unwritten> {
        self.keep(By::Synced, || Change::Grown { topic: name.to_owned(), partitions })?;
        if let Some(topic) = self.topics.get_mut(name) {
            topic.grow(partitions);
        }
        Ok(())
    }

    /// Deletes what stands before an offset of a partition, which is there.
    pub(super) fn trim(&mut self, at: &TopicPartition, before: u64) -> Result<(), Unwritten> {
        self.keep(By::Now, || Change::Trimmed { at: at.into(), before })?;
        if let Some(log) = self.log_mut(at) {
            log.trim(before);
        }
        Ok(())
    }

    pub(super) fn log(&self, place: &TopicPartition) -> Option<&PartitionLog> {
        self.topics.get(&*place.topic)?.partitions.get(place.partition.0 as usize)
    }

    pub(super) fn log_mut(&mut self, place: &TopicPartition) -> Option<&mut PartitionLog> {
        self.topics.get_mut(&*place.topic)?.partitions.get_mut(place.partition.0 as usize)
    }

    pub(super) fn fetch(&self, at: &TopicPartition, from: u64, isolation: Isolation) -> Fetched {
        self.log(at).map_or(Fetched::Outside, |log| log.fetch(from, isolation))
    }

    /// Appends a record that is in no transaction, to a partition which is there: at once, or
    /// with [`Broker::append_staged`] where the broker is kept.
    pub(super) fn append(&mut self, at: &TopicPartition, record: Arc<Stored>) {
        self.append_by(at, record, None);
    }

    fn append_by(&mut self, at: &TopicPartition, record: Arc<Stored>, within: Option<ProducerId>) {
        if let Some(journal) = &mut self.journal {
            journal.stage((at.clone(), within, record));
        } else if let Some(log) = self.log_mut(at) {
            log.append(record, within);
        }
    }

    // Transactions.

    /// Gives a transactional id to a new producer. `unmarked`: what the one before left
    /// is over without a marker.
    pub(super) fn init(
        &mut self,
        id: &str,
        timeout: i64,
        unmarked: bool,
    ) -> Result<Identity, Refusal> {
        let fresh = self.number();
        match self.coordinator.init(id, timeout, fresh) {
            Err(Refusal::Concurrent) => {
                if unmarked {
                    self.coordinator.forget(id);
                }
                self.settle();
                self.coordinator.init(id, timeout, fresh)
            }
            done => done,
        }
    }

    pub(super) fn append_within(
        &mut self,
        (id, who): (&str, Identity),
        at: &TopicPartition,
        record: Arc<Stored>,
    ) -> Result<(), Refusal> {
        self.ready(id, who)?;
        self.coordinator.add_partition(id, who, at, self.now)?;
        self.append_by(at, record, Some(who.producer));
        Ok(())
    }

    /// Tells the coordinator that offsets will come, as clients do before they ask the group.
    pub(super) fn announce_offsets(&mut self, id: &str, who: Identity) -> Result<(), Refusal> {
        self.ready(id, who)?;
        self.coordinator.open(id, who, self.now)
    }

    pub(super) fn add_offsets(
        &mut self,
        (id, who): (&str, Identity),
        group: &str,
        offsets: &[Commit],
    ) -> Result<(), Refusal> {
        self.ready(id, who)?;
        for Commit { of, next, receipt } in offsets {
            let committed = Committed { next: *next, receipt: receipt.clone() };
            let of = (group.to_owned(), of.clone());
            self.coordinator.add_offset(id, who, of, committed, self.now)?;
        }
        Ok(())
    }

    /// Clients wait for the markers of the transaction before; so held ones are written here.
    fn ready(&mut self, id: &str, who: Identity) -> Result<(), Refusal> {
        if self.coordinator.ready(id, who) == Err(Refusal::Concurrent) {
            self.held_until = 0;
            self.settle();
        }
        self.coordinator.ready(id, who)
    }

    pub(super) fn end(&mut self, id: &str, who: Identity, commit: bool) -> Result<(), Refusal> {
        self.coordinator.end(id, who, commit)?;
        self.settle();
        // A decision that is not written is none yet.
        if self.is_kept() { self.coordinator.ready(id, who) } else { Ok(()) }
    }

    pub(super) fn end_late(&mut self, at: u64, id: &str, who: Identity, commit: bool) {
        self.late.push(Late { at, id: id.to_owned(), who, commit });
    }

    // Groups.

    pub(super) fn join(
        &mut self,
        process: ProcessId,
        group: &str,
        joining: Joining<'_>,
    ) -> MemberId {
        let member = self.number();
        let now = self.now;
        self.processes.insert(member, process);
        self.groups.entry(group.to_owned()).or_default().join(member, joining, now);
        member
    }

    pub(super) fn look(&mut self, group: &str, member: MemberId) -> Result<Share, groups::Refusal> {
        let now = self.now;
        let found = self.groups.get_mut(group).ok_or(groups::Refusal::UnknownMember)?;
        found.polled(member, now);
        let counts = found.topics().into_iter().filter_map(|name| {
            let count = self.topics.get(&name)?.count();
            Some((name, count))
        });
        let counts = counts.collect();
        found.look(member, &counts)
    }

    pub(super) fn release(&mut self, group: &str, member: MemberId, places: &[TopicPartition]) {
        if let Some(group) = self.groups.get_mut(group) {
            group.release(member, places);
        }
    }

    pub(super) fn leave_group(&mut self, group: &str, member: MemberId) {
        self.processes.remove(&member);
        if let Some(group) = self.groups.get_mut(group) {
            group.leave(member);
        }
    }

    pub(super) fn may_commit(
        &self,
        group: &str,
        member: MemberId,
        generation: u32,
    ) -> Result<(), groups::Refusal> {
        let found = self.groups.get(group).ok_or(groups::Refusal::UnknownMember)?;
        found.may_commit(member, generation)
    }

    pub(super) fn commit_offsets(
        &mut self,
        group: &str,
        offsets: &[Commit],
    ) -> Result<(), Unwritten> {
        let noted = |commit| Noted::new(group, commit);
        self.keep(By::Synced, || Change::Noted(offsets.iter().map(noted).collect()))?;
        let found = self.groups.entry(group.to_owned()).or_default();
        for Commit { of, next, receipt } in offsets {
            let committed = Committed { next: *next, receipt: receipt.clone() };
            found.offsets.insert(of.clone(), committed);
        }
        Ok(())
    }

    /// What a group has committed; `Err` while that is undecided.
    pub(super) fn committed(
        &self,
        group: &str,
        at: &TopicPartition,
    ) -> Result<Option<Committed>, ()> {
        if self.coordinator.is_pending(group, at) {
            return Err(());
        }
        Ok(self.groups.get(group).and_then(|group| group.offsets.get(at)).cloned())
    }
}

/// What a halted call's caller hears where it may call again.
pub(super) fn again(call: Call, halt: Halt) -> LogError {
    match halt {
        Halt::Dead => dead(call),
        Halt::Down => LogError::Retry(Trouble::new(call, Cause::Unreachable, "no broker answers")),
        Halt::Refused => {
            LogError::Retry(Trouble::new(call, Cause::TimedOut, "no answer came in time"))
        }
    }
}

pub(super) fn dead(call: Call) -> LogError {
    LogError::Stop(Trouble::new(call, Cause::Crashed, "the process is dead"))
}
