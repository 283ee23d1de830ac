//! A Kubernetes audit event into an event.
//!
//! Only the end of a request says what it did; the stages before it are never asked for.

use bumpalo::Bump;

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first};
use super::scan::Members;
use crate::model::{Actor, Body, CallError, Event, Format, Ownership, Phase, Provider, Val};

pub(super) fn key<'a, M: Members<'a>>(it: &M, arena: &'a Bump) -> Keyed<'a> {
    let object = it.sub(keys::OBJECT_REF);
    let verb = it.text(keys::VERB);
    let (resource, sub) = (object.text(keys::RESOURCE), object.text(keys::SUBRESOURCE));
    let mut keyed = Keyed::activity(Provider::Kubernetes, object.text(keys::API_GROUP), verb);
    keyed.key.resource_type = if sub.is_empty() {
        resource
    } else {
        bumpalo::format!(in arena, "{}/{}", resource, sub).into_bump_str()
    };
    keyed.read_only = match verb {
        "get" | "list" | "watch" => Some(true),
        "create" | "update" | "patch" | "delete" | "deletecollection" => Some(false),
        _ => None,
    };
    let stage = it.text(keys::STAGE);
    let code = it.sub(keys::RESPONSE_STATUS).val(keys::CODE);
    keyed.failed = stage == "Panic" || matches!(code, Val::Int(400..));
    keyed.aside = !matches!(stage, "" | "ResponseComplete" | "Panic");
    keyed
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let (time, time_inferred) = leaf.time(&[
        root.get("requestReceivedTimestamp"),
        root.at(&["metadata", "creationTimestamp"]),
        root.get("timestamp"),
        root.get("stageTimestamp"),
    ])?;
    let object = root.get("objectRef");
    let answer = root.get("responseObject");
    let name = first(&[
        leaf.word(object.get("name")),
        leaf.word(answer.at(&["metadata", "name"])),
        leaf.word(root.at(&["requestObject", "metadata", "name"])),
    ]);
    let space = leaf.word(object.get("namespace"));
    let id = if space.is_empty() { name } else { leaf.keep(&format!("{space}/{name}")) };
    let audit = leaf.word(root.get("auditID"));
    let stage = leaf.word(root.get("stage"));
    let dry = root.get("requestURI").as_str().is_some_and(|uri| uri.contains("dryRun=All"));
    let status = root.get("responseStatus");
    let error = CallError {
        code: first(&[leaf.word(status.get("reason")), leaf.word(status.get("code")), stage]),
        message: leaf.word(status.get("message")),
    };
    let actor = actor(leaf);
    Ok(Event {
        format: Format::KubernetesAudit,
        key: leaf.keyed.key,
        id: if audit.is_empty() { leaf.id(&[]) } else { leaf.keep(&format!("{audit}/{stage}")) },
        time,
        recorded: super::times::value(root.get("stageTimestamp")),
        time_inferred,
        account: leaf.outer.account,
        region: leaf.outer.region,
        read_only: if dry { Some(true) } else { leaf.keyed.read_only },
        error: leaf.keyed.failed.then_some(error),
        phase: Phase::Single,
        ownership: ownership(&actor),
        actor,
        body: Body {
            request: leaf.open(root.get("requestObject")),
            response: leaf.open(answer),
            raw: root,
            resource_id: id,
            resource_name: name,
        },
    })
}

fn actor<'a>(leaf: &Leaf<'a>) -> Actor<'a> {
    let root = leaf.root;
    let own = leaf.word(root.at(&["user", "username"]));
    let played = leaf.word(root.at(&["impersonatedUser", "username"]));
    let source = root.get("sourceIPs").items().and_then(|ips| ips.first().copied());
    let kind = if own.starts_with("system:serviceaccount:") {
        "ServiceAccount"
    } else if own.starts_with("system:") {
        "System"
    } else {
        "User"
    };
    Actor {
        id: own,
        name: first(&[played, own]),
        kind,
        account: "",
        credential: leaf.word(root.at(&["user", "uid"])),
        invoked_by: "",
        root: false,
        mfa: None,
        source_ip: leaf.word(source.unwrap_or_default()),
        user_agent: leaf.word(root.get("userAgent")),
    }
}

fn ownership(actor: &Actor<'_>) -> Ownership {
    let plane = [
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:apiserver",
        "system:addon-manager",
        "system:node:",
        "system:serviceaccount:kube-system:",
    ];
    if plane.iter().any(|own| actor.id.starts_with(own)) {
        return Ownership::Provider;
    }
    Ownership::Tenant
}
