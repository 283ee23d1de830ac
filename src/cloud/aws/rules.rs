//! Permissions of security groups go in; one map per peer, ports and rules come out.

use super::super::make::{Answer, arg, folded, list, map, member, record, several, text};
use super::super::ports::{all, has_ports, network, nothing, number, protocol, set};
use crate::expr::api::{Call, EvalError};
use crate::model::{PortRange, Val};

/// Where a permission keeps its peers, and what in an entry names the peer.
const PEERS: &[(&str, &str)] = &[
    ("ipRanges", "cidrIp"),
    ("ipv4Ranges", "cidrIp"),
    ("ipv6Ranges", "cidrIpv6"),
    ("groups", "groupId"),
    ("userIdGroupPairs", "groupId"),
    ("prefixListIds", "prefixListId"),
];

/// `aws.ports(permission)`.
pub(super) fn ports<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let permission = arg(args, 0);
    if !permission.is_present() {
        return Ok(permission);
    }
    call.charge(1)?;
    let named = protocol(call, folded(permission, "ipProtocol"));
    match named {
        Val::Str("icmp" | "icmpv6") => return Ok(nothing()),
        Val::Str(name) if !has_ports(name) => return Ok(all()),
        Val::Unknown => return Ok(Val::Unknown),
        _ => {}
    }
    let ends = ["fromPort", "toPort"].map(|name| folded(permission, name));
    let [Some(from), Some(to)] =
        ends.map(|end| if end.is_present() { number(end) } else { Some(-1) })
    else {
        return Ok(Val::Unknown);
    };
    let (from, to) = match (from, to) {
        (-1, -1) => return Ok(all()),
        (-1, to) => (to, to),
        (from, -1) => (from, from),
        both => both,
    };
    match (u16::try_from(from), u16::try_from(to)) {
        (Ok(first), Ok(last)) if first <= last => Ok(set(call, &[PortRange { first, last }])),
        _ => Ok(Val::Unknown),
    }
}

/// `aws.permissions(from)`.
pub(super) fn permissions<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let from = arg(args, 0);
    let mut found = Vec::new();
    let mut whole = true;
    match from {
        Val::Unsaid | Val::None => return Ok(from),
        Val::List(seq) => {
            whole = seq.whole;
            call.charge(seq.items.len())?;
            flatten(call, seq.items, &mut found)?;
        }
        Val::Map(_) => {
            let inner = folded(from, "ipPermissions");
            let nested = several(call, inner)?;
            if nested.is_empty() {
                // The flat form carries an empty `ipPermissions` beside its own fields.
                flatten(call, several(call, without(from, inner))?, &mut found)?;
            } else {
                flatten(call, nested, &mut found)?;
            }
        }
        _ => return Ok(Val::Unknown),
    }
    let Val::List(mut seq) = list(call, &found) else { return Ok(Val::Unknown) };
    seq.whole = whole;
    Ok(Val::List(seq))
}

/// A request whose `ipPermissions` is there but empty, and that says nothing flat, has none.
fn without<'a>(from: Val<'a>, inner: Val<'a>) -> Val<'a> {
    let flat =
        ["ipProtocol", "cidrIp", "sourceSecurityGroupName", "sourceSecurityGroupId", "items"];
    if inner.is_present() && !flat.iter().any(|name| folded(from, name).is_present()) {
        return Val::Unsaid;
    }
    from
}

fn flatten<'a>(
    call: &Call<'a, '_>,
    permissions: &[Val<'a>],
    found: &mut Vec<Val<'a>>,
) -> Result<(), EvalError> {
    for permission in permissions {
        let Val::Map(_) = permission else {
            found.push(Val::Unknown);
            continue;
        };
        for peer in peers(call, *permission)? {
            found.push(map(
                call,
                &[
                    ("ipProtocol", folded(*permission, "ipProtocol")),
                    ("fromPort", folded(*permission, "fromPort")),
                    ("toPort", folded(*permission, "toPort")),
                    ("peer", peer),
                ],
            ));
        }
    }
    Ok(())
}

/// Every peer of a permission, once each: Config repeats IPv4 ranges as plain text.
fn peers<'a>(call: &Call<'a, '_>, permission: Val<'a>) -> Result<Vec<Val<'a>>, EvalError> {
    let mut found: Vec<Val<'a>> = Vec::new();
    let mut add = |peer: Val<'a>| {
        let known =
            peer.as_str().is_some_and(|new| found.iter().any(|old| old.as_str() == Some(new)));
        if !known {
            found.push(peer);
        }
    };
    for (place, name) in PEERS {
        for entry in several(call, folded(permission, place))? {
            add(entry_peer(call, *entry, name));
        }
    }
    for name in ["cidrIp", "cidrIpv4", "cidrIpv6"] {
        let value = folded(permission, name);
        if value.is_present() {
            add(cidr(call, value));
        }
    }
    let group = ["sourceSecurityGroupId", "sourceSecurityGroupName"]
        .map(|name| folded(permission, name))
        .into_iter()
        .find(Val::is_present);
    if let Some(group) = group {
        add(prefixed(call, "group", group));
    }
    let prefix_list = folded(permission, "prefixListId");
    if prefix_list.is_present() {
        add(prefixed(call, "list", prefix_list));
    }
    Ok(found)
}

/// One entry of a list of peers: an object, or the text itself.
fn entry_peer<'a>(call: &Call<'a, '_>, entry: Val<'a>, name: &str) -> Val<'a> {
    let said = match entry {
        Val::Map(_) => folded(entry, name),
        other => other,
    };
    match name {
        "groupId" => {
            let by_name = || member(entry, &["groupName", "GroupName"]);
            prefixed(call, "group", if said.is_present() { said } else { by_name() })
        }
        "prefixListId" => prefixed(call, "list", said),
        _ => cidr(call, said),
    }
}

fn cidr<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Val<'a> {
    match value.as_str().and_then(network) {
        Some(net) => text(call, &net.to_string()),
        None => Val::Unknown,
    }
}

fn prefixed<'a>(call: &Call<'a, '_>, prefix: &str, value: Val<'a>) -> Val<'a> {
    match value.as_str() {
        Some(id) if !id.is_empty() => text(call, &format!("{prefix}:{id}")),
        _ => Val::Unknown,
    }
}

/// `aws.rule(permission, direction)`.
pub(super) fn rule<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let permission = arg(args, 0);
    let direction = arg(args, 1);
    if !permission.is_present() {
        return Ok(permission);
    }
    if !matches!(direction.as_str(), Some("ingress" | "egress")) {
        return Err(EvalError::Type("a direction is `ingress` or `egress`"));
    }
    let peer = permission.get("peer");
    let peers = if matches!(peer, Val::Unsaid) { Val::Unsaid } else { list(call, &[peer]) };
    record(
        call,
        "network_rule",
        &[
            ("direction", direction),
            ("action", Val::Str("allow")),
            ("protocol", protocol(call, folded(permission, "ipProtocol"))),
            ("ports", ports(call, args)?),
            ("peers", peers),
        ],
    )
}
