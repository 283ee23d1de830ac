//! Alerts as protobuf (`proto/driftline/v1/alert.proto`), for readers who choose it over OCSF.
//!
//! **Invariant:** the messages in [`messages`] and the `.proto` file say the same; a test
//! compiles the file and reads back what these write.

use prost::Message as _;

use crate::model::{Confidence, Novelty, Severity, Step};

use super::Alert;

pub mod messages;

/// The content type of the bytes.
pub const CONTENT_TYPE: &str = "application/protobuf";

/// Encodes the alert. The same alert gives the same bytes.
#[must_use]
pub fn encode(alert: &Alert) -> Vec<u8> {
    message(alert).encode_to_vec()
}

/// Encodes the alert behind its length, for files that hold many (`writeDelimitedTo`'s form).
#[must_use]
pub fn encode_delimited(alert: &Alert) -> Vec<u8> {
    message(alert).encode_length_delimited_to_vec()
}

/// The alert as a message.
#[must_use]
pub fn message(alert: &Alert) -> messages::Alert {
    let json = |value: &serde_json::Value| {
        if value.is_null() { String::new() } else { value.to_string() }
    };
    messages::Alert {
        id: alert.id.clone(),
        finding: alert.finding.clone(),
        tenant: alert.tenant.clone(),
        provider: alert.provider.as_str().to_owned(),
        account: alert.account.clone(),
        region: alert.region.clone(),
        step: step(alert.step).into(),
        severity: severity(alert.severity).into(),
        time_micros: alert.time.0,
        message: alert.message.clone(),
        responsibility_area: alert.area.as_str().to_owned(),
        reasons: alert.reasons.iter().map(reason).collect(),
        attack: alert.attack.clone(),
        benchmarks: alert.benchmarks.iter().map(benchmark).collect(),
        why: alert.why.clone(),
        fix: alert.fix.clone(),
        resource: Some(resource(alert)),
        element: alert.element.clone(),
        event: Some(happening(alert)),
        channel: alert.channel.as_str().to_owned(),
        discovered: alert.novelty == Novelty::Discovered,
        provisional: alert.confidence == Confidence::Provisional,
        assumptions: alert.assumptions.clone(),
        episode: alert.episode.clone(),
        opened_micros: alert.opened.0,
        seen_micros: alert.seen.0,
        exposure_seconds: alert.exposure_seconds,
        before_json: json(&alert.before),
        after_json: json(&alert.after),
        facts_json: json(&alert.facts),
        summary: alert.summary.as_ref().map(|(count, resources)| messages::Summary {
            count: *count as u64,
            resources: resources.clone(),
        }),
    }
}

const fn step(step: Step) -> messages::Step {
    match step {
        Step::Opened => messages::Step::Opened,
        Step::Updated => messages::Step::Updated,
        Step::Resolved => messages::Step::Resolved,
        Step::Retracted => messages::Step::Retracted,
    }
}

const fn severity(severity: Severity) -> messages::Severity {
    match severity {
        Severity::Informational => messages::Severity::Informational,
        Severity::Low => messages::Severity::Low,
        Severity::Medium => messages::Severity::Medium,
        Severity::High => messages::Severity::High,
        Severity::Critical => messages::Severity::Critical,
    }
}

fn reason(told: &super::Told) -> messages::Reason {
    messages::Reason {
        detector: told.detector.clone(),
        title: told.title.clone(),
        severity: severity(told.severity).into(),
        since_micros: told.since.0,
        provisional: told.confidence == Confidence::Provisional,
    }
}

fn benchmark((name, ids): &(String, Vec<String>)) -> messages::Benchmark {
    messages::Benchmark { name: name.clone(), ids: ids.clone() }
}

fn resource(alert: &Alert) -> messages::Resource {
    let tag =
        |(key, value): &(String, String)| messages::Tag { key: key.clone(), value: value.clone() };
    let resource = &alert.resource;
    messages::Resource {
        uid: resource.uid.clone(),
        name: resource.name.clone(),
        kind: resource.kind.clone(),
        owner: resource.owner.clone(),
        tags: resource.tags.iter().map(tag).collect(),
    }
}

fn happening(alert: &Alert) -> messages::Happening {
    let event = &alert.event;
    messages::Happening {
        id: event.id.clone(),
        name: event.name.clone(),
        service: event.service.clone(),
        time_micros: event.time.0,
        format: event.format.as_str().to_owned(),
        actor: event.actor.clone(),
        actor_name: event.actor_name.clone(),
        actor_kind: event.actor_kind.clone(),
        credential: event.credential.clone(),
        invoked_by: event.invoked_by.clone(),
        root: event.root,
        mfa: event.mfa,
        source_ip: event.source_ip.clone(),
        user_agent: event.user_agent.clone(),
        error: event.error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use protox::prost_reflect::{
        DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _, Value,
    };

    use super::super::samples;
    use super::*;

    fn descriptor() -> MessageDescriptor {
        let files = protox::compile(["driftline/v1/alert.proto"], ["proto"]).expect("it compiles");
        let pool = DescriptorPool::from_file_descriptor_set(files).expect("it is whole");
        pool.get_message_by_name("driftline.v1.Alert").expect("it is declared")
    }

    /// An alert in which no field has its default.
    fn full() -> Alert {
        let mut alert = samples::alert(|change| {
            change.finding.novelty = Novelty::Discovered;
            change.finding.reasons[0].confidence = Confidence::Provisional;
            change.time = change.time.plus(2_000_000);
            change.summary =
                Some(crate::model::finding::Summary { count: 2, resources: vec!["sg-1".into()] });
        });
        alert.event.root = true;
        alert.event.invoked_by = "service".to_owned();
        alert.event.error = "denied".to_owned();
        alert
    }

    /// Every declared field is set, and nothing is there that is not declared.
    fn complete(message: &DynamicMessage, at: &str) {
        assert_eq!(message.unknown_fields().count(), 0, "{at} writes an undeclared field");
        for field in message.descriptor().fields() {
            let path = format!("{at}.{}", field.name());
            assert!(message.has_field(&field), "{path} is declared and not written");
            match message.get_field(&field).as_ref() {
                Value::Message(inner) => complete(inner, &path),
                Value::List(items) => {
                    for inner in items.iter().filter_map(Value::as_message).take(1) {
                        complete(inner, &path);
                    }
                }
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_written_is_what_the_proto_file_declares() {
        let alert = full();
        let read = DynamicMessage::decode(descriptor(), encode(&alert).as_slice())
            .expect("the declared message reads it");
        complete(&read, "Alert");
        // Numbers swapped between two fields of one type show here.
        let text = |name: &str| match read.get_field_by_name(name).as_deref() {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{name}: {other:?}"),
        };
        for (name, value) in [
            ("id", &alert.id),
            ("finding", &alert.finding),
            ("tenant", &alert.tenant),
            ("account", &alert.account),
            ("region", &alert.region),
            ("message", &alert.message),
            ("why", &alert.why),
            ("fix", &alert.fix),
            ("element", &alert.element),
            ("episode", &alert.episode),
        ] {
            assert_eq!(&text(name), value, "{name}");
        }
        assert_eq!(text("before_json"), alert.before.to_string());
        assert_eq!(text("after_json"), alert.after.to_string());
        assert_eq!(text("facts_json"), alert.facts.to_string());
    }

    #[test]
    fn names_and_numbers_of_the_messages_agree() {
        // prost's `Debug` prints `name: value` by struct field; the file's order is the same.
        let shown = format!("{:?}", messages::Alert::default());
        let mut last = 0;
        for field in descriptor().fields() {
            let place = shown.find(&format!("{}: ", field.name()));
            let place = place.unwrap_or_else(|| panic!("`{}` is not in the struct", field.name()));
            assert!(place >= last, "`{}` is out of order", field.name());
            last = place;
        }
    }

    #[test]
    fn encoding_and_decoding_is_the_identity() {
        let alert = full();
        let read = messages::Alert::decode(encode(&alert).as_slice()).expect("it reads");
        assert_eq!(read, message(&alert));
        assert_eq!(read.severity(), messages::Severity::High);
        assert_eq!(read.step(), messages::Step::Opened);
    }
}
