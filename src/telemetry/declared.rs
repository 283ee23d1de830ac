//! Every metric, declared once: its name, sort, help, labels, and how many series it may have.

use crate::log::Cause;
use crate::model::{DeadReason, Format, Limit, Outcome, Severity, Step};
use crate::web::health;
use crate::worker::{Delivery, End, Moved, Role};

/// Gauge: always 1, labelled with the version.
pub const BUILD: &str = "driftline_build_info";
/// Counter: records read.
pub const RECORDS: &str = "driftline_records_total";
/// Gauge: records still to be read.
pub const LAG: &str = "driftline_consumer_lag_records";
/// Counter: events by wire format and outcome.
pub const EVENTS: &str = "driftline_events_total";
/// Histogram: from an event's own time to its arrival.
pub const AGE: &str = "driftline_event_age_seconds";
/// Counter: refused events by reason.
pub const DEAD: &str = "driftline_dead_letters_total";
/// Counter: alerts by severity and step.
pub const ALERTS: &str = "driftline_alerts_total";
/// Counter: alerts by detector.
pub const DETECTORS: &str = "driftline_detector_alerts_total";
/// Histogram: from an event's arrival to its alert's commit.
pub const LATENCY: &str = "driftline_detection_latency_seconds";
/// Histogram: how long batches take.
pub const BATCH: &str = "driftline_batch_duration_seconds";
/// Histogram: how large batches are.
pub const BATCH_RECORDS: &str = "driftline_batch_records";
/// Counter: transactions by how they ended.
pub const TRANSACTIONS: &str = "driftline_transactions_total";
/// Histogram: how long transactions take.
pub const TRANSACTION: &str = "driftline_transaction_duration_seconds";
/// Counter: partitions that came and went.
pub const REBALANCED: &str = "driftline_rebalanced_partitions_total";
/// Histogram: how long restoring a partition takes.
pub const RESTORE: &str = "driftline_restore_duration_seconds";
/// Counter: rows restored.
pub const RESTORED: &str = "driftline_restored_rows_total";
/// Gauge: resources in the state.
pub const RESOURCES: &str = "driftline_state_resources";
/// Gauge: bytes of the state's rows.
pub const STATE_BYTES: &str = "driftline_state_bytes";
/// Gauge: findings that are open.
pub const OPEN: &str = "driftline_findings_open";
/// Counter: partitions whose state and offsets disagreed.
pub const TORN: &str = "driftline_state_torn_total";
/// Gauge: partitions that wait for a person.
pub const HALTED: &str = "driftline_partition_halted";
/// Counter: failed calls to the broker.
pub const FAILED: &str = "driftline_log_failures_total";
/// Gauge: workers by how they are.
pub const WORKERS: &str = "driftline_workers";
/// Counter: times that a limit was reached.
pub const LIMITS: &str = "driftline_limits_reached_total";
/// Counter: content taken up, or refused, while running.
pub const RELOADS: &str = "driftline_content_reloads_total";
/// Gauge: when the content in use was loaded.
pub const LOADED: &str = "driftline_content_loaded_timestamp_seconds";
/// Counter: values that found no room among the series of their metric.
pub const REFUSED: &str = "driftline_series_refused_total";

/// Counter: tries to deliver alerts, by destination and outcome.
pub const DELIVERIES: &str = "driftline_deliveries_total";
/// Histogram: from an alert's commit to its delivery.
pub const DELIVERY: &str = "driftline_delivery_latency_seconds";
/// Gauge: alerts that a destination has still to take.
pub const OUTBOX: &str = "driftline_outbox_alerts";
/// Counter: alerts told in summaries.
pub const SUMMARISED: &str = "driftline_summarised_alerts_total";

/// The label of events in no recognised format.
pub const NO_FORMAT: &str = "none";
/// The label of a failure whose cause is in no list.
pub const NO_CAUSE: &str = "other";

/// Topics that a metric tells apart.
pub const MAX_TOPICS: usize = 64;
/// Partitions that a metric tells apart, over all topics.
pub const MAX_PARTITIONS: usize = 1_024;
/// Detectors that a metric tells apart.
pub const MAX_DETECTORS: usize = 1_024;
/// Destinations that a metric tells apart: as many as there may be.
pub const MAX_DESTINATIONS: usize = 32;

/// What sort of metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sort {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by their size, up to each of these bounds, which ascend.
    Histogram(&'static [f64]),
}

impl Sort {
    /// Prometheus' name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What a label may say.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these.
    Closed(fn() -> Vec<&'static str>),
    /// One of a set that configuration or content closes.
    Open {
        /// Which set, in words.
        of: &'static str,
        /// How many of them are told apart; what is beyond goes to [`REFUSED`].
        at_most: usize,
    },
}

/// A label.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it may say.
    pub values: Values,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its sort.
    pub sort: Sort,
    /// What it tells, in a sentence.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [Label],
    /// Whether the workers' [`super::Pipeline`] writes it.
    pub pipeline: bool,
}

impl Metric {
    /// How many time series it can have at most, as Prometheus counts them.
    #[must_use]
    pub fn max_series(&self) -> usize {
        let each = match self.sort {
            Sort::Counter | Sort::Gauge => 1,
            // One for each bound, one for no bound, the sum, the count.
            Sort::Histogram(bounds) => bounds.len() + 3,
        };
        // Partitions are counted over all topics.
        let placed = self.labels.iter().any(|label| label.name == "partition");
        let factor = |label: &Label| match label.values {
            _ if placed && label.name == "topic" => 1,
            Values::Closed(list) => list().len(),
            Values::Open { at_most, .. } => at_most,
        };
        self.labels.iter().map(factor).product::<usize>() * each
    }
}

/// Bounds in seconds of what is to take milliseconds and is bad from a minute on.
const LATENCIES: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];
/// Bounds in seconds of what a cloud takes to deliver: a second to a day.
const AGES: &[f64] = &[
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 14_400.0,
    86_400.0,
];
/// Bounds in seconds of a delivery: at once, after some tries, after an outage.
const DELIVERED: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// Bounds in seconds of a batch and a transaction.
const WORK: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds in seconds of a restore.
const RESTORES: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Bounds of a batch's records.
const SIZES: &[f64] = &[1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0];

const ROLE: Label = closed("role", || Role::ALL.map(Role::as_str).to_vec());
const FORMAT: Label =
    closed("format", || Format::ALL.into_iter().map(Format::as_str).chain([NO_FORMAT]).collect());
const OUTCOME: Label = closed("outcome", || Outcome::ALL.map(Outcome::as_str).to_vec());
const END: Label = closed("outcome", || End::ALL.map(End::as_str).to_vec());
const MOVED: Label = closed("outcome", || Moved::ALL.map(Moved::as_str).to_vec());
const HOW: Label = closed("outcome", || Delivery::ALL.map(Delivery::as_str).to_vec());
const REASON: Label = closed("reason", || DeadReason::ALL.map(DeadReason::as_str).to_vec());
const LIMIT: Label = closed("limit", || Limit::ALL.map(Limit::as_str).to_vec());
const CAUSE: Label = closed("reason", causes);
const SEVERITY: Label = closed("severity", || Severity::ALL.map(Severity::as_str).to_vec());
const STEP: Label = closed("step", || STEPS.map(Step::as_str).to_vec());
const CONDITION: Label = closed("condition", || health::CONDITIONS.to_vec());
const RESULT: Label = closed("result", || vec!["taken", "kept"]);
const TOPIC: Label = open("topic", "the topics that are read", MAX_TOPICS);
const PARTITION: Label = open("partition", "numbers of partitions", MAX_PARTITIONS);
const DETECTOR: Label = open("detector", "ids of detectors", MAX_DETECTORS);
const DESTINATION: Label =
    open("destination", "the destinations that are configured", MAX_DESTINATIONS);
const VERSION: Label = open("version", "Driftline's version", 1);

/// The steps of a finding's life, in order.
pub(super) const STEPS: [Step; 4] = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];

/// The names of what a call to the log fails by.
pub(super) fn causes() -> Vec<&'static str> {
    Cause::ALL.iter().map(|cause| cause.as_str()).chain(["hole"]).collect()
}

const fn closed(name: &'static str, list: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Closed(list) }
}

const fn open(name: &'static str, of: &'static str, at_most: usize) -> Label {
    Label { name, values: Values::Open { of, at_most } }
}

/// A metric that the workers' happenings are recorded by.
const fn worked(
    name: &'static str,
    sort: Sort,
    labels: &'static [Label],
    help: &'static str,
) -> Metric {
    Metric { name, sort, help, labels, pipeline: true }
}

/// A metric that is recorded elsewhere.
const fn other(
    name: &'static str,
    sort: Sort,
    labels: &'static [Label],
    help: &'static str,
) -> Metric {
    Metric { name, sort, help, labels, pipeline: false }
}

use Sort::{Counter, Gauge, Histogram};

/// Every metric, in the order of the pipeline.
pub const METRICS: &[Metric] = &[
    other(BUILD, Gauge, &[VERSION], "Always 1; the label `version` tells which Driftline this is."),
    worked(RECORDS, Counter, &[TOPIC], "Records read, by topic."),
    worked(
        LAG,
        Gauge,
        &[TOPIC, PARTITION],
        "Records behind the last one read, as the broker last said; 0 where another process reads.",
    ),
    worked(
        EVENTS,
        Counter,
        &[FORMAT, OUTCOME],
        "Events by wire format and outcome; each has exactly one outcome.",
    ),
    worked(
        AGE,
        Histogram(AGES),
        &[FORMAT],
        "From an event's own time to its arrival at the broker: the cloud's share of the delay.",
    ),
    worked(DEAD, Counter, &[REASON], "Refused records and events, by reason."),
    worked(
        ALERTS,
        Counter,
        &[SEVERITY, STEP],
        "Alerts by severity and step of the finding's life.",
    ),
    worked(DETECTORS, Counter, &[DETECTOR], "Alerts by the detector of their most severe reason."),
    worked(
        LATENCY,
        Histogram(LATENCIES),
        &[SEVERITY],
        "From an event's arrival at the broker to its alert's commit: Driftline's share of the delay.",
    ),
    worked(BATCH, Histogram(WORK), &[ROLE], "How long a batch takes, from first poll to commit."),
    worked(BATCH_RECORDS, Histogram(SIZES), &[ROLE], "How many records a batch has."),
    worked(
        TRANSACTIONS,
        Counter,
        &[END],
        "Transactions by how they ended; `found_` is settled by the receipt, as no answer came.",
    ),
    worked(TRANSACTION, Histogram(WORK), &[], "How long a transaction takes, from begin to end."),
    worked(
        DELIVERIES,
        Counter,
        &[DESTINATION, HOW],
        "Tries to deliver alerts, by how they ended; a delivered summary counts each alert in it.",
    ),
    worked(
        DELIVERY,
        Histogram(DELIVERED),
        &[DESTINATION],
        "From an alert's commit to its delivery.",
    ),
    worked(
        OUTBOX,
        Gauge,
        &[DESTINATION],
        "Alerts in memory that a destination has still to take; what finds no room waits in the topic.",
    ),
    worked(
        SUMMARISED,
        Counter,
        &[DESTINATION],
        "Alerts that were told in a summary in the place of a message of their own.",
    ),
    worked(
        REBALANCED,
        Counter,
        &[ROLE, MOVED],
        "Partitions that the group gave to this process or took from it.",
    ),
    worked(RESTORE, Histogram(RESTORES), &[], "How long restoring one partition's state takes."),
    worked(RESTORED, Counter, &[], "Rows of the state that were read to restore it."),
    worked(
        RESOURCES,
        Gauge,
        &[PARTITION],
        "Resources with a row in the state, deleted ones that are still remembered among them.",
    ),
    worked(STATE_BYTES, Gauge, &[PARTITION], "Bytes of the state's rows."),
    worked(OPEN, Gauge, &[PARTITION], "Findings that are open now."),
    worked(
        TORN,
        Counter,
        &[PARTITION],
        "Times that a partition's state and its committed offsets disagreed; the state was followed.",
    ),
    worked(
        HALTED,
        Gauge,
        &[TOPIC, PARTITION],
        "1 where a partition can't go on and waits for a person; the log says why.",
    ),
    worked(
        FAILED,
        Counter,
        &[ROLE, CAUSE],
        "Failed calls to the broker by cause; `generation` and `coordinator` come with every move.",
    ),
    worked(WORKERS, Gauge, &[ROLE, CONDITION], "Workers by how they are."),
    worked(
        LIMITS,
        Counter,
        &[LIMIT],
        "Times that a limit was reached, by its key under `limits`; the log tells by whom.",
    ),
    other(RELOADS, Counter, &[RESULT], "Times that content was to be loaded anew, by result."),
    other(LOADED, Gauge, &[], "When the content in use was loaded, in seconds since 1970."),
    worked(
        REFUSED,
        Counter,
        &[],
        "Values that were not recorded, as their metric has all the series it may have.",
    ),
];

/// The metric of that name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_the_conventions_of_prometheus() {
        for Metric { name, sort, help, .. } in METRICS {
            assert!(name.starts_with("driftline_"), "{name}");
            assert_eq!(name.ends_with("_total"), *sort == Sort::Counter, "{name}");
            let timed = name.contains("duration") || name.contains("latency");
            assert!(!timed || name.ends_with("_seconds"), "{name}");
            let reserved = ["_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
            assert!(!reserved, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }

    #[test]
    fn every_metric_is_declared_once_and_its_bounds_ascend() {
        for (place, metric) in METRICS.iter().enumerate() {
            let same = METRICS.iter().position(|other| other.name == metric.name);
            assert_eq!(same, Some(place), "{}", metric.name);
            if let Sort::Histogram(bounds) = metric.sort {
                assert!(bounds.is_sorted_by(|left, right| left < right), "{}", metric.name);
            }
        }
    }

    #[test]
    fn a_label_says_each_value_once_and_is_no_tenant_nor_resource() {
        for label in METRICS.iter().flat_map(|metric| metric.labels) {
            assert!(!["tenant", "account", "resource", "le", "quantile"].contains(&label.name));
            let Values::Closed(list) = label.values else { continue };
            let mut once = list();
            let all = once.len();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), all, "{}", label.name);
        }
    }
}
