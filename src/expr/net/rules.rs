//! What firewall rules let in from the whole Internet.
//!
//! Lower priority numbers win, a deny wins a tie, and a rule counts for each protocol and
//! address family on its own: a deny for IPv4 does not take away what is allowed for IPv6.
//! Of a partial list the known rules decide; unseen ones are taken to add, not to forbid.

use crate::expr::api::{Call, EvalError};
use crate::expr::ports;
use crate::model::{PortSet, Val};

use super::address::world;
use super::{Gathered, NOT_SO, read_ports, verdict, weight};

/// A rule as far as it is known; `None` is unknown.
#[derive(Clone, Copy)]
struct Rule<'a> {
    direction: Option<&'a str>,
    allow: Option<bool>,
    protocol: Option<&'a str>,
    ports: Option<PortSet<'a>>,
    /// Whether it speaks of the whole Internet, IPv4 and IPv6.
    world: [Option<bool>; 2],
    priority: Option<i64>,
    enabled: Option<bool>,
}

/// One protocol and one address family.
#[derive(Clone, Copy)]
struct Lane {
    protocol: &'static str,
    family: usize,
}

const LANES: [Lane; 4] = [
    Lane { protocol: "tcp", family: 0 },
    Lane { protocol: "udp", family: 0 },
    Lane { protocol: "tcp", family: 1 },
    Lane { protocol: "udp", family: 1 },
];

pub(super) fn open<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq), Val::Str(direction)] = args else { return Err(NOT_SO) };
    let denies = denials(seq.items, call)?;
    let mut certain = Gathered::new(seq.whole);
    for item in seq.items {
        call.charge(1)?;
        let Some(rule) = read(*item, call)? else { continue };
        for lane in LANES {
            let (sure, maybe) = passed(&rule, denies, direction, lane, call)?;
            if maybe.whole && maybe.ranges.is_empty() {
                continue;
            }
            certain.add(PortSet { whole: true, ..sure }, call)?;
            certain.whole &= sure.ranges == maybe.ranges && maybe.whole;
        }
    }
    Ok(Val::Ports(certain.set(call)))
}

pub(super) fn opens<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [item, rules, protocol, wanted] = args else { return Err(NOT_SO) };
    let Some(wanted) = read_ports(*wanted, call)? else { return Err(NOT_SO) };
    reaches([*item, *rules, *protocol], wanted, call)
}

pub(super) fn exposes<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [item, rules, protocol, approved] = args else { return Err(NOT_SO) };
    let Some(approved) = read_ports(*approved, call)? else { return Err(NOT_SO) };
    let wanted = ports::minus(ports::ALL, approved, call.arena);
    reaches([*item, *rules, *protocol], wanted, call)
}

/// Whether the item (among the rules, over the protocol) lets the Internet in to a wanted port.
fn reaches<'a>(
    [item, rules, protocol]: [Val<'a>; 3],
    wanted: PortSet<'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let Val::Str(protocol) = protocol else { return Err(NOT_SO) };
    let item = read(item, call)?.ok_or(NOT_SO)?;
    let asked = |lane: &Lane| protocol == "any" || protocol == lane.protocol;
    let open = |lane: &Lane| applies(&item, "ingress", *lane) != Some(false);
    if item.allow == Some(false) || !LANES.iter().any(|lane| asked(lane) && open(lane)) {
        return Ok(Val::Bool(false));
    }
    let denies = match rules {
        Val::List(seq) => denials(seq.items, call)?,
        Val::Unsaid | Val::None => &[],
        _ => return Err(NOT_SO),
    };
    let mut certain = Some(false);
    for lane in LANES.into_iter().filter(asked) {
        let (sure, maybe) = passed(&item, denies, "ingress", lane, call)?;
        if ports::intersects(PortSet { whole: true, ..sure }, wanted) == Some(true) {
            return Ok(Val::Bool(true));
        }
        if ports::intersects(maybe, wanted) != Some(false) {
            certain = None;
        }
    }
    Ok(verdict(certain))
}

/// What a rule lets through in a lane after the denies: for certain, and at most.
fn passed<'a>(
    rule: &Rule<'a>,
    denies: &[Rule<'a>],
    direction: &str,
    lane: Lane,
    call: &Call<'a, '_>,
) -> Result<(PortSet<'a>, PortSet<'a>), EvalError> {
    const NOTHING: (PortSet<'static>, PortSet<'static>) = (ports::NOTHING, ports::NOTHING);
    let arena = call.arena;
    let applies = all_of(&[rule.allow, applies(rule, direction, lane)]);
    if applies == Some(false) {
        return Ok(NOTHING);
    }
    let known = rule.ports.unwrap_or(PortSet { ranges: &[], whole: false });
    let mut maybe = if known.whole { known } else { ports::ALL };
    let mut sure = if applies == Some(true) { known } else { ports::NOTHING };
    sure.whole = true;
    for other in denies {
        call.charge(1)?;
        let first = match (other.priority, rule.priority) {
            (Some(other), Some(own)) => Some(other <= own),
            _ => None,
        };
        let denies = other.allow.map(|allow| !allow);
        let cuts = all_of(&[denies, first, self::applies(other, direction, lane)]);
        if cuts == Some(false) {
            continue;
        }
        let known = other.ports.unwrap_or(PortSet { ranges: &[], whole: false });
        let at_most = if known.whole { known } else { ports::ALL };
        call.charge(weight(sure, at_most) + weight(maybe, known))?;
        sure = ports::minus(sure, at_most, arena);
        if cuts == Some(true) {
            maybe = ports::minus(maybe, PortSet { whole: true, ..known }, arena);
        }
    }
    Ok((sure, maybe))
}

/// Whether a rule is in force in a direction and a lane.
fn applies(rule: &Rule<'_>, direction: &str, lane: Lane) -> Option<bool> {
    all_of(&[
        rule.enabled,
        rule.direction.map(|own| own == direction),
        rule.protocol.map(|own| own == "any" || own == lane.protocol),
        rule.world[lane.family],
    ])
}

/// Three-valued conjunction.
fn all_of(parts: &[Option<bool>]) -> Option<bool> {
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    if parts.contains(&None) { None } else { Some(true) }
}

/// The rules that deny, or may.
fn denials<'a>(items: &'a [Val<'a>], call: &Call<'a, '_>) -> Result<&'a [Rule<'a>], EvalError> {
    let mut denies = bumpalo::collections::Vec::new_in(call.arena);
    for item in items {
        call.charge(1)?;
        if field(*item, "action", call).as_str() == Some("allow") {
            continue;
        }
        denies.extend(read(*item, call)?.filter(|rule| rule.allow != Some(true)));
    }
    Ok(denies.into_bump_slice())
}

/// Reads a rule; unsaid fields have their type's default. `None` for what is no rule.
fn read<'a>(value: Val<'a>, call: &Call<'a, '_>) -> Result<Option<Rule<'a>>, EvalError> {
    if matches!(value, Val::Unknown) {
        return Ok(Some(Rule {
            direction: None,
            allow: None,
            protocol: None,
            ports: None,
            world: [None, None],
            priority: None,
            enabled: None,
        }));
    }
    if !matches!(value, Val::Record(_) | Val::Map(_)) {
        return Ok(None);
    }
    let field = |name| field(value, name, call);
    let text = |name, other: &'a str| match field(name) {
        Val::Unknown => None,
        Val::Str(text) => Some(text),
        _ => Some(other),
    };
    let ports = match field("ports") {
        Val::Unknown => None,
        Val::Unsaid | Val::None => Some(ports::ALL),
        given => Some(read_ports(given, call)?.ok_or(NOT_SO)?),
    };
    Ok(Some(Rule {
        direction: text("direction", ""),
        allow: text("action", "allow").map(|action| action == "allow"),
        protocol: text("protocol", "any"),
        ports,
        world: whole_world(field("peers"), call)?,
        priority: match field("priority") {
            Val::Unknown => None,
            Val::Int(priority) => Some(priority),
            _ => Some(0),
        },
        enabled: match field("enabled") {
            Val::Unknown => None,
            Val::Bool(enabled) => Some(enabled),
            _ => Some(true),
        },
    }))
}

pub(super) fn field<'a>(rule: Val<'a>, name: &str, call: &Call<'a, '_>) -> Val<'a> {
    let value = rule.get(name);
    let Val::Record(record) = rule else { return value };
    if !matches!(value, Val::Unsaid) {
        return value;
    }
    let declared = record.ty.field(name).and_then(|index| record.ty.fields.get(index));
    let default = declared.and_then(|field| field.default.as_ref());
    default.map_or(value, |default| default.lend(call.arena, call.schema))
}

/// Whether peers are the whole Internet, for IPv4 and IPv6. Peers that nobody said are any.
fn whole_world<'a>(peers: Val<'a>, call: &Call<'a, '_>) -> Result<[Option<bool>; 2], EvalError> {
    let seq = match peers {
        Val::Unsaid | Val::None => return Ok([Some(true); 2]),
        Val::Str(peer) => {
            let (four, six) = world(peer);
            return Ok([Some(four), Some(six)]);
        }
        Val::List(seq) => seq,
        _ => return Ok([None; 2]),
    };
    let mut found = [Some(false); 2];
    if !seq.whole {
        found = [None; 2];
    }
    for peer in seq.items {
        call.charge(1)?;
        match peer {
            Val::Str(peer) => {
                let (four, six) = world(peer);
                for (family, hit) in found.iter_mut().zip([four, six]) {
                    if hit {
                        *family = Some(true);
                    }
                }
            }
            Val::Unknown => {
                for family in &mut found {
                    if *family == Some(false) {
                        *family = None;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

pub(super) fn any<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let value = args.first().copied().unwrap_or_default();
    let peers = match value {
        Val::Record(_) | Val::Map(_) => field(value, "peers", call),
        Val::Str(_) | Val::List(_) => value,
        _ => return Err(NOT_SO),
    };
    Ok(match whole_world(peers, call)? {
        [Some(true), _] | [_, Some(true)] => Val::Bool(true),
        [Some(false), Some(false)] => Val::Bool(false),
        _ => Val::Unknown,
    })
}
