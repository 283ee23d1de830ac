//! The settling half: dead letters for what is given up, then offsets.

use std::sync::Arc;

use tracing::error;

use crate::log::{
    Cause, Commit, Consumer as _, Log, LogError, Offset, Outgoing, Producer as _, To,
    TopicPartition,
};
use crate::model::DeadReason;
use crate::worker::{self, Delivery, Happening};

use super::super::place::receipt;
use super::super::{Mutant, Transport};
use super::{Notify, micros};

/// What is settled once its letters are delivered: a message of a lane.
struct Buried {
    lane: usize,
    message: u64,
    reason: DeadReason,
    alerts: usize,
}

impl<L: Log, T: Transport> Notify<L, T> {
    /// Writes down what is given up and what is no alert. It is settled once that is delivered,
    /// and tried again at the next turn where it is not.
    pub(super) fn bury(&mut self) -> Result<(), LogError> {
        let mut outs: Vec<worker::Out> = Vec::new();
        let mut buried = Vec::new();
        for (number, lane) in self.lanes.iter().enumerate() {
            let name = &lane.spec().name;
            for (message, reason, why, entries) in lane.letters() {
                let detail = format!("{name}: {why}");
                for entry in entries {
                    let place = (&entry.of, entry.offset, Some(entry.arrived));
                    outs.push(self.letter(reason, &detail, place, &entry.notice.raw));
                }
                buried.push(Buried { lane: number, message, reason, alerts: entries.len() });
            }
        }
        for (of, offset, value, why) in &self.unread {
            let detail = why.to_string();
            outs.push(self.letter(why.reason(), &detail, (of, *offset, None), value));
        }
        if outs.is_empty() {
            return Ok(());
        }
        if !Mutant::LoseLetters.is(self.settings.mutant) {
            match self.post(&outs) {
                Ok(()) => {}
                Err(error) if error.may_heal() => {
                    self.failed(&error);
                    self.producer = None;
                    return Ok(());
                }
                Err(other) => return Err(other),
            }
        }
        for (of, offset, _, why) in std::mem::take(&mut self.unread) {
            error!(partition = %of, offset = offset.0, %why, "a record is no alert");
            self.tell(&Happening::Dead(why.reason()));
        }
        for one in buried {
            self.buried(&one);
        }
        Ok(())
    }

    fn buried(&mut self, one: &Buried) {
        let destination = Arc::clone(&self.lanes[one.lane].spec().name);
        let how = match one.reason {
            DeadReason::DestinationFailed => Delivery::GaveUp,
            _ => Delivery::Refused,
        };
        let told = self.lanes[one.lane].letters().find(|(message, ..)| *message == one.message);
        if let Some((_, reason, why, entries)) = told {
            let first = entries.first().map_or("", |entry| &*entry.notice.id);
            error!(
                %destination, reason = reason.as_str(), why, alerts = one.alerts, first,
                "given up: nobody is told of it there; it is in the dead letters"
            );
        }
        self.lanes[one.lane].bury(one.message);
        for _ in 0..one.alerts {
            self.tell(&Happening::Dead(one.reason));
            self.tell(&Happening::Delivery { destination: &destination, how, latency: None });
        }
    }

    fn letter(
        &self,
        reason: DeadReason,
        detail: &str,
        (of, offset, time): (&TopicPartition, Offset, Option<crate::model::Timestamp>),
        value: &[u8],
    ) -> worker::Out {
        let partition = of.partition.0;
        let letter = worker::Letter { reason, detail, topic: &of.topic, partition, offset, time };
        worker::letter(&self.settings.deadletters, 0, &letter, &[], value, self.settings.letters)
    }

    /// Sends letters, and waits until they are delivered.
    fn post(&mut self, outs: &[worker::Out]) -> Result<(), LogError> {
        let now = self.clock.now();
        let patience = self.settings.patience;
        let Some(producer) = &mut self.producer else { return Ok(()) };
        for (tag, out) in outs.iter().enumerate() {
            let headers: Vec<(&str, &[u8])> =
                out.headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
            let record = Outgoing {
                topic: &out.topic,
                to: To::Key,
                key: None,
                value: Some(&out.value),
                headers: &headers,
                time: now,
                tag,
            };
            while let Err(error) = producer.send(&record) {
                // A full queue is waited for; everything else ends it.
                if !matches!(&error, LogError::Retry(t) if t.cause == Cause::QueueFull) {
                    return Err(error);
                }
                producer.drain(patience);
            }
        }
        producer.delivered(patience, LogError::Retry)
    }

    /// Commits how far the destinations got, now and then, and before partitions go.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        let now = self.clock.now();
        let due = now.since(self.committed) >= micros(self.settings.commit_every);
        if !due && self.leaving.is_empty() {
            return Ok(());
        }
        let mut commits = Vec::new();
        // What is no alert and not yet written down holds its place.
        for place in self.places.values().filter(|place| !place.waits) {
            let commit = self.reached(&place.of, place.read);
            if place.committed.as_ref() != Some(&commit) {
                commits.push(commit);
            }
        }
        if commits.is_empty() {
            return Ok(());
        }
        self.committed = now;
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        match consumer.commit(&commits) {
            Ok(()) => {
                for commit in commits {
                    if let Some(place) = self.places.get_mut(&commit.of) {
                        place.committed = Some(commit);
                    }
                }
                Ok(())
            }
            // A poll says what became of the partitions.
            Err(
                error @ (LogError::Retry(_)
                | LogError::Abort(_)
                | LogError::Unknown(_)
                | LogError::Fenced(_)),
            ) => {
                self.failed(&error);
                Ok(())
            }
            Err(error @ LogError::Rebuild(_)) => {
                self.failed(&error);
                self.rejoin();
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// What is to be committed of a partition.
    fn reached(&self, of: &TopicPartition, read: Offset) -> Commit {
        let unread = self.unread.iter().filter(|(known, ..)| known == of);
        let unread = unread.map(|(_, offset, ..)| *offset).min().unwrap_or(Offset(u64::MAX));
        let settled = |lane: &super::super::Lane| lane.settled(of).min(unread);
        let next = self.lanes.iter().map(settled).min().unwrap_or(read);
        let next = if Mutant::CommitRead.is(self.settings.mutant) { read } else { next };
        let all = self.lanes.iter().map(|lane| (&*lane.spec().name, settled(lane)));
        Commit { of: of.clone(), next, receipt: receipt(next, all) }
    }
}
