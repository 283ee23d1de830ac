//! One partition: records and markers in, what each isolation may see out.
//!
//! **Invariant:** offsets only grow; what a transaction wrote becomes visible to committed
//! readers at its marker, in the order of the log, and never before an earlier open one ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::super::Isolation;
use super::disk::{Change, Place, frame::blob};

/// A producer's number, given by the broker.
pub(super) type ProducerId = u64;

/// A record as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(with = "blob")]
    pub(super) key: Option<Vec<u8>>,
    #[serde(with = "blob")]
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) time: Timestamp,
}

impl Stored {
    /// About how many bytes it takes where it is written.
    pub(super) fn size(&self) -> usize {
        /// Lengths, the time, and the offset.
        const BESIDE: usize = 24;
        let bytes = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        BESIDE + bytes(&self.key) + bytes(&self.value) + headers.sum::<usize>()
    }
}

/// A record or marker at its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    offset: u64,
    body: Body,
}

impl Entry {
    /// As [`Stored::size`].
    pub(super) fn size(&self) -> usize {
        match &self.body {
            Body::Record(record, _) => record.size(),
            Body::Marker => 8,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Body {
    Record(Arc<Stored>, Fate),
    /// Where a transaction ended. It takes an offset and is never shown.
    Marker,
}

/// What became of a record's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    /// It has none, or was committed.
    Settled,
    /// It goes on.
    Open(ProducerId),
    Aborted,
}

/// What stands at a place, for a reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The next record that may be seen.
    Record(u64, Arc<Stored>),
    /// None; reading goes on from here.
    End(u64),
    /// The place is not there.
    Outside,
}

#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    first: u64,
    end: u64,
    entries: Vec<Entry>,
    /// The first offset of each open transaction.
    open: BTreeMap<ProducerId, u64>,
    /// Entries that came since the last compaction.
    unclean: usize,
}

impl PartitionLog {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many came since the last compaction.
    pub(super) fn unclean(&self) -> usize {
        self.unclean
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Behind the last record that `isolation` may see.
    pub(super) fn end(&self, isolation: Isolation) -> u64 {
        match isolation {
            Isolation::Uncommitted => self.end,
            // The last stable offset.
            Isolation::Committed => self.open.values().copied().min().unwrap_or(self.end),
        }
    }

    /// Appends a record, of a transaction where `within` names its producer.
    pub(super) fn append(&mut self, record: Arc<Stored>, within: Option<ProducerId>) -> u64 {
        let fate = within.map_or(Fate::Settled, Fate::Open);
        let offset = self.push(Body::Record(record, fate));
        if let Some(producer) = within {
            self.open.entry(producer).or_insert(offset);
        }
        offset
    }

    /// Ends a producer's transaction here; without records of it only the marker is written.
    pub(super) fn mark(&mut self, producer: ProducerId, committed: bool) {
        let ended = if committed { Fate::Settled } else { Fate::Aborted };
        if let Some(since) = self.open.remove(&producer) {
            let start = self.index(since);
            for entry in &mut self.entries[start..] {
                if let Body::Record(_, fate) = &mut entry.body
                    && *fate == Fate::Open(producer)
                {
                    *fate = ended;
                }
            }
        }
        self.push(Body::Marker);
    }

    fn push(&mut self, body: Body) -> u64 {
        let offset = self.end;
        self.entries.push(Entry { offset, body });
        self.end += 1;
        self.unclean += 1;
        offset
    }

    /// The index of the first entry at or behind an offset.
    fn index(&self, offset: u64) -> usize {
        self.entries.partition_point(|entry| entry.offset < offset)
    }

    pub(super) fn fetch(&self, from: u64, isolation: Isolation) -> Fetched {
        if from < self.first || from > self.end {
            return Fetched::Outside;
        }
        let end = self.end(isolation);
        for entry in &self.entries[self.index(from)..] {
            if entry.offset >= end {
                break;
            }
            let Body::Record(record, fate) = &entry.body else { continue };
            if *fate == Fate::Aborted && isolation == Isolation::Committed {
                continue;
            }
            return Fetched::Record(entry.offset, Arc::clone(record));
        }
        Fetched::End(end.max(from))
    }

    /// Deletes what stands before an offset; nothing behind the end or of an open transaction.
    pub(super) fn trim(&mut self, before: u64) {
        let before = before.min(self.end(Isolation::Committed));
        let kept = self.index(before);
        self.entries.drain(..kept);
        self.first = self.first.max(before);
    }

    /// Deletes from the front what is older than an instant.
    pub(super) fn expire(&mut self, older: Timestamp) {
        let young = self.entries.iter().find(|entry| match &entry.body {
            Body::Record(record, _) => record.time >= older,
            Body::Marker => false,
        });
        self.trim(young.map_or(self.end, |entry| entry.offset));
    }

    /// Keeps the last record of each key, and of the last stable stretch only: what is open, and
    /// the newest record, as the segment being written, stay as they are. Tombstones older than
    /// `forget` go too.
    pub(super) fn compact(&mut self, forget: Timestamp) {
        let end = self.end(Isolation::Committed);
        let newest = self.entries.last().map_or(0, |entry| entry.offset);
        let mut last: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.offset < end) {
            if let Body::Record(record, Fate::Settled) = &entry.body
                && let Some(key) = &record.key
            {
                last.insert(key.clone(), entry.offset);
            }
        }
        self.entries.retain(|entry| {
            if entry.offset >= end.min(newest) {
                return true;
            }
            let Body::Record(record, Fate::Settled) = &entry.body else { return false };
            let Some(key) = &record.key else { return false };
            let forgotten = record.value.is_none() && record.time < forget;
            last.get(key) == Some(&entry.offset) && !forgotten
        });
        self.unclean = 0;
    }

    // To be written down as a whole, and read back.

    /// Everything there is, in order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is to be told behind the entries.
    pub(super) fn bounds(&self, at: Place) -> Change {
        Change::Bounds { at, first: self.first, end: self.end, unclean: self.unclean as u64 }
    }

    /// As [`Stored::size`], of all.
    pub(super) fn size(&self) -> usize {
        self.entries.iter().map(Entry::size).sum()
    }

    /// Producers whose transactions go on.
    pub(super) fn open_producers(&self) -> impl Iterator<Item = ProducerId> {
        self.open.keys().copied()
    }

    /// Takes entries back as they were; `false` where they are not behind those there are.
    pub(super) fn hold(&mut self, entries: Vec<Entry>) -> bool {
        for entry in entries {
            if entry.offset < self.end {
                return false;
            }
            self.end = entry.offset + 1;
            if let Body::Record(_, Fate::Open(producer)) = &entry.body {
                self.open.entry(*producer).or_insert(entry.offset);
            }
            self.entries.push(entry);
        }
        true
    }

    /// Takes its bounds back as they were.
    pub(super) fn bound(&mut self, first: u64, end: u64, unclean: u64) {
        self.first = first;
        self.end = end.max(self.end);
        self.unclean = usize::try_from(unclean).unwrap_or(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(key: &str, value: Option<&str>, seconds: i64) -> Arc<Stored> {
        Arc::new(Stored {
            key: Some(key.into()),
            value: value.map(Into::into),
            headers: Vec::new(),
            time: Timestamp::from_seconds(seconds),
        })
    }

    /// Values seen from the start on, with their offsets, and where reading ends.
    fn seen(log: &PartitionLog, isolation: Isolation) -> (Vec<(u64, String)>, u64) {
        let mut values = Vec::new();
        let mut at = log.first();
        loop {
            match log.fetch(at, isolation) {
                Fetched::Record(offset, record) => {
                    let value = record.value.as_deref().unwrap_or(b"-");
                    values.push((offset, String::from_utf8_lossy(value).into_owned()));
                    at = offset + 1;
                }
                Fetched::End(end) => return (values, end),
                Fetched::Outside => panic!("{at} is outside"),
            }
        }
    }

    fn values(log: &PartitionLog, isolation: Isolation) -> Vec<String> {
        seen(log, isolation).0.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn an_open_transaction_holds_back_what_comes_behind_it() {
        let mut log = PartitionLog::default();
        log.append(record("a", Some("before"), 0), None);
        log.append(record("b", Some("open"), 0), Some(1));
        log.append(record("c", Some("behind"), 0), None);
        assert_eq!(values(&log, Isolation::Committed), ["before"]);
        assert_eq!(values(&log, Isolation::Uncommitted), ["before", "open", "behind"]);
        assert_eq!((log.end(Isolation::Committed), log.end(Isolation::Uncommitted)), (1, 3));
        log.mark(1, true);
        assert_eq!(values(&log, Isolation::Committed), ["before", "open", "behind"]);
        assert_eq!(log.end(Isolation::Committed), 4, "the marker takes an offset");
    }

    #[test]
    fn an_aborted_transaction_is_never_seen_by_committed_readers() {
        let mut log = PartitionLog::default();
        log.append(record("a", Some("1"), 0), Some(1));
        log.append(record("b", Some("2"), 0), Some(2));
        log.append(record("c", Some("3"), 0), Some(1));
        log.mark(1, false);
        assert_eq!(values(&log, Isolation::Committed), [""; 0], "2 is still open");
        log.mark(2, true);
        assert_eq!(values(&log, Isolation::Committed), ["2"]);
        assert_eq!(values(&log, Isolation::Uncommitted), ["1", "2", "3"]);
        assert_eq!(seen(&log, Isolation::Committed).1, 5, "reading ends behind both markers");
    }

    #[test]
    fn a_place_before_the_first_or_behind_the_end_is_outside() {
        let mut log = PartitionLog::default();
        for number in 0..5 {
            log.append(record("a", Some(&number.to_string()), 0), None);
        }
        log.trim(3);
        assert_eq!(log.fetch(2, Isolation::Committed), Fetched::Outside);
        assert_eq!(log.fetch(6, Isolation::Committed), Fetched::Outside);
        assert_eq!(log.fetch(5, Isolation::Committed), Fetched::End(5));
        assert_eq!(values(&log, Isolation::Committed), ["3", "4"]);
    }

    #[test]
    fn retention_deletes_from_the_front_and_stops_at_the_first_young_record() {
        let mut log = PartitionLog::default();
        for (value, seconds) in [("old", 1), ("young", 9), ("old behind", 1)] {
            log.append(record("a", Some(value), seconds), None);
        }
        log.expire(Timestamp::from_seconds(5));
        assert_eq!(values(&log, Isolation::Committed), ["young", "old behind"]);
        assert_eq!(log.first(), 1);
    }

    #[test]
    fn retention_never_deletes_an_open_transaction() {
        let mut log = PartitionLog::default();
        log.append(record("a", Some("1"), 0), None);
        log.append(record("a", Some("2"), 0), Some(1));
        log.expire(Timestamp::from_seconds(5));
        log.mark(1, true);
        assert_eq!(values(&log, Isolation::Committed), ["2"]);
    }

    #[test]
    fn compaction_keeps_the_last_of_each_key_and_offsets_stay() {
        let mut log = PartitionLog::default();
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
            log.append(record(key, Some(value), 0), None);
        }
        log.compact(Timestamp(0));
        assert_eq!(
            seen(&log, Isolation::Committed).0,
            [(1, "2".to_owned()), (2, "3".to_owned()), (3, "4".to_owned())]
        );
        assert_eq!((log.first(), log.end(Isolation::Committed)), (0, 4));
    }

    #[test]
    fn compaction_lets_no_aborted_record_win_and_leaves_open_ones_alone() {
        let mut log = PartitionLog::default();
        log.append(record("a", Some("good"), 0), None);
        log.append(record("a", Some("aborted"), 0), Some(1));
        log.mark(1, false);
        log.append(record("a", Some("open"), 0), Some(2));
        log.compact(Timestamp(0));
        assert_eq!(values(&log, Isolation::Committed), ["good"]);
        log.mark(2, false);
        log.compact(Timestamp(0));
        assert_eq!(values(&log, Isolation::Committed), ["good"]);
    }

    #[test]
    fn a_tombstone_outlives_compaction_until_it_is_old() {
        let mut log = PartitionLog::default();
        log.append(record("a", Some("1"), 1), None);
        log.append(record("a", None, 2), None);
        log.append(record("b", Some("2"), 3), None);
        log.compact(Timestamp::from_seconds(2));
        assert_eq!(values(&log, Isolation::Committed), ["-", "2"]);
        log.compact(Timestamp::from_seconds(3));
        assert_eq!(values(&log, Isolation::Committed), ["2"]);
    }

    /// A step of a partition's life: append by a producer or none, end one, compact.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Append(u8, Option<u64>),
        Mark(u64, bool),
        Compact,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4_u8, proptest::option::of(1..3_u64)).prop_map(|(k, p)| Step::Append(k, p)),
            2 => (1..3_u64, any::<bool>()).prop_map(|(p, c)| Step::Mark(p, c)),
            1 => Just(Step::Compact),
        ]
    }

    /// The last value of each key.
    fn fold(values: &[(String, String)]) -> BTreeMap<String, String> {
        values.iter().cloned().collect()
    }

    proptest! {
        #[test]
        fn the_last_value_of_each_key_is_that_of_the_committed_records_however_compacted(
            steps in proptest::collection::vec(step(), 0..60),
        ) {
            let mut log = PartitionLog::default();
            // What should be seen: of each append its producer, key, value and fate, in order.
            let mut model: Vec<(Option<u64>, String, String, Option<bool>)> = Vec::new();
            for (number, step) in steps.iter().enumerate() {
                match *step {
                    Step::Append(key, producer) => {
                        let (key, value) = (key.to_string(), number.to_string());
                        log.append(record(&key, Some(&value), 0), producer);
                        model.push((producer, key, value, producer.is_none().then_some(true)));
                    }
                    Step::Mark(producer, committed) => {
                        log.mark(producer, committed);
                        for (by, _, _, fate) in &mut model {
                            if *by == Some(producer) && fate.is_none() {
                                *fate = Some(committed);
                            }
                        }
                    }
                    Step::Compact => log.compact(Timestamp(0)),
                }
                let stable = model.iter().take_while(|(_, _, _, fate)| fate.is_some());
                let expected: Vec<_> = stable
                    .filter(|(_, _, _, fate)| *fate == Some(true))
                    .map(|(_, key, value, _)| (key.clone(), value.clone()))
                    .collect();
                let mut found = Vec::new();
                let mut at = 0;
                while let Fetched::Record(offset, record) = log.fetch(at, Isolation::Committed) {
                    let text = |bytes: &Option<Vec<u8>>| {
                        String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
                    };
                    found.push((text(&record.key), text(&record.value)));
                    at = offset + 1;
                }
                prop_assert_eq!(fold(&found), fold(&expected));
            }
        }
    }
}
