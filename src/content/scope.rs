//! The variables each sort of expression sees, in slot order.
//!
//! `map` and `detect` fill slots by these tables; the loader compiles with them.

use crate::expr::Var;
use crate::model::{Family, KindId, RecordType, Type, Value};

/// What every event tells, in this order.
pub const EVENT: [(&str, Type); 21] = [
    ("event.name", Type::String),
    ("event.service", Type::String),
    ("event.resource_type", Type::String),
    ("event.id", Type::String),
    ("event.time", Type::Time),
    ("event.region", Type::String),
    ("event.account", Type::String),
    ("event.resource_id", Type::String),
    ("event.resource_name", Type::String),
    ("event.error", Type::String),
    ("event.provider", Type::String),
    ("actor.id", Type::String),
    ("actor.name", Type::String),
    ("actor.kind", Type::String),
    ("actor.account", Type::String),
    ("actor.credential", Type::String),
    ("actor.invoked_by", Type::String),
    ("actor.root", Type::Bool),
    ("actor.mfa", Type::Bool),
    ("actor.ip", Type::String),
    ("actor.agent", Type::String),
];

/// A mapping's variables after [`EVENT`].
pub const MAPPING: [(&str, Type); 7] = [
    ("request", Type::Dyn),
    ("response", Type::Dyn),
    ("raw", Type::Dyn),
    ("resource_id", Type::String),
    ("account", Type::String),
    ("region", Type::String),
    ("read_only", Type::Bool),
];

/// A mapping's further variables: members of a state event's `raw` of the same name.
pub const STATE: [&str; 17] = [
    "detail",
    "resource",
    "configuration",
    "supplementaryConfiguration",
    "resourceId",
    "resourceName",
    "arn",
    "configurationItemCaptureTime",
    "configurationItemStatus",
    "tags",
    "relationships",
    "resourceDetails",
    "asset",
    "data",
    "iamPolicy",
    "priorAsset",
    "deleted",
];

/// A posture detector's variables after [`EVENT`]; `self`, `before` and `after` are resources
/// of the kind judged, `item` is an element of the facet named by `each`. Parameters follow as
/// `params.NAME`.
pub const POSTURE: [&str; 7] = ["self", "item", "before", "after", "account", "region", "now"];

/// An act detector's variables after [`EVENT`]; the act's fields follow, then parameters.
pub const ACT: [&str; 4] = ["done_to", "account", "region", "now"];

/// How many slots a mapping's scope has before its loop variables: [`EVENT`], [`MAPPING`],
/// [`STATE`]. Activity events leave the last ones unsaid.
pub const MAPPING_SLOTS: usize = EVENT.len() + MAPPING.len() + STATE.len();

/// A mapping's variables in slot order; loop variables follow.
///
/// Functions of a mapping serve its events and its snapshots alike, so both have the same
/// slots. What only state events have is out of reach by name in an activity entry.
#[must_use]
pub fn mapping(family: Family) -> Vec<Var> {
    let mut vars = typed(&EVENT);
    vars.extend(typed(&MAPPING));
    vars.extend(STATE.iter().map(|name| match family {
        Family::State => var(name, Type::Dyn),
        Family::Activity => unnameable(name),
    }));
    vars
}

/// A derived facet's variables: the resource alone.
#[must_use]
pub fn derive(kind: KindId) -> Vec<Var> {
    vec![var("self", Type::Resource(kind))]
}

/// A posture detector's variables in slot order: [`EVENT`], [`POSTURE`], then the parameters.
/// Without `each` there is no `item`, and its slot is out of reach.
#[must_use]
pub fn posture(kind: KindId, item: Option<&Type>, params: &[(Box<str>, Type, Value)]) -> Vec<Var> {
    let mut vars = typed(&EVENT);
    vars.extend(POSTURE.iter().map(|name| match *name {
        "item" => item.map_or_else(|| unnameable(name), |ty| var(name, ty.clone())),
        "self" | "before" | "after" => var(name, Type::Resource(kind)),
        "now" => var(name, Type::Time),
        _ => var(name, Type::String),
    }));
    vars.extend(parameters(params));
    vars
}

/// An act detector's variables in slot order: [`EVENT`], [`ACT`], the act's fields, then the
/// parameters.
#[must_use]
pub fn act(act: &RecordType, params: &[(Box<str>, Type, Value)]) -> Vec<Var> {
    let mut vars = typed(&EVENT);
    vars.extend(ACT.iter().map(|name| match *name {
        "now" => var(name, Type::Time),
        _ => var(name, Type::String),
    }));
    vars.extend(act.fields.iter().map(|field| var(&field.name, field.ty.clone())));
    vars.extend(parameters(params));
    vars
}

fn parameters(params: &[(Box<str>, Type, Value)]) -> impl Iterator<Item = Var> {
    params.iter().map(|(name, ty, _)| var(&format!("params.{name}"), ty.clone()))
}

fn typed(table: &[(&str, Type)]) -> Vec<Var> {
    table.iter().map(|(name, ty)| var(name, ty.clone())).collect()
}

fn var(name: &str, ty: Type) -> Var {
    Var { name: name.into(), ty }
}

/// Keeps a slot whose name no expression can write.
fn unnameable(name: &str) -> Var {
    var(&format!("-{name}"), Type::Dyn)
}
