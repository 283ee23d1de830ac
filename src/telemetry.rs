//! Logs and metrics: how they are written, and every metric by name, once.
//!
//! **Invariant:** labels come from closed lists; no tenant, resource or actor is ever one.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Counter: events by wire format and outcome.
pub const EVENTS: &str = "driftline_events_total";
/// Counter: records read.
pub const RECORDS: &str = "driftline_records_total";
/// Counter: refused events by reason.
pub const DEAD: &str = "driftline_dead_letters_total";
/// Counter: alerts by severity and step.
pub const ALERTS: &str = "driftline_alerts_total";
/// Counter: evaluations that used up their budget, by whose expression it was.
pub const EXHAUSTED: &str = "driftline_expressions_exhausted_total";
/// Gauge: findings that are open.
pub const OPEN: &str = "driftline_findings_open";
/// Counter: content taken up, or refused, while running.
pub const RELOADS: &str = "driftline_content_reloads_total";
/// Gauge: when the content in use was loaded.
pub const LOADED: &str = "driftline_content_loaded_timestamp_seconds";
/// Gauge: always 1, labelled with the version.
pub const BUILD: &str = "driftline_build_info";

/// The label of events in no recognised format.
pub const NO_FORMAT: &str = "none";

/// Every metric with its help text; `driftline_build_info` aside, in order of the pipeline.
pub const METRICS: [(&str, Sort, &str); 9] = [
    (BUILD, Sort::Gauge, "Always 1; the label `version` tells which Driftline this is."),
    (RECORDS, Sort::Counter, "Records read."),
    (EVENTS, Sort::Counter, "Events by wire format and outcome; each has exactly one outcome."),
    (DEAD, Sort::Counter, "Refused events by reason."),
    (ALERTS, Sort::Counter, "Alerts by severity and step of the finding's life."),
    (
        EXHAUSTED,
        Sort::Counter,
        "Evaluations that used up their budget, by detector, derived facet or mapping entry.",
    ),
    (OPEN, Sort::Gauge, "Findings that are open now."),
    (
        RELOADS,
        Sort::Counter,
        "Times that content was to be loaded anew, by result: `taken` or `kept`.",
    ),
    (LOADED, Sort::Gauge, "When the content in use was loaded, in seconds since 1970."),
];

/// What sort of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Starts logging to stderr. `RUST_LOG` wins over `verbose`; a second call changes nothing.
pub fn start_logs(format: LogFormat, verbose: u8, colour: bool) {
    let level = match verbose {
        0 => "warn",
        1 => "driftline=info,warn",
        2 => "driftline=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour);
    // The error says that logging was started before, as in tests.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Describes every metric to the installed recorder and sets those that never change.
pub fn describe() {
    for (name, sort, help) in METRICS {
        match sort {
            Sort::Counter => metrics::describe_counter!(name, help),
            Sort::Gauge => metrics::describe_gauge!(name, help),
        }
    }
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_the_conventions_of_prometheus() {
        for (name, sort, help) in METRICS {
            assert!(name.starts_with("driftline_"), "{name}");
            assert_eq!(name.ends_with("_total"), sort == Sort::Counter, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }
}
