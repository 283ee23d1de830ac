//! What never pages: experimental detectors, and what was already so when it was first seen.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::Outside;
use super::lab;
use super::sim::{NOW, Told, cluster, lane, process, produce};
use crate::alert::samples;
use crate::content::{Content, Maturity};
use crate::model::Step;

/// How an alert that is edited so reaches a webhook: the types of what it was sent.
fn sent(content: &Content, edit: impl Fn(&mut Value)) -> Vec<String> {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    let lanes = vec![lane(0, 8, Duration::from_secs(86_400))];
    let mut worker = process(&cluster.process(), &outside, lanes, None, 1);
    worker.adopt(content);
    let mut alert: Value =
        serde_json::from_slice(&lab::record("a1", "f1", Step::Opened)).expect("JSON");
    edit(&mut alert);
    let value = alert.to_string().into_bytes();
    produce(
        &cluster,
        &[Told { id: "a1".to_owned(), finding: "f1".to_owned(), partition: 0, value }],
    );
    for _ in 0..60 {
        cluster.tick(cluster.now().plus(200_000));
        worker.turn(NOW).expect("it turns");
    }
    let outside = outside.lock().expect("nobody panicked");
    let bodies = outside.sent.get(&0).cloned().unwrap_or_default();
    bodies.iter().map(|body| body["type"].as_str().expect("text").to_owned()).collect()
}

/// The pack in which those detectors are experimental.
fn trying(detectors: &[&str]) -> Content {
    let mut content = samples::content();
    for detector in &mut content.detectors {
        if detectors.contains(&&*detector.id) {
            detector.maturity = Maturity::Experimental;
        }
    }
    content
}

#[test]
fn what_never_pages_reaches_a_destination_through_its_summary_alone() {
    let said = |text: &'static str| {
        move |alert: &mut Value| alert["unmapped"]["driftline"]["maturity"] = json!(text)
    };
    let discovered = |alert: &mut Value| alert["unmapped"]["driftline"]["discovered"] = json!(true);
    let (one, summary) = (["finding.opened"], ["finding.summary"]);
    assert_eq!(sent(&trying(&[]), |_| {}), one);
    assert_eq!(sent(&trying(&[]), discovered), summary);
    assert_eq!(sent(&trying(&["FW-001", "FW-002"]), |_| {}), summary);
    assert_eq!(sent(&trying(&["FW-001"]), |_| {}), one, "one reason may page");
    assert_eq!(sent(&trying(&[]), said("experimental")), summary, "the alert itself says it");
    assert_eq!(sent(&trying(&["FW-001", "FW-002"]), said("stable")), one);
}
