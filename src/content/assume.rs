//! `assume:`: paths and constant expressions enter; kind, facet and value of each leave.

use std::cell::Cell;

use bumpalo::Bump;

use super::doc::{Coder, Doc};
use super::entry::item_type;
use super::literal::literal;
use super::tree::{Data, Key, Node};
use crate::expr::{Call, Program, World};
use crate::model::{
    Facet, FacetId, Handle, Kind, KindId, Limits, Schema, Timestamp, Type, Val, Value,
};

type Assumed = (KindId, FacetId, Value, Box<str>);

/// Reads the assumptions of a detector that applies to `kinds`.
pub(super) fn read(doc: &Doc<'_>, coder: Coder<'_>, kinds: &[&Kind], node: &Node) -> Vec<Assumed> {
    let mut assumed: Vec<Assumed> = Vec::new();
    for (key, value) in doc.map(node, "`assume`") {
        let mut failure = None;
        let mut targets: Vec<(KindId, &Facet)> = Vec::new();
        for kind in kinds {
            match follow(coder.schema, kind, &key.text) {
                Ok(target) => targets.push(target),
                Err((kind, step)) => failure = Some((kind, step)),
            }
        }
        if targets.is_empty()
            && let Some((kind, step)) = failure
        {
            unknown_step(doc, key, kind, step);
        }
        for (kind, facet) in targets {
            if assumed.iter().any(|known| (known.0, known.1) == (kind, facet.id)) {
                continue;
            }
            if let Some(value) = constant(doc, coder, value, &facet.ty) {
                assumed.push((kind, facet.id, value, key.text.as_str().into()));
            }
        }
    }
    assumed
}

fn unknown_step(doc: &Doc<'_>, key: &Key, kind: &Kind, step: &str) {
    let offset = key.text.find(step).unwrap_or(0);
    let quoted = usize::from(key.span.len() > key.text.len());
    let start = key.span.start + offset + quoted;
    let message = format!("unknown facet `{step}` of `{}`", kind.name);
    let known = kind.facets.iter().map(|facet| &*facet.name);
    doc.unknown(&(start..start + step.len()), message, step, known);
}

/// The facet at the end of a path through references.
fn follow<'s, 'p>(
    schema: &'s Schema,
    kind: &'s Kind,
    path: &'p str,
) -> Result<(KindId, &'s Facet), (&'s Kind, &'p str)> {
    let mut kind = kind;
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let facet = kind.facet(step).ok_or((kind, step))?;
        let Some(next) = steps.peek() else { return Ok((kind.id, facet)) };
        let Type::Resource(target) = item_type(&facet.ty) else { return Err((kind, next)) };
        kind = schema.kind(target);
    }
    Err((kind, path))
}

/// The value of an expression that reads nothing.
fn constant(doc: &Doc<'_>, coder: Coder<'_>, node: &Node, ty: &Type) -> Option<Value> {
    if !matches!(node.data, Data::Scalar(..)) {
        return literal(doc, coder.schema, node, ty);
    }
    let program = coder.compile(doc, node, &[], None, Some(super::mapping::said(ty)))?;
    match evaluate(&program, coder.schema) {
        Ok(mut value) => {
            fill(&mut value, coder.schema);
            Some(value)
        }
        Err(error) => {
            doc.error(&node.span, format!("the assumed value can't be computed: {error}"));
            None
        }
    }
}

/// Gives whole records the defaults of the fields they leave out.
fn fill(value: &mut Value, schema: &Schema) {
    match value {
        Value::List(items, _) => items.iter_mut().for_each(|item| fill(item, schema)),
        Value::Record(id, fields) => {
            for (field, value) in schema.record(*id).fields.iter().zip(fields.iter_mut()) {
                match &field.default {
                    Some(default) if *value == Value::Unsaid => *value = default.clone(),
                    _ => fill(value, schema),
                }
            }
        }
        _ => {}
    }
}

fn evaluate(program: &Program, schema: &Schema) -> Result<Value, crate::expr::EvalError> {
    let arena = Bump::new();
    let fuel = Cell::new(Limits::default().fuel);
    let call = Call { arena: &arena, schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    Ok(program.eval(&[], &call)?.to_value())
}

/// A world without resources.
struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}
