//! What a mapping says about one facet: YAML enters, a [`FacetRule`] leaves.

use granit_parser::ScalarStyle;

use super::compiled::{FacetRule, ItemRule, Loop};
use super::entry::{Writer, item_type};
use super::mapping::said;
use super::tree::{Data, Node};
use crate::model::{Facet, Type};

const ITEM: [&str; 9] = ["for", "when", "id", "alias", "whole", "part", "key", "keep", "inferred"];

impl Writer<'_> {
    /// Reads the rule of one facet under `put`, `replace` or `remove`.
    pub(super) fn facet_rule(
        &mut self,
        node: &Node,
        facet: &Facet,
        verb: &str,
    ) -> Option<FacetRule> {
        if !facet.is_set {
            return self.register(node, facet);
        }
        let mut items = Vec::new();
        for node in node.one_or_many() {
            let item = match node.data {
                Data::Map(_) => Some(self.item(node, facet, verb)),
                Data::Scalar(..) => self.elements(node, facet, verb),
                Data::Seq(_) => {
                    self.doc.error(&node.span, "a list within a list");
                    None
                }
            };
            items.push(item?);
        }
        Some(FacetRule::Items(items))
    }

    /// One expression. A list in brackets is CEL as it stands in the file.
    fn register(&mut self, node: &Node, facet: &Facet) -> Option<FacetRule> {
        let expect = Some(said(&facet.ty));
        match &node.data {
            Data::Scalar(..) => self.program(node, expect).map(FacetRule::Value),
            Data::Seq(_) => {
                let raw = self.doc.file.text.get(node.span.clone()).unwrap_or("");
                if !raw.starts_with('[') {
                    self.doc
                        .error(&node.span, format!("`{}` is no set: one expression", facet.name));
                    return None;
                }
                let data = Data::Scalar(raw.to_owned(), ScalarStyle::Plain);
                let node = Node { span: node.span.clone(), data };
                self.program(&node, expect).map(FacetRule::Value)
            }
            Data::Map(_) => {
                self.doc.error_hint(
                    &node.span,
                    format!("`{}` is no set: it takes one expression", facet.name),
                    "a record or map stands in quotes; a condition is `c ? x : unsaid`",
                );
                None
            }
        }
    }

    /// A scalar for a set: one element or a list of them, told as a loop over it.
    fn elements(&mut self, node: &Node, facet: &Facet, verb: &str) -> Option<ItemRule> {
        let item = item_type(&facet.ty);
        let list = self.program(node, None)?;
        let slot = self.vars.len();
        self.push("it", item_type(list.ty()));
        let each = Node {
            span: node.span.clone(),
            data: Data::Scalar("it".to_owned(), ScalarStyle::Plain),
        };
        let program = self.program(&each, None);
        self.vars.truncate(slot);
        let by_id = matches!(item, Type::Resource(_));
        let (id, value) = if by_id { (program, None) } else { (None, program) };
        Some(ItemRule {
            when: None,
            loops: vec![Loop { slot, list }],
            id,
            alias: None,
            value,
            part: false,
            by_key: verb == "remove" && !by_id,
            keep: Vec::new(),
            inferred: false,
        })
    }

    fn item(&mut self, node: &Node, facet: &Facet, verb: &str) -> ItemRule {
        let doc = self.doc;
        doc.only(node, &format!("an item of `{}`", facet.name), &ITEM);
        let outer = self.vars.len();
        let loops = self.loops(node);
        let when = self.optional(node, "when", Some(Type::Bool));
        let id = self.optional(node, "id", Some(Type::String));
        let alias = self.optional(node, "alias", Some(Type::String));
        let element = said(&item_type(&facet.ty));
        let stated: Vec<(&str, &Node)> = ["whole", "part", "key"]
            .into_iter()
            .filter_map(|key| Some((key, node.get(key)?)))
            .collect();
        let value = match stated.first() {
            Some((_, value)) => self.program(value, Some(element)),
            None => None,
        };
        self.vars.truncate(outer);
        self.check_item(node, facet, verb, &stated);
        ItemRule {
            when,
            loops,
            id,
            alias,
            value,
            part: stated.first().is_some_and(|(key, _)| *key == "part"),
            by_key: stated.first().is_some_and(|(key, _)| *key == "key"),
            keep: self.keep(node, facet),
            inferred: doc.flag(node, "inferred"),
        }
    }

    fn check_item(&self, node: &Node, facet: &Facet, verb: &str, stated: &[(&str, &Node)]) {
        let doc = self.doc;
        if let [_, (second, value), ..] = stated {
            let message = format!("`{second}` beside `{}`", stated[0].0);
            doc.error_hint(&value.span, message, "an element is one of `whole`, `part`, `key`");
        }
        match stated.first() {
            Some((key @ ("whole" | "part"), value)) if verb == "remove" => {
                let message = format!("`{key}` under `remove`");
                doc.error_hint(&value.span, message, "write `key` to remove by what it is");
            }
            Some(("key", value)) if verb != "remove" => {
                let hint = "write `whole`, or `part` where unsaid fields keep their value";
                doc.error_hint(&value.span, format!("`key` under `{verb}`"), hint);
            }
            None if node.get("id").is_none() => {
                doc.need(node, "id", "the item");
            }
            None if verb != "remove" && matches!(item_type(&facet.ty), Type::Record(_)) => {
                doc.need(node, "whole", "the item");
            }
            _ => {}
        }
    }

    fn keep(&self, node: &Node, facet: &Facet) -> Vec<u16> {
        let Some(keep) = node.get("keep") else { return Vec::new() };
        let Type::Record(id) = item_type(&facet.ty) else {
            self.doc.error(&keep.span, format!("the elements of `{}` have no fields", facet.name));
            return Vec::new();
        };
        self.doc.fields_named(keep, "`keep`", self.coder.schema.record(id))
    }
}
