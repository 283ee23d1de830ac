//! Every happening is recorded under a declared name, and no flood of names makes a flood of series.

use std::collections::BTreeMap;

use super::*;
use crate::telemetry::declared::{METRICS, Metric, Sort, Values, metric};
use crate::telemetry::recorder;

const TOOK: Duration = Duration::from_millis(20);

/// A worker of each role that works, told by its first happenings.
fn shown(tell: impl FnOnce(&[Pipeline; 4])) -> String {
    let (recorder, shown) = recorder();
    metrics::with_local_recorder(&recorder, || {
        let series = Series::new();
        tell(&Role::ALL.map(|role| Pipeline::of(role, &series)));
    });
    shown.render()
}

/// Tells of everything that can happen, in one role or the other.
fn everything(workers: &[Pipeline; 4]) {
    let holding = Holding { resources: 3, bytes: 4, findings: 5 };
    for worker in workers {
        for what in [
            Happening::Consumed { topic: "t", partition: 1, records: 7, lag: 9 },
            Happening::Event { format: None, outcome: Outcome::Dead, age: Some(-5) },
            Happening::Event {
                format: Some(Format::AwsConfig),
                outcome: Outcome::Applied,
                age: Some(1_500_000),
            },
            Happening::Dead(DeadReason::NotJson),
            Happening::Batch { records: 7, took: TOOK },
            Happening::Transaction(End::FoundAborted, TOOK),
            Happening::Alert {
                detector: "FW-001",
                severity: Severity::High,
                step: Step::Opened,
                latency: TOOK,
            },
            Happening::Delivery {
                destination: "pager",
                how: Delivery::Delivered,
                latency: Some(TOOK),
            },
            Happening::Delivery { destination: "pager", how: Delivery::Retried, latency: None },
            Happening::Summarised("pager", 4),
            Happening::Outbox("pager", 6),
            Happening::Rebalance(Moved::Lost, 2),
            Happening::Restored { partition: 1, rows: 11, took: TOOK },
            Happening::Holding(1, holding),
            Happening::Holding(2, holding),
            Happening::Left { topic: "t", partition: 2 },
            Happening::Torn(1),
            Happening::Halted { topic: "t", partition: 3, why: "a hole" },
            Happening::Failed("unreachable"),
            Happening::Failed("never heard of"),
            Happening::Condition(Condition::Working),
        ] {
            worker.happened(worker.role, &what);
        }
    }
}

/// Lines that have a value, by the name of their metric.
fn values(text: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut found: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|end| metric(name.strip_suffix(end)?))
            .find(|metric| matches!(metric.sort, Sort::Histogram(_)));
        let declared = metric(name).or(of_histogram);
        let declared = declared.unwrap_or_else(|| panic!("`{name}` is not declared"));
        found.entry(declared.name).or_default().push(line.to_owned());
    }
    found
}

#[test]
fn every_happening_is_recorded_and_every_metric_of_the_pipeline_is_written_by_one() {
    let before = values(&shown(|_| {}));
    let after = values(&shown(|workers| {
        everything(workers);
        flood(&workers[0], 2_000);
    }));
    for Metric { name, pipeline, .. } in METRICS {
        assert_eq!(before.get(name) != after.get(name), *pipeline, "{name}");
    }
}

#[test]
fn series_carry_the_declared_labels_with_values_of_their_lists() {
    for (name, lines) in values(&shown(everything)) {
        let declared = metric(name).expect("declared");
        for line in lines {
            let inner = line.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            let said = inner.map_or("", |(labels, _)| labels).split(',');
            let pairs: Vec<(&str, &str)> = said
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name, value.trim_matches('"')))
                .filter(|(name, _)| *name != "le")
                .collect();
            assert_eq!(pairs.len(), declared.labels.len(), "{line}");
            for (label, (name, value)) in declared.labels.iter().zip(pairs) {
                assert_eq!(label.name, name, "{line}");
                if let Values::Closed(list) = label.values {
                    assert!(list().contains(&value), "{line}");
                }
            }
        }
    }
}

fn flood(worker: &Pipeline, many: u32) {
    for number in 0..many {
        let name = format!("name-{number}");
        for what in [
            Happening::Consumed { topic: &name, partition: number, records: 1, lag: 1 },
            Happening::Consumed { topic: "t", partition: number, records: 1, lag: 1 },
            Happening::Alert {
                detector: &name,
                severity: Severity::Low,
                step: Step::Updated,
                latency: TOOK,
            },
            Happening::Holding(number, Holding::default()),
            Happening::Outbox(&name, 1),
            Happening::Failed(&name),
        ] {
            worker.happened(worker.role, &what);
        }
    }
}

#[test]
fn a_flood_of_names_stays_within_the_stated_number_of_series_and_is_told() {
    let text = shown(|workers| {
        everything(workers);
        for worker in workers {
            for outcome in Outcome::ALL {
                for format in Format::ALL.into_iter().map(Some).chain([None]) {
                    let what = Happening::Event { format, outcome, age: Some(1) };
                    worker.happened(worker.role, &what);
                }
            }
            flood(worker, 5_000);
        }
    });
    for (name, lines) in values(&text) {
        let most = metric(name).expect("declared").max_series();
        assert!(lines.len() <= most, "{name}: {} series of at most {most}", lines.len());
    }
    let refused = text.lines().find(|line| line.starts_with("driftline_series_refused_total "));
    assert!(refused.is_some_and(|line| !line.ends_with(" 0")), "{refused:?}");
}

#[test]
fn a_worker_is_counted_under_its_last_condition_alone() {
    let text = shown(|workers| {
        let detect = &workers[Role::Detect as usize];
        let other = Pipeline::of(Role::Detect, &detect.series);
        for condition in [Condition::Joining, Condition::Restoring(2), Condition::Restoring(1)] {
            detect.happened(Role::Detect, &Happening::Condition(condition));
            other.happened(Role::Detect, &Happening::Condition(condition));
        }
        other.happened(Role::Detect, &Happening::Condition(Condition::Working));
    });
    for (condition, count) in [("joining", 0), ("restoring", 1), ("working", 1), ("halted", 0)] {
        let line =
            format!("driftline_workers{{role=\"detect\",condition=\"{condition}\"}} {count}");
        assert!(text.lines().any(|own| own == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn what_was_told_of_a_partition_that_left_holds_no_more() {
    let lag = "driftline_consumer_lag_records{topic=\"t\",partition=\"1\"} ";
    let open = "driftline_findings_open{partition=\"1\"} ";
    let consumed = Happening::Consumed { topic: "t", partition: 1, records: 1, lag: 8 };
    let holding = Happening::Holding(1, Holding { resources: 1, bytes: 1, findings: 6 });
    for (left, expected) in [(false, ["8", "6"]), (true, ["0", "0"])] {
        let text = shown(|workers| {
            let detect = &workers[Role::Detect as usize];
            detect.happened(Role::Detect, &consumed);
            detect.happened(Role::Detect, &holding);
            if left {
                detect.happened(Role::Detect, &Happening::Left { topic: "t", partition: 1 });
            }
        });
        for (start, value) in [lag, open].into_iter().zip(expected) {
            assert!(text.contains(&format!("{start}{value}\n")), "{left}: {text}");
        }
    }
}

#[test]
fn a_halted_partition_that_is_read_again_is_halted_no_more() {
    let halted = "driftline_partition_halted{topic=\"t\",partition=\"1\"} ";
    let consumed = Happening::Consumed { topic: "t", partition: 1, records: 1, lag: 0 };
    let halt = Happening::Halted { topic: "t", partition: 1, why: "a hole" };
    for (told, value) in [(vec![consumed, halt], "1"), (vec![halt, consumed], "0")] {
        let text = shown(|workers| {
            for what in &told {
                workers[1].happened(Role::Detect, what);
            }
        });
        assert!(text.contains(&format!("{halted}{value}\n")), "{text}");
    }
}
