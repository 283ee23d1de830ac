//! The transaction coordinator: which producer an id belongs to, and what its transaction holds.
//!
//! **Invariant:** of two producers with one id only the later is heard; a transaction that was
//! decided is never undone.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Timestamp;

use super::super::{Committed, TopicPartition};
use super::partition::ProducerId;

/// A producer as the coordinator knows it: its number, and how often that was given anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) producer: ProducerId,
    pub(super) epoch: u64,
}

/// Why the coordinator refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A later producer has the id, or the transaction lasted too long.
    Fenced,
    /// The transaction before is decided, and its markers are not all written.
    Concurrent,
    /// There is no transaction to do this to.
    NoTransaction,
}

/// What a transaction holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) offsets: BTreeMap<(String, TopicPartition), Committed>,
}

#[derive(Clone, Debug)]
enum State {
    Empty,
    Ongoing {
        since: Timestamp,
        contents: Contents,
    },
    /// Decided; markers are still to be written.
    Prepared {
        commit: bool,
        contents: Contents,
    },
    Complete {
        commit: bool,
    },
}

#[derive(Debug)]
struct Transaction {
    current: Identity,
    /// Microseconds.
    timeout: i64,
    state: State,
}

/// A decided transaction that is not settled, as it stands.
#[derive(Debug)]
pub(super) struct Prepared<'t> {
    pub(super) producer: ProducerId,
    pub(super) commit: bool,
    pub(super) contents: &'t Contents,
}

/// A decided transaction whose markers are to be written.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) producer: ProducerId,
    pub(super) commit: bool,
    pub(super) contents: Contents,
}

/// The coordinator of all ids.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    by_id: BTreeMap<String, Transaction>,
}

impl Coordinator {
    /// Gives an id to a new producer. What the one before left open is aborted first; then, and
    /// while its markers are not written, the answer is [`Refusal::Concurrent`].
    pub(super) fn init(
        &mut self,
        id: &str,
        timeout: i64,
        fresh: ProducerId,
    ) -> Result<Identity, Refusal> {
        let transaction = self.by_id.entry(id.to_owned()).or_insert_with(|| Transaction {
            current: Identity { producer: fresh, epoch: 0 },
            timeout,
            state: State::Empty,
        });
        transaction.timeout = timeout;
        match &mut transaction.state {
            State::Ongoing { contents, .. } => {
                let contents = std::mem::take(contents);
                transaction.current.epoch += 1;
                transaction.state = State::Prepared { commit: false, contents };
                Err(Refusal::Concurrent)
            }
            State::Prepared { .. } => Err(Refusal::Concurrent),
            State::Empty | State::Complete { .. } => {
                transaction.current.epoch += 1;
                transaction.state = State::Empty;
                Ok(transaction.current)
            }
        }
    }

    /// Whether this producer may still act.
    fn checked(&mut self, id: &str, who: Identity) -> Result<&mut Transaction, Refusal> {
        let found = self.by_id.get_mut(id).ok_or(Refusal::Fenced)?;
        if found.current == who { Ok(found) } else { Err(Refusal::Fenced) }
    }

    /// The contents of a producer's transaction, which begins with what first comes into it.
    fn ongoing(
        &mut self,
        id: &str,
        who: Identity,
        now: Timestamp,
    ) -> Result<&mut Contents, Refusal> {
        let transaction = self.checked(id, who)?;
        if matches!(transaction.state, State::Empty | State::Complete { .. }) {
            transaction.state = State::Ongoing { since: now, contents: Contents::default() };
        }
        match &mut transaction.state {
            State::Ongoing { contents, .. } => Ok(contents),
            State::Empty | State::Prepared { .. } | State::Complete { .. } => {
                Err(Refusal::Concurrent)
            }
        }
    }

    /// Begins a producer's transaction where there is none.
    pub(super) fn open(&mut self, id: &str, who: Identity, now: Timestamp) -> Result<(), Refusal> {
        self.ongoing(id, who, now).map(|_| ())
    }

    pub(super) fn add_partition(
        &mut self,
        id: &str,
        who: Identity,
        partition: &TopicPartition,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let contents = self.ongoing(id, who, now)?;
        contents.partitions.insert(partition.clone());
        Ok(())
    }

    pub(super) fn add_offset(
        &mut self,
        id: &str,
        who: Identity,
        of: (String, TopicPartition),
        committed: Committed,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.ongoing(id, who, now)?.offsets.insert(of, committed);
        Ok(())
    }

    /// Whether a producer may act and nothing of before is undecided.
    pub(super) fn ready(&mut self, id: &str, who: Identity) -> Result<(), Refusal> {
        match self.checked(id, who)?.state {
            State::Prepared { .. } => Err(Refusal::Concurrent),
            State::Empty | State::Ongoing { .. } | State::Complete { .. } => Ok(()),
        }
    }

    /// Decides a transaction. Deciding it again the same way changes nothing.
    pub(super) fn end(&mut self, id: &str, who: Identity, commit: bool) -> Result<(), Refusal> {
        let transaction = self.checked(id, who)?;
        match &mut transaction.state {
            State::Ongoing { contents, .. } => {
                let contents = std::mem::take(contents);
                transaction.state = State::Prepared { commit, contents };
                Ok(())
            }
            State::Prepared { commit: decided, .. } | State::Complete { commit: decided }
                if *decided == commit =>
            {
                Ok(())
            }
            State::Empty | State::Prepared { .. } | State::Complete { .. } => {
                Err(Refusal::NoTransaction)
            }
        }
    }

    /// Aborts and fences what has lasted too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for transaction in self.by_id.values_mut() {
            let State::Ongoing { since, contents } = &mut transaction.state else { continue };
            if now.since(*since) > transaction.timeout {
                let contents = std::mem::take(contents);
                transaction.current.epoch += 1;
                transaction.state = State::Prepared { commit: false, contents };
            }
        }
    }

    /// Every decided transaction, in the order in which [`Coordinator::settle`] gives them.
    pub(super) fn prepared(&self) -> impl Iterator<Item = Prepared<'_>> {
        self.by_id.values().filter_map(|transaction| match &transaction.state {
            State::Prepared { commit, contents } => {
                let producer = transaction.current.producer;
                Some(Prepared { producer, commit: *commit, contents })
            }
            State::Empty | State::Ongoing { .. } | State::Complete { .. } => None,
        })
    }

    /// Takes every decided transaction; the caller writes the markers.
    pub(super) fn settle(&mut self) -> Vec<Decided> {
        let mut decided = Vec::new();
        for transaction in self.by_id.values_mut() {
            if let State::Prepared { commit, contents } = &mut transaction.state {
                let (commit, contents) = (*commit, std::mem::take(contents));
                decided.push(Decided { producer: transaction.current.producer, commit, contents });
                transaction.state = State::Complete { commit };
            }
        }
        decided
    }

    /// Has an id's decided transaction count as settled, of which no marker was written.
    pub(super) fn forget(&mut self, id: &str) {
        let Some(transaction) = self.by_id.get_mut(id) else { return };
        if let State::Prepared { commit, .. } = transaction.state {
            transaction.state = State::Complete { commit };
        }
    }

    /// Whether a transaction that is not settled would change a group's offset.
    pub(super) fn is_pending(&self, group: &str, partition: &TopicPartition) -> bool {
        self.by_id.values().any(|transaction| match &transaction.state {
            State::Ongoing { contents, .. } | State::Prepared { contents, .. } => {
                contents.offsets.keys().any(|(by, of)| by == group && of == partition)
            }
            State::Empty | State::Complete { .. } => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn place() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    /// A coordinator with one producer in a transaction.
    fn open() -> (Coordinator, Identity) {
        let mut coordinator = Coordinator::default();
        let who = coordinator.init("id", 10, 7).expect("it is free");
        coordinator.add_partition("id", who, &place(), NOW).expect("it begins");
        (coordinator, who)
    }

    #[test]
    fn a_new_producer_fences_the_old_and_aborts_what_it_left() {
        let (mut coordinator, old) = open();
        assert_eq!(coordinator.init("id", 10, 8), Err(Refusal::Concurrent));
        assert_eq!(coordinator.end("id", old, true), Err(Refusal::Fenced));
        let decided = coordinator.settle();
        assert!(!decided[0].commit && decided[0].contents.partitions.contains(&place()));
        let new = coordinator.init("id", 10, 8).expect("now it is free");
        assert!(new > old && new.producer == old.producer);
    }

    #[test]
    fn a_commit_told_twice_is_one_and_an_abort_behind_it_is_refused() {
        let (mut coordinator, who) = open();
        for _ in 0..2 {
            assert_eq!(coordinator.end("id", who, true), Ok(()));
        }
        assert_eq!(coordinator.settle().len(), 1);
        assert_eq!(coordinator.end("id", who, true), Ok(()));
        assert_eq!(coordinator.end("id", who, false), Err(Refusal::NoTransaction));
        assert_eq!(coordinator.settle().len(), 0);
    }

    #[test]
    fn a_late_end_decides_the_next_transaction_of_the_same_producer_and_none_of_a_new_one() {
        let (mut coordinator, who) = open();
        coordinator.end("id", who, false).expect("the first is aborted");
        coordinator.settle();
        coordinator.add_partition("id", who, &place(), NOW).expect("the second begins");
        // The commit that was meant for the first arrives now.
        assert_eq!(coordinator.end("id", who, true), Ok(()));
        coordinator.settle();
        let new = coordinator.init("id", 10, 8).expect("it is free");
        coordinator.add_partition("id", new, &place(), NOW).expect("a third begins");
        assert_eq!(coordinator.end("id", who, true), Err(Refusal::Fenced));
    }

    #[test]
    fn a_transaction_that_lasts_too_long_is_aborted_and_its_producer_fenced() {
        let (mut coordinator, who) = open();
        coordinator.expire(Timestamp(10));
        assert_eq!(coordinator.settle().len(), 0, "not before its time");
        coordinator.expire(Timestamp(11));
        assert!(!coordinator.settle()[0].commit);
        assert_eq!(coordinator.end("id", who, true), Err(Refusal::Fenced));
    }

    #[test]
    fn an_offset_is_pending_until_its_transaction_is_settled() {
        let (mut coordinator, who) = open();
        let of = ("g".to_owned(), place());
        coordinator.add_offset("id", who, of, Committed::default(), NOW).expect("it is taken");
        assert!(coordinator.is_pending("g", &place()));
        assert!(!coordinator.is_pending("h", &place()));
        coordinator.end("id", who, true).expect("it ends");
        assert!(coordinator.is_pending("g", &place()), "markers are not written");
        coordinator.settle();
        assert!(!coordinator.is_pending("g", &place()));
    }

    #[test]
    fn nothing_begins_while_a_decided_transaction_is_not_settled() {
        let (mut coordinator, who) = open();
        coordinator.end("id", who, true).expect("it ends");
        assert_eq!(coordinator.ready("id", who), Err(Refusal::Concurrent));
        let begun = coordinator.add_partition("id", who, &place(), NOW);
        assert_eq!(begun, Err(Refusal::Concurrent));
    }
}
