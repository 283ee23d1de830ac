//! What workers tell, into metrics.
//!
//! Series of closed lists are there from the start, at 0: what first counts 1 is a rise that
//! Prometheus sees. Those of topics, partitions and detectors come as they are met, up to a
//! maximum each. **Invariant:** an event is counted without an allocation and without a lock.

use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use rustc_hash::FxHashMap;

use crate::model::{DeadReason, Format, Limit, Outcome, Severity, Step};
use crate::web::health;
use crate::worker::{Condition, Delivery, End, Happening, Holding, Moved, Observer, Role};

use super::declared::{
    self, MAX_DESTINATIONS, MAX_DETECTORS, MAX_PARTITIONS, MAX_TOPICS, NO_CAUSE, NO_FORMAT, STEPS,
    causes,
};

/// Records what one worker tells. Each worker has its own, by [`Pipeline::of`]: all write the
/// same series.
pub struct Pipeline {
    series: Arc<Series>,
    role: Role,
    /// The condition last told, by its place in [`health::CONDITIONS`].
    condition: Mutex<Option<usize>>,
}

/// The series of all workers of a process, each found or made once.
pub struct Series {
    /// By format, the last place for none, and outcome.
    events: [[OnceLock<Counter>; Outcome::ALL.len()]; FORMATS],
    ages: [OnceLock<Histogram>; FORMATS],
    dead: [Counter; DeadReason::ALL.len()],
    limits: [Counter; Limit::ALL.len()],
    alerts: [[Counter; STEPS.len()]; Severity::ALL.len()],
    latency: [Histogram; Severity::ALL.len()],
    detectors: Known<Box<str>, Counter>,
    transactions: [Counter; End::ALL.len()],
    transaction: Histogram,
    restore: Histogram,
    restored: Counter,
    roles: [OnceLock<OfRole>; Role::ALL.len()],
    topics: Known<Box<str>, Counter>,
    places: Known<(Box<str>, u32), Place>,
    partitions: Known<u32, Held>,
    destinations: Known<Box<str>, Told>,
    refused: Counter,
}

/// Formats, and none.
const FORMATS: usize = Format::ALL.len() + 1;

struct OfRole {
    batch: Histogram,
    records: Histogram,
    moved: [Counter; Moved::ALL.len()],
    failed: Vec<(&'static str, Counter)>,
    workers: [Gauge; health::CONDITIONS.len()],
}

/// A partition that is read.
#[derive(Clone)]
struct Place {
    lag: Gauge,
    halted: Gauge,
}

/// A partition of the state.
#[derive(Clone)]
struct Held {
    resources: Gauge,
    bytes: Gauge,
    findings: Gauge,
    torn: Counter,
}

/// A destination.
#[derive(Clone)]
struct Told {
    deliveries: [Counter; Delivery::ALL.len()],
    latency: Histogram,
    outbox: Gauge,
    summarised: Counter,
}

impl Told {
    fn new(name: &str) -> Self {
        let label = || name.to_owned();
        Self {
            deliveries: Delivery::ALL.map(|how| {
                let labels = [("destination", label()), ("outcome", how.as_str().to_owned())];
                counter!(declared::DELIVERIES, &labels)
            }),
            latency: histogram!(declared::DELIVERY, "destination" => label()),
            outbox: gauge!(declared::OUTBOX, "destination" => label()),
            summarised: counter!(declared::SUMMARISED, "destination" => label()),
        }
    }
}

/// Series that come as they are met, up to a maximum.
struct Known<K, V> {
    all: RwLock<FxHashMap<K, V>>,
    at_most: usize,
}

impl<K: Eq + Hash, V: Clone> Known<K, V> {
    fn new(at_most: usize) -> Self {
        Self { all: RwLock::default(), at_most }
    }

    /// The series of that key, made where there is room.
    fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> Option<V> {
        let known = self.all.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if known.is_some() {
            return known;
        }
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.at_most && !all.contains_key(&key) {
            return None;
        }
        let made = make(&key);
        Some(all.entry(key).or_insert(made).clone())
    }
}

impl Series {
    /// Registers what can be known beforehand with the recorder that is installed.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            events: Default::default(),
            ages: Default::default(),
            dead: DeadReason::ALL
                .map(|reason| counter!(declared::DEAD, "reason" => reason.as_str())),
            limits: Limit::ALL.map(|limit| counter!(declared::LIMITS, "limit" => limit.as_str())),
            alerts: Severity::ALL.map(|severity| {
                STEPS.map(|step| {
                    let (severity, step) = (severity.as_str(), step.as_str());
                    counter!(declared::ALERTS, "severity" => severity, "step" => step)
                })
            }),
            latency: Severity::ALL
                .map(|severity| histogram!(declared::LATENCY, "severity" => severity.as_str())),
            detectors: Known::new(MAX_DETECTORS),
            transactions: End::ALL
                .map(|end| counter!(declared::TRANSACTIONS, "outcome" => end.as_str())),
            transaction: histogram!(declared::TRANSACTION),
            restore: histogram!(declared::RESTORE),
            restored: counter!(declared::RESTORED),
            roles: Default::default(),
            topics: Known::new(MAX_TOPICS),
            places: Known::new(MAX_PARTITIONS),
            partitions: Known::new(MAX_PARTITIONS),
            destinations: Known::new(MAX_DESTINATIONS),
            refused: counter!(declared::REFUSED),
        })
    }

    fn event(&self, format: Option<Format>, outcome: Outcome, age: Option<i64>) {
        let place = format.map_or(Format::ALL.len(), |format| format as usize);
        let name = || format.map_or(NO_FORMAT, Format::as_str);
        let counter = self.events[place][outcome as usize].get_or_init(
            || counter!(declared::EVENTS, "format" => name(), "outcome" => outcome.as_str()),
        );
        counter.increment(1);
        if let Some(age) = age {
            let histogram =
                self.ages[place].get_or_init(|| histogram!(declared::AGE, "format" => name()));
            // A clock ahead of the broker's makes an event arrive before its time.
            histogram.record(number(u64::try_from(age).unwrap_or(0)) / MICROS);
        }
    }

    fn consumed(&self, topic: &str, partition: u32, records: u64, lag: u64) {
        match self
            .topics
            .get(topic.into(), |topic| counter!(declared::RECORDS, "topic" => topic.to_string()))
        {
            Some(counter) => counter.increment(records),
            None => self.refused.increment(1),
        }
        if let Some(place) = self.place(topic, partition) {
            place.lag.set(number(lag));
            place.halted.set(0.0);
        }
    }

    fn place(&self, topic: &str, partition: u32) -> Option<Place> {
        let place = self.places.get((topic.into(), partition), |(topic, partition)| {
            let labels = [("topic", topic.to_string()), ("partition", partition.to_string())];
            Place { lag: gauge!(declared::LAG, &labels), halted: gauge!(declared::HALTED, &labels) }
        });
        if place.is_none() {
            self.refused.increment(1);
        }
        place
    }

    fn alert(&self, detector: &str, severity: Severity, step: Step, latency: Duration) {
        self.alerts[severity as usize][step as usize].increment(1);
        self.latency[severity as usize].record(latency);
        match self.detectors.get(
            detector.into(),
            |detector| counter!(declared::DETECTORS, "detector" => detector.to_string()),
        ) {
            Some(counter) => counter.increment(1),
            None => self.refused.increment(1),
        }
    }

    fn held(&self, partition: u32) -> Option<Held> {
        let held = self.partitions.get(partition, |partition| {
            let labels = [("partition", partition.to_string())];
            Held {
                resources: gauge!(declared::RESOURCES, &labels),
                bytes: gauge!(declared::STATE_BYTES, &labels),
                findings: gauge!(declared::OPEN, &labels),
                torn: counter!(declared::TORN, &labels),
            }
        });
        if held.is_none() {
            self.refused.increment(1);
        }
        held
    }

    fn hold(&self, partition: u32, holding: Holding) {
        let Some(held) = self.held(partition) else { return };
        held.resources.set(number(holding.resources as u64));
        held.bytes.set(number(holding.bytes as u64));
        held.findings.set(number(holding.findings as u64));
    }

    fn destination(&self, name: &str) -> Option<Told> {
        let told = self.destinations.get(name.into(), |name| Told::new(name));
        if told.is_none() {
            self.refused.increment(1);
        }
        told
    }

    fn delivery(&self, destination: &str, how: Delivery, latency: Option<Duration>) {
        let Some(told) = self.destination(destination) else { return };
        told.deliveries[how as usize].increment(1);
        if let Some(latency) = latency {
            told.latency.record(latency);
        }
    }

    fn role(&self, role: Role) -> &OfRole {
        self.roles[role as usize].get_or_init(|| OfRole::new(role))
    }
}

impl OfRole {
    fn new(role: Role) -> Self {
        let role = role.as_str();
        Self {
            batch: histogram!(declared::BATCH, "role" => role),
            records: histogram!(declared::BATCH_RECORDS, "role" => role),
            moved: Moved::ALL.map(
                |moved| counter!(declared::REBALANCED, "role" => role, "outcome" => moved.as_str()),
            ),
            failed: causes()
                .into_iter()
                .map(|cause| (cause, counter!(declared::FAILED, "role" => role, "reason" => cause)))
                .collect(),
            workers: health::CONDITIONS.map(
                |condition| gauge!(declared::WORKERS, "role" => role, "condition" => condition),
            ),
        }
    }

    fn failed(&self, cause: &str) {
        let of = |name| self.failed.iter().find(|(own, _)| *own == name);
        if let Some((_, counter)) = of(cause).or_else(|| of(NO_CAUSE)) {
            counter.increment(1);
        }
    }
}

impl Pipeline {
    /// For one worker of that role.
    #[must_use]
    pub fn of(role: Role, series: &Arc<Series>) -> Self {
        series.role(role);
        Self { series: Arc::clone(series), role, condition: Mutex::new(None) }
    }

    fn is(&self, condition: Condition) {
        let place = health::place_of(condition);
        let mut last = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == Some(place) {
            return;
        }
        let workers = &self.series.role(self.role).workers;
        if let Some(before) = last.replace(place) {
            workers[before].decrement(1.0);
        }
        workers[place].increment(1.0);
    }

    fn left(&self, topic: &str, partition: u32) {
        if let Some(place) = self.series.place(topic, partition) {
            place.lag.set(0.0);
            place.halted.set(0.0);
        }
        if self.role == Role::Detect {
            self.series.hold(partition, Holding::default());
        }
    }
}

impl Observer for Pipeline {
    /// The role is the one this was made for.
    fn happened(&self, _: Role, what: &Happening<'_>) {
        let series = &*self.series;
        match *what {
            Happening::Event { format, outcome, age } => series.event(format, outcome, age),
            Happening::Consumed { topic, partition, records, lag } => {
                series.consumed(topic, partition, records, lag);
            }
            Happening::Dead(reason) => series.dead[reason as usize].increment(1),
            Happening::Reached(limit, times) => series.limits[limit as usize].increment(times),
            Happening::Batch { records, took } => {
                let role = series.role(self.role);
                role.batch.record(took);
                role.records.record(number(records));
            }
            Happening::Transaction(end, took) => {
                series.transactions[end as usize].increment(1);
                series.transaction.record(took);
            }
            Happening::Alert { detector, severity, step, latency } => {
                series.alert(detector, severity, step, latency);
            }
            Happening::Rebalance(moved, count) => {
                series.role(self.role).moved[moved as usize].increment(count as u64);
            }
            Happening::Restored { rows, took, .. } => {
                series.restored.increment(rows);
                series.restore.record(took);
            }
            Happening::Holding(partition, holding) => series.hold(partition, holding),
            Happening::Left { topic, partition } => self.left(topic, partition),
            Happening::Torn(partition) => {
                if let Some(held) = series.held(partition) {
                    held.torn.increment(1);
                }
            }
            Happening::Halted { topic, partition, .. } => {
                if let Some(place) = series.place(topic, partition) {
                    place.halted.set(1.0);
                }
            }
            Happening::Delivery { destination, how, latency } => {
                series.delivery(destination, how, latency);
            }
            Happening::Summarised(destination, alerts) => {
                if let Some(told) = series.destination(destination) {
                    told.summarised.increment(alerts);
                }
            }
            Happening::Outbox(destination, alerts) => {
                if let Some(told) = series.destination(destination) {
                    told.outbox.set(number(alerts as u64));
                }
            }
            Happening::Failed(cause) => series.role(self.role).failed(cause),
            Happening::Condition(condition) => self.is(condition),
        }
    }
}

/// Microseconds in a second.
const MICROS: f64 = 1e6;

#[expect(clippy::cast_precision_loss, reason = "metrics are doubles; exact below 2^53")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
