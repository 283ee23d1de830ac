//! A member of a group: joins, learns of its partitions, gives them up, loses them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::error::missing;
use super::super::{
    Call, Cause, Commit, Consumer, Incoming, Isolation, LogError, Membership, Offset, Polled,
    Reader, TopicPartition, Trouble,
};
use super::broker::{again, dead};
use super::groups::{Joining, MemberId, Refusal};
use super::reader::{Cursors, polled};
use super::{Memory, micros};

/// Who commits, and at which generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryMember {
    pub(super) group: String,
    pub(super) member: MemberId,
    pub(super) generation: u32,
}

/// A group's member of [`Memory`].
#[derive(Debug)]
pub struct MemoryConsumer {
    log: Memory,
    membership: Membership,
    /// What it knows of itself; none before it joined.
    joined: Option<(MemberId, u32)>,
    cursors: Cursors,
    /// What the next poll gives up.
    revoked: Vec<TopicPartition>,
    /// Topics that were told to be missing.
    missing: BTreeSet<String>,
    closed: bool,
}

impl MemoryConsumer {
    pub(super) fn new(log: Memory, membership: Membership) -> Self {
        Self {
            log,
            membership,
            joined: None,
            cursors: Cursors::default(),
            revoked: Vec::new(),
            missing: BTreeSet::new(),
            closed: false,
        }
    }

    /// What a refused member must do.
    fn refused(call: Call, refusal: Refusal) -> LogError {
        match refusal {
            Refusal::UnknownMember => LogError::Abort(Trouble::new(
                call,
                Cause::Generation,
                "the group does not know this member",
            )),
            Refusal::Generation => {
                LogError::Abort(Trouble::new(call, Cause::Generation, "the group has gone on"))
            }
            Refusal::Displaced => LogError::Rebuild(Trouble::new(
                call,
                Cause::Fenced,
                "another process joined with this instance name",
            )),
        }
    }

    /// Joins where it has not, gives up what was revoked, and asks for its share: what changed
    /// in it, if anything.
    fn attend(&mut self) -> Result<Option<Polled>, LogError> {
        let mut broker = self.log.broker();
        let group = &self.membership.group;
        let (member, _) = *self.joined.get_or_insert_with(|| {
            let joining = Joining {
                instance: self.membership.instance.as_deref(),
                topics: &self.membership.topics,
                session: micros(self.membership.session),
                silence: micros(self.membership.silence),
            };
            (broker.join(self.log.process, group, joining), 0)
        });
        let given_up = std::mem::take(&mut self.revoked);
        for partition in &given_up {
            self.cursors.drop(partition);
        }
        if !given_up.is_empty() {
            broker.release(group, member, &given_up);
        }
        let share = match broker.look(group, member) {
            Ok(share) => share,
            Err(Refusal::UnknownMember) => {
                drop(broker);
                return Ok(self.forget());
            }
            Err(refusal) => return Err(Self::refused(Call::Poll, refusal)),
        };
        self.joined = Some((member, share.generation));
        for topic in &self.membership.topics {
            if broker.topic(topic).is_none() && self.missing.insert(topic.clone()) {
                return Err(missing(Call::Poll, &format!("topic `{topic}`")));
            }
        }
        if !share.revoked.is_empty() {
            self.revoked.clone_from(&share.revoked);
            return Ok(Some(Polled::Revoked(share.revoked)));
        }
        for partition in &share.assigned {
            self.cursors.hold(partition);
        }
        Ok((!share.assigned.is_empty()).then_some(Polled::Assigned(share.assigned)))
    }

    /// Put out of the group: it joins again at the next poll.
    fn forget(&mut self) -> Option<Polled> {
        self.joined = None;
        let lost = self.cursors.all();
        self.cursors = Cursors::default();
        (!lost.is_empty()).then_some(Polled::Lost(lost))
    }

    fn leave(&mut self) {
        self.closed = true;
        let Some((member, _)) = self.joined.take() else { return };
        if self.membership.instance.is_some() || self.log.is_crashed() {
            return;
        }
        self.log.broker().leave_group(&self.membership.group, member);
        self.log.news();
    }
}

impl Reader for MemoryConsumer {
    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        at.iter().try_for_each(|(partition, offset)| self.cursors.start(partition, *offset))
    }

    fn stop(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        partitions.iter().try_for_each(|partition| self.cursors.stop(partition))
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        partitions.iter().try_for_each(|partition| self.cursors.pause(partition, true))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        partitions.iter().try_for_each(|partition| self.cursors.pause(partition, false))
    }

    fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.cursors.position(partition)
    }

    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Incoming<'_>),
    ) -> Result<Polled, LogError> {
        {
            let mut broker = self.log.call(Call::Poll);
            let process = self.log.process;
            let go = broker.enter(process, Call::Poll).map_err(|halt| again(Call::Poll, halt))?;
            broker.leave(process, go).map_err(|halt| again(Call::Poll, halt))?;
        }
        if let Some(change) = self.attend()? {
            return Ok(change);
        }
        let mut broker = self.log.broker();
        let mut found = self.cursors.next(&broker, Isolation::Committed);
        if matches!(found, super::reader::Found::Nothing) {
            broker = self.log.wait(broker, wait);
            found = self.cursors.next(&broker, Isolation::Committed);
        }
        // What is done with the record takes its time, and the log is others' too.
        drop(broker);
        polled(found, each)
    }
}

impl Consumer for MemoryConsumer {
    type Member = MemoryMember;

    fn member(&self) -> Result<MemoryMember, LogError> {
        let none = || {
            let detail = "this member has no partitions";
            LogError::Abort(Trouble::new(Call::Member, Cause::Generation, detail))
        };
        let lost = self.cursors.all().is_empty() || self.lost();
        self.former().filter(|_| !lost).ok_or_else(none)
    }

    fn former(&self) -> Option<MemoryMember> {
        let (member, generation) = self.joined?;
        Some(MemoryMember { group: self.membership.group.clone(), member, generation })
    }

    fn lost(&self) -> bool {
        let Some((member, generation)) = self.joined else { return false };
        let refusal = self.log.broker().may_commit(&self.membership.group, member, generation);
        matches!(refusal, Err(Refusal::UnknownMember | Refusal::Displaced))
    }

    fn commit(&mut self, offsets: &[Commit]) -> Result<(), LogError> {
        const CALL: Call = Call::CommitOffsets;
        let MemoryMember { group, member, generation } = self.member()?;
        let mut broker = self.log.call(CALL);
        let process = self.log.process;
        let go = broker.enter(process, CALL).map_err(|halt| again(CALL, halt))?;
        broker
            .may_commit(&group, member, generation)
            .map_err(|refusal| Self::refused(CALL, refusal))?;
        if let Err(unwritten) = broker.commit_offsets(&group, offsets) {
            drop(broker);
            self.log.rest(&unwritten);
            return Err(unwritten.again(CALL));
        }
        broker.leave(process, go).map_err(|halt| again(CALL, halt))
    }

    fn close(mut self, _wait: Duration) -> Result<(), LogError> {
        let crashed = self.log.is_crashed();
        self.leave();
        if crashed { Err(dead(Call::Close)) } else { Ok(()) }
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        if !self.closed {
            self.leave();
        }
    }
}

/// What a refused commit within a transaction demands.
pub(super) fn refused_offsets(refusal: Refusal) -> LogError {
    let detail = match refusal {
        Refusal::UnknownMember => "the group does not know this member",
        Refusal::Generation => "the group has gone on",
        Refusal::Displaced => "another process joined with this instance name",
    };
    LogError::Abort(Trouble::new(Call::SendOffsets, Cause::Generation, detail))
}
