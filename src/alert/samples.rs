//! A change to tell, for this room's tests.

use std::sync::Arc;

use serde_json::json;

use crate::content::{Content, Detector, Form, Maturity, PostureForm, Scale, Source};
use crate::model::finding::ResourceLabel;
use crate::model::{
    Area, Cause, Cell, Confidence, Digest, Family, Finding, FindingChange, Format, Kind, KindId,
    Limits, Novelty, Ownership, Provider, Reason, Severity, Step, Timestamp,
};

use super::Alert;

pub(crate) fn cause() -> Cause {
    Cause {
        id: "evt-1".into(),
        time: Timestamp::from_seconds(1_772_439_331),
        format: Format::AwsCloudtrail,
        family: Family::Activity,
        service: "ec2.amazonaws.com".into(),
        name: "AuthorizeSecurityGroupIngress".into(),
        region: "eu-west-1".into(),
        ownership: Ownership::Tenant,
        actor: "arn:aws:iam::111122223333:user/alice".into(),
        actor_name: "alice".into(),
        actor_kind: "IAMUser".into(),
        credential: "AKIAEXAMPLE".into(),
        invoked_by: "".into(),
        root: false,
        mfa: Some(false),
        source_ip: "203.0.113.24".into(),
        user_agent: "aws-cli/2.17".into(),
        error: None,
    }
}

fn reason(detector: &str, severity: Severity, confidence: Confidence) -> Reason {
    let assumptions: &[Box<str>] =
        if confidence == Confidence::Provisional { &["block = off".into()] } else { &[] };
    Reason {
        detector: detector.into(),
        severity,
        since: Timestamp::from_seconds(1_772_439_331),
        confidence,
        assumptions: assumptions.into(),
        measure: None,
    }
}

pub(crate) fn change() -> FindingChange {
    let time = Timestamp::from_seconds(1_772_439_331);
    let cell =
        Cell { tenant: "acme".into(), provider: Provider::Aws, account: "111122223333".into() };
    FindingChange {
        finding: Finding {
            uid: Digest::of_texts(&["finding"]),
            cell,
            kind: KindId(0),
            resource: "sg-1".into(),
            incarnation: Timestamp(0),
            subject: "sgr-1".into(),
            element: "ingress tcp 22 from 0.0.0.0/0".into(),
            reasons: vec![
                reason("FW-001", Severity::High, Confidence::Confirmed),
                reason("FW-002", Severity::Medium, Confidence::Provisional),
            ],
            episode: "evt-1".into(),
            steps: 1,
            opened: time,
            seen: time,
            novelty: Novelty::Introduced,
            told: true,
        },
        step: Step::Opened,
        id: Digest::of_texts(&["alert"]),
        time,
        cause: Arc::new(cause()),
        before: json!({"rules": []}),
        after: json!({"rules": [{"ports": "22", "peers": ["0.0.0.0/0"]}]}),
        facts: json!({"item.ports": "22"}),
        label: ResourceLabel {
            name: "web".into(),
            region: "eu-west-1".into(),
            tags: vec![("team".into(), "shop".into())],
            owner: "shop".into(),
        },
        summary: None,
    }
}

pub(crate) fn detector(id: &str, title: &str) -> Detector {
    Detector {
        id: id.into(),
        title: title.into(),
        title_zh: None,
        severity: vec![Scale { when: None, is: Severity::High }],
        maturity: Maturity::Stable,
        area: Area::VirtualFirewalls,
        why: "Anyone can try to log in.".into(),
        fix: vec![(Provider::Aws, "Narrow the rule to your own addresses.".into())],
        maps_to: vec![("cis_aws".into(), vec!["5.3".into()])],
        attack: vec!["T1562.007".into()],
        params: Vec::new(),
        form: Form::Posture(PostureForm { on: Vec::new(), aspect: id.into(), assume: Vec::new() }),
        digest: Digest::default(),
        source: Source::default(),
    }
}

pub(crate) fn content() -> Content {
    let mut content = Content::default();
    content.schema.kinds.push(Kind {
        id: KindId(0),
        name: "network.security_group".into(),
        area: Area::VirtualFirewalls,
        facets: Box::default(),
        by_name: rustc_hash::FxHashMap::default(),
    });
    content.detectors.push(detector("FW-001", "SSH is open to the whole Internet"));
    content.detectors.push(detector("FW-002", "A port is open to the whole Internet"));
    content
}

pub(crate) fn alert(edit: fn(&mut FindingChange)) -> Alert {
    let content = content();
    let mut change = change();
    edit(&mut change);
    Alert::new(&change, &content.detectors[0], &content, &Limits::default())
}
