//! For tests: a function's name and its arguments as JSON go in, its answer as text comes out.

use std::cell::Cell;

use bumpalo::Bump;

use super::json;
use crate::expr::api::{Call, EvalError, Host, World};
use crate::model::schema::{Field, RecordId, RecordType, tag};
use crate::model::value::Ports;
use crate::model::{FacetId, Handle, Schema, Timestamp, Type, Val};

const RECORDS: &[(&str, &[&str])] = &[
    ("network_rule", &["direction", "action", "protocol", "ports", "peers", "priority", "enabled"]),
    (
        "statement",
        &[
            "effect",
            "principals",
            "actions",
            "not_actions",
            "resources",
            "not_resources",
            "not_principals",
            "conditions",
        ],
    ),
    ("proto_ports", &["protocol", "ports"]),
];

/// The records content declares. Types do not matter to the functions.
pub(super) fn schema() -> Schema {
    let mut schema = Schema::default();
    for (index, (name, fields)) in (0_u16..).zip(RECORDS) {
        let fields = fields
            .iter()
            .map(|field| Field {
                name: (*field).into(),
                ty: Type::Dyn,
                default: None,
                tag: tag(field),
            })
            .collect();
        schema.records.push(RecordType { id: RecordId(index), name: (*name).into(), fields });
        schema.record_names.insert((*name).into(), RecordId(index));
    }
    schema
}

struct Nothing;

impl<'a> World<'a> for Nothing {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// The row of that name.
pub(super) fn host(name: &str) -> &'static Host {
    let mut rows = super::tables().into_iter().flatten();
    rows.find(|host| host.name == name).unwrap_or_else(|| panic!("no function `{name}`"))
}

/// Calls `run` with an evaluation that has that much fuel.
pub(super) fn with<R>(
    fuel: u32,
    schema: &Schema,
    run: impl for<'a> FnOnce(&Call<'a, '_>, &'a Schema) -> R,
) -> R {
    let (arena, fuel) = (Bump::new(), Cell::new(fuel));
    let call =
        Call { arena: &arena, schema, world: &Nothing, now: Timestamp::default(), fuel: &fuel };
    run(&call, schema)
}

/// Calls a chain of functions: each gets the answer of the one before it and the further
/// arguments, a JSON array.
pub(super) fn chain(names: &[&str], first: &str, further: &str) -> String {
    let schema = schema();
    with(100_000, &schema, |call, _| {
        let opened = read(call, first);
        let further = read(call, further);
        let mut value = opened;
        for name in names {
            let args = arguments(host(name), value, further);
            value = match (host(name).call)(call, &args) {
                Ok(value) => value,
                Err(error) => return format!("error: {error}"),
            };
        }
        show(&value)
    })
}

/// Reads an argument: inside a list, where text that holds JSON stays text.
fn read<'a>(call: &Call<'a, '_>, text: &str) -> Val<'a> {
    let list = json::open(call, &format!("[{text}]")).expect("enough fuel");
    list.and_then(|list| list.items()).expect("arguments are JSON")[0]
}

/// Calls one function.
pub(super) fn ask(name: &str, first: &str, further: &str) -> String {
    chain(&[name], first, further)
}

fn arguments<'a>(host: &Host, first: Val<'a>, further: Val<'a>) -> Vec<Val<'a>> {
    let rest = further.items().unwrap_or_default().iter().copied();
    let padding = std::iter::repeat(Val::Unsaid);
    std::iter::once(first).chain(rest).chain(padding).take(host.params.len()).collect()
}

/// Calls a function with any arguments; only that it comes back matters.
pub(super) fn survive(host: &Host, args: &[serde_json::Value], fuel: u32) -> Result<(), EvalError> {
    let schema = schema();
    with(1_000_000, &schema, |call, _| {
        let values: Vec<Val<'_>> = args
            .iter()
            .map(|arg| read(call, &arg.to_string()))
            .take(host.params.len())
            .chain(std::iter::repeat(Val::Unsaid))
            .take(host.params.len())
            .collect();
        call.fuel.set(fuel);
        (host.call)(call, &values).map(|_| ())
    })
}

/// A value as tests write it: what is unsaid in a record or map is left out.
fn show(value: &Val<'_>) -> String {
    let members = |pairs: Vec<(&str, &Val<'_>)>| {
        let shown: Vec<String> = pairs
            .into_iter()
            .filter(|(_, value)| !matches!(value, Val::Unsaid))
            .map(|(name, value)| format!("{name}={}", show(value)))
            .collect();
        format!("{{{}}}", shown.join(" "))
    };
    match value {
        Val::Unsaid => "unsaid".into(),
        Val::None => "none".into(),
        Val::Unknown => "unknown".into(),
        Val::Bool(truth) => truth.to_string(),
        Val::Int(number) => number.to_string(),
        Val::Str(text) => (*text).into(),
        Val::Ports(set) => Ports(set.ranges).to_string(),
        Val::List(seq) => {
            let items: Vec<String> = seq.items.iter().map(show).collect();
            format!("[{}{}]", items.join(", "), if seq.whole { "" } else { "..." })
        }
        Val::Map(entries) => members(entries.iter().map(|(name, value)| (*name, value)).collect()),
        Val::Record(record) => {
            members(record.ty.fields.iter().map(|f| &*f.name).zip(record.fields).collect())
        }
        other => format!("{other:?}"),
    }
}
