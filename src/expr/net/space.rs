//! Address space: peers enter; whether they reach the public Internet, and how much of it, leaves.

use ipnet::IpNet;

use crate::expr::api::{Call, EvalError};
use crate::model::Val;

use super::address::{is_any, parse};
use super::{NOT_SO, verdict};

/// Spaces that are not globally reachable. Source: IANA IPv4 and IPv6 Special-Purpose Address
/// Registries; multicast beside them.
const SPECIAL: [&str; 25] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:2::/48",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Public IPv4 addresses that together are too many: a /8.
const WIDE: u64 = 1 << 24;
/// The shortest prefixes that are not too wide by themselves, as S3 counts them.
const NARROW: (u8, u8) = (8, 32);

/// What a peer says of addresses.
enum Reach {
    Net(IpNet),
    Everywhere,
    /// Members of groups have private addresses.
    Private,
    /// What a list or a tag holds is not known here.
    Unknown,
}

fn reach(peer: &str) -> Reach {
    if is_any(peer) {
        return Reach::Everywhere;
    }
    match parse(peer) {
        Some(net) => Reach::Net(net),
        None if peer.starts_with("list:") || peer.starts_with("tag:") => Reach::Unknown,
        None => Reach::Private,
    }
}

/// Whether some address of the network is public.
fn is_public(net: IpNet) -> bool {
    !SPECIAL.iter().filter_map(|space| parse(space)).any(|space| space.contains(&net))
}

pub(super) fn public_space<'a>(
    call: &Call<'a, '_>,
    args: &[Val<'a>],
) -> Result<Val<'a>, EvalError> {
    let one = |peer: &str| match reach(peer) {
        Reach::Everywhere => Some(true),
        Reach::Net(net) => Some(is_public(net)),
        Reach::Private => Some(false),
        Reach::Unknown => None,
    };
    match args {
        [Val::Str(peer)] => {
            call.charge(1)?;
            Ok(verdict(one(peer)))
        }
        [Val::List(seq)] => {
            let mut none = seq.whole.then_some(false);
            for item in seq.items {
                call.charge(1)?;
                match item {
                    Val::Str(peer) => match one(peer) {
                        Some(true) => return Ok(Val::Bool(true)),
                        Some(false) => {}
                        None => none = None,
                    },
                    Val::Unknown => none = None,
                    _ => {}
                }
            }
            Ok(verdict(none))
        }
        _ => Err(NOT_SO),
    }
}

/// The public part of peers, as far as it was looked at.
struct Seen {
    /// IPv4, first and last address of each.
    spans: Vec<(u32, u32)>,
    wide: bool,
    known: bool,
}

pub(super) fn wide<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let value = args.first().copied().unwrap_or_default();
    let mut seen = Seen { spans: Vec::new(), wide: false, known: true };
    gather(call, value, &mut seen)?;
    let wide = seen.wide || count(&mut seen.spans) >= WIDE;
    Ok(verdict((wide || seen.known).then_some(wide)))
}

/// Peers may stand by themselves, in rules, and in lists of both.
fn gather<'a>(call: &Call<'a, '_>, value: Val<'a>, seen: &mut Seen) -> Result<(), EvalError> {
    call.charge(1)?;
    match value {
        Val::Str(peer) => match reach(peer) {
            Reach::Everywhere => seen.wide = true,
            Reach::Net(net) if is_public(net) => add(net, seen),
            Reach::Net(_) | Reach::Private | Reach::Unknown => {}
        },
        Val::List(seq) => {
            seen.known = seen.known && seq.whole;
            for item in seq.items {
                gather(call, *item, seen)?;
            }
        }
        Val::Record(_) | Val::Map(_) => match super::rules::field(value, "peers", call) {
            // Peers that nobody said are any.
            Val::Unsaid | Val::None => seen.wide = true,
            peers => gather(call, peers, seen)?,
        },
        Val::Unknown => seen.known = false,
        Val::Unsaid | Val::None => {}
        _ => return Err(NOT_SO),
    }
    Ok(())
}

fn add(net: IpNet, seen: &mut Seen) {
    match net {
        IpNet::V4(net) => {
            seen.wide = seen.wide || net.prefix_len() < NARROW.0;
            seen.spans.push((net.network().to_bits(), net.broadcast().to_bits()));
        }
        IpNet::V6(net) => seen.wide = seen.wide || net.prefix_len() < NARROW.1,
    }
}

/// How many addresses the spans have together, each counted once.
fn count(spans: &mut [(u32, u32)]) -> u64 {
    spans.sort_unstable();
    let mut total = 0;
    let mut next = 0_u64;
    for (first, last) in spans {
        let (first, end) = (u64::from(*first).max(next), u64::from(*last) + 1);
        total += end.saturating_sub(first);
        next = next.max(end);
    }
    total
}
