//! Content swapped while the pipeline runs: what was seen stays, what is judged follows.

mod common;

use common::records::{authorize, create_group, revoke};
use common::{Play, pack, pack_with, rearranged, shipped};
use driftline::model::Outcome;
use driftline::model::Step::{Opened, Resolved, Retracted};

const WORLD: &str = "0.0.0.0/0";
const FW_006: &str = "config/content/detectors/virtual-firewalls/fw-006.yaml";
const GROUP: &str = "config/content/kinds/network.security_group.yaml";

/// A detector that nobody ships: a group with a name that begins like a test's.
const OWN: &str = "apiVersion: driftline/v1
kind: Detector
id: OWN-001
title: {en: A group of the test bench}
severity: low
maturity: experimental
applies_to: [network.security_group]
aspect: bench
insecure: name.startsWith('bench-')
why: It is not for production.
";

fn with_own() -> std::sync::Arc<driftline::content::Content> {
    pack_with(&[("own/own-001.yaml", OWN)])
}

fn opened() -> Play {
    Play::of(&[create_group("e1", 0, "sg-1"), authorize("e2", 1, "sg-1", "sgr-1", 8_443, WORLD)])
}

#[test]
fn a_finding_lives_on_under_the_new_content_and_ends_as_ever() {
    let mut play = opened();
    let before = (play.open("FW-006"), play.facets("sg-1"));
    assert_eq!(before.0.len(), 1, "{}", play.log.text);
    for content in [rearranged(), pack(), rearranged()] {
        play.engine.adopt(content, &mut play.log);
        play.wait(60);
        assert_eq!((play.open("FW-006"), play.facets("sg-1")), before);
    }
    assert_eq!(play.story("FW-006"), [Opened], "nothing is told of the swap");
    assert_eq!(play.say(&revoke("e3", 90, "sg-1", 8_443, WORLD)), Outcome::Applied);
    assert_eq!(play.story("FW-006"), [Opened, Resolved]);
    assert_eq!(play.say(&revoke("e3", 90, "sg-1", 8_443, WORLD)), Outcome::Duplicate);
}

#[test]
fn a_new_detector_sees_what_was_there_before_it_as_a_discovery() {
    let mut play = Play::new();
    for number in 0..600 {
        let mut record = create_group(&format!("e{number}"), number, &format!("sg-{number}"));
        record["requestParameters"]["groupName"] = format!("bench-{number}").into();
        play.say(&record);
    }
    play.engine.adopt(with_own(), &mut play.log);
    assert_eq!(play.open("OWN-001"), []);
    play.wait(700);
    let first = play.open("OWN-001").len();
    assert!((1..600).contains(&first), "a slice at a time, not {first}");
    for _ in 0..3 {
        play.wait(700);
    }
    assert_eq!(play.open("OWN-001").len(), 600);
    assert_eq!(play.steps("OWN-001"), [], "they are gathered for a minute");
    play.wait(800);
    let told = play.steps("OWN-001");
    assert!(told.iter().all(|line| line.summary.is_some()), "{told:?}");
    assert_eq!(told.iter().filter_map(|line| line.summary).sum::<usize>(), 600);
}

#[test]
fn what_only_a_removed_detector_saw_is_withdrawn_and_what_others_see_too_is_not() {
    let mut play = Play::new();
    play.engine.adopt(with_own(), &mut play.log);
    let mut record = create_group("e1", 0, "sg-1");
    record["requestParameters"]["groupName"] = "bench-1".into();
    play.say(&record);
    play.say(&authorize("e2", 1, "sg-1", "sgr-1", 8_443, WORLD));
    assert_eq!(play.story("OWN-001"), [Opened], "{}", play.log.text);
    play.engine.adopt(pack(), &mut play.log);
    assert_eq!(play.story("OWN-001"), [Opened, Retracted]);
    assert_eq!(play.open("OWN-001"), []);
    assert_eq!(play.open("FW-006").len(), 1);
}

#[test]
fn a_changed_expression_ends_and_opens_what_it_judges_otherwise() {
    let mut play = opened();
    let allowed = shipped(FW_006).replace("default: \"80,443\"", "default: \"80,443,8443\"");
    play.engine.adopt(pack_with(&[(FW_006, &allowed)]), &mut play.log);
    play.wait(60);
    assert_eq!(play.open("FW-006"), [], "{}", play.log.text);
    play.engine.adopt(pack(), &mut play.log);
    play.wait(120);
    assert_eq!(play.open("FW-006").len(), 1);
}

#[test]
fn a_facet_of_another_type_is_unknown_until_somebody_says_it_again() {
    let mut play = opened();
    assert!(play.facets("sg-1").is_some_and(|facets| facets.get("vpc").is_some()));
    let other = shipped(GROUP).replace("vpc: {type: string,", "vpc: {type: json,");
    play.engine.adopt(pack_with(&[(GROUP, &other)]), &mut play.log);
    let facets = play.facets("sg-1").unwrap_or_default();
    assert!(facets.get("vpc").is_none() && facets.get("rules").is_some(), "{facets}");
    assert_eq!(play.open("FW-006").len(), 1);
    play.say(&create_group("e3", 200, "sg-1"));
    let facets = play.facets("sg-1").unwrap_or_default();
    assert_eq!(facets["vpc"], "vpc-1");
}
