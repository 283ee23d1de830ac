//! The reading half: partitions come and go, records are read where destinations have room for
//! them, and become notices in queues.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use crate::log::{
    Admin as _, Hole, Isolation, Log, LogError, Offset, Polled, Reader as _, TopicPartition,
};
use crate::model::{Novelty, Timestamp};
use crate::worker::{Happening, Moved};

use super::super::lane::{Entry, Lane};
use super::super::notice::{Notice, NoticeError};
use super::super::place::{Place, reached};
use super::super::{Mutant, Transport};
use super::Notify;

/// Records that are no alerts and could not be written down yet, from which on nothing is read.
const UNREAD: usize = 1_000;

/// A record that was read.
pub(super) struct Raw {
    of: TopicPartition,
    offset: Offset,
    value: Arc<[u8]>,
    time: Option<Timestamp>,
}

impl<L: Log, T: Transport> Notify<L, T> {
    /// Learns where to begin in partitions that came: where each destination was; a new one where
    /// the foremost is; all at the beginning where nothing was committed.
    pub(super) fn begin_places(&mut self) -> Result<(), LogError> {
        let waiting: Vec<TopicPartition> =
            self.places.values().filter(|place| place.waits).map(|p| p.of.clone()).collect();
        let Some(admin) = self.admin.as_mut().filter(|_| !waiting.is_empty()) else {
            return Ok(());
        };
        let patience = self.settings.patience;
        let mut ask = || {
            let committed = admin.committed(&self.settings.group, &waiting, patience)?;
            let mut all = Vec::with_capacity(waiting.len());
            for (of, committed) in waiting.iter().zip(committed) {
                let first = admin.bounds(of, Isolation::Committed, patience)?.first;
                all.push((of.clone(), first, committed));
            }
            Ok(all)
        };
        let all = match ask() {
            Ok(all) => all,
            Err(error @ LogError::Retry(_)) => {
                self.failed(&error);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let recalls = self.lanes.iter().any(Lane::recalls);
        let mut at = Vec::with_capacity(all.len());
        for (of, first, committed) in all {
            let next = committed.as_ref().map_or(first, |committed| committed.next);
            let receipt = committed.map(|committed| committed.receipt).unwrap_or_default();
            let places = reached(&receipt, next);
            let foremost = places.values().max().copied().unwrap_or(next);
            for lane in &mut self.lanes {
                let own = places.get(&*lane.spec().name).copied().unwrap_or(foremost);
                let mutated = Mutant::Foremost.is(self.settings.mutant);
                lane.set_cursor(&of, if mutated { foremost } else { own });
            }
            let Some(place) = self.places.get_mut(&of) else { continue };
            place.waits = false;
            place.recall = if recalls { next } else { Offset(0) };
            place.read = if recalls { first.min(next) } else { next };
            at.push((of, place.read));
        }
        self.start(&at)
    }

    /// Asks where one partition ends, now and then.
    pub(super) fn look_ahead(&mut self) -> Result<(), LogError> {
        /// How often, in microseconds.
        const EVERY: i64 = 5 * 1_000_000;
        /// How long that may take.
        const LOOK: Duration = Duration::from_millis(200);
        let now = self.clock.now();
        let due = |place: &&mut Place| !place.waits && now.since(place.looked) >= EVERY;
        let Some(place) = self.places.values_mut().find(due) else { return Ok(()) };
        place.looked = now;
        let of = place.of.clone();
        let Some(admin) = &mut self.admin else { return Ok(()) };
        match admin.bounds(&of, Isolation::Committed, LOOK) {
            Ok(bounds) => {
                if let Some(place) = self.places.get_mut(&of) {
                    place.end = bounds.end;
                }
                self.consumed(&of, 0);
                Ok(())
            }
            Err(error) if error.is_passing() => {
                self.failed(&error);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// Tells how many records were read, and how many lie before the last of the destinations.
    fn consumed(&self, of: &TopicPartition, records: u64) {
        let Some(place) = self.places.get(of) else { return };
        let slowest = self.lanes.iter().map(|lane| lane.cursor(of)).min().unwrap_or(place.read);
        let lag = place.end.0.saturating_sub(slowest.0);
        let (topic, partition) = (&of.topic, of.partition.0);
        self.tell(&Happening::Consumed { topic, partition, records, lag });
    }

    /// Has every partition read where a destination with room goes on, the hindmost first; and not
    /// at all where none has room.
    pub(super) fn steer(&mut self) -> Result<(), LogError> {
        let (mut pause, mut resume, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        for place in self.places.values_mut().filter(|place| !place.waits) {
            let of = &place.of;
            let roomy = self.lanes.iter().filter(|lane| lane.has_room());
            let mut wanted = roomy.map(|lane| lane.cursor(of)).min();
            if Mutant::NeverBack.is(self.settings.mutant) {
                wanted = wanted.map(|at| at.max(place.read));
            }
            if place.read < place.recall {
                wanted = Some(place.read);
            }
            wanted = wanted.filter(|_| self.unread.len() < UNREAD);
            let paused = wanted.is_none();
            if paused != place.paused {
                place.paused = paused;
                if paused { &mut pause } else { &mut resume }.push(of.clone());
            }
            if let Some(wanted) = wanted.filter(|wanted| *wanted != place.read) {
                place.read = wanted;
                starts.push((of.clone(), wanted));
            }
        }
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        let mut moved = Ok(());
        if !pause.is_empty() {
            moved = moved.and_then(|()| consumer.pause(&pause));
        }
        if !resume.is_empty() {
            moved = moved.and_then(|()| consumer.resume(&resume));
        }
        match moved {
            Ok(()) => {}
            Err(error @ (LogError::Retry(_) | LogError::Rebuild(_) | LogError::Abort(_))) => {
                self.failed(&error);
                self.rejoin();
                return Ok(());
            }
            Err(other) => return Err(other),
        }
        self.start(&starts)
    }

    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        let Some(consumer) = self.consumer.as_mut().filter(|_| !at.is_empty()) else {
            return Ok(());
        };
        match consumer.start(at) {
            Ok(()) => Ok(()),
            // Where it now reads is not known: what is read must follow on what was.
            Err(error @ (LogError::Retry(_) | LogError::Rebuild(_) | LogError::Abort(_))) => {
                self.failed(&error);
                self.rejoin();
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// Gives up the consumer with all that it had; the next turn joins again.
    pub(super) fn rejoin(&mut self) {
        self.consumer = None;
        for of in self.places.keys().cloned().collect::<Vec<_>>() {
            self.forget(&of);
        }
        self.leaving.clear();
    }

    /// Forgets a partition that is another's, with everything of it that is on its way.
    pub(super) fn forget(&mut self, of: &TopicPartition) {
        self.places.remove(of);
        for lane in &mut self.lanes {
            lane.forget(of);
        }
        let (topic, partition) = (&of.topic, of.partition.0);
        self.tell(&Happening::Left { topic, partition });
    }

    /// Reads what there is, no more than one turn's worth.
    pub(super) fn gather(&mut self, wait: Duration) -> Result<Vec<Raw>, LogError> {
        let mut raws: Vec<Raw> = Vec::new();
        let (mut wait, mut bytes) = (wait, 0);
        while raws.len() < self.settings.batch_records && bytes < self.settings.batch_bytes {
            let Some(consumer) = &mut self.consumer else { break };
            let polled = consumer.poll(wait, &mut |incoming| {
                bytes += incoming.value.map_or(0, <[u8]>::len);
                raws.push(Raw {
                    of: TopicPartition::new(incoming.topic, incoming.partition.0),
                    offset: incoming.offset,
                    value: incoming.value.unwrap_or_default().into(),
                    time: incoming.time,
                });
            });
            wait = Duration::ZERO;
            match polled {
                Ok(Polled::Record | Polled::End(_)) => {}
                Ok(Polled::Idle) => break,
                Ok(moved) => {
                    let on = self.moved(moved);
                    raws.retain(|raw| self.places.get(&raw.of).is_some_and(|p| !p.waits));
                    if !on {
                        break;
                    }
                }
                Err(error @ LogError::Retry(_)) => {
                    self.failed(&error);
                    break;
                }
                // What was read before it has its turn first.
                Err(LogError::Hole(hole)) => self.holes.push(hole),
                Err(error @ LogError::Rebuild(_)) => {
                    warn!(%error, "the consumer is of no further use; joining again");
                    self.tell(&Happening::Failed(error.reason()));
                    self.rejoin();
                    return Ok(Vec::new());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(raws)
    }

    /// Sees to what the group did; whether to poll on.
    fn moved(&mut self, moved: Polled) -> bool {
        match moved {
            Polled::Assigned(all) => {
                self.tell(&Happening::Rebalance(Moved::Assigned, all.len()));
                for of in all {
                    self.leaving.remove(&of);
                    if self.places.contains_key(&of) {
                        self.forget(&of);
                    }
                    self.places.insert(of.clone(), Place::new(of));
                }
                false
            }
            Polled::Revoked(all) => {
                self.tell(&Happening::Rebalance(Moved::Revoked, all.len()));
                self.leaving.extend(all);
                false
            }
            Polled::Lost(all) => {
                self.tell(&Happening::Rebalance(Moved::Lost, all.len()));
                for of in all {
                    self.forget(&of);
                }
                true
            }
            Polled::Record | Polled::End(_) | Polled::Idle => true,
        }
    }

    /// Goes on behind records that are no longer there. What was to be delivered and has passed
    /// its retention is lost, which is told; to halt would keep newer alerts from people as well.
    fn skip(&mut self, hole: &Hole) -> Result<(), LogError> {
        let of = &hole.partition;
        // A topic that was made anew is read from its beginning.
        let anew = hole.wanted > hole.end;
        let mut lost = 0;
        for lane in &mut self.lanes {
            let cursor = lane.cursor(of);
            if cursor < hole.first || anew {
                lost = lost.max(hole.first.0.saturating_sub(cursor.0));
                lane.set_cursor(of, hole.first);
            }
        }
        if lost > 0 || anew {
            error!(%hole, lost, "alerts were no longer in the topic and are not delivered");
            self.tell(&Happening::Failed(LogError::Hole(hole.clone()).reason()));
        }
        let Some(place) = self.places.get_mut(of) else { return Ok(()) };
        place.read = hole.first;
        let at = [(of.clone(), hole.first)];
        self.start(&at)
    }

    /// Makes notices of what was read and puts them into the queues of those who have not seen
    /// them.
    pub(super) fn take_in(&mut self, raws: Vec<Raw>) -> Result<(), LogError> {
        let now = self.clock.now();
        let mut read: BTreeMap<TopicPartition, u64> = BTreeMap::new();
        for raw in raws {
            let Some(place) = self.places.get_mut(&raw.of).filter(|place| !place.waits) else {
                continue;
            };
            let before = std::mem::replace(&mut place.read, Offset(raw.offset.0 + 1));
            let recalled = raw.offset < place.recall;
            *read.entry(raw.of.clone()).or_default() += 1;
            // Who is behind what comes now has to wait until it is read again for it.
            let next = |lane: &Lane| {
                let cursor = lane.cursor(&raw.of);
                before <= cursor && cursor <= raw.offset && lane.has_room()
            };
            let takers: Vec<usize> =
                (0..self.lanes.len()).filter(|number| next(&self.lanes[*number])).collect();
            if takers.is_empty() && !recalled {
                continue;
            }
            self.spread(&raw, &takers, recalled, now);
            for number in takers {
                self.lanes[number].set_cursor(&raw.of, Offset(raw.offset.0 + 1));
            }
        }
        self.pass_ends();
        for (of, records) in read {
            self.consumed(&of, records);
        }
        for hole in std::mem::take(&mut self.holes) {
            self.skip(&hole)?;
        }
        Ok(())
    }

    /// One record to those who take it.
    fn spread(&mut self, raw: &Raw, takers: &[usize], recalled: bool, now: Timestamp) {
        if raw.value.is_empty() {
            // It says nothing, see `worker`.
            return;
        }
        let mut notice = match Notice::parse(&raw.value) {
            Ok(notice) => notice,
            Err(error) => {
                if !takers.is_empty() {
                    self.unread.push((raw.of.clone(), raw.offset, Arc::clone(&raw.value), error));
                }
                return;
            }
        };
        let known = |detector: &str| self.experimental.contains(detector);
        let tried = notice.experimental;
        let experimental =
            tried.unwrap_or_else(|| notice.reasons.iter().all(|reason| known(&reason.detector)));
        notice.experimental = Some(experimental);
        let quiet = experimental || notice.novelty == Novelty::Discovered;
        let lanes = &self.lanes;
        let mut to = self.routes.of(&notice, &|number| lanes[number].closes());
        // Who shows it already must hear how it changes.
        let stands = |number: &usize| lanes[*number].stands(&raw.of, &notice.finding);
        to.extend((0..lanes.len()).filter(stands).filter(|n| !to.contains(n)).collect::<Vec<_>>());
        let notice = Arc::new(notice);
        for number in to {
            let Some(lane) = self.lanes.get_mut(number) else { continue };
            if takers.contains(&number) {
                let entry = Entry {
                    of: raw.of.clone(),
                    offset: raw.offset,
                    arrived: raw.time.unwrap_or(now),
                    notice: Arc::clone(&notice),
                    quiet,
                };
                if lane.take(entry, now) {
                    let name = Arc::clone(&lane.spec().name);
                    self.tell(&Happening::Summarised(&name, 1));
                }
            } else if recalled && lane.recalls() && raw.offset < lane.cursor(&raw.of) {
                lane.recall(&raw.of, &notice);
            }
        }
    }

    /// At a partition's end goes behind what transactions leave there.
    fn pass_ends(&mut self) {
        let Some(consumer) = &self.consumer else { return };
        for place in self.places.values_mut().filter(|place| !place.waits && !place.paused) {
            let Some(position) = consumer.position(&place.of).filter(|at| *at > place.read) else {
                continue;
            };
            for lane in &mut self.lanes {
                if lane.cursor(&place.of) == place.read {
                    lane.set_cursor(&place.of, position);
                }
            }
            place.read = position;
        }
    }
}

/// A record that is no alert: where it stands, what it is, and why.
pub(super) type Unread = (TopicPartition, Offset, Arc<[u8]>, NoticeError);
