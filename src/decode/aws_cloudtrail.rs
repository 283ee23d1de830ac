//! An AWS CloudTrail record into an event.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, flag};
use super::scan::Members;
use crate::model::{Actor, Body, CallError, Event, Format, Ownership, Phase, Provider, Val};

const READS: [&str; 5] = ["Describe", "List", "Get", "Lookup", "Head"];

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let name = it.text(keys::EVENT_NAME);
    let mut keyed = Keyed::activity(Provider::Aws, it.text(keys::EVENT_SOURCE), name);
    keyed.failed = it.has(keys::ERROR_CODE) || it.has(keys::ERROR_MESSAGE);
    keyed.read_only = flag(it.val(keys::READ_ONLY))
        .or_else(|| READS.iter().any(|verb| name.starts_with(verb)).then_some(true));
    keyed
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let (time, time_inferred) = leaf.time(&[root.get("eventTime")])?;
    let response = leaf.open(root.get("responseElements"));
    let actor = actor(leaf);
    let resources = root.get("resources").items().unwrap_or_default();
    let resource = resources.first().copied().unwrap_or_default();
    Ok(Event {
        format: Format::AwsCloudtrail,
        key: leaf.keyed.key,
        id: leaf.id(&[root.get("eventID")]),
        time,
        recorded: None,
        time_inferred,
        account: first(&[
            leaf.word(root.get("recipientAccountId")),
            actor.account,
            leaf.outer.account,
        ]),
        region: first(&[leaf.word(root.get("awsRegion")), leaf.outer.region]),
        read_only: leaf.keyed.read_only,
        error: error(leaf, response),
        phase: Phase::Single,
        ownership: ownership(leaf, &actor),
        actor,
        body: Body {
            request: leaf.open(root.get("requestParameters")),
            response,
            raw: root,
            resource_id: first(&[leaf.word(resource.get("ARN")), leaf.word(resource.get("arn"))]),
            resource_name: "",
        },
    })
}

fn error<'a>(leaf: &Leaf<'a>, response: Val<'a>) -> Option<CallError<'a>> {
    let root = leaf.root;
    let code = leaf.word(root.get("errorCode"));
    let message = leaf.word(root.get("errorMessage"));
    if leaf.keyed.failed {
        return Some(CallError { code: first(&[code, "error"]), message });
    }
    // A sign-in tells its failure in the answer alone.
    let Val::Map(answers) = response else { return None };
    let failed = answers.iter().any(|(_, value)| value.as_str() == Some("Failure"));
    let sign_in = leaf.keyed.key.service == "signin.amazonaws.com";
    (failed && sign_in).then_some(CallError { code: "Failure", message })
}

fn actor<'a>(leaf: &Leaf<'a>) -> Actor<'a> {
    let root = leaf.root;
    let user = root.get("userIdentity");
    let session = user.get("sessionContext");
    let principal = leaf.word(user.get("principalId"));
    let arn = leaf.word(user.get("arn"));
    let by = leaf.word(user.get("invokedBy"));
    let kind = leaf.word(user.get("type"));
    let issuer = leaf.word(session.at(&["sessionIssuer", "userName"]));
    let tail = principal.rsplit_once(':').map_or("", |(_, name)| name);
    let mfa = flag(session.at(&["attributes", "mfaAuthenticated"]));
    let factor = leaf.word(root.at(&["additionalEventData", "MFAUsed"]));
    Actor {
        id: first(&[arn, principal, by, leaf.word(user.get("userName"))]),
        name: first(&[leaf.word(user.get("userName")), issuer, tail, by]),
        kind,
        account: leaf.word(user.get("accountId")),
        credential: leaf.word(user.get("accessKeyId")),
        invoked_by: by,
        root: kind == "Root",
        mfa: match factor {
            "Yes" => Some(true),
            "No" => Some(false),
            _ => mfa,
        },
        source_ip: leaf.word(root.get("sourceIPAddress")),
        user_agent: leaf.word(root.get("userAgent")),
    }
}

fn ownership(leaf: &Leaf<'_>, actor: &Actor<'_>) -> Ownership {
    let root = leaf.root;
    let linked = ["CreateServiceLinkedRole", "DeleteServiceLinkedRole"];
    if actor.kind == "AWSService"
        || root.get("eventType").as_str() == Some("AwsServiceEvent")
        || linked.contains(&leaf.keyed.key.name)
    {
        return Ownership::Provider;
    }
    let issuer = root.at(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]);
    let service_role = issuer.as_str().is_some_and(|arn| arn.contains(":role/aws-service-role/"));
    let by = actor.invoked_by;
    let by_service = by.ends_with(".amazonaws.com") && by != "cloudformation.amazonaws.com";
    if service_role || by_service {
        return Ownership::TenantViaService;
    }
    Ownership::Tenant
}
