//! The group coordinator: members, generations, who reads which partition, committed offsets.
//!
//! A rebalance is cooperative and sticky: members keep what they have as far as shares allow,
//! and a partition goes to its next owner only after the last gave it up, one generation later.
//!
//! **Invariant:** a partition has one owner at most.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Timestamp;

use super::super::{Committed, TopicPartition};

/// A member's number, given by the broker; a member that joins again is another.
pub(super) type MemberId = u64;

/// Why the coordinator refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The group does not know this member, any more.
    UnknownMember,
    /// The group has gone on.
    Generation,
    /// Another process joined with this one's instance name.
    Displaced,
}

/// What a member learns when it looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) generation: u32,
    pub(super) revoked: Vec<TopicPartition>,
    pub(super) assigned: Vec<TopicPartition>,
}

#[derive(Debug)]
struct Member {
    instance: Option<String>,
    topics: BTreeSet<String>,
    /// Microseconds.
    session: i64,
    /// Microseconds.
    silence: i64,
    seen: Timestamp,
    polled: Timestamp,
    owned: BTreeSet<TopicPartition>,
    target: BTreeSet<TopicPartition>,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    generation: u32,
    members: BTreeMap<MemberId, Member>,
    displaced: BTreeSet<MemberId>,
    /// The partition counts that the targets were computed from.
    counts: BTreeMap<String, u32>,
    unsettled: bool,
    pub(super) offsets: BTreeMap<TopicPartition, Committed>,
}

/// Who joins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining<'a> {
    pub(super) instance: Option<&'a str>,
    pub(super) topics: &'a [String],
    pub(super) session: i64,
    pub(super) silence: i64,
}

impl Group {
    /// Lets a member in. One with a known instance name takes that one's place and partitions,
    /// in the same generation.
    pub(super) fn join(&mut self, id: MemberId, joining: Joining<'_>, now: Timestamp) {
        let instance = joining.instance.map(str::to_owned);
        let topics: BTreeSet<String> = joining.topics.iter().cloned().collect();
        let mut member = Member {
            instance,
            topics,
            session: joining.session,
            silence: joining.silence,
            seen: now,
            polled: now,
            owned: BTreeSet::new(),
            target: BTreeSet::new(),
        };
        let before = self
            .members
            .iter()
            .find(|(_, other)| other.instance.is_some() && other.instance == member.instance)
            .map(|(id, _)| *id);
        if let Some(before) = before
            && let Some(old) = self.members.remove(&before)
        {
            self.displaced.insert(before);
            member.target = old.target;
        } else {
            self.unsettled = true;
        }
        self.members.insert(id, member);
    }

    /// A member's look at what it should have. `counts` are the topics' partitions now.
    pub(super) fn look(
        &mut self,
        id: MemberId,
        counts: &BTreeMap<String, u32>,
    ) -> Result<Share, Refusal> {
        self.known(id)?;
        if self.unsettled || self.counts != *counts {
            self.share_out(counts);
        }
        let taken: BTreeSet<TopicPartition> = self
            .members
            .iter()
            .filter(|(other, _)| **other != id)
            .flat_map(|(_, other)| other.owned.iter().cloned())
            .collect();
        let generation = self.generation;
        let Some(member) = self.members.get_mut(&id) else { return Err(Refusal::UnknownMember) };
        let revoked: Vec<_> = member.owned.difference(&member.target).cloned().collect();
        let assigned: Vec<_> = member
            .target
            .iter()
            .filter(|partition| !member.owned.contains(partition) && !taken.contains(partition))
            .cloned()
            .collect();
        member.owned.extend(assigned.iter().cloned());
        Ok(Share { generation, revoked, assigned })
    }

    /// A member gives up what was revoked; the group goes on to hand it out.
    pub(super) fn release(&mut self, id: MemberId, partitions: &[TopicPartition]) {
        let Some(member) = self.members.get_mut(&id) else { return };
        for partition in partitions {
            member.owned.remove(partition);
        }
        self.unsettled = true;
    }

    pub(super) fn leave(&mut self, id: MemberId) {
        self.unsettled |= self.members.remove(&id).is_some();
    }

    /// A poll, which is a sign of life too.
    pub(super) fn polled(&mut self, id: MemberId, now: Timestamp) {
        self.seen(id, now);
        if let Some(member) = self.members.get_mut(&id) {
            member.polled = member.polled.max(now);
        }
    }

    /// A sign of life.
    pub(super) fn seen(&mut self, id: MemberId, now: Timestamp) {
        if let Some(member) = self.members.get_mut(&id) {
            member.seen = member.seen.max(now);
        }
    }

    /// Puts out who has not been seen for longer than its session, or not polled for longer than
    /// it may be silent.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = self.members.len();
        self.members.retain(|_, member| {
            now.since(member.seen) <= member.session && now.since(member.polled) <= member.silence
        });
        self.unsettled |= self.members.len() != before;
    }

    /// Has the group go on to another generation although nothing changed.
    pub(super) fn disturb(&mut self) {
        let counts = self.counts.clone();
        self.share_out(&counts);
    }

    fn known(&self, id: MemberId) -> Result<&Member, Refusal> {
        if self.displaced.contains(&id) {
            return Err(Refusal::Displaced);
        }
        self.members.get(&id).ok_or(Refusal::UnknownMember)
    }

    /// Whether a member at a generation may commit.
    pub(super) fn may_commit(&self, id: MemberId, generation: u32) -> Result<(), Refusal> {
        self.known(id)?;
        if generation == self.generation { Ok(()) } else { Err(Refusal::Generation) }
    }

    /// Which topics its members read.
    pub(super) fn topics(&self) -> BTreeSet<String> {
        self.members.values().flat_map(|member| member.topics.iter().cloned()).collect()
    }

    #[cfg(test)]
    fn members(&self) -> Vec<MemberId> {
        self.members.keys().copied().collect()
    }

    /// Computes everybody's target: what each has, up to an even share, then what nobody has to
    /// whoever has least.
    fn share_out(&mut self, counts: &BTreeMap<String, u32>) {
        self.unsettled = false;
        self.generation += 1;
        self.counts.clone_from(counts);
        for member in self.members.values_mut() {
            member.target.clear();
        }
        for (topic, count) in counts {
            self.share_topic(topic, *count);
        }
    }

    fn share_topic(&mut self, topic: &str, count: u32) {
        let readers: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| member.topics.contains(topic))
            .map(|(id, _)| *id)
            .collect();
        let Ok(number) = u32::try_from(readers.len()) else { return };
        if number == 0 {
            return;
        }
        let (least, mut larger) = (count / number, count % number);
        let mut free: BTreeSet<u32> = (0..count).collect();
        let mut short = Vec::new();
        for id in readers {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let has: Vec<TopicPartition> =
                member.owned.iter().filter(|owned| *owned.topic == *topic).cloned().collect();
            let has_more = u32::try_from(has.len()).is_ok_and(|has| has > least);
            let share = if has_more && larger > 0 {
                larger -= 1;
                least + 1
            } else {
                least
            };
            for partition in has.into_iter().take(share as usize) {
                free.remove(&partition.partition.0);
                member.target.insert(partition);
            }
            short.push((id, share));
        }
        for (id, share) in short {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let of_topic = member.target.iter().filter(|owned| *owned.topic == *topic).count();
            let mut want = (share as usize).saturating_sub(of_topic);
            if share == least && larger > 0 {
                larger -= 1;
                want += 1;
            }
            for _ in 0..want {
                let Some(partition) = free.pop_first() else { break };
                member.target.insert(TopicPartition::new(topic, partition));
            }
        }
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
