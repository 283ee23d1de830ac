//! Parts of Google Cloud requests, operations and assets go in; peers, ports and bindings out.

use super::json;
use super::make::{
    Answer, arg, folded, list, map, member, optional, param, record, row, several, strings, text,
};
use super::ports::{all, has_ports, network, nothing, protocol, range, set};
use crate::expr::api::{Call, EvalError, Host};
use crate::model::{Seq, Val};

const FIREWALL: &str = "https://cloud.google.com/compute/docs/reference/rest/v1/firewalls";
const POLICY: &str = "https://cloud.google.com/iam/docs/reference/rest/v1/Policy";
const BASIC: &str = "https://cloud.google.com/iam/docs/roles-overview#basic";

/// Functions on Google Cloud's shapes.
pub(super) const HOSTS: &[Host] = &[
    row(
        "gcp.direction",
        &[param("direction", "dyn")],
        "enum",
        "`ingress` or `egress`, of either case.",
        r#"gcp.direction("INGRESS") == "ingress""#,
        FIREWALL,
        direction,
    ),
    row(
        "gcp.cidrs",
        &[param("ranges", "dyn")],
        "list<peer>",
        "Ranges with their host bits cleared; unsaid stays unsaid.",
        r#"gcp.cidrs(["10.0.0.1/8"]) == ["10.0.0.0/8"]"#,
        FIREWALL,
        cidrs,
    ),
    row(
        "gcp.peers",
        &[
            param("ranges", "dyn"),
            param("tags", "dyn"),
            param("accounts", "dyn"),
            optional("options", "dyn"),
        ],
        "list<peer>",
        "Sources by range, network tag (`tag:`) and service account (`group:`), any of which suffices; where none is said, `options.neither` or unsaid.",
        r#"gcp.peers(["10.0.0.0/8"], ["web"], unsaid, {"neither": "any"}) == ["10.0.0.0/8", "tag:web"]"#,
        FIREWALL,
        peers,
    ),
    row(
        "gcp.ports",
        &[param("rules", "dyn")],
        "list<proto_ports>",
        "Protocols and ports of `allowed` or `denied`; a protocol without ports means all of them.",
        r#"gcp.ports([{"IPProtocol": "tcp", "ports": ["22"]}])[0].protocol == "tcp""#,
        FIREWALL,
        ports,
    ),
    row(
        "gcp.bindings",
        &[param("policy", "dyn")],
        "list<dyn>",
        "The bindings of an IAM policy as maps {role, members, condition}, with `*` for allUsers and `authenticated` for allAuthenticatedUsers.",
        r#"gcp.bindings({"bindings": [{"role": "r", "members": ["allUsers"]}]})[0].members == ["*"]"#,
        POLICY,
        bindings,
    ),
    row(
        "gcp.members",
        &[param("policy", "dyn"), param("role", "string")],
        "list<principal>",
        "Who holds that role by an IAM policy, with or without a condition.",
        r#"gcp.members({"bindings": [{"role": "roles/owner", "members": ["user:a@example.com"]}]}, "roles/owner") == ["user:a@example.com"]"#,
        POLICY,
        members,
    ),
    row(
        "gcp.public",
        &[param("policy", "dyn")],
        "list<string>",
        "The roles that an IAM policy gives to allUsers or allAuthenticatedUsers.",
        r#"gcp.public({"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]}) == ["roles/viewer"]"#,
        "https://cloud.google.com/storage/docs/public-access-prevention",
        public,
    ),
    row(
        "gcp.name",
        &[param("resource", "string")],
        "string",
        "The last part of a resource's name or link.",
        r#"gcp.name("projects/p/global/firewalls/f") == "f""#,
        "https://cloud.google.com/apis/design/resource_names",
        name,
    ),
    row(
        "gcp.primitive_role",
        &[param("role", "string")],
        "bool",
        "Whether the role is one of the basic ones: owner, editor, viewer.",
        r#"gcp.primitive_role("roles/editor") == true"#,
        BASIC,
        primitive_role,
    ),
];

fn direction<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    call.charge(1)?;
    Ok(match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None) => absent,
        Val::Str(word) if word.eq_ignore_ascii_case("ingress") => Val::Str("ingress"),
        Val::Str(word) if word.eq_ignore_ascii_case("egress") => Val::Str("egress"),
        _ => Val::Unknown,
    })
}

fn cidrs<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let value = arg(args, 0);
    if !value.is_present() {
        return Ok(value);
    }
    let found: Vec<Val<'a>> = several(call, value)?.iter().map(|one| cidr(call, *one)).collect();
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole: whole(value) }))
}

fn cidr<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Val<'a> {
    match value.as_str().and_then(network) {
        Some(net) => text(call, &net.to_string()),
        None => Val::Unknown,
    }
}

fn whole(value: Val<'_>) -> bool {
    !matches!(value, Val::List(seq) if !seq.whole)
}

fn peers<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let mut found: Vec<Val<'a>> = Vec::new();
    let mut all_seen = true;
    for (index, prefix) in ["", "tag", "group"].into_iter().enumerate() {
        let value = arg(args, index);
        all_seen = all_seen && whole(value) && !matches!(value, Val::Unknown);
        for one in several(call, value)? {
            found.push(match one.as_str() {
                _ if prefix.is_empty() => cidr(call, *one),
                Some(name) => text(call, &format!("{prefix}:{name}")),
                None => Val::Unknown,
            });
        }
    }
    if found.is_empty() && all_seen {
        return Ok(match arg(args, 3).get("neither") {
            neither @ Val::Str(_) => list(call, &[neither]),
            _ => Val::Unsaid,
        });
    }
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole: all_seen }))
}

fn ports<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let value = arg(args, 0);
    if !value.is_present() {
        return Ok(value);
    }
    let mut found = Vec::new();
    for rule in several(call, value)? {
        let protocol = protocol(call, folded(*rule, "IPProtocol"));
        let ports = rule_ports(call, protocol, folded(*rule, "ports"))?;
        found.push(record(call, "proto_ports", &[("protocol", protocol), ("ports", ports)])?);
    }
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole: whole(value) }))
}

fn rule_ports<'a>(call: &Call<'a, '_>, protocol: Val<'a>, written: Val<'a>) -> Answer<'a> {
    match protocol {
        Val::Str("icmp" | "icmpv6") => return Ok(nothing()),
        Val::Str(name) if !has_ports(name) => return Ok(all()),
        Val::Str(_) => {}
        _ => return Ok(Val::Unknown),
    }
    let mut ranges = Vec::new();
    for one in several(call, written)? {
        let parsed = match one {
            Val::Int(port) => range(&port.to_string()),
            other => other.as_str().and_then(range),
        };
        match parsed {
            Some(found) => ranges.push(found),
            None => return Ok(Val::Unknown),
        }
    }
    Ok(if ranges.is_empty() { all() } else { set(call, &ranges) })
}

/// A binding, opened.
struct Binding<'a> {
    role: &'a str,
    members: Vec<&'a str>,
    condition: Val<'a>,
}

/// The bindings of a policy; `None` where it cannot be read.
fn read<'a>(call: &Call<'a, '_>, policy: Val<'a>) -> Result<Option<Vec<Binding<'a>>>, EvalError> {
    let policy = match policy {
        Val::Str(text) => match json::open(call, text)? {
            Some(opened) => opened,
            None => return Ok(None),
        },
        other => other,
    };
    let listed = match policy {
        Val::Map(entries) => match policy.get("bindings") {
            // Without bindings a policy is empty, but not everything without bindings is one.
            Val::Unsaid if entries.is_empty() || is_policy(policy) => return Ok(Some(Vec::new())),
            listed => listed,
        },
        other => other,
    };
    let Val::List(seq) = listed else { return Ok(None) };
    if !seq.whole {
        return Ok(None);
    }
    call.charge(seq.items.len())?;
    let mut found = Vec::with_capacity(seq.items.len());
    for item in seq.items {
        let Some(role) = item.get("role").as_str() else { return Ok(None) };
        let Some(names) = strings(call, item.get("members"))? else { return Ok(None) };
        let members = names.into_iter().map(principal).collect();
        found.push(Binding { role, members, condition: item.get("condition") });
    }
    Ok(Some(found))
}

fn is_policy(value: Val<'_>) -> bool {
    member(value, &["etag", "version", "auditConfigs"]).is_present()
}

fn principal(member: &str) -> &str {
    match member {
        "allUsers" => "*",
        "allAuthenticatedUsers" => "authenticated",
        other => other,
    }
}

fn bindings<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = arg(args, 0);
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let Some(found) = read(call, policy)? else { return Ok(Val::Unknown) };
    let items: Vec<Val<'a>> = found
        .into_iter()
        .map(|binding| {
            let members: Vec<Val<'a>> = binding.members.into_iter().map(Val::Str).collect();
            map(
                call,
                &[
                    ("role", Val::Str(binding.role)),
                    ("members", list(call, &members)),
                    ("condition", binding.condition),
                ],
            )
        })
        .collect();
    Ok(list(call, &items))
}

fn members<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(role) = arg(args, 1).as_str() else {
        return Err(EvalError::Type("a role is text"));
    };
    select(call, arg(args, 0), |binding| {
        if binding.role == role { binding.members.clone() } else { Vec::new() }
    })
}

fn public<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    select(call, arg(args, 0), |binding| {
        let open = binding.members.iter().any(|member| matches!(*member, "*" | "authenticated"));
        if open { vec![binding.role] } else { Vec::new() }
    })
}

/// What each binding of the policy gives, sorted, once each.
fn select<'a>(
    call: &Call<'a, '_>,
    policy: Val<'a>,
    of: impl Fn(&Binding<'a>) -> Vec<&'a str>,
) -> Answer<'a> {
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let Some(bindings) = read(call, policy)? else { return Ok(Val::Unknown) };
    let mut found: Vec<&'a str> = bindings.iter().flat_map(of).collect();
    found.sort_unstable();
    found.dedup();
    let items: Vec<Val<'a>> = found.into_iter().map(Val::Str).collect();
    Ok(list(call, &items))
}

fn name<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    call.charge(1)?;
    Ok(match arg(args, 0) {
        Val::Str(resource) => {
            let resource = resource.trim_end_matches('/');
            Val::Str(resource.rsplit('/').next().unwrap_or(resource))
        }
        _ => Val::Unsaid,
    })
}

fn primitive_role<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    call.charge(1)?;
    Ok(match arg(args, 0) {
        Val::Str(role) => {
            Val::Bool(matches!(role, "roles/owner" | "roles/editor" | "roles/viewer"))
        }
        _ => Val::Unsaid,
    })
}

#[cfg(test)]
mod tests;
