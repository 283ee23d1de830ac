//! Permissions of security groups go in; one map per peer, ports and rules come out.

use rustc_hash::FxHashSet;

use super::super::make::{Answer, arg, folded, list, map, member, record, several, text};
use super::super::ports::{all, has_ports, network, nothing, number, protocol, set};
use crate::expr::api::{Call, EvalError};
use crate::model::{PortRange, Seq, Val};

/// Where a permission keeps its peers, and what in an entry names the peer.
const PEERS: &[(&str, &str)] = &[
    ("ipRanges", "cidrIp"),
    ("ipv4Ranges", "cidrIp"),
    ("ipv6Ranges", "cidrIpv6"),
    ("groups", "groupId"),
    ("userIdGroupPairs", "groupId"),
    ("prefixListIds", "prefixListId"),
];

/// Where the flat form names a peer.
const FLAT: &[&str] = &[
    "cidrIp",
    "cidrIpv4",
    "cidrIpv6",
    "sourceSecurityGroupId",
    "sourceSecurityGroupName",
    "prefixListId",
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
    let ends = ends.map(|end| match end {
        Val::Unsaid | Val::None => Some(-1),
        said => number(said),
    });
    let [Some(from), Some(to)] = ends else { return Ok(Val::Unknown) };
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
    let permissions = match from {
        Val::Unsaid | Val::None => return Ok(from),
        Val::List(_) => several(call, from)?,
        Val::Map(_) => {
            let inner = folded(from, "ipPermissions");
            let nested = several(call, inner)?;
            if nested.items.is_empty() && nested.whole {
                // The flat form carries an empty `ipPermissions` beside its own fields.
                several(call, without(from, inner))?
            } else {
                nested
            }
        }
        _ => return Ok(Val::Unknown),
    };
    let mut found = Vec::new();
    let whole = flatten(call, permissions, &mut found)?;
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&found), whole }))
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

/// Adds one map per peer; tells whether these are all.
fn flatten<'a>(
    call: &Call<'a, '_>,
    permissions: Seq<'a>,
    found: &mut Vec<Val<'a>>,
) -> Result<bool, EvalError> {
    let mut whole = permissions.whole;
    for permission in permissions.items {
        let Val::Map(_) = permission else {
            if matches!(permission, Val::Unknown) {
                whole = false;
            } else {
                found.push(Val::Unknown);
            }
            continue;
        };
        let peers = peers(call, *permission)?;
        whole = whole && peers.whole;
        for peer in peers.found {
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
    Ok(whole)
}

/// The peers of a permission, and whether these are all.
struct Peers<'a> {
    found: Vec<Val<'a>>,
    /// Those of text, to tell what is there already.
    texts: FxHashSet<&'a str>,
    whole: bool,
}

impl<'a> Peers<'a> {
    fn add(&mut self, peer: Val<'a>) {
        if peer.as_str().is_none_or(|text| self.texts.insert(text)) {
            self.found.push(peer);
        }
    }
}

/// Every peer of a permission, once each: Config repeats IPv4 ranges as plain text.
fn peers<'a>(call: &Call<'a, '_>, permission: Val<'a>) -> Result<Peers<'a>, EvalError> {
    let mut peers = Peers { found: Vec::new(), texts: FxHashSet::default(), whole: true };
    for (place, name) in PEERS {
        let entries = several(call, folded(permission, place))?;
        peers.whole = peers.whole && entries.whole;
        for entry in entries.items {
            if matches!(entry, Val::Unknown) {
                peers.whole = false;
            } else {
                peers.add(entry_peer(call, *entry, name));
            }
        }
    }
    let unknown = FLAT.iter().any(|name| matches!(folded(permission, name), Val::Unknown));
    peers.whole = peers.whole && !unknown;
    for name in ["cidrIp", "cidrIpv4", "cidrIpv6"] {
        let value = folded(permission, name);
        if value.is_present() {
            peers.add(cidr(call, value));
        }
    }
    let group = ["sourceSecurityGroupId", "sourceSecurityGroupName"]
        .map(|name| folded(permission, name))
        .into_iter()
        .find(Val::is_present);
    if let Some(group) = group {
        peers.add(prefixed(call, "group", group));
    }
    let prefix_list = folded(permission, "prefixListId");
    if prefix_list.is_present() {
        peers.add(prefixed(call, "list", prefix_list));
    }
    Ok(peers)
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
