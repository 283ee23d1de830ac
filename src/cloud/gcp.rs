//! Parts of Google Cloud requests, operations and assets go in; peers, ports and names come out.

mod policy;

use super::make::{Answer, arg, folded, list, optional, param, record, row, several, text};
use super::ports::{all, has_ports, network, nothing, protocol, range, set};
use crate::expr::api::{Call, Host};
use crate::model::{Seq, Val};

const FIREWALL: &str = "https://cloud.google.com/compute/docs/reference/rest/v1/firewalls";
const BASIC: &str = "https://cloud.google.com/iam/docs/roles-overview#basic";

pub(super) use policy::HOSTS as POLICIES;

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
            // A rule may have sources of one form alone, so none of them is due.
            optional("ranges", "dyn"),
            optional("tags", "dyn"),
            optional("accounts", "dyn"),
            optional("options", "dyn"),
        ],
        "list<peer>",
        "Sources by range, network tag (`tag:`) and service account (`group:`), any of which suffices; where none is said, `options.neither` or unsaid.",
        r#"gcp.peers(unsaid, ["web"], unsaid, {"neither": "any"}) == ["tag:web"]"#,
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
    let seq = several(call, value)?;
    let found: Vec<Val<'a>> = seq.items.iter().map(|one| cidr(call, *one)).collect();
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole: seq.whole }))
}

fn cidr<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Val<'a> {
    match value.as_str().and_then(network) {
        Some(net) => text(call, &net.to_string()),
        None => Val::Unknown,
    }
}

fn peers<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let mut found: Vec<Val<'a>> = Vec::new();
    let mut all_seen = true;
    for (index, prefix) in ["", "tag", "group"].into_iter().enumerate() {
        let value = arg(args, index);
        let seq = several(call, value)?;
        all_seen = all_seen && seq.whole;
        for one in seq.items {
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
    let seq = several(call, value)?;
    for rule in seq.items {
        if matches!(rule, Val::Unknown) {
            found.push(Val::Unknown);
            continue;
        }
        let protocol = protocol(call, folded(*rule, "IPProtocol"));
        let ports = rule_ports(call, protocol, folded(*rule, "ports"))?;
        found.push(record(call, "proto_ports", &[("protocol", protocol), ("ports", ports)])?);
    }
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole: seq.whole }))
}

fn rule_ports<'a>(call: &Call<'a, '_>, protocol: Val<'a>, written: Val<'a>) -> Answer<'a> {
    match protocol {
        Val::Str("icmp" | "icmpv6") => return Ok(nothing()),
        Val::Str(name) if !has_ports(name) => return Ok(all()),
        Val::Str(_) => {}
        _ => return Ok(Val::Unknown),
    }
    let mut ranges = Vec::new();
    let written = several(call, written)?;
    if !written.whole {
        return Ok(Val::Unknown);
    }
    for one in written.items {
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
