//! Alerts as OCSF 1.8 Detection Findings (class 2004) in JSON, and the `CloudEvents` headers
//! that travel beside them (Kafka protocol binding, binary mode).

mod form;

use std::net::IpAddr;

use crate::model::{Confidence, Family, Novelty, Severity, Step};

use super::{Alert, Happening, Told};
use form::{
    Actor, Analytic, Api, Attack, Cloud, Endpoint, Evidence, EvidenceData, Finding, Identified,
    Info, Metadata, Named, Own, Pairs, Product, Reason, Remediation, Request, Resource, Response,
    Unmapped, User,
};

/// The version of OCSF that is written.
pub const OCSF_VERSION: &str = "1.8.0";

const CLASS: u32 = 2004;

/// Room that most alerts fit in, in bytes.
const TYPICAL: usize = 4 << 10;

/// Encodes the alert as one line of JSON without a line feed. The same alert gives the same
/// bytes.
#[must_use]
pub fn encode(alert: &Alert) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TYPICAL);
    // Every member is text, a number, a list or a map with text keys: nothing of it can fail.
    let written = serde_json::to_writer(&mut bytes, &finding(alert));
    debug_assert!(written.is_ok(), "an alert has no form");
    bytes
}

/// The headers of the record that carries the alert. `content_type` is that of its value:
/// `application/json` for [`encode`].
#[must_use]
pub fn headers(alert: &Alert, content_type: &str) -> Vec<(&'static str, String)> {
    let kind = match alert.step {
        Step::Opened => "opened",
        Step::Updated => "updated",
        Step::Resolved | Step::Retracted => "resolved",
    };
    vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", alert.id.clone()),
        ("ce_type", format!("io.driftline.finding.{kind}")),
        ("ce_source", "/driftline".to_owned()),
        ("ce_time", alert.time.to_string()),
        ("ce_subject", alert.resource.uid.clone()),
        ("ce_tenant", alert.tenant.clone()),
        ("ce_severity", alert.severity.as_str().to_owned()),
        ("content-type", content_type.to_owned()),
    ]
}

fn finding(alert: &Alert) -> Finding<'_> {
    let (activity_id, activity_name, type_name) = activity(alert.step);
    let (status_id, status) = status(alert.step);
    let event = &alert.event;
    let retracted = match event.family {
        Family::State => {
            "retracted: a settled snapshot of the configuration shows that it never was so"
        }
        Family::Activity => "retracted: the operation that would have made it so failed",
    };
    Finding {
        activity_id,
        activity_name,
        actor: actor(event),
        api: Api {
            operation: &event.name,
            response: said(&event.error).map(|error| Response { error }),
            service: Named { name: &event.service },
        },
        category_name: "Findings",
        category_uid: 2,
        class_name: "Detection Finding",
        class_uid: CLASS,
        cloud: Cloud {
            account: Identified { uid: &alert.account },
            provider: alert.provider.as_str(),
            region: &alert.region,
        },
        evidences: [Evidence {
            data: EvidenceData {
                after: &alert.after,
                before: &alert.before,
                element: &alert.element,
                event_id: &event.id,
                event_name: &event.name,
                event_time: event.time.millis(),
                source: event.format.as_str(),
            },
        }],
        finding_info: info(alert),
        http_request: by_call(event, &event.user_agent).map(|user_agent| Request { user_agent }),
        is_alert: true,
        message: &alert.message,
        metadata: Metadata {
            original_event_uid: &event.id,
            product: Product {
                name: "Driftline",
                vendor_name: "Driftline",
                version: env!("CARGO_PKG_VERSION"),
            },
            profiles: ["cloud"],
            tenant_uid: &alert.tenant,
            uid: &alert.id,
            version: OCSF_VERSION,
        },
        remediation: said(&alert.fix).map(|desc| Remediation { desc, references: [] }),
        resources: resources(alert),
        severity: severity_name(alert.severity),
        severity_id: alert.severity.ocsf(),
        src_endpoint: by_call(event, &event.source_ip).map(endpoint),
        status,
        status_detail: (alert.step == Step::Retracted).then_some(retracted),
        status_id,
        time: alert.time.millis(),
        type_name,
        type_uid: CLASS * 100 + activity_id,
        unmapped: Unmapped { driftline: own(alert) },
    }
}

/// The activity's number and name, and the name of its type.
const fn activity(step: Step) -> (u32, &'static str, &'static str) {
    match step {
        Step::Opened => (1, "Create", "Detection Finding: Create"),
        Step::Updated => (2, "Update", "Detection Finding: Update"),
        Step::Resolved | Step::Retracted => (3, "Close", "Detection Finding: Close"),
    }
}

const fn status(step: Step) -> (u32, &'static str) {
    match step {
        Step::Opened => (1, "New"),
        Step::Updated => (2, "In Progress"),
        Step::Resolved | Step::Retracted => (4, "Resolved"),
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// A text that is not empty.
fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What only a call can say of itself; a snapshot's text would be somebody else's.
fn by_call<'a>(event: &Happening, text: &'a str) -> Option<&'a str> {
    if event.family == Family::Activity { said(text) } else { None }
}

fn actor(event: &Happening) -> Option<Actor<'_>> {
    if event.family == Family::State {
        return None;
    }
    let user = User {
        credential_uid: &event.credential,
        has_mfa: event.mfa,
        name: &event.actor_name,
        r#type: &event.actor_kind,
        // OCSF user type 2: an administrator.
        type_id: event.root.then_some(2),
        uid: &event.actor,
    };
    let user = (user != User::default()).then_some(user);
    let told = user.is_some() || !event.invoked_by.is_empty();
    told.then_some(Actor { invoked_by: &event.invoked_by, user })
}

/// Clouds write a service's name where a service called.
fn endpoint(source: &str) -> Endpoint<'_> {
    if source.parse::<IpAddr>().is_ok() {
        Endpoint { ip: Some(source), ..Endpoint::default() }
    } else {
        Endpoint { svc_name: Some(source), ..Endpoint::default() }
    }
}

fn info(alert: &Alert) -> Info<'_> {
    let reasons = alert.reasons.split_first();
    Info {
        analytic: reasons.map(|(lead, _)| analytic(lead)),
        attacks: alert.attack.iter().map(|uid| Attack { technique: Identified { uid } }).collect(),
        desc: &alert.why,
        first_seen_time: alert.opened.millis(),
        last_seen_time: alert.seen.millis(),
        related_analytics: reasons.map(|(_, others)| others.iter().map(analytic).collect()),
        title: alert.title(),
        types: [alert.area.as_str()],
        uid: &alert.finding,
    }
}

/// An analytic of type 1, "Rule".
fn analytic(told: &Told) -> Analytic<'_> {
    Analytic { name: &told.title, r#type: "Rule", type_id: 1, uid: &told.detector }
}

fn resources(alert: &Alert) -> Vec<Resource<'_>> {
    let (region, kind) = (&*alert.region, &*alert.resource.kind);
    if let Some((_, ids)) = &alert.summary {
        let one = |uid| Resource { name: "", owner: None, region, r#type: kind, uid };
        return ids.iter().map(|uid| one(uid)).collect();
    }
    let resource = &alert.resource;
    vec![Resource {
        name: &resource.name,
        owner: said(&resource.owner).map(|name| Named { name }),
        region,
        r#type: kind,
        uid: &resource.uid,
    }]
}

fn own(alert: &Alert) -> Own<'_> {
    Own {
        assumptions: &alert.assumptions,
        benchmarks: Pairs(&alert.benchmarks),
        channel: alert.channel.as_str(),
        confidence: confidence(alert.confidence),
        discovered: alert.novelty == Novelty::Discovered,
        episode: &alert.episode,
        exception: None,
        exposure_seconds: alert.exposure_seconds,
        facts: &alert.facts,
        findings: alert.summary.as_ref().map(|(count, _)| *count),
        introduced: alert.novelty == Novelty::Introduced,
        owner: &alert.resource.owner,
        reasons: alert.reasons.iter().map(reason).collect(),
        responsibility_area: alert.area.as_str(),
        step: alert.step.as_str(),
        tags: Pairs(&alert.resource.tags),
    }
}

fn reason(told: &Told) -> Reason<'_> {
    Reason {
        confidence: confidence(told.confidence),
        detector: &told.detector,
        severity: told.severity.as_str(),
        since: told.since.millis(),
    }
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Provisional => "provisional",
        Confidence::Confirmed => "confirmed",
    }
}

#[cfg(test)]
mod tests;
