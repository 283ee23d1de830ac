//! The events of tests: fixtures, waits, and each cloud's short form.

use serde_json::{Value as Json, json};

use super::shape::{anything, map, object, one_or_many, scalar, span};
use crate::content::cases::EventForm;

/// One event of a test; a part named `event`.
pub(super) fn event() -> Json {
    let fixture = object(
        "A recorded event",
        &["fixture"],
        vec![
            ("fixture", scalar("A file below `fixtures/`, with the record as it was on the wire")),
            ("set", map("Members to overwrite: dotted path and value", &json!(true))),
        ],
    );
    let wait = object("Time passes", &["wait"], vec![("wait", span("How long"))]);
    let forms = EventForm::ALL.into_iter().map(form);
    let all: Vec<Json> = [fixture, wait].into_iter().chain(forms).collect();
    json!({"oneOf": all, "description": "A fixture, a wait, or an event in short form"})
}

fn form(form: EventForm) -> Json {
    let (required, optional) = form.keys();
    let keys = required.iter().chain(optional).map(|key| (*key, anything(about(key))));
    let body = object(
        "The event's own members; what is left out is filled in as the cloud would",
        required,
        keys.chain([("at", time_of_day())]).collect(),
    );
    object(
        "An event in short form, made into the cloud's own JSON",
        &[form.as_str()],
        vec![(form.as_str(), body), ("at", time_of_day()), ("by", scalar("Who acts"))],
    )
}

fn time_of_day() -> Json {
    json!({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$",
        "description": "Time of day; a minute after the event before where it is left out"})
}

/// What a key of the short forms is, whichever cloud's.
fn about(key: &str) -> &'static str {
    match key {
        "service" | "source" => "The service, as the cloud names it in events",
        "type" => "The resource type, as the cloud names it",
        "name" => "The event's name, or the resource's in a snapshot",
        "operation" => "The operation: Azure's operation name, or Google's operation block",
        "method" => "The method's name",
        "resource" | "resource_id" | "id" => "The resource",
        "resource_name" => "The resource's name",
        "request" => "The request's parameters",
        "response" => "What the cloud answered",
        "failed" | "error" => "Whether, or with which error, the call failed",
        "user" | "by" => "Who acts",
        "root" => "Whether the account's owner acts",
        "account" => "The account",
        "region" | "location" => "The region",
        "status" => "How far the operation is",
        "deleted" | "event" => "What became of the resource",
        "properties" | "configuration" | "data" | "supplementary" => "The configuration",
        "tags" => "The resource's tags",
        "iam" => "The policy",
        _ => "As on the wire",
    }
}

/// What a detector's test expects; a part named `steps`.
pub(super) fn steps() -> Json {
    use crate::model::{Severity, Step};
    let mut words = vec!["silent".to_owned()];
    for step in [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted] {
        words.push(step.as_str().to_owned());
        let with =
            Severity::ALL.iter().map(|level| format!("{} {}", step.as_str(), level.as_str()));
        words.extend(with);
    }
    let doc = "The finding's steps in order, with severities where they matter; or `silent`";
    one_or_many(doc, &json!({"enum": words}))
}
