//! Protocols, CIDRs and peers: what clouds write becomes canonical text.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::expr::api::{Call, EvalError};
use crate::model::Val;

use super::NOT_SO;

/// IANA protocol numbers with a name of ours. Source: IANA, "Protocol Numbers".
const NUMBERS: [(u8, &str); 19] = [
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (17, "udp"),
    (33, "dccp"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmpv6"),
    (89, "ospf"),
    (94, "ipip"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
];

/// The protocols that may stand as bare words; others are numbers in quotes.
pub(in crate::expr) fn protocols() -> impl Iterator<Item = &'static str> {
    std::iter::once("any").chain(NUMBERS.iter().map(|(_, name)| *name))
}

pub(super) fn protocol<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Int(number)] => Ok(Val::Str(numbered(*number, call))),
        [Val::Str(text)] => {
            let text = text.trim();
            if let Ok(number) = text.parse() {
                return Ok(Val::Str(numbered(number, call)));
            }
            let any = ["", "all", "any", "*"].iter().any(|word| text.eq_ignore_ascii_case(word));
            if any {
                return Ok(Val::Str("any"));
            }
            let icmp6 = ["ipv6-icmp", "icmp6"].iter().any(|word| text.eq_ignore_ascii_case(word));
            if icmp6 {
                return Ok(Val::Str("icmpv6"));
            }
            let lower = call.arena.alloc_str(text);
            lower.make_ascii_lowercase();
            Ok(Val::Str(lower))
        }
        _ => Err(NOT_SO),
    }
}

/// The name of a protocol's number, or the number where it has none of ours; -1 is any.
pub(crate) fn numbered<'a>(number: i64, call: &Call<'a, '_>) -> &'a str {
    if number == -1 {
        return "any";
    }
    let named = NUMBERS.iter().find(|(known, _)| i64::from(*known) == number);
    match named {
        Some((_, name)) => name,
        None => bumpalo::format!(in call.arena, "{}", number).into_bump_str(),
    }
}

/// A CIDR or a single address, host bits cleared.
pub(super) fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net.trunc());
    }
    text.parse::<IpAddr>().ok().map(IpNet::from)
}

/// Whether a text is a CIDR or an address.
pub(in crate::expr) fn is_cidr(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether a text means every address of both families.
pub(in crate::expr) fn is_any(text: &str) -> bool {
    ["any", "*", "internet", "all"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// Which families a peer is the whole of: IPv4, IPv6.
pub(super) fn world(peer: &str) -> (bool, bool) {
    if is_any(peer) {
        return (true, true);
    }
    match parse(peer) {
        Some(IpNet::V4(net)) => (net.prefix_len() == 0, false),
        Some(IpNet::V6(net)) => (false, net.prefix_len() == 0),
        None => (false, false),
    }
}

pub(super) fn cidr<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Str(text)] if text.trim().is_empty() => Ok(Val::Unsaid),
        [Val::Str(text)] if is_any(text) => Ok(Val::Str("any")),
        [Val::Str(text)] => match parse(text) {
            Some(net) => {
                let canonical = bumpalo::format!(in call.arena, "{}", net).into_bump_str();
                Ok(Val::Str(if canonical == *text { text } else { canonical }))
            }
            None => tag(call, args),
        },
        _ => Err(NOT_SO),
    }
}

pub(super) fn group<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    prefixed("group", call, args)
}

pub(super) fn list_peer<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    prefixed("list", call, args)
}

pub(super) fn tag<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    prefixed("tag", call, args)
}

fn prefixed<'a>(prefix: &str, call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let arena = call.arena;
    match args {
        [Val::Str("")] => Ok(Val::Unsaid),
        [Val::Str(id)] => {
            Ok(Val::Str(bumpalo::format!(in arena, "{}:{}", prefix, id).into_bump_str()))
        }
        [Val::Int(id)] => {
            Ok(Val::Str(bumpalo::format!(in arena, "{}:{}", prefix, id).into_bump_str()))
        }
        _ => Err(NOT_SO),
    }
}

pub(super) fn any_address<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(peer)] = args else { return Err(NOT_SO) };
    let (four, six) = world(peer);
    Ok(Val::Bool(four || six))
}

pub(super) fn contains<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Str(outer), Val::Str(inner)] => Ok(Val::Bool(match (parse(outer), parse(inner)) {
            (Some(outer), Some(inner)) => outer.contains(&inner),
            _ => is_any(outer),
        })),
        [_, Val::Unsaid | Val::None] => Ok(Val::Bool(false)),
        _ => Err(NOT_SO),
    }
}
