//! Metrics as texts and expressions name them, against those that are declared.

use driftline::telemetry::{METRICS, Metric, Sort};

/// The metrics that an expression or a page names, with the labels it asks for.
pub fn named(text: &str) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for (place, _) in text.match_indices("driftline_") {
        if text[..place].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[place..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let labels = rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = labels.map_or(Vec::new(), |(inside, _)| {
            let names = inside.split(',').filter_map(|part| part.split(['=', '!']).next());
            names.map(|name| name.trim().to_owned()).collect()
        });
        all.push((rest[..end].to_owned(), labels));
    }
    all
}

/// The metric behind a series' name.
pub fn metric(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| {
        let rest = series.strip_prefix(metric.name);
        let part = matches!(rest, Some("_bucket" | "_sum" | "_count"));
        rest == Some("") && !matches!(metric.sort, Sort::Histogram(_))
            || part && matches!(metric.sort, Sort::Histogram(_))
    })
}

/// What is wrong with a series that an expression asks for.
pub fn strange(name: &str, labels: &[String]) -> Option<String> {
    let Some(metric) = metric(name) else { return Some(format!("no metric is called `{name}`")) };
    let known = |label: &&String| {
        let own = metric.labels.iter().any(|own| own.name == **label);
        own || ["job", "instance", "le"].contains(&label.as_str())
    };
    let label = labels.iter().find(|label| !known(label))?;
    Some(format!("`{name}` has no label `{label}`"))
}

#[test]
fn what_is_looked_for_is_found() {
    let text =
        "rate(driftline_events_total{job=\"driftline\", outcome!~\"a|b\"}[5m]) / driftline_x";
    let events =
        ("driftline_events_total".to_owned(), vec!["job".to_owned(), "outcome".to_owned()]);
    assert_eq!(named(text), [events, ("driftline_x".to_owned(), Vec::new())]);
    assert!(metric("driftline_events_total").is_some());
    assert!(metric("driftline_events_total_bucket").is_none());
    assert!(metric("driftline_detection_latency_seconds_bucket").is_some());
    assert!(metric("driftline_detection_latency_seconds").is_none());
    let label = |name: &str| [name.to_owned()];
    assert!(strange("driftline_events_total", &label("tenant")).is_some());
    assert_eq!(strange("driftline_events_total", &label("outcome")), None);
}
