//! Reading partitions: positions, pauses, and what is shown next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::{
    Call, Cause, Hole, Incoming, Isolation, LogError, Offset, Polled, Reader, TopicPartition,
    Trouble,
};
use super::Memory;
use super::broker::{Broker, again};
use super::partition::{Fetched, Stored};

/// A reader of [`Memory`].
#[derive(Debug)]
pub struct MemoryReader {
    log: Memory,
    isolation: Isolation,
    cursors: Cursors,
}

/// What one poll found.
#[derive(Debug)]
pub(super) enum Found {
    Record(TopicPartition, u64, Arc<Stored>),
    End(TopicPartition),
    Hole(Hole),
    Nothing,
}

/// Where each partition is read.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    places: BTreeMap<TopicPartition, Cursor>,
    /// The partition last shown, so that all have their turn.
    last: Option<TopicPartition>,
}

#[derive(Debug)]
struct Cursor {
    next: u64,
    paused: bool,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reading,
    /// Its end was told, and nothing came since.
    AtEnd,
    /// Not started, or stopped, or before a hole.
    Silent,
}

impl Cursors {
    /// Takes a partition in, silent.
    pub(super) fn hold(&mut self, partition: &TopicPartition) {
        let silent = Cursor { next: 0, paused: false, mode: Mode::Silent };
        self.places.insert(partition.clone(), silent);
    }

    pub(super) fn drop(&mut self, partition: &TopicPartition) {
        self.places.remove(partition);
    }

    pub(super) fn all(&self) -> Vec<TopicPartition> {
        self.places.keys().cloned().collect()
    }

    pub(super) fn start(&mut self, partition: &TopicPartition, at: Offset) -> Result<(), LogError> {
        let cursor = self.at(partition, Call::Start)?;
        cursor.next = at.0;
        cursor.mode = Mode::Reading;
        Ok(())
    }

    pub(super) fn pause(&mut self, partition: &TopicPartition, on: bool) -> Result<(), LogError> {
        self.at(partition, Call::Pause)?.paused = on;
        Ok(())
    }

    pub(super) fn stop(&mut self, partition: &TopicPartition) -> Result<(), LogError> {
        self.at(partition, Call::Pause)?.mode = Mode::Silent;
        Ok(())
    }

    pub(super) fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        let cursor = self.places.get(partition)?;
        (cursor.mode != Mode::Silent).then_some(Offset(cursor.next))
    }

    fn at(&mut self, partition: &TopicPartition, call: Call) -> Result<&mut Cursor, LogError> {
        self.places.get_mut(partition).ok_or_else(|| {
            let detail = format!("`{partition}` is not this client's");
            LogError::Stop(Trouble::new(call, Cause::State, detail))
        })
    }

    /// The next thing to show; partitions have their turns.
    pub(super) fn next(&mut self, broker: &Broker, isolation: Isolation) -> Found {
        use std::ops::Bound::{Excluded, Included, Unbounded};

        let last = self.last.take();
        let (behind, before) = match &last {
            Some(last) => ((Excluded(last), Unbounded), Some((Unbounded, Included(last)))),
            None => ((Unbounded, Unbounded), None),
        };
        let mut found = Found::Nothing;
        for range in std::iter::once(behind).chain(before) {
            for (place, cursor) in self.places.range_mut(range) {
                found = cursor.next(place, broker, isolation);
                if !matches!(found, Found::Nothing) {
                    break;
                }
            }
            if !matches!(found, Found::Nothing) {
                break;
            }
        }
        self.last = match &found {
            Found::Record(place, _, _) => Some(place.clone()),
            Found::End(_) | Found::Hole(_) | Found::Nothing => last,
        };
        found
    }
}

impl Cursor {
    fn next(&mut self, place: &TopicPartition, broker: &Broker, isolation: Isolation) -> Found {
        if self.paused || self.mode == Mode::Silent {
            return Found::Nothing;
        }
        match broker.fetch(place, self.next, isolation) {
            Fetched::Record(offset, record) => {
                self.next = offset + 1;
                self.mode = Mode::Reading;
                Found::Record(place.clone(), offset, record)
            }
            Fetched::End(end) => {
                self.next = end;
                if self.mode == Mode::AtEnd {
                    return Found::Nothing;
                }
                self.mode = Mode::AtEnd;
                Found::End(place.clone())
            }
            Fetched::Outside => {
                self.mode = Mode::Silent;
                Found::Hole(hole(broker, place.clone(), Offset(self.next), isolation))
            }
        }
    }
}

fn hole(broker: &Broker, partition: TopicPartition, wanted: Offset, isolation: Isolation) -> Hole {
    let bounds = broker.log(&partition).map_or((0, 0), |log| (log.first(), log.end(isolation)));
    Hole { partition, wanted, first: Offset(bounds.0), end: Offset(bounds.1) }
}

/// Shows a record.
pub(super) fn show(
    place: &TopicPartition,
    offset: u64,
    record: &Stored,
    each: &mut dyn FnMut(&Incoming<'_>),
) {
    let headers: Vec<(&str, &[u8])> =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    each(&Incoming {
        topic: &place.topic,
        partition: place.partition,
        offset: Offset(offset),
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: &headers,
        time: Some(record.time),
    });
}

impl MemoryReader {
    pub(super) fn new(log: Memory, isolation: Isolation) -> Self {
        Self { log, isolation, cursors: Cursors::default() }
    }
}

impl Reader for MemoryReader {
    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        for (partition, offset) in at {
            if self.log.broker().log(partition).is_none() {
                return Err(missing(Call::Start, partition));
            }
            if self.cursors.at(partition, Call::Start).is_err() {
                self.cursors.hold(partition);
            }
            self.cursors.start(partition, *offset)?;
        }
        Ok(())
    }

    fn stop(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        for partition in partitions {
            self.cursors.drop(partition);
        }
        Ok(())
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
        let process = self.log.process;
        let mut broker = self.log.call(Call::Poll);
        let go = broker.enter(process, Call::Poll).map_err(|halt| again(Call::Poll, halt))?;
        broker.leave(process, go).map_err(|halt| again(Call::Poll, halt))?;
        let mut found = self.cursors.next(&broker, self.isolation);
        if matches!(found, Found::Nothing) {
            broker = self.log.wait(broker, wait);
            found = self.cursors.next(&broker, self.isolation);
        }
        drop(broker);
        polled(found, each)
    }
}

pub(super) fn polled(
    found: Found,
    each: &mut dyn FnMut(&Incoming<'_>),
) -> Result<Polled, LogError> {
    match found {
        Found::Record(place, offset, record) => {
            show(&place, offset, &record, each);
            Ok(Polled::Record)
        }
        Found::End(place) => Ok(Polled::End(place)),
        Found::Hole(hole) => Err(LogError::Hole(hole)),
        Found::Nothing => Ok(Polled::Idle),
    }
}

/// A partition that is not there.
pub(super) fn missing(call: Call, partition: &TopicPartition) -> LogError {
    super::super::error::missing(call, &format!("`{partition}`"))
}
