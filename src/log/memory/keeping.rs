//! A broker that is kept: what it decides is written to its journal first, and carried out as a
//! journal is read. Without a journal nothing here does anything.
//!
//! **Invariant:** a change that cannot be written is not carried out, and its caller hears so.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Call, Commit, Committed, Isolation, LogError, Offset, TopicPartition};
use super::broker::Broker;
use super::disk::{By, Change, Journal, Noted, Place, Unwritten, appended};
use super::partition::{PartitionLog, ProducerId, Stored};
use super::topics::Topic;
use super::transactions::Prepared;

impl Broker {
    /// Whether anything is written.
    pub(super) fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Writes from now on to a journal that was read; what is open in it is aborted, as whoever
    /// began it is dead.
    pub(super) fn keep_in(&mut self, journal: Journal) -> Result<(), Unwritten> {
        let mut open: BTreeSet<ProducerId> = BTreeSet::new();
        for log in self.topics.values().flat_map(|topic| &topic.partitions) {
            open.extend(log.open_producers());
        }
        let mut frames = Vec::new();
        for producer in open {
            let left = |(at, log): (TopicPartition, &PartitionLog)| {
                log.open_producers().any(|one| one == producer).then(|| Place::from(&at))
            };
            let partitions = self.places().filter_map(left).collect();
            let offsets = Vec::new();
            frames.push(vec![Change::Decided { producer, commit: false, partitions, offsets }]);
        }
        // What was read is on the disk: this says so to whoever reads it next.
        frames.push(vec![Change::Numbered(self.numbers)]);
        self.journal = Some(Box::new(journal));
        self.write_and_carry_out(By::Synced, frames)?;
        self.tidy();
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = (TopicPartition, &PartitionLog)> {
        self.topics.iter().flat_map(|(name, topic)| {
            let numbered = (0_u32..).zip(&topic.partitions);
            numbered.map(|(number, log)| (TopicPartition::new(name, number), log))
        })
    }

    /// Writes a change, where anything is written. The caller carries it out.
    pub(super) fn keep(
        &mut self,
        by: By,
        change: impl FnOnce() -> Change,
    ) -> Result<(), Unwritten> {
        match &mut self.journal {
            None => Ok(()),
            Some(journal) => journal.write(by, &[vec![change()]]),
        }
    }

    fn write_and_carry_out(&mut self, by: By, frames: Vec<Vec<Change>>) -> Result<(), Unwritten> {
        if let Some(journal) = &mut self.journal {
            journal.write(by, &frames)?;
        }
        for change in frames.into_iter().flatten() {
            let done = self.carry_out(change);
            debug_assert_eq!(done, Ok(()), "what is written here can be carried out");
        }
        Ok(())
    }

    /// Appends what was staged, once it is written.
    pub(super) fn append_staged(&mut self) -> Result<(), Unwritten> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let staged = journal.unstage();
        let Some((_, within, _)) = staged.first() else { return Ok(()) };
        // Nobody may see what is in a transaction before it is decided.
        let by = if within.is_some() { By::Soon } else { By::Now };
        let changes = appended(staged, |at| self.end_of(at));
        self.write_and_carry_out(by, changes.into_iter().map(|change| vec![change]).collect())
    }

    fn end_of(&self, at: &TopicPartition) -> u64 {
        self.log(at).map_or(0, |log| log.end(Isolation::Uncommitted))
    }

    /// Appends records and commits an offset: both or neither.
    pub(super) fn pour(
        &mut self,
        records: Vec<(TopicPartition, Arc<Stored>)>,
        group: &str,
        commit: &Commit,
    ) -> Result<(), Unwritten> {
        let staged = records.into_iter().map(|(at, record)| (at, None, record)).collect();
        let mut changes = appended(staged, |at| self.end_of(at));
        changes.push(Change::Noted(vec![Noted::new(group, commit)]));
        self.write_and_carry_out(By::Synced, vec![changes])
    }

    /// Writes decisions that are not settled; whether they may be settled. An abort waits for the
    /// next write: without it the transaction is open when the journal is read, and aborted then.
    pub(super) fn write_decisions(&mut self) -> bool {
        let Some(journal) = &mut self.journal else { return true };
        let mut frames = Vec::new();
        let mut by = By::Later;
        for Prepared { producer, commit, contents } in self.coordinator.prepared() {
            if commit {
                by = By::Synced;
            }
            let offsets = contents.offsets.iter().filter(|_| commit);
            let offsets = offsets.map(|((group, of), committed)| Noted {
                group: group.clone(),
                of: of.into(),
                next: committed.next.0,
                receipt: committed.receipt.clone(),
            });
            let offsets = offsets.collect();
            let partitions = contents.partitions.iter().map(Place::from).collect();
            frames.push(vec![Change::Decided { producer, commit, partitions, offsets }]);
        }
        frames.is_empty() || journal.write(by, &frames).is_ok()
    }

    /// What the last write failed of, if it failed.
    pub(super) fn unwritten(&self) -> Option<Unwritten> {
        self.journal.as_ref()?.trouble().cloned()
    }

    /// What whoever decided a transaction hears while that could not be written.
    pub(super) fn undecided(&self, call: Call) -> Option<LogError> {
        Some(match self.unwritten()?.again(call) {
            LogError::Retry(trouble) => LogError::Unknown(trouble),
            other => other,
        })
    }

    /// Carries out a change that was written.
    ///
    /// # Errors
    /// Where it does not follow from what is there, in words.
    pub(super) fn carry_out(&mut self, change: Change) -> Result<(), String> {
        match change {
            Change::Made { topic, partitions, settings } => {
                let made = Topic::again(partitions, settings);
                if self.topics.insert(topic.clone(), made).is_some() {
                    return Err(format!("topic `{topic}` was there already"));
                }
            }
            Change::Grown { topic, partitions } => match self.topics.get_mut(&topic) {
                Some(found) if found.count() <= partitions => found.grow(partitions),
                Some(_) | None => return Err(format!("topic `{topic}` cannot grow")),
            },
            Change::Appended { at, first, within, records } => {
                self.numbers = self.numbers.max(within.unwrap_or_default());
                let log = self.at(&at)?;
                if log.end(Isolation::Uncommitted) != first {
                    return Err(format!("records do not begin where `{}` ends", shown(&at)));
                }
                for record in records {
                    log.append(record, within);
                }
            }
            Change::Decided { producer, commit, partitions, offsets } => {
                self.numbers = self.numbers.max(producer);
                for place in &partitions {
                    self.at(place)?.mark(producer, commit);
                }
                self.note(offsets);
            }
            Change::Noted(offsets) => self.note(offsets),
            Change::Trimmed { at, before } => self.at(&at)?.trim(before),
            Change::Compacted { at, forget } => self.at(&at)?.compact(forget),
            Change::Held { at, entries } => {
                if !self.at(&at)?.hold(entries) {
                    return Err(format!("entries of `{}` are out of order", shown(&at)));
                }
            }
            Change::Bounds { at, first, end, unclean } => {
                self.at(&at)?.bound(first, end, unclean);
            }
            Change::Numbered(number) => self.numbers = self.numbers.max(number),
        }
        Ok(())
    }

    fn at(&mut self, place: &Place) -> Result<&mut PartitionLog, String> {
        self.log_mut(&place.into()).ok_or_else(|| format!("`{}` is not there", shown(place)))
    }

    fn note(&mut self, offsets: Vec<Noted>) {
        for Noted { group, of, next, receipt } in offsets {
            let committed = Committed { next: Offset(next), receipt };
            self.groups.entry(group).or_default().offsets.insert((&of).into(), committed);
        }
    }
}

fn shown(place: &Place) -> TopicPartition {
    place.into()
}
