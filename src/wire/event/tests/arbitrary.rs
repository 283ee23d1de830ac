//! Any change that can be said with the shipped schema's names.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::Origin;
use crate::model::{
    Act, Cause, Cell, Change, Edit, Element, ElementRef, Facet, FacetEdit, FacetId, Family, Format,
    KindId, Operation, Origin as From, Ownership, PortRange, Provider, RecordId, Schema, Source,
    Target, Timestamp, Type, Value, Write,
};
use crate::wire::tests::pack;

/// Levels of generated values below those that their type asks for.
const LEVELS: usize = 3;

pub(super) fn any_origin() -> impl Strategy<Value = Origin> {
    (any::<i64>(), text(), any::<u32>(), any::<u64>(), any::<bool>()).prop_map(
        |(arrived, topic, partition, offset, reads)| Origin {
            arrived: Timestamp(arrived),
            topic: topic.into(),
            partition,
            offset,
            reads,
        },
    )
}

pub(super) fn any_change() -> impl Strategy<Value = Change> {
    let cell =
        (text(), select(&Provider::ALL[..]), text()).prop_map(|(tenant, provider, account)| Cell {
            tenant: tenant.into(),
            provider,
            account: account.into(),
        });
    let operation = prop_oneof![
        Just(Operation::Single),
        text().prop_map(|id| Operation::Start(id.into())),
        text().prop_map(|id| Operation::End(id.into())),
    ];
    let source = prop_oneof![Just(Source::Activity), Just(Source::Snapshot)];
    let head = (cell, any_cause().prop_map(Arc::new), source, operation, any::<[bool; 2]>());
    (head, vec(any_write(), 0..4), vec(any_act(), 0..3)).prop_map(|(head, writes, acts)| {
        let (cell, cause, source, operation, [blind, failed]) = head;
        Change { cell, cause, source, operation, writes, acts, blind, failed }
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z:/.0-9-]{1,12}", any::<String>()]
}

fn maybe(text: impl Strategy<Value = String>) -> impl Strategy<Value = Option<Arc<str>>> {
    prop::option::of(text.prop_map(Arc::from))
}

fn any_cause() -> impl Strategy<Value = Cause> {
    let family = prop_oneof![Just(Family::Activity), Just(Family::State)];
    let ownership =
        select(vec![Ownership::Tenant, Ownership::TenantViaService, Ownership::Provider]);
    let words = (select(&Format::ALL[..]), family, ownership);
    let rest = (any::<i64>(), any::<bool>(), any::<Option<bool>>(), prop::option::of(text()));
    (words, rest, vec(text(), 11)).prop_map(|(words, (time, root, mfa, error), mut texts)| {
        let (format, family, ownership) = words;
        let mut next = || texts.pop().unwrap_or_default().into_boxed_str();
        Cause {
            id: next().into(),
            time: Timestamp(time),
            format,
            family,
            ownership,
            service: next(),
            name: next(),
            region: next(),
            actor: next().into(),
            actor_name: next(),
            actor_kind: next(),
            credential: next(),
            invoked_by: next(),
            root,
            mfa,
            source_ip: next(),
            user_agent: next(),
            error: error.map(Into::into),
        }
    })
}

fn any_write() -> impl Strategy<Value = Write> {
    any::<Index>().prop_flat_map(|kind| {
        let pack = pack();
        let kind = &pack.schema.kinds[kind.index(pack.schema.kinds.len())];
        let said: Vec<Facet> =
            kind.facets.iter().filter(|facet| facet.origin == From::Said).cloned().collect();
        let ids: Vec<FacetId> = kind.facets.iter().map(|facet| facet.id).collect();
        let facet = select(said).prop_flat_map(|facet| (Just(facet.id), any_edit(&facet)));
        let edit = prop_oneof![
            1 => Just(Edit::Delete),
            4 => vec(facet, 0..4).prop_map(Edit::Facets),
        ];
        let lookup = prop::option::of((select(ids), text().prop_map(Arc::from)));
        (Just(kind.id), maybe(text()), lookup, any::<bool>(), edit).prop_map(
            |(kind, id, lookup, creates, edit)| Write {
                target: Target { kind, id, lookup },
                creates,
                edit,
            },
        )
    })
}

fn any_edit(facet: &Facet) -> BoxedStrategy<FacetEdit> {
    let pack = pack();
    let said = match &facet.ty {
        Type::List(item) if facet.is_set => any_elements(item, &pack.schema),
        ty => value(ty, &pack.schema, LEVELS).prop_map(FacetEdit::Set).boxed(),
    };
    prop_oneof![1 => Just(FacetEdit::Unknown), 6 => said].boxed()
}

fn any_elements(item: &Type, schema: &Schema) -> BoxedStrategy<FacetEdit> {
    let fields = match item {
        Type::Record(id) => schema.record(*id).fields.len(),
        _ => 0,
    };
    let fields = u16::try_from(fields).expect("few");
    let of = value(item, schema, LEVELS);
    let put = (maybe(text()), maybe(text()), of.clone(), any::<bool>())
        .prop_map(|(id, alias, value, part)| Element { id, alias, value, part });
    let gone =
        prop_oneof![text().prop_map(|id| ElementRef::Id(id.into())), of.prop_map(ElementRef::Key),];
    let keep = vec(0..fields.max(1), if fields == 0 { 0..1 } else { 0..3 });
    (any::<bool>(), vec(put, 0..3), vec(gone, 0..3), keep)
        .prop_map(|(replace, put, remove, keep)| FacetEdit::Elements { replace, put, remove, keep })
        .boxed()
}

fn any_act() -> impl Strategy<Value = Act> {
    any::<Index>().prop_flat_map(|act| {
        let pack = pack();
        let act = &pack.schema.acts[act.index(pack.schema.acts.len())];
        let fields: Vec<_> =
            act.fields.iter().map(|field| value(&field.ty, &pack.schema, LEVELS)).collect();
        let kinds = u16::try_from(pack.schema.kinds.len()).expect("few");
        let resource = prop::option::of(((0..kinds).prop_map(KindId), text().prop_map(Arc::from)));
        (Just(act.id.0), resource, fields).prop_map(|(act, resource, fields)| Act {
            act,
            resource,
            fields: fields.into(),
        })
    })
}

/// A value of the type, or one of the three ways not to be there.
fn value(ty: &Type, schema: &Schema, levels: usize) -> BoxedStrategy<Value> {
    let there = match ty {
        Type::Dyn => return anything(schema, levels),
        Type::Null => return Just(Value::None).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => any::<i64>().prop_map(Value::Int).boxed(),
        Type::Double => double().boxed(),
        Type::String | Type::Text(_) | Type::Resource(_) => {
            text().prop_map(|text| Value::Str(text.into())).boxed()
        }
        Type::Time => any::<i64>().prop_map(|micros| Value::Time(Timestamp(micros))).boxed(),
        Type::Duration => any::<i64>().prop_map(Value::Duration).boxed(),
        Type::Ports => ports().boxed(),
        Type::Enum(words) => select(words.to_vec()).prop_map(Value::Str).boxed(),
        Type::List(item) => (vec(value(item, schema, levels), 0..3), any::<bool>())
            .prop_map(|(items, whole)| Value::List(items.into(), whole))
            .boxed(),
        Type::Map(item) => map(value(item, schema, levels)),
        Type::Record(id) => record(*id, schema, levels),
    };
    let absent = select(vec![Value::Unsaid, Value::None, Value::Unknown]);
    prop_oneof![6 => there, 1 => absent].boxed()
}

/// What stands for a secret may stand in any map.
fn map(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let secret = Just(Value::Str(crate::map::redact::REDACTED.into()));
    let item = prop_oneof![8 => item, 1 => secret];
    vec((text().prop_map(Into::into), item), 0..3)
        .prop_map(|entries: Vec<(Box<str>, Value)>| Value::Map(entries.into()))
        .boxed()
}

fn record(id: RecordId, schema: &Schema, levels: usize) -> BoxedStrategy<Value> {
    let fields: Vec<_> =
        schema.record(id).fields.iter().map(|field| value(&field.ty, schema, levels)).collect();
    fields.prop_map(move |fields| Value::Record(id, fields.into())).boxed()
}

/// A value of no declared type: of every sort.
fn anything(schema: &Schema, levels: usize) -> BoxedStrategy<Value> {
    let text = text().prop_map(|text| Value::Str(text.into()));
    let absent = select(vec![Value::Unsaid, Value::None, Value::Unknown]);
    let micros = any::<i64>();
    let scalar = prop_oneof![
        absent,
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        double(),
        text,
        micros.prop_map(|micros| Value::Time(Timestamp(micros))),
        any::<i64>().prop_map(Value::Duration),
        ports(),
    ];
    let Some(below) = levels.checked_sub(1) else { return scalar.boxed() };
    let inner = anything(schema, below);
    // Record types whose own fields may be anything would grow without end.
    let id = RecordId(u16::try_from(below % schema.records.len()).expect("few"));
    let list = (vec(inner.clone(), 0..3), any::<bool>())
        .prop_map(|(items, whole)| Value::List(items.into(), whole));
    prop_oneof![4 => scalar, 1 => list, 1 => map(inner), 1 => record(id, schema, below)].boxed()
}

/// No NaN: it is not equal to itself.
fn double() -> impl Strategy<Value = Value> {
    prop::num::f64::ANY.prop_filter_map("not a number", |number| {
        (!number.is_nan()).then_some(Value::Double(number))
    })
}

fn ports() -> impl Strategy<Value = Value> {
    (prop::collection::btree_set(any::<u16>(), 0..6), any::<bool>()).prop_map(|(ends, whole)| {
        let ends: Vec<u16> = ends.into_iter().collect();
        let range = |pair: &[u16]| PortRange { first: pair[0], last: pair[pair.len() - 1] };
        Value::Ports(ends.chunks(2).map(range).collect(), whole)
    })
}
