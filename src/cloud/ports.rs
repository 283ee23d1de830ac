//! Protocols, ports and addresses as clouds write them go in; canonical text and port sets out.

use std::net::IpAddr;

use ipnet::IpNet;

use super::make::text;
use crate::expr::api::Call;
use crate::expr::{net, ports};
use crate::model::{PortRange, Val};

/// The set of all ports.
pub(super) const fn all<'a>() -> Val<'a> {
    Val::Ports(ports::ALL)
}

/// The empty set of ports.
pub(super) const fn nothing<'a>() -> Val<'a> {
    Val::Ports(ports::NOTHING)
}

/// The canonical name of a protocol, as `net.protocol` gives it, so that a rule has one identity
/// whatever told of it: `any`, `tcp`, `esp`, or an IANA number that has no name of ours.
/// `Unsaid` where there is none, `Unknown` where it is not understood.
///
/// Numbers: <https://www.iana.org/assignments/protocol-numbers>
pub(super) fn protocol<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Val<'a> {
    let number = match value {
        Val::Unsaid | Val::None => return value,
        Val::Int(number) => number,
        Val::Str(word) => match word.trim().parse::<i64>() {
            Ok(number) => number,
            Err(_) => return named(call, word.trim()),
        },
        _ => return Val::Unknown,
    };
    match number {
        -1..=255 => Val::Str(net::numbered(number, call)),
        _ => Val::Unknown,
    }
}

fn named<'a>(call: &Call<'a, '_>, word: &str) -> Val<'a> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "*" | "any" | "all" => Val::Str("any"),
        "icmp6" | "ipv6-icmp" => Val::Str("icmpv6"),
        "" => Val::Unknown,
        other if other.bytes().all(|byte| byte.is_ascii_alphanumeric()) => text(call, other),
        _ => Val::Unknown,
    }
}

/// Whether rules for that canonical protocol are limited by ports.
pub(super) fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "sctp")
}

/// A set of ports from ranges in any order; overlapping and adjacent ones become one.
pub(super) fn set<'a>(call: &Call<'a, '_>, ranges: &[PortRange]) -> Val<'a> {
    Val::Ports(ports::normalise(ranges, true, call.arena))
}

/// One range as text: `22`, `80-443`, `*`; `None` where it is none.
pub(super) fn range(text: &str) -> Option<PortRange> {
    let text = text.trim();
    if matches!(text, "*") || text.eq_ignore_ascii_case("any") || text.eq_ignore_ascii_case("all") {
        return Some(PortRange { first: 0, last: u16::MAX });
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(PortRange { first, last })
}

/// A number that may be written as text.
pub(super) fn number(value: Val<'_>) -> Option<i64> {
    match value {
        Val::Int(number) => Some(number),
        Val::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A network with its host bits cleared; a bare address is a network of one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        .map(|net| net.trunc())
}
