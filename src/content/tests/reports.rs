//! Detectors compiled, and what is reported about content that loads.

use super::*;
use crate::content::coverage::Status;
use crate::content::{coverage, explain};

pub(super) const MAPPING: &str = "
apiVersion: driftline/v1
kind: Mapping
provider: aws
service: ec2.amazonaws.com
functions:
  idle(x): x
on:
  - event: Authorize
    resource: {kind: network.security_group, id: request.groupId}
    put: {rules: {whole: request.rule}}
  - event: Attach
    resource: {kind: network.interface, id: request.id}
    put: {groups: request.groupId}
  - snapshot: AWS::EC2::SecurityGroup
    resource: {kind: network.security_group, id: resourceId}
    replace: {name: resourceName}
  - event: SignIn
    act: {sign_in: {user: actor.name}}
";

pub(super) const DETECTORS: &str = "
apiVersion: driftline/v1
kind: Detector
id: A-001
title: {en: open, zh: 开放}
severity: [{when: stateless, is: critical}, {is: high}]
maturity: stable
applies_to: network.security_group
insecure: open
why: because
fix: {aws: close it}
params: {idle: {type: ports, default: '22'}}
maps_to: {nist: [AC-4], attack: T1190}
tests:
  - {name: stays silent, events: [{wait: 5m}], expect: silent}
  - {name: opens, events: [{aws: {source: s, name: n, request: {a: 0123, b: 12, c: '12', d: no, e: ~}}, at: 12:00:30, by: bob}], expect: [opened high, resolved]}
---
apiVersion: driftline/v1
kind: Detector
id: A-002
title: t
severity: low
maturity: experimental
applies_to: network.interface
insecure: exposed && settings.block
assume: {settings.block: true, settings.sample: 'network_rule{direction: egress}'}
why: w
---
apiVersion: driftline/v1
kind: Detector
id: A-003
title: t
severity: low
maturity: stable
area: identity
on_act: {act: sign_in, when: '!mfa'}
why: w
fix: {aws: x}
---
apiVersion: driftline/v1
kind: Detector
id: A-004
title: t
severity: low
maturity: stable
area: identity
window: {by: actor, sequence: {steps: [[act sign_in], [A-001 resolved, 'A-00*']], within: 1h30m}}
why: w
fix: {aws: x}
---
apiVersion: driftline/v1
kind: Detector
id: A-005
title: t
severity: low
maturity: stable
applies_to: identity.policy
insecure: default_version == 'v1'
why: w
";

fn pack() -> (Content, Vec<Fault>) {
    loaded(&[("m.yaml", MAPPING), ("d.yaml", DETECTORS)])
}

#[test]
fn a_detector_knows_the_facets_its_programs_read_through_derived_ones() {
    let (content, _) = pack();
    let names = |at: usize| -> Vec<&str> {
        let Form::Posture(form) = &content.detectors[at].form else { panic!("no posture") };
        let kind = content.schema.kind(form.on[0].kind);
        form.on[0].facets.iter().map(|facet| &*kind.facets[usize::from(facet.0)].name).collect()
    };
    assert_eq!(names(0), ["rules", "stateless", "open"]);
    assert_eq!(names(1), ["groups", "settings", "exposed"]);
    let Form::Posture(form) = &content.detectors[1].form else { panic!("no posture") };
    let settings = content.schema.kind_named("account.settings").expect("declared");
    let block = settings.facet("block").expect("declared").id;
    let expected = (settings.id, block, Value::Bool(true), "settings.block".into());
    assert_eq!(form.assume[0], expected);
    assert_eq!(
        form.assume[1].2.to_json(&content.schema).to_string(),
        r#"{"action":"allow","direction":"egress","enabled":true,"peers":["any"],"ports":"all","priority":0,"protocol":"any"}"#
    );
    assert_eq!(content.postures[usize::from(settings.id.0)], []);
    assert_eq!(content.postures[usize::from(form.on[0].kind.0)], [(1, 0)]);
}

#[test]
fn a_window_hears_steps_acts_and_prefixes() {
    let (content, _) = pack();
    let Form::Window(form) = &content.detectors[3].form else { panic!("no window") };
    let WindowShape::Sequence { steps, within, .. } = &form.shape else { panic!("no sequence") };
    let signal = |of: &str, sensed| Signal { of: of.into(), sensed };
    assert_eq!(steps[0], [signal("sign_in", Sensed::Act)]);
    assert_eq!(steps[1], [signal("A-001", Sensed::Resolved), signal("A-00*", Sensed::Opened)]);
    assert_eq!(*within, 5_400_000_000);
}

#[test]
fn tests_are_read_as_plain_cases() {
    use crate::content::cases::{EventForm, Expect, ExpectStep, Given};
    use crate::model::{Severity, Step};
    let (content, _) = pack();
    let cases = &content.suites[0].cases;
    assert_eq!(cases[0].events, [Given::Wait(300_000_000)]);
    assert_eq!(cases[0].expect, Expect::Steps(vec![]));
    let Given::Event(event) = &cases[1].events[0] else { panic!("no event") };
    assert_eq!((event.form, event.at), (EventForm::Aws, Some(43_230)));
    assert_eq!(event.body["by"], "bob");
    let request = serde_json::json!({"a": "0123", "b": 12, "c": "12", "d": "no", "e": null});
    assert_eq!(event.body["request"], request);
    let high = ExpectStep { step: Step::Opened, severity: Some(Severity::High) };
    let resolved = ExpectStep { step: Step::Resolved, severity: None };
    assert_eq!(cases[1].expect, Expect::Steps(vec![high, resolved]));
}

#[test]
fn coverage_tells_live_partial_dead_and_absent() {
    let (content, _) = pack();
    let coverage = coverage(&content);
    let found: Vec<(&str, &str)> =
        coverage.lines.iter().map(|line| (&*line.detector, line.status.as_str())).collect();
    let expected = [
        ("A-001", "live"),
        ("A-001", "dead"),
        ("A-002", "partial"),
        ("A-002", "dead"),
        ("A-003", "live"),
        ("A-003", "-"),
        ("A-004", "live"),
        ("A-004", "-"),
        ("A-005", "-"),
        ("A-005", "-"),
    ];
    assert_eq!(found, expected);
    assert_eq!(coverage.lines[1].missing, ["network.security_group.rules"]);
    assert_eq!(coverage.lines[2].assumed, ["account.settings.block"]);
    assert_eq!(coverage.counts()[0], (Status::Live, 3));
    let text = coverage.to_text();
    assert!(text.contains("A-001        live / dead"), "{text}");
    assert!(text.contains("A-001 on aws snapshot: dead; missing network.security_group.rules"));
    assert!(coverage.to_markdown().contains("| A-002 | partial / dead |"));
    assert_eq!(coverage.to_json()[1]["path"], "snapshot");
}

#[test]
fn what_is_probably_not_meant_so_is_a_warning() {
    let (_, warnings) = pack();
    let listed = listing(&warnings);
    for expected in [
        "m.yaml:7:3: warning: function `idle` is never called",
        "d.yaml:12:10: warning: parameter `idle` is never read",
        "d.yaml:20:5: warning: detector `A-002` has no tests",
        "d.yaml:20:5: warning: detector `A-002` does not say how to repair it on aws",
        "detector `A-005` can never fire: no mapping gives identity.policy.default_version",
        "warning: no mapping writes `network.security_group.stateless`",
        "warning: nothing reads `network.interface.addresses`",
    ] {
        assert!(listed.contains(expected), "`{expected}` is not in\n{listed}");
    }
    let silent = [
        "`A-001` has no tests",
        "nothing reads `network.security_group.open`",
        "`A-001` does not say",
    ];
    for unexpected in silent {
        assert!(!listed.contains(unexpected), "`{unexpected}` is in\n{listed}");
    }
}

#[test]
fn an_event_that_no_test_has_is_told_to_whoever_checks() {
    let event = "{aws: {source: ec2.amazonaws.com, name: Authorize, request: {}}}";
    let failed = "{aws: {source: ec2.amazonaws.com, name: Attach, error: AccessDenied}}";
    let tests = format!("tests: [{{name: t, events: [{event}, {failed}], outcomes: []}}]\n");
    let files = files(&[("m.yaml", &format!("{MAPPING}{tests}"))]);
    let of_rule = |faults: Vec<Fault>| -> Vec<(u32, String)> {
        let found = faults.into_iter().filter(|fault| fault.rule == "untested-event");
        found.map(|fault| (fault.line, fault.message)).collect()
    };
    let (_, faults) = check(&files, &tables()).expect("it loads");
    let missed = |line, name| (line, format!("no test has the event `{name}`"));
    // `Authorize` is tested; a refused call is no test of `Attach`, which reads none.
    let expected =
        [missed(12, "Attach"), missed(15, "AWS::EC2::SecurityGroup"), missed(18, "SignIn")];
    assert_eq!(of_rule(faults), expected);
    let (_, faults) = load(&files, &tables()).expect("it loads");
    assert_eq!(of_rule(faults), []);
}

#[test]
fn a_detectors_page_tells_all_about_it() {
    let (content, _) = pack();
    let coverage = coverage(&content);
    let page = explain::detector(&content, &coverage, "a-001").expect("a detector");
    for expected in [
        "A-001  open",
        "critical where stateless, else high",
        "because",
        "aws: close it",
        "network.security_group.rules",
        "idle: ports, by default \"22\"",
        "nist: AC-4",
        "MITRE ATT&CK: T1190",
        "opens: opened high, resolved",
        "stays silent: silent",
        "aws snapshot: dead (missing network.security_group.rules)",
    ] {
        assert!(page.contains(expected), "`{expected}` is not in\n{page}");
    }
    assert!(explain::detector(&content, &coverage, "A-999").is_none());
}

#[test]
fn another_text_is_another_digest() {
    let (content, _) = pack();
    let (same, _) = pack();
    assert_eq!(content.digest, same.digest);
    let edited = DETECTORS.replace("because", "why not");
    let (edited, _) = loaded(&[("m.yaml", MAPPING), ("d.yaml", &edited)]);
    assert_ne!(content.digest, edited.digest);
    assert_ne!(content.detectors[0].digest, edited.detectors[0].digest);
    assert_eq!(content.detectors[1].digest, edited.detectors[1].digest);
}
