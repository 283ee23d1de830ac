//! A log in this process's memory: topics, partitions, offsets, groups. Nothing is ever
//! deleted, and nothing outlives the process.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::{Incoming, Log, LogError, Offset, Outgoing, Partition};

/// Topics in memory.
#[derive(Debug, Default)]
pub struct Memory {
    topics: BTreeMap<String, Topic>,
    committed: BTreeMap<(String, String, Partition), Offset>,
}

#[derive(Debug, Default)]
struct Topic {
    partitions: Vec<Vec<Outgoing>>,
    /// Whose turn it is among records without a key.
    turn: usize,
}

impl Memory {
    /// A log without topics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn topic(&self, name: &str) -> Result<&Topic, LogError> {
        self.topics.get(name).ok_or_else(|| LogError::NoTopic(name.to_owned()))
    }

    fn records(&self, topic: &str, partition: Partition) -> Result<&[Outgoing], LogError> {
        let found = self.topic(topic)?.partitions.get(partition.0 as usize);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| LogError::NoPartition { topic: topic.to_owned(), partition })
    }

    /// The records from `from` on; the end itself is not beyond it.
    fn from(
        &self,
        topic: &str,
        partition: Partition,
        from: Offset,
    ) -> Result<&[Outgoing], LogError> {
        let records = self.records(topic, partition)?;
        let start = usize::try_from(from.0).unwrap_or(usize::MAX);
        records.get(start..).ok_or_else(|| LogError::BeyondEnd {
            topic: topic.to_owned(),
            partition,
            offset: from,
        })
    }
}

impl Log for Memory {
    fn create(&mut self, topic: &str, partitions: u32) -> Result<(), LogError> {
        let asked = partitions.max(1);
        let made = self.topics.entry(topic.to_owned()).or_default();
        if made.partitions.is_empty() {
            made.partitions.resize_with(asked as usize, Vec::new);
        }
        let has = u32::try_from(made.partitions.len()).unwrap_or(u32::MAX);
        if has == asked {
            return Ok(());
        }
        Err(LogError::OtherPartitions { topic: topic.to_owned(), has, asked })
    }

    fn partitions(&self, topic: &str) -> Result<u32, LogError> {
        Ok(u32::try_from(self.topic(topic)?.partitions.len()).unwrap_or(u32::MAX))
    }

    fn produce(&mut self, topic: &str, record: Outgoing) -> Result<(Partition, Offset), LogError> {
        let Some(made) = self.topics.get_mut(topic) else {
            return Err(LogError::NoTopic(topic.to_owned()));
        };
        let count = made.partitions.len();
        let chosen = if let Some(key) = &record.key {
            usize::try_from(xxh3_64(key) % count as u64).unwrap_or(0)
        } else {
            made.turn += 1;
            (made.turn - 1) % count
        };
        let records = &mut made.partitions[chosen];
        let offset = Offset(records.len() as u64);
        records.push(record);
        Ok((Partition(u32::try_from(chosen).unwrap_or(u32::MAX)), offset))
    }

    fn read(
        &self,
        topic: &str,
        partition: Partition,
        from: Offset,
        most: usize,
    ) -> Result<Vec<Incoming>, LogError> {
        let records = self.from(topic, partition, from)?;
        let offsets = (from.0..).map(Offset);
        let read = records.iter().take(most).zip(offsets);
        Ok(read
            .map(|(record, offset)| Incoming { partition, offset, record: record.clone() })
            .collect())
    }

    fn end(&self, topic: &str, partition: Partition) -> Result<Offset, LogError> {
        Ok(Offset(self.records(topic, partition)?.len() as u64))
    }

    fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: Partition,
    ) -> Result<Offset, LogError> {
        self.records(topic, partition)?;
        let key = (group.to_owned(), topic.to_owned(), partition);
        Ok(self.committed.get(&key).copied().unwrap_or_default())
    }

    fn commit(
        &mut self,
        group: &str,
        topic: &str,
        partition: Partition,
        next: Offset,
    ) -> Result<(), LogError> {
        self.from(topic, partition, next)?;
        self.committed.insert((group.to_owned(), topic.to_owned(), partition), next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: Option<&str>, value: &str) -> Outgoing {
        let key = key.map(|key| key.as_bytes().to_vec());
        Outgoing { key, value: value.as_bytes().to_vec(), ..Outgoing::default() }
    }

    fn log() -> Memory {
        let mut log = Memory::new();
        log.create("t", 4).expect("it is made");
        log
    }

    #[test]
    fn records_of_one_key_stand_in_one_partition_in_order() {
        let mut log = log();
        let places: Vec<_> = (0..5)
            .map(|n| log.produce("t", record(Some("k"), &n.to_string())).expect("it is taken"))
            .collect();
        assert!(places.iter().all(|(partition, _)| *partition == places[0].0));
        let offsets: Vec<u64> = places.iter().map(|(_, offset)| offset.0).collect();
        assert_eq!(offsets, [0, 1, 2, 3, 4]);
        let read = log.read("t", places[0].0, Offset(3), 9).expect("it reads");
        let values: Vec<_> = read.iter().map(|r| (r.offset.0, r.record.value.clone())).collect();
        assert_eq!(values, [(3, b"3".to_vec()), (4, b"4".to_vec())]);
        assert_eq!(log.read("t", places[0].0, Offset(0), 2).expect("it reads").len(), 2);
    }

    #[test]
    fn records_without_a_key_take_turns() {
        let mut log = log();
        let partitions: Vec<u32> =
            (0..5).map(|_| log.produce("t", record(None, "x")).expect("taken").0.0).collect();
        assert_eq!(partitions, [0, 1, 2, 3, 0]);
    }

    #[test]
    fn groups_go_on_where_they_committed_and_do_not_disturb_each_other() {
        let mut log = log();
        let (partition, _) = log.produce("t", record(Some("k"), "x")).expect("taken");
        assert_eq!(log.committed("a", "t", partition), Ok(Offset(0)));
        log.commit("a", "t", partition, Offset(1)).expect("committed");
        assert_eq!(log.committed("a", "t", partition), Ok(Offset(1)));
        assert_eq!(log.committed("b", "t", partition), Ok(Offset(0)));
        assert!(matches!(
            log.commit("a", "t", partition, Offset(2)),
            Err(LogError::BeyondEnd { .. })
        ));
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name() {
        let mut log = log();
        assert_eq!(log.partitions("u"), Err(LogError::NoTopic("u".to_owned())));
        assert!(matches!(log.end("t", Partition(4)), Err(LogError::NoPartition { .. })));
        assert!(matches!(log.create("t", 5), Err(LogError::OtherPartitions { has: 4, .. })));
        assert_eq!(log.create("t", 4), Ok(()));
    }
}
