//! Where metrics are kept and how they are shown: counters and gauges by the Prometheus exporter,
//! histograms in bins of our own.
//!
//! The exporter keeps every value of a histogram until it is next asked, so that a process nobody
//! scrapes would grow with its traffic; and it reads the clock for each. A bin is a counter.
//!
//! **Invariant:** what is kept grows with the number of series and with nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::declared::{self, METRICS, Metric, Sort};

/// Why metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A process has one recorder.
    #[error("metrics are recorded already")]
    Taken,
}

/// Keeps what is recorded.
pub struct Recorder {
    exporter: PrometheusRecorder,
    histograms: Arc<Histograms>,
}

/// Shows what is recorded. Clones show the same.
#[derive(Clone)]
pub struct Exposition {
    exporter: PrometheusHandle,
    histograms: Arc<Histograms>,
}

/// By name and labels as they are written.
type Histograms = Mutex<BTreeMap<(&'static str, String), Arc<Bins>>>;

/// A recorder for tests, or for [`install`], and what shows its metrics.
#[must_use]
pub fn recorder() -> (Recorder, Exposition) {
    let exporter = PrometheusBuilder::new().build_recorder();
    let histograms = Arc::new(Histograms::default());
    let shown = Exposition { exporter: exporter.handle(), histograms: Arc::clone(&histograms) };
    (Recorder { exporter, histograms }, shown)
}

/// Records this process's metrics from now on.
///
/// # Errors
/// Where they are recorded already.
pub fn install() -> Result<Exposition, TelemetryError> {
    let (recorder, shown) = recorder();
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Taken)?;
    describe();
    Ok(shown)
}

/// Describes every metric to the recorder and sets those that never change.
pub fn describe() {
    for metric in METRICS {
        match metric.sort {
            Sort::Counter => metrics::describe_counter!(metric.name, metric.help),
            Sort::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Sort::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
    metrics::gauge!(declared::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

impl Exposition {
    /// Every metric with a value, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.exporter.render();
        let histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = "";
        for ((name, labels), bins) in histograms.iter() {
            if *name != last {
                heading(&mut text, name);
                last = name;
            }
            bins.write(&mut text, name, labels);
        }
        text
    }
}

fn heading(text: &mut String, name: &str) {
    let help = declared::metric(name).map_or("", |metric| metric.help);
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.exporter.describe_counter(key, unit, help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.exporter.describe_gauge(key, unit, help);
    }

    /// The declaration has it.
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.exporter.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.exporter.register_gauge(key, metadata)
    }

    /// One that is not declared goes nowhere: a library's, whose bounds nobody chose.
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let Some(Metric { name, sort: Sort::Histogram(bounds), .. }) = declared::metric(key.name())
        else {
            return Histogram::noop();
        };
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let bins = histograms.entry((name, labels(key))).or_insert_with(|| Bins::new(bounds));
        Histogram::from_arc(Arc::clone(bins))
    }
}

/// Labels as they are written, without braces.
fn labels(key: &Key) -> String {
    let mut text = String::new();
    for label in key.labels() {
        let value = label.value().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{}=\"{value}\"", label.key());
    }
    text
}

/// How many values lay within each bound, and their sum.
struct Bins {
    bounds: &'static [f64],
    /// One for each bound, and one for what is beyond.
    counts: Box<[AtomicU64]>,
    /// A number's bits.
    sum: AtomicU64,
}

impl Bins {
    fn new(bounds: &'static [f64]) -> Arc<Self> {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { bounds, counts, sum: AtomicU64::new(0.0_f64.to_bits()) })
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut sum = 0;
        for (place, count) in self.counts.iter().enumerate() {
            sum += count.load(Ordering::Relaxed);
            let bound = self.bounds.get(place).map_or("+Inf".to_owned(), ToString::to_string);
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {sum}");
        }
        let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let total = f64::from_bits(self.sum.load(Ordering::Relaxed));
        let _ = writeln!(text, "{name}_sum{braced} {total}\n{name}_count{braced} {sum}");
    }
}

impl HistogramFn for Bins {
    fn record(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // It cannot fail: `add` always has an answer.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(record: impl FnOnce()) -> String {
        let (recorder, shown) = recorder();
        metrics::with_local_recorder(&recorder, record);
        shown.render()
    }

    #[test]
    fn a_histogram_counts_each_value_once_and_everything_below_each_bound() {
        let text = shown(|| {
            let latency = metrics::histogram!(declared::LATENCY, "severity" => "high");
            for seconds in [0.005, 0.0051, 70.0] {
                latency.record(seconds);
            }
        });
        for line in [
            "# TYPE driftline_detection_latency_seconds histogram",
            "driftline_detection_latency_seconds_bucket{severity=\"high\",le=\"0.005\"} 1",
            "driftline_detection_latency_seconds_bucket{severity=\"high\",le=\"0.01\"} 2",
            "driftline_detection_latency_seconds_bucket{severity=\"high\",le=\"60\"} 2",
            "driftline_detection_latency_seconds_bucket{severity=\"high\",le=\"+Inf\"} 3",
            "driftline_detection_latency_seconds_sum{severity=\"high\"} 70.0101",
            "driftline_detection_latency_seconds_count{severity=\"high\"} 3",
        ] {
            assert!(text.lines().any(|own| own == line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn the_same_labels_are_the_same_series_and_others_another() {
        let text = shown(|| {
            for severity in ["high", "high", "low"] {
                metrics::histogram!(declared::LATENCY, "severity" => severity).record(1.0);
            }
            metrics::histogram!(declared::RESTORE).record(1.0);
        });
        assert!(text.contains("latency_seconds_count{severity=\"high\"} 2\n"), "{text}");
        assert!(text.contains("latency_seconds_count{severity=\"low\"} 1\n"), "{text}");
        assert!(text.contains("driftline_restore_duration_seconds_bucket{le=\"0.1\"} 0\n"));
        assert!(text.contains("driftline_restore_duration_seconds_count 1\n"), "{text}");
        assert_eq!(text.matches("# TYPE driftline_detection").count(), 1);
    }

    #[test]
    fn a_histogram_that_nobody_declared_is_not_kept() {
        let text = shown(|| metrics::histogram!("driftline_unheard_of_seconds").record(1.0));
        assert_eq!(text, "");
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let key = Key::from_parts("x", vec![metrics::Label::new("a", "b\"} 1\n\\")]);
        assert_eq!(labels(&key), r#"a="b\"} 1\n\\""#);
    }
}
