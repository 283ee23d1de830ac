//! Asking and arranging.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic as KafkaTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionListElem};

use super::super::error::missing;
use super::super::{
    Admin, Bounds, Call, Committed, Created, Isolation, LogError, NewTopic, Offset, TopicInfo,
    TopicPartition,
};
use super::block::block_on;
use super::connection::{Connection, refused};
use super::context::{Told, list};
use super::errors::{by_code, plain};

/// Lines of a client's log that are served after each question.
const LINES: usize = 64;

/// An admin of Kafka. Its clients are made when they are first needed.
pub struct KafkaAdmin {
    connection: Arc<Connection>,
    arranging: Option<AdminClient<Told>>,
    /// By isolation and, for offsets, group.
    asking: BTreeMap<(bool, Option<String>), BaseConsumer<Told>>,
}

impl KafkaAdmin {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection, arranging: None, asking: BTreeMap::new() }
    }

    /// Asks a question by the client it needs, and says why where there is no answer.
    fn ask<T>(
        &mut self,
        call: Call,
        (isolation, group): (Isolation, Option<&str>),
        question: impl FnOnce(&BaseConsumer<Told>) -> Result<T, KafkaError>,
    ) -> Result<T, LogError> {
        let key = (isolation == Isolation::Committed, group.map(str::to_owned));
        let client = match self.asking.entry(key) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                let config = match group {
                    Some(group) => self.connection.for_offsets(group),
                    None => self.connection.for_reader(isolation),
                };
                let made = config.create_with_context(Told::default());
                free.insert(made.map_err(|error| refused(&error))?)
            }
        };
        let answer = question(client);
        // Serves its log, one line at a time, and the reason why no broker answers.
        for _ in 0..LINES {
            client.poll(Duration::ZERO);
        }
        match answer {
            Ok(answer) => {
                client.context().answered();
                Ok(answer)
            }
            Err(error) => Err(client.context().explain(call, plain(call, &error))),
        }
    }

    /// A topic's partitions and the copies of its first; `None` where there is no such topic.
    fn partitions(
        &mut self,
        call: Call,
        topic: &str,
        wait: Duration,
    ) -> Result<Option<(u32, u16)>, LogError> {
        let by = (Isolation::Uncommitted, None);
        let found = self.ask(call, by, |client| client.fetch_metadata(Some(topic), wait))?;
        let Some(found) = found.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(Code::from) {
            None | Some(Code::NoError) => {}
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Ok(None),
            Some(code) => return Err(by_code(call, code, &format!("topic `{topic}`: {code}"))),
        }
        let partitions = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
        let replicas = found.partitions().first().map_or(0, |first| first.replicas().len());
        Ok(Some((partitions, u16::try_from(replicas).unwrap_or(u16::MAX))))
    }

    fn arranging(&mut self) -> Result<&AdminClient<Told>, LogError> {
        if self.arranging.is_none() {
            let config = self.connection.for_admin();
            let made = config.create_with_context(Told::default());
            self.arranging = Some(made.map_err(|error| refused(&error))?);
        }
        self.arranging.as_ref().ok_or_else(|| missing(Call::Connect, "the client"))
    }
}

fn options(wait: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait))
}

/// What brokers answer, topic by topic.
type Answers = Result<Vec<Result<String, (String, Code)>>, KafkaError>;

/// The one answer to a request for one topic.
fn one(call: Call, what: &str, answers: Answers) -> Result<Result<(), Code>, LogError> {
    let mut answers = answers.map_err(|error| plain(call, &error))?;
    match answers.pop() {
        Some(Ok(_)) => Ok(Ok(())),
        Some(Err((_, Code::TopicAlreadyExists))) => Ok(Err(Code::TopicAlreadyExists)),
        Some(Err((_, code))) => Err(by_code(call, code, &format!("{what}: {code}"))),
        None => Err(by_code(call, Code::Unknown, &format!("{what}: no answer"))),
    }
}

impl Admin for KafkaAdmin {
    fn create(&mut self, topic: &NewTopic, wait: Duration) -> Result<Created, LogError> {
        // Tells first why nobody answers: the library's client for requests does not.
        if self.partitions(Call::Arrange, &topic.name, wait)?.is_some() {
            return Ok(Created::Already);
        }
        let replicas = topic.replicas.map_or(-1, i32::from);
        let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
        let copies = TopicReplication::Fixed(replicas);
        let mut asked = KafkaTopic::new(&topic.name, partitions, copies);
        for (name, value) in &topic.settings {
            asked = asked.set(name, value);
        }
        let client = self.arranging()?;
        let answers = block_on(client.create_topics([&asked], &options(wait)));
        match one(Call::Arrange, &format!("topic `{}`", topic.name), answers)? {
            Ok(()) => Ok(Created::New),
            Err(_) => Ok(Created::Already),
        }
    }

    fn describe(&mut self, topic: &str, wait: Duration) -> Result<Option<TopicInfo>, LogError> {
        const CALL: Call = Call::Describe;
        let Some((partitions, replicas)) = self.partitions(CALL, topic, wait)? else {
            return Ok(None);
        };
        let client = self.arranging()?;
        let asked = [ResourceSpecifier::Topic(topic)];
        let answers = block_on(client.describe_configs(&asked, &options(wait)));
        let mut answers = answers.map_err(|error| plain(CALL, &error))?;
        let found = match answers.pop() {
            Some(Ok(found)) => found,
            Some(Err(code)) => {
                return Err(by_code(CALL, code, &format!("settings of topic `{topic}`: {code}")));
            }
            None => return Ok(None),
        };
        let settings = found
            .entries
            .into_iter()
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect();
        Ok(Some(TopicInfo { partitions, replicas, settings }))
    }

    fn grow(&mut self, topic: &str, partitions: u32, wait: Duration) -> Result<(), LogError> {
        let count = usize::try_from(partitions).unwrap_or(usize::MAX);
        let client = self.arranging()?;
        let asked = NewPartitions::new(topic, count);
        let answers = block_on(client.create_partitions([&asked], &options(wait)));
        one(Call::Arrange, &format!("topic `{topic}`"), answers).map(|_| ())
    }

    fn trim(
        &mut self,
        partition: &TopicPartition,
        before: Offset,
        wait: Duration,
    ) -> Result<(), LogError> {
        let client = self.arranging()?;
        let asked = list(std::iter::once((partition, before.0)));
        let done = block_on(client.delete_records(&asked, &options(wait)));
        let done = done.map_err(|error| plain(Call::Arrange, &error))?;
        let failed = done.elements().into_iter().find_map(|element| element.error().err());
        failed.map_or(Ok(()), |error| Err(plain(Call::Arrange, &error)))
    }

    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        wait: Duration,
    ) -> Result<Vec<Option<Committed>>, LogError> {
        const CALL: Call = Call::Committed;
        let asked = list(partitions.iter().map(|place| (place, 0)));
        let by = (Isolation::Committed, Some(group));
        let found = self.ask(CALL, by, |client| client.committed_offsets(asked, wait))?;
        let each = partitions.iter().map(|place| {
            let partition = i32::try_from(place.partition.0).unwrap_or(-1);
            let Some(element) = found.find_partition(&place.topic, partition) else {
                return Ok(None);
            };
            element.error().map_err(|error| plain(CALL, &error))?;
            Ok(committed(&element))
        });
        each.collect()
    }

    fn bounds(
        &mut self,
        partition: &TopicPartition,
        isolation: Isolation,
        wait: Duration,
    ) -> Result<Bounds, LogError> {
        const CALL: Call = Call::Bounds;
        let number = i32::try_from(partition.partition.0)
            .map_err(|_| missing(CALL, &format!("`{partition}`")))?;
        // The library asks by the client's own isolation.
        let found = self.ask(CALL, (isolation, None), |client| {
            client.fetch_watermarks(&partition.topic, number, wait)
        });
        match found {
            Ok((first, end)) => Ok(Bounds {
                first: Offset(first.cast_unsigned()),
                end: Offset(end.cast_unsigned()),
            }),
            Err(LogError::Configuration { trouble, .. })
                if trouble.cause == super::super::Cause::Missing =>
            {
                Err(missing(CALL, &format!("`{partition}`")))
            }
            Err(error) => Err(error),
        }
    }
}

fn committed(element: &TopicPartitionListElem<'_>) -> Option<Committed> {
    let KafkaOffset::Offset(offset) = element.offset() else { return None };
    let next = Offset(u64::try_from(offset).ok()?);
    Some(Committed { next, receipt: element.metadata().to_owned() })
}
