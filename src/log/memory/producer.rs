//! A producer: a queue of its own, and transactions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Timestamp;

use super::super::spread::partition_of;
use super::super::{
    Call, Cause, Commit, Failure, LogError, Outgoing, Producer, Promise, To, TopicPartition,
    Trouble,
};
use super::broker::{Broker, Go, Halt, again, dead};
use super::consumer::{MemoryMember, refused_offsets};
use super::partition::Stored;
use super::reader::missing;
use super::transactions::{Identity, Refusal};
use super::{Memory, micros};

/// Records that wait to be sent, at most; as many as librdkafka's `queue.buffering.max.messages`.
const QUEUE: usize = 100_000;

/// A producer of [`Memory`].
#[derive(Debug)]
pub struct MemoryProducer {
    log: Memory,
    promise: Promise,
    identity: Option<Identity>,
    within: bool,
    /// Whether the broker heard of this transaction: one it never heard of needs no decision.
    heard: bool,
    queue: VecDeque<Queued>,
    failures: Vec<Failure>,
    /// Whether a record of this transaction failed: it can only be aborted.
    spoilt: bool,
}

#[derive(Debug)]
struct Queued {
    to: TopicPartition,
    record: Arc<Stored>,
    tag: usize,
}

impl MemoryProducer {
    pub(super) fn new(log: Memory, promise: Promise) -> Self {
        Self {
            log,
            promise,
            identity: None,
            within: false,
            heard: false,
            queue: VecDeque::new(),
            failures: Vec::new(),
            spoilt: false,
        }
    }

    /// The transactional id, and who this producer is.
    fn who(&self, call: Call) -> Result<(String, Identity), LogError> {
        match (&self.promise, self.identity) {
            (Promise::Transactional { id, .. }, Some(identity)) => Ok((id.clone(), identity)),
            (Promise::Transactional { .. }, None) => Err(state(call, "the producer was not begun")),
            (Promise::Idempotent, _) => Err(state(call, "the producer has no transactions")),
        }
    }

    fn transaction(&self, call: Call) -> Result<(String, Identity), LogError> {
        if !self.within {
            return Err(state(call, "there is no transaction"));
        }
        self.who(call)
    }

    fn failed(&mut self, tag: usize, cause: Cause, detail: &str) {
        self.failed_by(tag, LogError::Retry(Trouble::new(Call::Drain, cause, detail)));
    }

    /// Notes a failure; what may be tried again dooms a transaction.
    fn failed_by(&mut self, tag: usize, error: LogError) {
        let error = match (&self.promise, error) {
            (Promise::Transactional { .. }, LogError::Retry(trouble)) => match trouble.cause {
                Cause::Fenced => LogError::Fenced(trouble),
                _ => LogError::Abort(trouble),
            },
            (_, error) => error,
        };
        self.spoilt = self.within;
        self.failures.push(Failure { tag, error });
    }

    fn deliver(&mut self, broker: &mut Broker, queued: &Queued) -> Result<(), Refusal> {
        let record = Arc::clone(&queued.record);
        if let (Promise::Transactional { id, .. }, Some(who)) = (&self.promise, self.identity) {
            return broker.append_within((id, who), &queued.to, record);
        }
        broker.append(&queued.to, record);
        Ok(())
    }

    /// Sends what is queued; a fault strikes at one record, drawn, and all behind it.
    fn transmit(&mut self) {
        let log = self.log.clone();
        let mut broker = log.call(Call::Drain);
        let entered = broker.enter(log.process, Call::Drain);
        let count = self.queue.len() as u64;
        let struck = usize::try_from(broker.injector().dice().below(count)).unwrap_or_default();
        let queue = std::mem::take(&mut self.queue);
        // What is delivered once it is written, where anything is.
        let mut staged = Vec::new();
        for (number, queued) in queue.into_iter().enumerate() {
            let behind = number >= struck;
            match entered {
                Err(Halt::Dead) => break,
                Err(Halt::Down | Halt::Refused) if behind => {
                    self.failed(
                        queued.tag,
                        Cause::Delivery,
                        "the record was not delivered in time",
                    );
                    continue;
                }
                Ok(Go::Last) if behind => {
                    broker.crash(log.process);
                    break;
                }
                _ => {}
            }
            self.heard = true;
            if self.deliver(&mut broker, &queued).is_err() {
                self.failed(queued.tag, Cause::Fenced, "another producer has this id");
            } else if entered == Ok(Go::Unheard) && behind {
                self.failed(queued.tag, Cause::Delivery, "no answer came in time");
            } else if broker.is_kept() {
                staged.push(queued.tag);
            }
        }
        let appended = broker.append_staged();
        drop(broker);
        if let Err(unwritten) = appended {
            for tag in staged {
                self.failed_by(tag, unwritten.again(Call::Drain));
            }
            log.rest(&unwritten);
        }
        log.news();
    }

    /// Decides the transaction.
    fn end(&mut self, call: Call, commit: bool) -> Result<(), LogError> {
        let (id, who) = self.transaction(call)?;
        let log = self.log.clone();
        let mut broker = log.call(call);
        // Whatever comes of it, this transaction is over for its owner.
        self.within = false;
        if !self.heard {
            return Ok(());
        }
        let unknown = |halt| match halt {
            Halt::Dead => dead(call),
            Halt::Down | Halt::Refused => LogError::Unknown(Trouble::new(
                call,
                Cause::TimedOut,
                "no answer came: the transaction's outcome is not known",
            )),
        };
        let go = broker.enter(log.process, call).map_err(unknown)?;
        if let Go::LateAt(at) = go {
            broker.end_late(at, &id, who, commit);
            return Err(unknown(Halt::Refused));
        }
        let done = match broker.end(&id, who, commit) {
            Ok(()) => Ok(()),
            Err(Refusal::Fenced | Refusal::NoTransaction) => Err(fenced(call)),
            Err(Refusal::Concurrent) => {
                Err(broker.undecided(call).unwrap_or_else(|| unknown(Halt::Refused)))
            }
        };
        let unwritten = broker.unwritten();
        broker.leave(log.process, go).map_err(unknown)?;
        drop(broker);
        log.news();
        if let Some(unwritten) = unwritten.filter(|_| done.is_err()) {
            log.rest(&unwritten);
        }
        done
    }
}

impl Producer for MemoryProducer {
    type Member = MemoryMember;

    fn init(&mut self, _wait: Duration) -> Result<(), LogError> {
        const CALL: Call = Call::Init;
        let Promise::Transactional { id, timeout } = &self.promise else { return Ok(()) };
        let process = self.log.process;
        let mut broker = self.log.call(CALL);
        let go = broker.enter(process, CALL).map_err(|halt| again(CALL, halt))?;
        let unmarked = go == Go::Unmarked;
        let Ok(identity) = broker.init(id, micros(*timeout), unmarked) else {
            let detail = "the transaction before is not decided yet";
            let waits = LogError::Retry(Trouble::new(CALL, Cause::Undecided, detail));
            let Some(unwritten) = broker.unwritten() else { return Err(waits) };
            drop(broker);
            self.log.rest(&unwritten);
            return Err(unwritten.again(CALL));
        };
        broker.leave(process, go).map_err(|halt| again(CALL, halt))?;
        self.identity = Some(identity);
        Ok(())
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.who(Call::Begin)?;
        if self.within {
            return Err(state(Call::Begin, "there is a transaction already"));
        }
        self.within = true;
        self.heard = false;
        self.spoilt = false;
        Ok(())
    }

    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), LogError> {
        if matches!(self.promise, Promise::Transactional { .. }) {
            self.transaction(Call::Send)?;
        }
        if self.queue.len() >= QUEUE {
            let detail = format!("{QUEUE} records wait to be sent");
            return Err(LogError::Retry(Trouble::new(Call::Send, Cause::QueueFull, detail)));
        }
        let to = place(&mut self.log.call(Call::Send), record)?;
        self.queue.push_back(Queued { to, record: stored(record), tag: record.tag });
        Ok(())
    }

    fn drain(&mut self, _wait: Duration) -> usize {
        if !self.queue.is_empty() {
            self.transmit();
        }
        self.queue.len()
    }

    fn failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    fn send_offsets(
        &mut self,
        offsets: &[Commit],
        member: &MemoryMember,
        _wait: Duration,
    ) -> Result<(), LogError> {
        const CALL: Call = Call::SendOffsets;
        let (id, who) = self.transaction(CALL)?;
        if offsets.is_empty() {
            return Err(state(CALL, "a transaction without offsets would not be fenced"));
        }
        let process = self.log.process;
        let mut broker = self.log.call(CALL);
        let go = broker.enter(process, CALL).map_err(|halt| again(CALL, halt))?;
        self.heard = true;
        let MemoryMember { group, member, generation } = member;
        broker.announce_offsets(&id, who).map_err(|_| fenced(CALL))?;
        broker.may_commit(group, *member, *generation).map_err(refused_offsets)?;
        broker.add_offsets((&id, who), group, offsets).map_err(|_| fenced(CALL))?;
        broker.leave(process, go).map_err(|halt| again(CALL, halt))
    }

    fn commit(&mut self) -> Result<(), LogError> {
        self.transaction(Call::Commit)?;
        if self.spoilt || !self.queue.is_empty() {
            let detail = "records of the transaction were not delivered";
            return Err(LogError::Abort(Trouble::new(Call::Commit, Cause::Delivery, detail)));
        }
        self.end(Call::Commit, true)
    }

    fn abort(&mut self, _wait: Duration) -> Result<(), LogError> {
        self.queue.clear();
        self.failures.clear();
        if !self.within {
            return Ok(());
        }
        self.end(Call::Abort, false)
    }
}

/// A record as it is kept.
pub(super) fn stored(record: &Outgoing<'_>) -> Arc<Stored> {
    let headers = record.headers.iter().map(|(name, value)| ((*name).into(), value.to_vec()));
    Arc::new(Stored {
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: headers.collect(),
        time: Timestamp::from_millis(record.time.millis()),
    })
}

/// The partition a record goes to.
pub(super) fn place(
    broker: &mut Broker,
    record: &Outgoing<'_>,
) -> Result<TopicPartition, LogError> {
    let Some(topic) = broker.topic_mut(record.topic) else {
        let whole = format!("topic `{}`", record.topic);
        return Err(super::super::error::missing(Call::Send, &whole));
    };
    let bytes = record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
    if bytes > topic.largest() {
        let detail = format!("{bytes} bytes are more than `{}` takes", record.topic);
        return Err(LogError::Refused(Trouble::new(Call::Send, Cause::TooLarge, detail)));
    }
    let partition = match (record.to, record.key) {
        (To::Partition(partition), _) => partition.0,
        (To::Key, Some(key)) => partition_of(key, topic.count()).0,
        (To::Key, None) => topic.take_turn(),
    };
    let place = TopicPartition::new(record.topic, partition);
    if partition >= topic.count() { Err(missing(Call::Send, &place)) } else { Ok(place) }
}

fn fenced(call: Call) -> LogError {
    let detail = "another producer has this id, or the transaction lasted too long";
    LogError::Fenced(Trouble::new(call, Cause::Fenced, detail))
}

fn state(call: Call, detail: &str) -> LogError {
    LogError::Stop(Trouble::new(call, Cause::State, detail))
}
