//! The variables each sort of expression sees, in slot order.
//!
//! `map` and `detect` fill slots by these tables; the loader compiles with them.

use crate::model::Type;

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
pub const MAPPING: [(&str, Type); 6] = [
    ("request", Type::Dyn),
    ("response", Type::Dyn),
    ("raw", Type::Dyn),
    ("resource_id", Type::String),
    ("account", Type::String),
    ("region", Type::String),
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
