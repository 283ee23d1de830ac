//! The networks library: protocols, ports, CIDRs, peers, and what rules open to the world.
//!
//! What enters is what clouds write; what leaves are the canonical texts of [`crate::model`]'s
//! text types and [`PortSet`]s. IPv4 and IPv6 alike; a prefix of length 0 is the whole space
//! whatever its host bits.

mod address;
mod rules;
mod space;

use crate::model::{PortRange, PortSet, Val};

use super::api::{Call, EvalError, Host};
use super::ports;
use super::standard::{function, optional, param};

pub(crate) use address::numbered;
pub(super) use address::{is_any, is_cidr, protocols};

/// How rules of equal and of different priority are weighed, by cloud.
const PRIORITIES: &str = "https://support.huaweicloud.com/topic/1029456-4-A https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview https://cloud.google.com/firewall/docs/firewalls https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html";

/// The functions `net.*` and the methods of ports, CIDRs and peers.
pub const HOSTS: &[Host] = &[
    Host {
        source: "https://www.iana.org/assignments/protocol-numbers",
        ..function(
            "net.protocol",
            &[param("x", "dyn")],
            "protocol",
            address::protocol,
            "A protocol's name or number in canonical form; `-1`, `all`, `*` are any.",
            "net.protocol('6') == 'tcp'",
        )
    },
    function(
        "net.ports",
        &[param("x", "dyn")],
        "ports",
        ports_of,
        "Ports from a text (`22,80-443`, `*`, `all`), a number, or a list of them.",
        "net.ports('22,80-443').size() == 365",
    ),
    function(
        "net.range",
        &[optional("from", "dyn"), optional("to", "dyn"), optional("options", "map<dyn>")],
        "ports",
        range,
        "Ports from a range; `-1` is all; `{zero: all}` makes 0 to 0, and neither end, all.",
        "net.range(80, 81) == net.ports('80-81')",
    ),
    function("net.nothing", &[], "ports", nothing, "No port.", "net.nothing().empty() == true"),
    function("net.all", &[], "ports", all, "Every port.", "net.all().size() == 65536"),
    function(
        "net.cidr",
        &[param("x", "dyn")],
        "peer",
        address::cidr,
        "A CIDR or an address as a peer, host bits cleared; `*`, `any` and `Internet` are any; other names are tags.",
        "net.cidr('10.1.2.3/8') == '10.0.0.0/8'",
    ),
    function(
        "net.group",
        &[param("id", "dyn")],
        "peer",
        address::group,
        "A security group as a peer.",
        "net.group('sg-1') == 'group:sg-1'",
    ),
    function(
        "net.prefix_list",
        &[param("id", "dyn")],
        "peer",
        address::list_peer,
        "A prefix list as a peer.",
        "net.prefix_list('pl-1') == 'list:pl-1'",
    ),
    function(
        "net.addresses",
        &[param("id", "dyn")],
        "peer",
        address::list_peer,
        "An address group as a peer.",
        "net.addresses('ag-1') == 'list:ag-1'",
    ),
    function(
        "net.tag",
        &[param("name", "dyn")],
        "peer",
        address::tag,
        "A network tag as a peer.",
        "net.tag('web') == 'tag:web'",
    ),
    function(
        "net.list",
        &[param("peer", "dyn")],
        "list<peer>",
        peers,
        "A peer as a list of one; unsaid stays unsaid.",
        "net.list(net.tag('a')) == ['tag:a']",
    ),
    function(
        "net.any",
        &[param("x", "dyn")],
        "bool",
        rules::any,
        "Whether a rule, a list of peers or a peer is the whole Internet.",
        "net.any(['10.0.0.0/8', '0.0.0.0/0']) == true",
    ),
    Host {
        source: "https://www.iana.org/assignments/iana-ipv4-special-registry",
        ..function(
            "net.public_space",
            &[param("x", "dyn")],
            "bool",
            space::public_space,
            "Whether a CIDR, a peer or one of a list of them reaches addresses of the public Internet; unknown of a prefix list or a tag, which may.",
            "net.public_space('10.0.0.0/8') == false",
        )
    },
    Host {
        source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        ..function(
            "net.wide",
            &[param("x", "dyn")],
            "bool",
            space::wide,
            "Whether peers, rules or lists of them reach very many public addresses: a prefix shorter than /8 of IPv4 or /32 of IPv6, or as many IPv4 addresses as a /8 together.",
            "net.wide(['0.0.0.0/1', '128.0.0.0/1']) == true",
        )
    },
    function(
        "net.contains",
        &[param("outer", "dyn"), param("inner", "dyn")],
        "bool",
        address::contains,
        "Whether one CIDR lies within another.",
        "net.contains('10.0.0.0/8', '10.1.0.0/16') == true",
    ),
    function(
        "net.union",
        &[param("sets", "list<ports>")],
        "ports",
        union,
        "All of several sets of ports.",
        "net.union([net.ports('22'), net.ports('80')]) == net.ports('22,80')",
    ),
    Host {
        source: PRIORITIES,
        ..function(
            "net.open",
            &[param("rules", "list<network_rule>"), param("direction", "enum")],
            "ports",
            rules::open,
            "Ports allowed from (or to) the whole Internet over TCP or UDP, less what a denying rule of lower or equal priority number takes away.",
            "net.open([network_rule{direction: ingress, ports: net.ports('22,80')}, network_rule{direction: ingress, action: deny, ports: net.ports('22')}], ingress) == net.ports('80')",
        )
    },
    Host {
        source: PRIORITIES,
        ..function(
            "net.opens",
            &[
                param("item", "network_rule"),
                param("rules", "list<network_rule>"),
                param("protocol", "protocol"),
                param("ports", "dyn"),
            ],
            "bool",
            rules::opens,
            "Whether a rule itself lets the whole Internet in to any of the ports and no other rule forbids it first.",
            "net.opens(network_rule{direction: ingress, ports: net.ports('20-30')}, [], tcp, 22) == true",
        )
    },
    Host {
        source: PRIORITIES,
        ..function(
            "net.exposes",
            &[
                param("item", "network_rule"),
                param("rules", "list<network_rule>"),
                param("protocol", "protocol"),
                param("approved", "dyn"),
            ],
            "bool",
            rules::exposes,
            "Whether a rule itself lets the whole Internet in to a port beyond the approved ones and no other rule forbids it first.",
            "net.exposes(network_rule{direction: ingress, ports: net.ports('443')}, [], tcp, '80,443') == false",
        )
    },
    function(
        "intersects",
        &[param("a", "ports"), param("b", "ports")],
        "bool",
        intersects,
        "Whether two sets of ports share one.",
        "net.ports('80-90').intersects(net.ports('85')) == true",
    ),
    function(
        "empty",
        &[param("set", "ports")],
        "bool",
        empty,
        "Whether a set of ports has none.",
        "net.nothing().empty() == true",
    ),
    function(
        "is_any",
        &[param("x", "string")],
        "bool",
        address::any_address,
        "Whether a CIDR or peer is the whole address space.",
        "net.cidr('::/0').is_any() == true",
    ),
];

const NOT_SO: EvalError = EvalError::Type("the function is not defined for this value");

/// Whether a literal names ports.
pub(super) fn is_ports(text: &str) -> bool {
    ports::parse(text, &bumpalo::Bump::new()).is_some()
}

fn verdict(truth: Option<bool>) -> Val<'static> {
    truth.map_or(Val::Unknown, Val::Bool)
}

/// Ranges that cost one unit of fuel.
const RANGES_PER_UNIT: usize = 16;

/// What looking through sets with that many ranges costs.
const fn weight(a: PortSet<'_>, b: PortSet<'_>) -> usize {
    (a.ranges.len() + b.ranges.len()) / RANGES_PER_UNIT
}

/// Ports from whatever names them; `None` for what names none.
fn read_ports<'a>(value: Val<'a>, call: &Call<'a, '_>) -> Result<Option<PortSet<'a>>, EvalError> {
    call.charge(1)?;
    Ok(match value {
        Val::Ports(set) => Some(set),
        Val::Int(-1) => Some(ports::ALL),
        Val::Int(port) => u16::try_from(port).ok().map(|port| {
            ports::normalise(&[PortRange { first: port, last: port }], true, call.arena)
        }),
        Val::Str(text) => {
            call.charge(text.len() / 16)?;
            ports::parse(text, call.arena)
        }
        Val::List(seq) => {
            let mut all = Gathered::new(seq.whole);
            for item in seq.items {
                if matches!(item, Val::Unknown) {
                    all.whole = false;
                    continue;
                }
                let Some(set) = read_ports(*item, call)? else { return Ok(None) };
                all.add(set, call)?;
            }
            Some(all.set(call))
        }
        _ => None,
    })
}

/// Ranges of many sets, brought into the form of one once they are all there.
struct Gathered {
    ranges: Vec<PortRange>,
    whole: bool,
}

impl Gathered {
    const fn new(whole: bool) -> Self {
        Self { ranges: Vec::new(), whole }
    }

    fn add(&mut self, set: PortSet<'_>, call: &Call<'_, '_>) -> Result<(), EvalError> {
        call.charge(set.ranges.len() / RANGES_PER_UNIT)?;
        self.ranges.extend_from_slice(set.ranges);
        self.whole = self.whole && set.whole;
        Ok(())
    }

    fn set<'a>(&self, call: &Call<'a, '_>) -> PortSet<'a> {
        ports::normalise(&self.ranges, self.whole, call.arena)
    }
}

fn ports_of<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let value = args.first().copied().unwrap_or_default();
    match read_ports(value, call)? {
        Some(set) => Ok(Val::Ports(set)),
        None => Err(EvalError::Type("the value names no ports")),
    }
}

fn range<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [from, to, options] = args else { return Err(NOT_SO) };
    let zero_is_all = options.get("zero").as_str() == Some("all");
    let (from, to) = (end(*from)?, end(*to)?);
    let (first, last) = match (from, to) {
        (None, None) if zero_is_all => return Ok(Val::Ports(ports::ALL)),
        (None, None) => return Ok(Val::Unsaid),
        (Some(-1), _) | (_, Some(-1)) => return Ok(Val::Ports(ports::ALL)),
        (Some(0), Some(0)) if zero_is_all => return Ok(Val::Ports(ports::ALL)),
        (Some(one), None) | (None, Some(one)) => (one, one),
        (Some(first), Some(last)) => (first, last),
    };
    match (u16::try_from(first), u16::try_from(last)) {
        (Ok(first), Ok(last)) if first <= last => {
            let ranges = [PortRange { first, last }];
            Ok(Val::Ports(ports::normalise(&ranges, true, call.arena)))
        }
        _ => Err(EvalError::Type("the range names no ports")),
    }
}

/// One end of a range: a number, or a text of one.
fn end(value: Val<'_>) -> Result<Option<i64>, EvalError> {
    match value {
        Val::Int(port) => Ok(Some(port)),
        Val::Str(text) if text.trim().is_empty() => Ok(None),
        Val::Str(text) => match text.trim().parse() {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(EvalError::Type("the range names no ports")),
        },
        Val::Unsaid | Val::None => Ok(None),
        _ => Err(NOT_SO),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of host functions")]
fn nothing<'a>(_: &Call<'a, '_>, _: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Ports(ports::NOTHING))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of host functions")]
fn all<'a>(_: &Call<'a, '_>, _: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Ports(ports::ALL))
}

fn peers<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [list @ Val::List(_)] => Ok(*list),
        [peer @ Val::Str(_)] => Ok(Val::list(call.arena.alloc_slice_copy(&[*peer]))),
        _ => Err(NOT_SO),
    }
}

fn union<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq)] = args else { return Err(NOT_SO) };
    let mut all = Gathered::new(seq.whole);
    for item in seq.items {
        call.charge(1)?;
        match item {
            Val::Ports(set) => all.add(*set, call)?,
            Val::Unknown => all.whole = false,
            Val::Unsaid | Val::None => {}
            _ => return Err(NOT_SO),
        }
    }
    Ok(Val::Ports(all.set(call)))
}

fn intersects<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Ports(a), Val::Ports(b)] => {
            call.charge(weight(*a, *b))?;
            Ok(verdict(ports::intersects(*a, *b)))
        }
        [_, Val::Unsaid | Val::None] => Ok(Val::Bool(false)),
        _ => Err(NOT_SO),
    }
}

fn empty<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Ports(set)] = args else { return Err(NOT_SO) };
    let known = !set.ranges.is_empty() || set.whole;
    Ok(verdict(known.then_some(set.ranges.is_empty())))
}
