//! Asking and arranging.

use std::time::Duration;

use super::super::error::missing;
use super::super::{
    Admin, Bounds, Call, Cause, Committed, Created, Isolation, LogError, NewTopic, Offset,
    TopicInfo, TopicPartition, Trouble,
};
use super::Memory;
use super::broker::{Broker, again};
use super::topics::Topic;

/// An admin of [`Memory`].
#[derive(Debug)]
pub struct MemoryAdmin {
    log: Memory,
}

impl MemoryAdmin {
    pub(super) fn new(log: Memory) -> Self {
        Self { log }
    }

    /// Does something at the broker, with whatever goes wrong.
    fn at<T>(
        &self,
        call: Call,
        action: impl FnOnce(&mut Broker) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let process = self.log.process;
        let mut broker = self.log.call(call);
        let go = broker.enter(process, call).map_err(|halt| again(call, halt))?;
        let done = action(&mut broker)?;
        broker.leave(process, go).map_err(|halt| again(call, halt))?;
        drop(broker);
        self.log.news();
        Ok(done)
    }
}

impl Admin for MemoryAdmin {
    fn create(&mut self, topic: &NewTopic, _wait: Duration) -> Result<Created, LogError> {
        self.at(Call::Arrange, |broker| {
            if broker.topic(&topic.name).is_some() {
                return Ok(Created::Already);
            }
            let made = broker.add_topic(&topic.name, Topic::new(topic));
            made.map_err(|unwritten| unwritten.again(Call::Arrange))?;
            Ok(Created::New)
        })
    }

    fn describe(&mut self, topic: &str, _wait: Duration) -> Result<Option<TopicInfo>, LogError> {
        self.at(Call::Describe, |broker| Ok(broker.topic(topic).map(Topic::info)))
    }

    fn grow(&mut self, topic: &str, partitions: u32, _wait: Duration) -> Result<(), LogError> {
        self.at(Call::Arrange, |broker| {
            let Some(found) = broker.topic(topic) else {
                return Err(missing(Call::Arrange, &format!("topic `{topic}`")));
            };
            if partitions < found.count() {
                let detail = format!("`{topic}` has {} partitions already", found.count());
                return Err(LogError::Configuration {
                    trouble: Trouble::new(Call::Arrange, Cause::Unfit, detail),
                    fix: "a topic's partitions can only become more".to_owned(),
                });
            }
            let grown = broker.grow(topic, partitions);
            grown.map_err(|unwritten| unwritten.again(Call::Arrange))
        })
    }

    fn trim(
        &mut self,
        partition: &TopicPartition,
        before: Offset,
        _wait: Duration,
    ) -> Result<(), LogError> {
        self.at(Call::Arrange, |broker| {
            if broker.log(partition).is_none() {
                return Err(missing(Call::Arrange, &format!("`{partition}`")));
            }
            let trimmed = broker.trim(partition, before.0);
            trimmed.map_err(|unwritten| unwritten.again(Call::Arrange))
        })
    }

    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        _wait: Duration,
    ) -> Result<Vec<Option<Committed>>, LogError> {
        self.at(Call::Committed, |broker| {
            let each = partitions.iter().map(|partition| broker.committed(group, partition));
            each.collect::<Result<_, ()>>().map_err(|()| {
                let detail = "a transaction that changes the answer is undecided";
                LogError::Retry(Trouble::new(Call::Committed, Cause::Undecided, detail))
            })
        })
    }

    fn bounds(
        &mut self,
        partition: &TopicPartition,
        isolation: Isolation,
        _wait: Duration,
    ) -> Result<Bounds, LogError> {
        self.at(Call::Bounds, |broker| {
            let Some(log) = broker.log(partition) else {
                return Err(missing(Call::Bounds, &format!("`{partition}`")));
            };
            Ok(Bounds { first: Offset(log.first()), end: Offset(log.end(isolation)) })
        })
    }
}
