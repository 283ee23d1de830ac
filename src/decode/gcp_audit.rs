//! A GCP Cloud Audit Log entry into an event.
//!
//! Exports that write the keys in lower case, or `@type` as `at_type`, are read the same way.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, flag, get_any_case};
use super::scan::Members;
use crate::model::{Actor, Body, CallError, Event, Format, Ownership, Phase, Provider, Val};

const READS: [&str; 7] =
    ["get", "list", "aggregatedlist", "search", "testiampermissions", "query", "batchget"];

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let lower = !it.has(keys::PROTO_PAYLOAD);
    let payload = it.sub(if lower { keys::PROTO_PAYLOAD_LOWER } else { keys::PROTO_PAYLOAD });
    let either = |one, other| match payload.text(one) {
        "" => payload.text(other),
        text => text,
    };
    let service = either(keys::SERVICE_NAME, keys::SERVICE_NAME_LOWER);
    let name = either(keys::METHOD_NAME, keys::METHOD_NAME_LOWER);
    let mut keyed = Keyed::activity(Provider::Gcp, service, name);
    let verb = name.rsplit('.').next().unwrap_or_default();
    let reads = READS.iter().any(|read| {
        let head = verb.get(..read.len()).unwrap_or_default();
        let tail = verb.get(read.len()..).unwrap_or_default();
        head.eq_ignore_ascii_case(read)
            && (tail.is_empty() || tail.starts_with(|c: char| c.is_ascii_uppercase()))
    });
    keyed.read_only = reads.then_some(true);
    let status = payload.sub(keys::STATUS);
    keyed.failed = !matches!(status.val(keys::CODE), Val::Unsaid | Val::Int(0));
    keyed
}

/// Follows a path whose names may have lost their capitals.
fn dig<'a>(from: Val<'a>, path: &[&str]) -> Val<'a> {
    path.iter().fold(from, |value, name| match value.get(name) {
        Val::Unsaid => get_any_case(value, name),
        found => found,
    })
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let payload = dig(root, &["protoPayload"]);
    let stamp = root.get("timestamp");
    let received = dig(root, &["receiveTimestamp"]);
    let (time, time_inferred) = leaf.time(&[stamp, received])?;
    let log = leaf.word(dig(root, &["logName"]));
    let insert = leaf.word(dig(root, &["insertId"]));
    let labels = dig(root, &["resource", "labels"]);
    let resource = leaf.word(dig(payload, &["resourceName"]));
    let places = dig(payload, &["resourceLocation", "currentLocations"]).items();
    let place = places.and_then(|places| places.first().copied()).unwrap_or_default();
    let at = time.0.to_string();
    let id = if insert.is_empty() { leaf.id(&[]) } else { leaf.made_id(&[log, &at, insert]) };
    let code = leaf.word(dig(payload, &["status", "code"]));
    let message = leaf.word(dig(payload, &["status", "message"]));
    let actor = actor(leaf, payload);
    let word = |name: &str| leaf.word(dig(labels, &[name]));
    Ok(Event {
        format: Format::GcpAudit,
        key: leaf.keyed.key,
        id,
        time,
        recorded: super::times::value(received),
        time_inferred,
        account: first(&[project(log), word("project_id"), project(resource), leaf.outer.account]),
        region: first(&[leaf.word(place), word("location"), word("region"), word("zone")]),
        read_only: leaf.keyed.read_only,
        error: leaf.keyed.failed.then_some(CallError { code, message }),
        phase: phase(leaf),
        ownership: ownership(log, &actor),
        actor,
        body: Body {
            request: leaf.open(dig(payload, &["request"])),
            response: leaf.open(dig(payload, &["response"])),
            raw: root,
            resource_id: resource,
            resource_name: "",
        },
    })
}

fn project(path: &str) -> &str {
    match path.strip_prefix("projects/") {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => "",
    }
}

fn phase<'a>(leaf: &Leaf<'a>) -> Phase<'a> {
    let operation = leaf.root.get("operation");
    let id = leaf.word(operation.get("id"));
    let is = |name: &str| flag(operation.get(name)) == Some(true);
    match (id.is_empty(), is("first"), is("last")) {
        (false, true, false) => Phase::Start(id),
        (false, false, true) => Phase::End(id),
        _ => Phase::Single,
    }
}

fn actor<'a>(leaf: &Leaf<'a>, payload: Val<'a>) -> Actor<'a> {
    let who = dig(payload, &["authenticationInfo"]);
    let from = dig(payload, &["requestMetadata"]);
    let mail = leaf.word(dig(who, &["principalEmail"]));
    let subject = leaf.word(dig(who, &["principalSubject"]));
    Actor {
        id: first(&[mail, subject]),
        name: first(&[mail, subject]),
        kind: subject.split_once(':').map_or("", |(kind, _)| kind),
        account: "",
        credential: leaf.word(dig(who, &["serviceAccountKeyName"])),
        invoked_by: "",
        root: false,
        mfa: None,
        source_ip: leaf.word(dig(from, &["callerIp"])),
        user_agent: leaf.word(dig(from, &["callerSuppliedUserAgent"])),
    }
}

fn ownership(log: &str, actor: &Actor<'_>) -> Ownership {
    let who = actor.id;
    let cluster = [
        "system:kube-controller-manager",
        "system:addon-manager",
        "system:node:",
        "system:serviceaccount:kube-system:",
    ];
    if log.ends_with("%2Fsystem_event")
        || who == "system@google.com"
        || cluster.iter().any(|own| who.starts_with(own))
    {
        return Ownership::Provider;
    }
    let agent = who.starts_with("service-") && who.ends_with(".iam.gserviceaccount.com");
    if agent || who.ends_with("@cloudservices.gserviceaccount.com") {
        return Ownership::TenantViaService;
    }
    Ownership::Tenant
}
