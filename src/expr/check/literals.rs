//! Literals: numbers and texts, lists, maps, records.

use std::sync::Arc;

use cel::common::ast::{
    EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, StructExpr, StructFieldExpr,
};

use rustc_hash::FxHashSet;

use crate::expr::ir::{Const, Node};
use crate::expr::types::{self, suggest};
use crate::model::Type;

use super::names::constant;
use super::{Checker, Typed, list_of, merge};

impl Checker<'_> {
    pub(super) fn literal(&mut self, expr: &IdedExpr, literal: &LiteralValue) -> Typed {
        let (value, ty) = match literal {
            LiteralValue::Boolean(truth) => (Const::Bool(**truth), Type::Bool),
            LiteralValue::Int(number) => (Const::Int(**number), Type::Int),
            LiteralValue::Double(number) => (Const::Double(**number), Type::Double),
            LiteralValue::String(text) => {
                return constant(text.inner(), Some(&Type::String));
            }
            LiteralValue::Null => (Const::None, Type::Null),
            LiteralValue::UInt(number) => {
                let hint = Some(format!("write `{}`", number.inner()));
                self.error(expr, "there are no unsigned numbers here".into(), hint);
                return Typed::broken();
            }
            LiteralValue::Bytes(_) => {
                let hint = Some("write it as text".into());
                self.error(expr, "there are no byte strings here".into(), hint);
                return Typed::broken();
            }
        };
        Typed::new(Node::Const(value), ty)
    }

    pub(super) fn list(&mut self, list: &ListExpr, expect: Option<&Type>) -> Typed {
        let due = match expect {
            Some(Type::List(item)) => Some(&**item),
            _ => None,
        };
        let mut items = Vec::with_capacity(list.elements.len());
        let mut ty = Type::Null;
        let mut chains = Vec::new();
        for (place, element) in list.elements.iter().enumerate() {
            let item = self.expr(element, due);
            ty = types::join(&ty, &item.ty).unwrap_or(Type::Dyn);
            chains = merge(chains, item.chains);
            items.push((item.node, list.optional_indices.contains(&place)));
        }
        Typed::new(Node::List(items.into()), list_of(ty)).chains(chains)
    }

    /// A map. As an argument of a function (`options`) its bare words are texts.
    pub(super) fn map(&mut self, map: &MapExpr, expect: Option<&Type>, options: bool) -> Typed {
        let word = types::any_word();
        let due = match expect {
            Some(Type::Map(value)) if **value != Type::Dyn => Some(&**value),
            _ if options => Some(&word),
            _ => None,
        };
        let mut entries = Vec::with_capacity(map.entries.len());
        let mut ty = Type::Null;
        let mut keys = FxHashSet::default();
        for entry in &map.entries {
            let EntryExpr::MapEntry(pair) = &entry.expr else { continue };
            let key = match &pair.key.expr {
                Expr::Ident(name) if self.is_bare(&pair.key) => constant(name, None),
                _ => self.expr(&pair.key, None),
            };
            self.expect(&key.ty, &Type::String, &pair.key, "a map's key");
            if let Some(text) = &key.text
                && keys.contains(text)
            {
                self.error(&pair.key, format!("key `{text}` is given twice"), None);
            }
            keys.extend(key.text.clone());
            let value = self.expr(&pair.value, due);
            ty = types::join(&ty, &value.ty).unwrap_or(Type::Dyn);
            entries.push((key.node, value.node, pair.optional));
        }
        // The members of a map that was written out differ: one type only where all agree.
        Typed::new(Node::Map(entries.into()), Type::Map(Arc::new(ty)))
    }

    pub(super) fn record(&mut self, expr: &IdedExpr, literal: &StructExpr) -> Typed {
        let schema = self.scope.schema;
        let Some(ty) = schema.record_named(&literal.type_name) else {
            let hint = suggest(&literal.type_name, schema.records.iter().map(|ty| &*ty.name));
            self.error(expr, format!("unknown record `{}`", literal.type_name), hint);
            return Typed::broken();
        };
        let mut fields = Vec::with_capacity(literal.entries.len());
        let mut chains = Vec::new();
        for entry in &literal.entries {
            let EntryExpr::StructField(StructFieldExpr { field, value, .. }) = &entry.expr else {
                continue;
            };
            let Some(index) = ty.field(field) else {
                let hint = suggest(field, ty.fields.iter().map(|field| &*field.name));
                self.error(value, format!("`{}` has no field `{field}`", ty.name), hint);
                continue;
            };
            if fields.iter().any(|(there, _)| *there == index) {
                self.error(value, format!("field `{field}` is given twice"), None);
            }
            let due = &ty.fields[index].ty;
            let given = self.expr(value, Some(due));
            self.expect(&given.ty, due, value, &format!("field `{field}`"));
            chains = merge(chains, given.chains);
            fields.push((index, given.node));
        }
        Typed::new(Node::Record(ty.id, fields.into()), Type::Record(ty.id)).chains(chains)
    }
}
