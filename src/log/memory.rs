//! A log in this process's memory, with Kafka's meaning: transactions, fencing, groups and their
//! generations, the last stable offset, compaction, retention; and faults on demand.
//!
//! A [`Memory`] is a handle to one broker, and stands for one process of it: what was made from
//! it lives and dies together. [`Memory::process`] is another process at the same broker. Time
//! is told by [`Memory::tick`]. In simulations nothing ever waits: a poll without anything to
//! show returns at once; [`Memory::waiting`] is for a service, where it waits for other threads.
//!
//! [`Memory::in_folder`] keeps all of it in a folder too, which another process opens where this
//! one ended, however it ended.
//!
//! What is simplified: producing is not a request of its own but part of `drain` (an idempotent
//! producer's retries are invisible in Kafka too); a group's members learn of a new generation
//! at their next poll; replication and several brokers are not there.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Timestamp;

use super::{Call, Commit, Isolation, Log, LogError, Membership, Outgoing, Promise};

mod admin;
mod broker;
mod consumer;
pub mod disk;
pub mod faults;
mod groups;
mod keeping;
mod partition;
mod producer;
mod reader;
mod topics;
mod transactions;

pub use admin::MemoryAdmin;
pub use consumer::{MemoryConsumer, MemoryMember};
pub use disk::DiskError;
pub use faults::{Dice, Fault, Rates};
pub use producer::MemoryProducer;
pub use reader::MemoryReader;

use broker::{Broker, ProcessId, again};
use disk::Unwritten;

/// Called before every call of a client, by no lock held: a simulation may let others go first.
pub type Gate = dyn Fn(Call) + Send + Sync;

/// A log in memory, as one process sees it.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
    process: ProcessId,
    gate: Option<Arc<Gate>>,
}

struct Shared {
    broker: Mutex<Broker>,
    /// Told whenever there may be something new to read.
    news: Condvar,
    waits: bool,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("process", &self.process).finish_non_exhaustive()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// A log without topics, where nothing waits.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Broker::new(), false)
    }

    /// A log without topics, where polls wait for other threads.
    #[must_use]
    pub fn waiting() -> Self {
        Self::with(Broker::new(), true)
    }

    /// A log that is kept in a folder, as the last process left it there; an empty one where the
    /// folder is not there, or empty. Polls wait for other threads. What was decided and answered
    /// outlives the process; what a power cut may take is told at [`disk`].
    ///
    /// Members, generations and the owners of transactional ids are not kept: whoever had them is
    /// dead, and what it left open is aborted.
    ///
    /// # Errors
    /// Where the folder cannot be used, another process has it, or what it holds cannot be read.
    pub fn in_folder(path: impl AsRef<std::path::Path>) -> Result<Self, DiskError> {
        Ok(Self::with(disk::open(path.as_ref())?, true))
    }

    fn with(broker: Broker, waits: bool) -> Self {
        let broker = Mutex::new(broker);
        let shared = Shared { broker, news: Condvar::new(), waits };
        Self { shared: Arc::new(shared), process: 0, gate: None }
    }

    /// Another process at the same broker.
    #[must_use]
    pub fn process(&self) -> Self {
        let process = self.broker().number();
        Self { shared: Arc::clone(&self.shared), process, gate: self.gate.clone() }
    }

    /// The same process, whose clients made from now on pass this gate at every call.
    #[must_use]
    pub fn behind(self, gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Tells the time, which never goes back.
    pub fn tick(&self, now: Timestamp) {
        self.broker().advance(now);
        self.shared.news.notify_all();
    }

    /// The time last told.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.broker().now()
    }

    /// Has things go wrong from now on, as the seed draws them.
    pub fn set_faults(&self, seed: u64, rates: Rates) {
        self.broker().set_faults(seed, rates);
    }

    /// Has the next call of a sort go wrong, whoever makes it.
    pub fn fail_next(&self, call: Call, fault: Fault) {
        self.broker().injector().script(call, fault);
    }

    /// Kills this process: nothing of it is heard again, and what it had open stays open until
    /// others time it out.
    pub fn crash(&self) {
        self.broker().crash(self.process);
    }

    /// Whether this process was killed, by whomever.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.broker().is_dead(self.process)
    }

    /// Stops this process's heart: it shows no sign of life until [`Memory::thaw`].
    pub fn freeze(&self) {
        self.broker().freeze(self.process);
    }

    /// Lets it beat again.
    pub fn thaw(&self) {
        self.broker().thaw(self.process);
    }

    /// Compacts a topic, and deletes what is due, at once.
    pub fn clean(&self, topic: &str) {
        self.broker().clean(topic);
    }

    /// Sends records, and commits for a group beside them how far their source was read: all of
    /// it or nothing. The group needs no members, and what is committed for no topic's partition.
    ///
    /// # Errors
    /// [`LogError::Retry`] where nothing was done: call again. [`LogError::Refused`] where one of
    /// the records can never be sent.
    pub fn pour(
        &self,
        records: &[Outgoing<'_>],
        group: &str,
        commit: &Commit,
    ) -> Result<(), LogError> {
        const CALL: Call = Call::Drain;
        let mut broker = self.call(CALL);
        let go = broker.enter(self.process, CALL).map_err(|halt| again(CALL, halt))?;
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            placed.push((producer::place(&mut broker, record)?, producer::stored(record)));
        }
        let poured = broker.pour(placed, group, commit);
        broker.leave(self.process, go).map_err(|halt| again(CALL, halt))?;
        drop(broker);
        self.news();
        poured.map_err(|unwritten| {
            self.rest(&unwritten);
            unwritten.again(CALL)
        })
    }

    /// Lets a moment pass where something could not be written: whoever tries again at once would
    /// do nothing else. No lock is held.
    fn rest(&self, unwritten: &Unwritten) {
        /// A moment.
        const REST: Duration = Duration::from_millis(500);
        if self.shared.waits && !unwritten.is_broken() {
            std::thread::sleep(REST);
        }
    }

    /// The broker, after others were let go first.
    fn call(&self, call: Call) -> MutexGuard<'_, Broker> {
        if let Some(gate) = &self.gate {
            gate(call);
        }
        self.broker()
    }

    /// The broker. A thread that panicked while it had it left it whole: every change is made by
    /// steps that cannot fail.
    fn broker(&self) -> MutexGuard<'_, Broker> {
        self.shared.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) {
        self.shared.news.notify_all();
    }

    /// Waits for news, no longer than `wait`; at once where nothing waits.
    fn wait<'b>(&self, broker: MutexGuard<'b, Broker>, wait: Duration) -> MutexGuard<'b, Broker> {
        if !self.shared.waits || wait.is_zero() {
            return broker;
        }
        let waited = self.shared.news.wait_timeout(broker, wait);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Log for Memory {
    type Member = MemoryMember;
    type Reader = MemoryReader;
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;
    type Admin = MemoryAdmin;

    fn reader(&self, isolation: Isolation) -> Result<MemoryReader, LogError> {
        Ok(MemoryReader::new(self.clone(), isolation))
    }

    fn consumer(&self, membership: &Membership) -> Result<MemoryConsumer, LogError> {
        Ok(MemoryConsumer::new(self.clone(), membership.clone()))
    }

    fn producer(&self, promise: &Promise) -> Result<MemoryProducer, LogError> {
        Ok(MemoryProducer::new(self.clone(), promise.clone()))
    }

    fn admin(&self) -> Result<MemoryAdmin, LogError> {
        Ok(MemoryAdmin::new(self.clone()))
    }
}

/// Microseconds of a span; the longest where it does not fit.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
