//! What the tests of this room share: a schema like the shipped one, and a small world.

mod certain;
mod content;
mod issues;
mod nets;
mod reads;
mod values;
mod watch;

use std::cell::Cell;
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::model::schema::tag;
use crate::model::{
    Area, Facet, FacetId, Field, Handle, Kind, KindId, Origin, PortRange, RecordId, RecordType,
    Schema, Timestamp, Type, Val, Value,
};

use super::api::{Call, EvalError, Issue, Scope, Var, World};
use super::program::{Functions, Program};
use super::types::parse_type;

/// Records: name, then `field: type`, where `a|b` is an enum.
const RECORDS: [(&str, &str); 7] = [
    (
        "network_rule",
        "direction: ingress|egress, action: allow|deny, protocol: protocol, ports: ports, \
         peers: list<peer>, priority: int, enabled: bool",
    ),
    ("proto_ports", "protocol: protocol, ports: ports"),
    (
        "statement",
        "effect: allow|deny, principals: list<principal>, actions: list<string>, \
         not_actions: list<string>, resources: list<string>, conditions: json",
    ),
    ("document", "name: string, statements: list<statement>"),
    ("s3_block", "block_acls: bool, ignore_acls: bool, block_policy: bool, restrict_policy: bool"),
    ("route", "destination: cidr, target: string"),
    ("binding", "interface: ref network.interface"),
];

/// Kinds: name, then `facet: type`; `facet[key]` is a set with that key.
const KINDS: [(&str, &str); 12] = [
    ("network.security_group", "rules: set<network_rule>, world: ports"),
    (
        "network.firewall_rule",
        "direction: ingress|egress, priority: int, disabled: bool, sources: list<peer>, \
         allowed: list<proto_ports>, denied: list<proto_ports>, rules: set<network_rule>",
    ),
    (
        "storage.bucket",
        "statements: list<statement>, grants: list<principal>, block: s3_block, \
         account: one account.settings, public_policy: list<string>, public_acl: bool",
    ),
    ("account.settings", "s3_block: s3_block"),
    (
        "identity.policy",
        "versions[name]: set<document>, default_version: string, statements: list<statement>, \
         admin: bool",
    ),
    (
        "identity.group",
        "policies: set<ref identity.policy>, inline[name]: set<document>, admin: bool",
    ),
    (
        "identity.user",
        "groups: set<ref identity.group>, policies: set<ref identity.policy>, \
         inline[name]: set<document>, admin: bool",
    ),
    ("network.public_ip", "address: string, bindings[interface]: set<binding>"),
    (
        "network.route_table",
        "routes[destination]: set<route>, subnets: set<ref network.subnet>, internet: bool",
    ),
    ("network.subnet", "tables: back network.route_table.subnets, internet: bool"),
    (
        "network.interface",
        "instance: ref compute.instance, subnet: ref network.subnet, \
         groups: set<ref network.security_group>, own_ip: string, \
         addresses: back network.public_ip.bindings.interface, exposed: ports",
    ),
    ("compute.instance", "interfaces: back network.interface.instance, exposed: ports"),
];

fn schema() -> Schema {
    let mut schema = Schema::default();
    for (index, (name, _)) in (0..).zip(RECORDS) {
        schema.record_names.insert(name.into(), RecordId(index));
    }
    for (index, (name, _)) in (0..).zip(KINDS) {
        schema.kind_names.insert(name.into(), KindId(index));
    }
    for (index, (name, fields)) in (0..).zip(RECORDS) {
        let fields = members(fields, &schema).map(|(name, _, ty)| Field {
            default: default(&name),
            tag: tag(&name),
            name,
            ty,
        });
        let fields = fields.collect();
        schema.records.push(RecordType { id: RecordId(index), name: name.into(), fields });
    }
    for (index, (name, facets)) in (0..).zip(KINDS) {
        let mut list = Vec::new();
        let mut by_name = FxHashMap::default();
        let all = format!("name: string, tags: map<string>, {facets}");
        for (place, (name, key, ty)) in (0..).zip(members(&all, &schema)) {
            by_name.insert(name.clone(), FacetId(place));
            list.push(Facet {
                id: FacetId(place),
                tag: tag(&name),
                key: key_of(&key, &ty, &schema),
                is_set: false,
                name,
                ty,
                origin: Origin::Said,
                default: None,
            });
        }
        schema.kinds.push(Kind {
            id: KindId(index),
            name: name.into(),
            area: Area::Identity,
            facets: list.into(),
            by_name,
        });
    }
    schema
}

fn members(text: &str, schema: &Schema) -> impl Iterator<Item = (Box<str>, String, Type)> {
    text.split(", ").map(move |member| {
        let (name, ty) = member.split_once(':').expect("a member has a type");
        let (name, key) = name.trim().split_once('[').unwrap_or((name.trim(), ""));
        let ty = if ty.contains('|') {
            Type::Enum(ty.trim().split('|').map(Into::into).collect())
        } else {
            parse_type(ty, schema).expect("a declared type")
        };
        (name.into(), key.trim_end_matches(']').to_owned(), ty)
    })
}

fn key_of(key: &str, ty: &Type, schema: &Schema) -> Box<[u16]> {
    let Type::List(item) = ty else { return [].into() };
    let Type::Record(record) = **item else { return [].into() };
    let Some(RecordType { fields, .. }) = schema.records.get(usize::from(record.0)) else {
        return [].into();
    };
    let place = fields.iter().position(|field| &*field.name == key);
    place.and_then(|place| u16::try_from(place).ok()).into_iter().collect()
}

fn default(name: &str) -> Option<Value> {
    match name {
        "action" => Some(Value::Str("allow".into())),
        "protocol" => Some(Value::Str("any".into())),
        "ports" => Some(Value::Ports([PortRange { first: 0, last: u16::MAX }].into(), true)),
        "peers" => Some(Value::List([Value::Str("any".into())].into(), true)),
        "priority" => Some(Value::Int(0)),
        "enabled" => Some(Value::Bool(true)),
        _ => None,
    }
}

/// A resource's id and facets.
type Stored<'a> = (&'static str, Vec<(FacetId, Val<'a>)>);

/// Resources by place; facets not given are unknown.
#[derive(Default)]
struct Cloud<'a> {
    resources: Vec<Stored<'a>>,
    assumed: Vec<(KindId, FacetId, Val<'a>)>,
}

impl<'a> World<'a> for Cloud<'a> {
    fn facet(&self, resource: Handle, facet: FacetId) -> Val<'a> {
        let (_, facets) = &self.resources[resource.slot as usize];
        let found = facets.iter().find(|(id, _)| *id == facet);
        found.map_or_else(|| self.assumed(resource.kind, facet), |(_, value)| *value)
    }

    fn id(&self, resource: Handle) -> Val<'a> {
        Val::Str(self.resources[resource.slot as usize].0)
    }

    fn assumed(&self, kind: KindId, facet: FacetId) -> Val<'a> {
        let found = self.assumed.iter().find(|entry| entry.0 == kind && entry.1 == facet);
        found.map_or(Val::Unknown, |(_, _, value)| *value)
    }
}

impl<'a> Cloud<'a> {
    fn add(
        &mut self,
        schema: &Schema,
        kind: &str,
        id: &'static str,
        facets: &[(&str, Val<'a>)],
    ) -> Val<'a> {
        let kind = schema.kind_named(kind).expect("a declared kind");
        let facet = |name: &str| kind.facet(name).expect("a declared facet").id;
        let facets = facets.iter().map(|(name, value)| (facet(name), *value)).collect();
        let slot = u32::try_from(self.resources.len()).expect("few");
        self.resources.push((id, facets));
        Val::Resource(Handle { kind: kind.id, slot })
    }

    fn assume(&mut self, schema: &Schema, kind: &str, facet: &str, value: Val<'a>) {
        let kind = schema.kind_named(kind).expect("a declared kind");
        self.assumed.push((kind.id, kind.facet(facet).expect("a declared facet").id, value));
    }
}

/// Variables of these names and types.
fn vars(list: &[(&str, Type)]) -> Vec<Var> {
    list.iter().map(|(name, ty)| Var { name: (*name).into(), ty: ty.clone() }).collect()
}

/// A scope whose bare names are facets of `kind`.
fn scope_of<'s>(schema: &'s Schema, kind: &str) -> Scope<'s> {
    let kind = schema.kind_named(kind).expect("a declared kind").id;
    Scope { schema, vars: vars(&[("self", Type::Resource(kind))]), kind: Some(kind), expect: None }
}

fn compiled(source: &str, scope: &Scope<'_>, functions: &Functions) -> Program {
    match Program::compile(source, scope, functions) {
        Ok((program, _)) => program,
        Err(issues) => panic!("`{source}`: {issues:#?}"),
    }
}

fn refused(source: &str, scope: &Scope<'_>, functions: &Functions) -> Vec<Issue> {
    match Program::compile(source, scope, functions) {
        Ok((program, _)) => panic!("`{source}` compiled: {program:?}"),
        Err(issues) => issues,
    }
}

fn call_with<'a, 'c>(
    arena: &'a Bump,
    schema: &'a Schema,
    world: &'c dyn World<'a>,
    fuel: &'c Cell<u32>,
) -> Call<'a, 'c> {
    Call { arena, schema, world, now: Timestamp(0), fuel }
}

/// The result as short text: `Int(3)`, `error: ...`.
fn written(result: Result<Val<'_>, EvalError>) -> String {
    match result {
        Ok(value) => brief(&value.to_value(), matches!(value, Val::Resource(_))),
        Err(error) => format!("error: {error}"),
    }
}

fn brief(value: &Value, resource: bool) -> String {
    let join = |items: &[Value]| {
        items.iter().map(|item| brief(item, false)).collect::<Vec<_>>().join(", ")
    };
    match value {
        _ if resource => "a resource".into(),
        Value::Unsaid => "unsaid".into(),
        Value::None => "none".into(),
        Value::Unknown => "unknown".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::Str(text) => format!("'{text}'"),
        Value::Time(instant) => instant.to_string(),
        Value::Duration(micros) => format!("{micros}us"),
        Value::Ports(ranges, whole) => {
            let open = if *whole { "" } else { " and more" };
            format!("<{}{open}>", crate::model::value::Ports(ranges))
        }
        Value::List(items, true) => format!("[{}]", join(items)),
        Value::List(items, false) => format!("[{}, ...]", join(items)),
        Value::Map(entries) => {
            let pair = |(key, value): &(Box<str>, Value)| format!("{key}: {}", brief(value, false));
            format!("{{{}}}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Record(_, fields) => format!("({})", join(fields)),
    }
}

/// A list type.
fn list_of(ty: Type) -> Type {
    Type::List(Arc::new(ty))
}
