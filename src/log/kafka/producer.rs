//! A producer: a queue that librdkafka sends from, and transactions.

use std::thread;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::util::Timeout;

use super::super::error::missing;
use super::super::{
    Call, Cause, Commit, Failure, LogError, Outgoing, Producer, Promise, To, TopicPartition,
    Trouble,
};
use super::block::Deadline;
use super::connection::{Connection, refused};
use super::consumer::{KafkaMember, offset_list};
use super::context::Told;
use super::errors::{cause_of, plain, transactional, undelivered};

/// Between two looks at what came in, at first and at most: each look costs a change of threads.
/// The library's own waits take 100 ms at least (rdkafka 0.39, `BaseProducer::poll`), which would
/// be most of a transaction.
const LOOK: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(1));

/// How long an abort lets what was sent arrive before it leaves the decision to another producer.
const SETTLE: Duration = Duration::from_secs(1);

/// Lines of the log that are served after a call that failed.
const LINES: usize = 64;

/// A producer of Kafka.
pub struct KafkaProducer {
    client: BaseProducer<Told>,
    transactional: bool,
    within: bool,
    /// A record of this transaction failed: it can only be aborted.
    spoilt: bool,
    failures: Vec<Failure>,
}

impl KafkaProducer {
    pub(super) fn new(connection: &Connection, promise: &Promise) -> Result<Self, LogError> {
        let config = connection.for_producer(promise);
        let client = config.create_with_context(Told::default());
        let client = client.map_err(|error| refused(&error))?;
        let transactional = matches!(promise, Promise::Transactional { .. });
        Ok(Self { client, transactional, within: false, spoilt: false, failures: Vec::new() })
    }

    fn told(&self) -> &Told {
        self.client.context()
    }

    /// Serves delivery reports, and keeps what failed.
    fn serve(&mut self) {
        self.client.poll(Duration::ZERO);
        for (tag, error) in self.told().failures() {
            let purged =
                matches!(error.rdkafka_error_code(), Some(Code::PurgeQueue | Code::PurgeInflight));
            let error = undelivered(&error, self.transactional);
            let error = self.told().explain(Call::Drain, error);
            // A fenced producer's library throws away what it still has.
            let fenced = self.client.client().fatal_error().is_some();
            let error = if purged && fenced { self.fenced(Call::Drain) } else { error };
            self.spoilt = self.within;
            self.failures.push(Failure { tag, error });
        }
    }

    fn fenced(&self, call: Call) -> LogError {
        let detail = self.client.client().fatal_error().map_or_else(
            || "the producer is of no further use".to_owned(),
            |(code, words)| format!("{code}: {words}"),
        );
        LogError::Fenced(Trouble::new(call, Cause::Fenced, detail))
    }

    fn needs_transaction(&self, call: Call) -> Result<(), LogError> {
        if self.within || !self.transactional {
            return Ok(());
        }
        Err(LogError::Stop(Trouble::new(call, Cause::State, "there is no transaction")))
    }

    /// What an error of a transactional call comes to, with the broker's reason where it is known.
    fn checked(
        &self,
        call: Call,
        done: Result<(), rdkafka::error::KafkaError>,
    ) -> Result<(), LogError> {
        match done {
            Ok(()) => {
                self.told().answered();
                Ok(())
            }
            Err(error) => {
                // The reason waits to be served, behind lines of the log.
                for _ in 0..LINES {
                    self.client.poll(Duration::ZERO);
                }
                Err(self.told().explain(call, transactional(call, &error)))
            }
        }
    }
}

impl Producer for KafkaProducer {
    type Member = KafkaMember;

    fn init(&mut self, wait: Duration) -> Result<(), LogError> {
        if !self.transactional {
            return Ok(());
        }
        let done = self.client.init_transactions(Timeout::After(wait));
        self.checked(Call::Init, done)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.checked(Call::Begin, self.client.begin_transaction())?;
        self.within = true;
        self.spoilt = false;
        self.failures.clear();
        Ok(())
    }

    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), LogError> {
        self.needs_transaction(Call::Send)?;
        let mut out: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(record.topic, record.tag);
        out.key = record.key;
        out.payload = record.value;
        // 0 has the library take its own clock.
        out.timestamp = Some(record.time.millis()).filter(|millis| *millis > 0);
        if let To::Partition(partition) = record.to {
            let place = TopicPartition { topic: record.topic.into(), partition };
            let number = i32::try_from(partition.0)
                .map_err(|_| missing(Call::Send, &format!("`{place}`")))?;
            out.partition = Some(number);
        }
        if !record.headers.is_empty() {
            let empty = OwnedHeaders::new_with_capacity(record.headers.len());
            out.headers = Some(record.headers.iter().fold(empty, |headers, (key, value)| {
                headers.insert(Header { key, value: Some(*value) })
            }));
        }
        let Err((error, _)) = self.client.send(out) else { return Ok(()) };
        if self.client.client().fatal_error().is_some() {
            return Err(self.fenced(Call::Send));
        }
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        Err(match cause_of(code) {
            Cause::State => {
                LogError::Abort(Trouble::new(Call::Send, Cause::State, error.to_string()))
            }
            Cause::Missing => missing(Call::Send, &destination(record)),
            _ => plain(Call::Send, &error),
        })
    }

    fn drain(&mut self, wait: Duration) -> usize {
        let deadline = Deadline::after(wait);
        let (mut look, longest) = LOOK;
        loop {
            self.serve();
            let left = usize::try_from(self.client.in_flight_count()).unwrap_or_default();
            if left == 0 || deadline.left().is_zero() {
                return left;
            }
            thread::sleep(look);
            look = (look * 2).min(longest);
        }
    }

    fn failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    fn send_offsets(
        &mut self,
        offsets: &[Commit],
        member: &KafkaMember,
        wait: Duration,
    ) -> Result<(), LogError> {
        self.needs_transaction(Call::SendOffsets)?;
        if offsets.is_empty() {
            // The library would do nothing and say that all is well.
            let detail = "a transaction without offsets would not be fenced";
            return Err(LogError::Stop(Trouble::new(Call::SendOffsets, Cause::State, detail)));
        }
        let offsets = offset_list(offsets);
        let done = self.client.send_offsets_to_transaction(&offsets, &member.0, wait);
        self.checked(Call::SendOffsets, done)
    }

    fn commit(&mut self) -> Result<(), LogError> {
        self.needs_transaction(Call::Commit)?;
        if self.spoilt || self.client.in_flight_count() > 0 {
            let detail = "records of the transaction were not delivered";
            return Err(LogError::Abort(Trouble::new(Call::Commit, Cause::Delivery, detail)));
        }
        // Any bound of ours could leave the library and the broker of two minds (`rdkafka.h`).
        let done = self.client.commit_transaction(Timeout::Never);
        let done = self.checked(Call::Commit, done);
        self.within = matches!(done, Err(LogError::Abort(_)));
        done
    }

    fn abort(&mut self, wait: Duration) -> Result<(), LogError> {
        if !self.within {
            return Ok(());
        }
        self.within = false;
        let deadline = Deadline::after(wait);
        // An abort that overtakes what was sent does not hold for it: a late record, or the request
        // that adds its partition, would meet the next transaction (librdkafka issue 4849). Where a
        // broker answers, it is waited for; where none does, the next producer of this name fences
        // what may still arrive, which no abort of this one's could.
        let left = self.drain(SETTLE.min(wait / 2));
        if left > 0 {
            let detail = format!("{left} records may still arrive; another producer has to decide");
            return Err(LogError::Unknown(Trouble::new(Call::Abort, Cause::Delivery, detail)));
        }
        self.failures.clear();
        let left = deadline.left().max(Duration::from_millis(100));
        self.checked(Call::Abort, self.client.abort_transaction(left))
    }
}

fn destination(record: &Outgoing<'_>) -> String {
    match record.to {
        To::Partition(partition) => format!("`{}[{}]`", record.topic, partition.0),
        To::Key => format!("topic `{}`", record.topic),
    }
}
