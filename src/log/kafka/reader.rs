//! Reading partitions: where each stands, what is shown, what cannot be read on.

use std::collections::VecDeque;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, Timestamp as KafkaTime};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tracing::{debug, warn};

use crate::model::Timestamp;

use super::super::{
    Call, Cause, Hole, Incoming, Isolation, LogError, Offset, Partition, Polled, Reader,
    TopicPartition, Trouble,
};
use super::connection::{Connection, refused};
use super::context::{Told, list};
use super::errors::{by_code, plain};

/// How long a question beside the reading may take: metadata, the bounds of a hole, a seek.
const ASIDE: Duration = Duration::from_secs(5);

/// A client that reads, in a group or outside, and where it reads.
pub(super) struct Cursors {
    pub(super) client: BaseConsumer<Told>,
    places: Vec<Cursor>,
    /// Where the last record came from: the next mostly does too.
    last: usize,
    holes: VecDeque<Hole>,
    /// The library said that a place is not there, and which is not known yet.
    suspect: bool,
}

#[derive(Debug)]
struct Cursor {
    place: TopicPartition,
    next: u64,
    paused: bool,
    reading: bool,
}

impl Cursors {
    pub(super) fn new(client: BaseConsumer<Told>) -> Self {
        let holes = VecDeque::new();
        Self { client, places: Vec::new(), last: 0, holes, suspect: false }
    }

    pub(super) fn told(&self) -> &Told {
        self.client.context()
    }

    /// Takes a partition in that the library holds paused.
    pub(super) fn hold(&mut self, place: &TopicPartition) {
        self.drop(place);
        let place = place.clone();
        self.places.push(Cursor { place, next: 0, paused: false, reading: false });
    }

    pub(super) fn drop(&mut self, place: &TopicPartition) {
        self.places.retain(|cursor| cursor.place != *place);
    }

    pub(super) fn has(&self, place: &TopicPartition) -> bool {
        self.places.iter().any(|cursor| cursor.place == *place)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        for (place, _) in at {
            if !self.has(place) {
                return Err(not_ours(Call::Start, place));
            }
        }
        for (place, offset) in self.seek(at)? {
            self.assign_anew(&place, offset)?;
        }
        let mut resumed = Vec::new();
        for (place, offset) in at {
            self.holes.retain(|hole| hole.partition != *place);
            let Some(cursor) = self.places.iter_mut().find(|cursor| cursor.place == *place) else {
                continue;
            };
            cursor.next = offset.0;
            cursor.reading = true;
            if !cursor.paused {
                resumed.push(place.clone());
            }
        }
        self.turn(&resumed, false)
    }

    /// Seeks; what the library does not read at all cannot seek and comes back.
    fn seek(
        &self,
        at: &[(TopicPartition, Offset)],
    ) -> Result<Vec<(TopicPartition, Offset)>, LogError> {
        if at.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = list(at.iter().map(|(place, offset)| (place, offset.0)));
        // The call succeeds where its elements fail.
        let done = self.client.seek_partitions(wanted, ASIDE);
        let done = done.map_err(|error| plain(Call::Start, &error))?;
        let failed = at.iter().filter(|(place, _)| {
            let partition = i32::try_from(place.partition.0).unwrap_or(-1);
            let element = done.find_partition(&place.topic, partition);
            element.is_none_or(|element| element.error().is_err())
        });
        Ok(failed.cloned().collect())
    }

    /// Has the library forget a partition and take it again: the one way on from a hole, and where
    /// an assignment has not come into force yet.
    fn assign_anew(&self, place: &TopicPartition, offset: Offset) -> Result<(), LogError> {
        debug!(partition = %place, "assigned anew");
        let anew = list(std::iter::once((place, offset.0)));
        let done = self
            .client
            .incremental_unassign(&anew)
            .and_then(|()| self.client.incremental_assign(&anew))
            .and_then(|()| self.client.pause(&anew));
        done.map_err(|error| plain(Call::Start, &error))
    }

    /// Takes partitions in that no group gave.
    fn take(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        let mut topics: Vec<&str> = at.iter().map(|(place, _)| &*place.topic).collect();
        topics.dedup();
        for topic in topics {
            // Without it the first record comes half a second late.
            let found = self.client.fetch_metadata(Some(topic), ASIDE);
            let found = self.checked(Call::Start, found)?;
            let wrong = found.topics().first().and_then(rdkafka::metadata::MetadataTopic::error);
            if let Some(code) = wrong.map(Code::from) {
                return Err(by_code(Call::Start, code, &format!("topic `{topic}`: {code}")));
            }
        }
        let wanted = list(at.iter().map(|(place, offset)| (place, offset.0)));
        let done = self.client.incremental_assign(&wanted);
        done.map_err(|error| plain(Call::Start, &error))?;
        for (place, offset) in at {
            self.hold(place);
            let Some(cursor) = self.places.last_mut() else { continue };
            cursor.next = offset.0;
            cursor.reading = true;
        }
        Ok(())
    }

    /// What an answer comes to, with the broker's own reason where there is none.
    pub(super) fn checked<T>(
        &self,
        call: Call,
        done: Result<T, KafkaError>,
    ) -> Result<T, LogError> {
        match done {
            Ok(done) => {
                self.told().answered();
                Ok(done)
            }
            Err(error) => Err(self.told().explain(call, plain(call, &error))),
        }
    }

    pub(super) fn pause(&mut self, places: &[TopicPartition], on: bool) -> Result<(), LogError> {
        for place in places {
            let Some(cursor) = self.places.iter_mut().find(|cursor| cursor.place == *place) else {
                return Err(not_ours(Call::Pause, place));
            };
            cursor.paused = on;
        }
        // What is not read yet stays held.
        let read = |place: &&TopicPartition| {
            self.places.iter().any(|cursor| cursor.place == **place && cursor.reading)
        };
        let places: Vec<_> = places.iter().filter(read).cloned().collect();
        self.turn(&places, on)
    }

    /// Stops reading; what a group gave stays held.
    pub(super) fn silence(&mut self, places: &[TopicPartition]) -> Result<(), LogError> {
        for place in places {
            let Some(cursor) = self.places.iter_mut().find(|cursor| cursor.place == *place) else {
                return Err(not_ours(Call::Pause, place));
            };
            cursor.reading = false;
        }
        self.turn(places, true)
    }

    fn turn(&self, places: &[TopicPartition], off: bool) -> Result<(), LogError> {
        if places.is_empty() {
            return Ok(());
        }
        let places = list(places.iter().map(|place| (place, 0)));
        let done = if off { self.client.pause(&places) } else { self.client.resume(&places) };
        done.map_err(|error| plain(Call::Pause, &error))
    }

    pub(super) fn position(&self, place: &TopicPartition) -> Option<Offset> {
        let cursor = self.places.iter().find(|cursor| cursor.place == *place && cursor.reading)?;
        // At the end the library's position counts the markers too.
        let partition = i32::try_from(place.partition.0).ok()?;
        let told = self.client.position().ok().and_then(|positions| {
            match positions.find_partition(&place.topic, partition)?.offset() {
                KafkaOffset::Offset(offset) => u64::try_from(offset).ok(),
                _ => None,
            }
        });
        Some(Offset(told.unwrap_or_default().max(cursor.next)))
    }

    pub(super) fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Incoming<'_>),
    ) -> Result<Polled, LogError> {
        if self.suspect {
            self.look_for_holes();
        }
        if let Some(hole) = self.holes.pop_front() {
            return Err(LogError::Hole(hole));
        }
        let Self { client, places, last, .. } = self;
        let error = match client.poll(wait) {
            None => return self.idle(),
            Some(Ok(message)) => {
                let shown = show(&message, places, last, each);
                return Ok(if shown { Polled::Record } else { Polled::Idle });
            }
            Some(Err(error)) => error,
        };
        match error {
            KafkaError::PartitionEOF(number) => Ok(self.end_of(number)),
            KafkaError::MessageConsumptionFatal(code) => Err(self.useless(code)),
            KafkaError::MessageConsumption(Code::AutoOffsetReset) => {
                self.suspect = true;
                Ok(Polled::Idle)
            }
            // What was lost comes as a rebalance.
            KafkaError::MessageConsumption(Code::PollExceeded) => Ok(Polled::Idle),
            KafkaError::MessageConsumption(code) => {
                let words = self.told().words();
                Err(self.told().explain(Call::Poll, by_code(Call::Poll, code, &words)))
            }
            error => Err(plain(Call::Poll, &error)),
        }
    }

    /// A fatal error is told once as an event, and then only here; the client is silent.
    fn idle(&self) -> Result<Polled, LogError> {
        match self.client.client().fatal_error() {
            Some((code, _)) => Err(self.useless(code)),
            None => Ok(Polled::Idle),
        }
    }

    fn useless(&self, code: Code) -> LogError {
        let words = self.client.client().fatal_error().map_or_else(String::new, |(_, words)| words);
        let detail = format!("{code}: {words}");
        LogError::Rebuild(Trouble::new(Call::Poll, Cause::Fenced, detail))
    }

    /// The library tells the partition's number and not its topic.
    fn end_of(&self, number: i32) -> Polled {
        let mut candidates = self.places.iter().filter(|cursor| {
            cursor.reading && i32::try_from(cursor.place.partition.0) == Ok(number)
        });
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Polled::End(only.place.clone()),
            _ => Polled::Idle,
        }
    }

    /// Finds which places are not there; asks again at the next poll where no broker answers. The
    /// library reads no further in a partition of which it said so, also where the place is there
    /// after all: a broker that was killed does not know at once what it had (librdkafka 2.12,
    /// `rd_kafka_offset_reset`).
    fn look_for_holes(&mut self) {
        self.suspect = false;
        let mut there = Vec::new();
        for cursor in &mut self.places {
            if !cursor.reading {
                continue;
            }
            let place = &cursor.place;
            let Ok(partition) = i32::try_from(place.partition.0) else { continue };
            let (first, end) = match self.client.fetch_watermarks(&place.topic, partition, ASIDE) {
                Ok((first, end)) => (first.cast_unsigned(), end.cast_unsigned()),
                Err(error) => {
                    debug!(partition = %place, error = %error, "the bounds are not known");
                    self.suspect = true;
                    continue;
                }
            };
            if (first..=end).contains(&cursor.next) {
                there.push((place.clone(), Offset(cursor.next)));
                continue;
            }
            cursor.reading = false;
            let (wanted, first, end) = (Offset(cursor.next), Offset(first), Offset(end));
            let hole = Hole { partition: place.clone(), wanted, first, end };
            warn!(error = %hole, "a place to be read is not there");
            self.holes.push_back(hole);
        }
        if let Err(error) = self.start(&there) {
            debug!(%error, "what is there is not read on yet");
            self.suspect = true;
        }
    }
}

/// Shows a record unless its partition is not read, or it was fetched before the last start.
fn show(
    message: &BorrowedMessage<'_>,
    places: &mut [Cursor],
    last: &mut usize,
    each: &mut dyn FnMut(&Incoming<'_>),
) -> bool {
    let (Ok(partition), Ok(offset)) =
        (u32::try_from(message.partition()), u64::try_from(message.offset()))
    else {
        return false;
    };
    let topic = message.topic();
    let is =
        |cursor: &Cursor| cursor.place.partition.0 == partition && *cursor.place.topic == *topic;
    if !places.get(*last).is_some_and(is) {
        match places.iter().position(is) {
            Some(found) => *last = found,
            None => return false,
        }
    }
    let cursor = &mut places[*last];
    if !cursor.reading || offset < cursor.next {
        return false;
    }
    cursor.next = offset + 1;
    let headers: Vec<(&str, &[u8])> = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key, header.value.unwrap_or_default())).collect()
    });
    let time = match message.timestamp() {
        KafkaTime::NotAvailable => None,
        KafkaTime::CreateTime(millis) | KafkaTime::LogAppendTime(millis) => {
            Some(Timestamp::from_millis(millis))
        }
    };
    each(&Incoming {
        topic,
        partition: Partition(partition),
        offset: Offset(offset),
        key: message.key(),
        value: message.payload(),
        headers: &headers,
        time,
    });
    true
}

fn not_ours(call: Call, place: &TopicPartition) -> LogError {
    let detail = format!("`{place}` is not this client's");
    LogError::Stop(Trouble::new(call, Cause::State, detail))
}

/// A reader of Kafka.
pub struct KafkaReader {
    cursors: Cursors,
}

impl KafkaReader {
    pub(super) fn new(connection: &Connection, isolation: Isolation) -> Result<Self, LogError> {
        let config = connection.for_reader(isolation);
        let client = config.create_with_context(Told::default());
        let client: BaseConsumer<Told> = client.map_err(|error| refused(&error))?;
        Ok(Self { cursors: Cursors::new(client) })
    }
}

impl Reader for KafkaReader {
    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        let (known, new): (Vec<_>, Vec<_>) =
            at.iter().cloned().partition(|(place, _)| self.cursors.has(place));
        if !new.is_empty() {
            self.cursors.take(&new)?;
        }
        self.cursors.start(&known)
    }

    fn stop(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let ours: Vec<_> =
            partitions.iter().filter(|place| self.cursors.has(place)).cloned().collect();
        if ours.is_empty() {
            return Ok(());
        }
        let gone = list(ours.iter().map(|place| (place, 0)));
        let done = self.cursors.client.incremental_unassign(&gone);
        done.map_err(|error| plain(Call::Pause, &error))?;
        for place in &ours {
            self.cursors.drop(place);
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.cursors.pause(partitions, true)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.cursors.pause(partitions, false)
    }

    fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.cursors.position(partition)
    }

    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Incoming<'_>),
    ) -> Result<Polled, LogError> {
        self.cursors.poll(wait, each)
    }
}
