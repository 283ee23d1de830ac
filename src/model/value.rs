//! The values that events, state and expressions are made of.
//!
//! [`Val`] is borrowed and `Copy`: parsed JSON, facets on loan and the temporaries of an
//! expression all live in one arena and are dropped together. [`Value`] is its owned twin, for
//! what outlives an event.

use std::fmt;

use bumpalo::Bump;
use serde::{Deserialize, Serialize};

use super::schema::{KindId, RecordId, RecordType, Schema};
use super::time::Timestamp;

/// A borrowed value.
///
/// Three ways not to be there are told apart: [`Val::Unsaid`] (the event does not mention it),
/// [`Val::None`] (known to be absent) and [`Val::Unknown`] (nobody can tell).
#[derive(Clone, Copy, Debug, Default)]
pub enum Val<'a> {
    /// The event does not carry it. JSON `null` members count as not carried.
    #[default]
    Unsaid,
    /// Known to be absent; CEL's `null` and content's `none`.
    None,
    /// Never seen, or changed without saying to what.
    Unknown,
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer. JSON integers beyond it become doubles.
    Int(i64),
    /// A double.
    Double(f64),
    /// Text; also the canonical text of enums, protocols, CIDRs, peers and principals.
    Str(&'a str),
    /// An instant.
    Time(Timestamp),
    /// A span in microseconds.
    Duration(i64),
    /// A set of ports.
    Ports(PortSet<'a>),
    /// A list or a set.
    List(Seq<'a>),
    /// A map with text keys in the order written; of equal keys the last counts.
    Map(&'a [(&'a str, Val<'a>)]),
    /// A record of a declared type.
    Record(Rec<'a>),
    /// A resource, to be asked of the world the expression runs in.
    Resource(Handle),
}

/// The items of a list, and whether they are all there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seq<'a> {
    /// The known items.
    pub items: &'a [Val<'a>],
    /// False when further items may exist that nobody has seen.
    pub whole: bool,
}

/// Ports as sorted, disjoint, non-adjacent ranges, and whether these are all.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortSet<'a> {
    /// The known ranges.
    pub ranges: &'a [PortRange],
    /// False when further ports may belong to the set.
    pub whole: bool,
}

/// `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port, not below `first`.
    pub last: u16,
}

/// A record on loan: one value per field of its type, `Unsaid` where a part leaves one out.
#[derive(Clone, Copy, Debug)]
pub struct Rec<'a> {
    /// The declared type.
    pub ty: &'a RecordType,
    /// As many values as the type has fields.
    pub fields: &'a [Val<'a>],
}

/// Names a resource inside one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// Its kind.
    pub kind: KindId,
    /// Its place in the table of the world that made the handle.
    pub slot: u32,
}

/// An owned value. Resources are held by their ids, as text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// See [`Val::Unsaid`]; occurs inside partial records only.
    #[default]
    Unsaid,
    /// See [`Val::None`].
    None,
    /// See [`Val::Unknown`].
    Unknown,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Text.
    Str(Box<str>),
    /// An instant.
    Time(Timestamp),
    /// A span in microseconds.
    Duration(i64),
    /// Ports, and whether these are all.
    Ports(Box<[PortRange]>, bool),
    /// Items, and whether these are all.
    List(Box<[Value]>, bool),
    /// Entries in the order written.
    Map(Box<[(Box<str>, Value)]>),
    /// One value per field of the type.
    Record(RecordId, Box<[Value]>),
}

impl<'a> Val<'a> {
    /// A whole list.
    #[must_use]
    pub const fn list(items: &'a [Val<'a>]) -> Self {
        Self::List(Seq { items, whole: true })
    }

    /// Whether the value is there at all: neither unsaid, none nor unknown.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Unsaid | Self::None | Self::Unknown)
    }

    /// The text, when it is text.
    #[must_use]
    pub const fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The items, when it is a list.
    #[must_use]
    pub const fn items(&self) -> Option<&'a [Val<'a>]> {
        match self {
            Self::List(seq) => Some(seq.items),
            _ => None,
        }
    }

    /// The member of a map or the field of a record; `Unsaid` where there is none.
    #[must_use]
    pub fn get(&self, key: &str) -> Val<'a> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .rev()
                .find(|(name, _)| *name == key)
                .map_or(Self::Unsaid, |(_, value)| *value),
            Self::Record(record) => record.get(key),
            _ => Self::Unsaid,
        }
    }

    /// Follows `path` through maps and records; `Unsaid` as soon as a step is missing.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Val<'a> {
        path.iter().fold(*self, |value, key| value.get(key))
    }

    /// Copies into an owned value. Handles have no owned form and become `Unknown`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match *self {
            Self::Unsaid => Value::Unsaid,
            Self::None => Value::None,
            Self::Unknown | Self::Resource(_) => Value::Unknown,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::Str(text) => Value::Str(text.into()),
            Self::Time(instant) => Value::Time(instant),
            Self::Duration(micros) => Value::Duration(micros),
            Self::Ports(set) => Value::Ports(set.ranges.into(), set.whole),
            Self::List(seq) => {
                Value::List(seq.items.iter().map(Val::to_value).collect(), seq.whole)
            }
            Self::Map(entries) => Value::Map(
                entries.iter().map(|(key, value)| ((*key).into(), value.to_value())).collect(),
            ),
            Self::Record(record) => {
                Value::Record(record.ty.id, record.fields.iter().map(Val::to_value).collect())
            }
        }
    }
}

impl<'a> Rec<'a> {
    /// The field of that name; `Unsaid` when the type has none such.
    #[must_use]
    pub fn get(&self, name: &str) -> Val<'a> {
        self.ty.field(name).and_then(|index| self.fields.get(index)).copied().unwrap_or_default()
    }
}

impl Value {
    /// Lends the value, its lists and records laid out in `arena`.
    #[must_use]
    pub fn lend<'a>(&'a self, arena: &'a Bump, schema: &'a Schema) -> Val<'a> {
        match self {
            Self::Unsaid => Val::Unsaid,
            Self::None => Val::None,
            Self::Unknown => Val::Unknown,
            Self::Bool(truth) => Val::Bool(*truth),
            Self::Int(number) => Val::Int(*number),
            Self::Double(number) => Val::Double(*number),
            Self::Str(text) => Val::Str(text),
            Self::Time(instant) => Val::Time(*instant),
            Self::Duration(micros) => Val::Duration(*micros),
            Self::Ports(ranges, whole) => Val::Ports(PortSet { ranges, whole: *whole }),
            Self::List(items, whole) => Val::List(Seq {
                items: arena.alloc_slice_fill_iter(items.iter().map(|v| v.lend(arena, schema))),
                whole: *whole,
            }),
            Self::Map(entries) => Val::Map(arena.alloc_slice_fill_iter(
                entries.iter().map(|(key, value)| (&**key, value.lend(arena, schema))),
            )),
            Self::Record(id, fields) => Val::Record(Rec {
                ty: schema.record(*id),
                fields: arena.alloc_slice_fill_iter(fields.iter().map(|v| v.lend(arena, schema))),
            }),
        }
    }

    /// Copies the value into `arena`, texts too: what comes back outlives this value.
    #[must_use]
    pub fn copy_into<'a>(&self, arena: &'a Bump, schema: &'a Schema) -> Val<'a> {
        match self {
            Self::Unsaid => Val::Unsaid,
            Self::None => Val::None,
            Self::Unknown => Val::Unknown,
            Self::Bool(truth) => Val::Bool(*truth),
            Self::Int(number) => Val::Int(*number),
            Self::Double(number) => Val::Double(*number),
            Self::Str(text) => Val::Str(arena.alloc_str(text)),
            Self::Time(instant) => Val::Time(*instant),
            Self::Duration(micros) => Val::Duration(*micros),
            Self::Ports(ranges, whole) => {
                Val::Ports(PortSet { ranges: arena.alloc_slice_copy(ranges), whole: *whole })
            }
            Self::List(items, whole) => Val::List(Seq {
                items: arena
                    .alloc_slice_fill_iter(items.iter().map(|v| v.copy_into(arena, schema))),
                whole: *whole,
            }),
            Self::Map(entries) => {
                Val::Map(arena.alloc_slice_fill_iter(entries.iter().map(|(key, value)| {
                    let key: &str = arena.alloc_str(key);
                    (key, value.copy_into(arena, schema))
                })))
            }
            Self::Record(id, fields) => Val::Record(Rec {
                ty: schema.record(*id),
                fields: arena
                    .alloc_slice_fill_iter(fields.iter().map(|v| v.copy_into(arena, schema))),
            }),
        }
    }

    /// The text, when it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the value is there at all: neither unsaid, none nor unknown.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Unsaid | Self::None | Self::Unknown)
    }

    /// JSON for people and alerts: records as objects, ports and instants as text,
    /// what is unsaid left out, what is unknown as `null`.
    #[must_use]
    pub fn to_json(&self, schema: &Schema) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Unsaid | Self::None | Self::Unknown => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Int(number) => Json::from(*number),
            Self::Double(number) => Json::from(*number),
            Self::Str(text) => Json::from(&**text),
            Self::Time(instant) => Json::from(instant.to_string()),
            Self::Duration(micros) => Json::from(format!("{micros}us")),
            Self::Ports(ranges, _) => Json::from(Ports(ranges).to_string()),
            Self::List(items, _) => items.iter().map(|item| item.to_json(schema)).collect(),
            Self::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_json(schema)))
                    .collect(),
            ),
            Self::Record(id, fields) => {
                let ty = schema.record(*id);
                Json::Object(
                    ty.fields
                        .iter()
                        .zip(fields)
                        .filter(|(_, value)| !matches!(value, Self::Unsaid))
                        .map(|(field, value)| (field.name.to_string(), value.to_json(schema)))
                        .collect(),
                )
            }
        }
    }
}

/// Writes port ranges as people do: `22,80-443`, `all`, `none`.
pub struct Ports<'a>(
    /// Sorted, disjoint ranges.
    pub &'a [PortRange],
);

impl fmt::Display for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => return f.write_str("none"),
            [PortRange { first: 0, last: u16::MAX }] => return f.write_str("all"),
            _ => {}
        }
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if range.first == range.last {
                write!(f, "{}", range.first)?;
            } else {
                write!(f, "{}-{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}
