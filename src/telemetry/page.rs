//! The page about metrics, from their declarations.

use std::fmt::Write as _;

use super::declared::{Label, METRICS, Metric, Sort, Values};

const INTRODUCTION: &str = "# Metrics

Printed from the declarations in `src/telemetry/declared.rs`; do not edit.

`/metrics` on `web.listen` shows them in Prometheus' text format. Units are seconds, bytes and plain
counts; counters end in `_total`. Labels say only what stands in a list, and no tenant, account, resource
or actor is ever one. Beyond the maximum of an open list nothing is recorded but
`driftline_series_refused_total`.

The service-level indicator is `driftline_detection_latency_seconds`; beside it stands
`driftline_event_age_seconds`, the part of the delay that the cloud has before Driftline sees anything.
Series of closed lists begin at 0, so that `increase()` sees the first of their events. A dead process
can't tell its own lag: watch it from outside as well.

";

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    let most: usize = METRICS.iter().map(Metric::max_series).sum();
    let _ = writeln!(text, "A process has at most {most} series.\n");
    text.push_str("| metric | sort | labels | series at most | |\n|---|---|---|---|---|\n");
    for metric in METRICS {
        let labels: Vec<String> =
            metric.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        let (name, sort) = (metric.name, metric.sort.as_str());
        let (labels, most, help) = (labels.join(", "), metric.max_series(), metric.help);
        let _ = writeln!(text, "| `{name}` | {sort} | {labels} | {most} | {help} |");
    }
    text.push_str("\n## What labels say\n\n");
    for metric in METRICS.iter().filter(|metric| !metric.labels.is_empty()) {
        let _ = writeln!(text, "`{}`", metric.name);
        metric.labels.iter().for_each(|label| line(&mut text, label));
        text.push('\n');
    }
    text.push_str("## Bounds of histograms\n\n");
    for metric in METRICS {
        let Sort::Histogram(bounds) = metric.sort else { continue };
        let bounds: Vec<String> = bounds.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "- `{}`: {}", metric.name, bounds.join(", "));
    }
    text
}

fn line(text: &mut String, label: &Label) {
    let _ = match label.values {
        Values::Closed(list) => writeln!(text, "- `{}`: {}", label.name, list().join(", ")),
        Values::Open { of, at_most } => {
            writeln!(text, "- `{}`: {of}, at most {at_most}", label.name)
        }
    };
}
