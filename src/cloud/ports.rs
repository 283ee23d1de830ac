//! Protocols, ports and addresses as clouds write them go in; canonical text and port sets out.

use std::net::IpAddr;

use ipnet::IpNet;

use super::make::text;
use crate::expr::api::Call;
use crate::model::{PortRange, PortSet, Val};

/// Every port.
pub(super) const ALL: &[PortRange] = &[PortRange { first: 0, last: u16::MAX }];

/// The set of all ports.
pub(super) const fn all<'a>() -> Val<'a> {
    Val::Ports(PortSet { ranges: ALL, whole: true })
}

/// The empty set of ports.
pub(super) const fn nothing<'a>() -> Val<'a> {
    Val::Ports(PortSet { ranges: &[], whole: true })
}

/// The canonical name of a protocol: `any`, `tcp`, `udp`, `icmp`, `icmpv6`, or an IANA number.
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
        -1 => Val::Str("any"),
        1 => Val::Str("icmp"),
        6 => Val::Str("tcp"),
        17 => Val::Str("udp"),
        58 => Val::Str("icmpv6"),
        0..=255 => text(call, &number.to_string()),
        _ => Val::Unknown,
    }
}

fn named<'a>(call: &Call<'a, '_>, word: &str) -> Val<'a> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "*" | "any" | "all" => Val::Str("any"),
        "icmp6" | "ipv6-icmp" => Val::Str("icmpv6"),
        "esp" => Val::Str("50"),
        "ah" => Val::Str("51"),
        "sctp" => Val::Str("132"),
        "ipip" => Val::Str("94"),
        "" => Val::Unknown,
        other if other.bytes().all(|byte| byte.is_ascii_alphanumeric()) => text(call, other),
        _ => Val::Unknown,
    }
}

/// Whether rules for that canonical protocol are limited by ports.
pub(super) fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "132")
}

/// A set of ports from ranges in any order; overlapping and adjacent ones become one.
pub(super) fn set<'a>(call: &Call<'a, '_>, mut ranges: Vec<PortRange>) -> Val<'a> {
    ranges.sort_unstable();
    let mut joined: Vec<PortRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if u32::from(range.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    Val::Ports(PortSet { ranges: call.arena.alloc_slice_copy(&joined), whole: true })
}

/// One range as text: `22`, `80-443`, `*`; `None` where it is none.
pub(super) fn range(text: &str) -> Option<PortRange> {
    let text = text.trim();
    if matches!(text, "*") || text.eq_ignore_ascii_case("any") || text.eq_ignore_ascii_case("all") {
        return Some(ALL[0]);
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
