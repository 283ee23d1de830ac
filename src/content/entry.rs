//! One entry of a mapping: its YAML enters, an [`Entry`] with its programs leaves.

use super::compiled::{Derive, Entry, Group, Identify, Loop, Verb};
use super::derive::said_facets;
use super::doc::{Coder, Doc};
use super::literal::split_outside;
use super::mapping::{kind_of, said, unknown_facet};
use super::names::is_word;
use super::scope;
use super::tree::{Key, Node};
use crate::expr::{Program, Var};
use crate::model::{FacetId, Family, Kind, Origin, Provider, Type};

const VERBS: [&str; 6] = ["put", "replace", "remove", "unknown", "delete", "act"];
const GROUP: [&str; 7] = ["for", "when", "needs", "resource", "creates", "else", "inferred"];
const ENTRY: [&str; 7] = ["event", "snapshot", "by", "as_of", "failures", "also", "doc"];

/// The one actor an entry can read by: the account's owner, `actor.root` in expressions.
const ROOT: &str = "root";

/// Reads entries: holds the variables in scope while it goes down into one.
pub(super) struct Writer<'a> {
    pub(super) doc: Doc<'a>,
    pub(super) coder: Coder<'a>,
    derives: &'a [Vec<Derive>],
    provider: Provider,
    pub(super) vars: Vec<Var>,
    slots: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        doc: Doc<'a>,
        coder: Coder<'a>,
        derives: &'a [Vec<Derive>],
        provider: Provider,
    ) -> Self {
        Self { doc, coder, derives, provider, vars: Vec::new(), slots: 0 }
    }

    /// Reads one entry of `on`; `None` where what it reads can't be told.
    pub(super) fn entry(mut self, node: &Node) -> Option<Entry> {
        let doc = self.doc;
        let known: Vec<&str> = ENTRY.into_iter().chain(GROUP).chain(VERBS).collect();
        doc.only(node, "an entry", &known);
        let (family, names) = self.names(node)?;
        self.vars = scope::mapping(family);
        self.slots = self.vars.len();
        // A guard on what is looped over is asked at each step; the entry itself then always holds.
        let stepwise = guards_steps(node);
        let when = if stepwise { None } else { self.optional(node, "when", Some(Type::Bool)) };
        let as_of = self.optional(node, "as_of", Some(Type::Time));
        if let Some(as_of) = node.get("as_of").filter(|_| family == Family::Activity) {
            doc.error(&as_of.span, "`as_of` is for snapshots: an event has its own time");
        }
        let mut groups = vec![self.group(node, stepwise)];
        if let Some(also) = node.get("also") {
            for item in also.one_or_many() {
                let known: Vec<&str> = GROUP.into_iter().chain(VERBS).collect();
                doc.only(item, "a group under `also`", &known);
                groups.push(self.group(item, true));
            }
        }
        if let Some(by) = node.get("by").filter(|_| groups.iter().any(writes)) {
            doc.error_hint(
                &by.span,
                "what the owner does says nothing of a resource by being the owner's",
                "tell acts alone, and what is written in an entry that reads the event by name",
            );
        }
        let failures = doc.flag(node, "failures");
        if failures && groups.iter().any(writes) {
            doc.error_hint(
                &node.get("failures")?.span,
                "a failed call changes nothing: `failures` is for acts alone",
                "tell the writes in another entry",
            );
        }
        Some(Entry {
            provider: self.provider,
            family,
            names,
            when,
            as_of,
            groups,
            failures,
            inferred: doc.flag(node, "inferred"),
            slots: self.slots,
            source: doc.source(&node.span),
        })
    }

    /// The names an entry reads; none where it reads by actor.
    fn names(&self, node: &Node) -> Option<(Family, Vec<Box<str>>)> {
        let (family, names) = match (node.get("event"), node.get("snapshot"), node.get("by")) {
            (None, None, Some(by)) => return self.actor(by),
            (Some(names), None, None) => (Family::Activity, names),
            (None, Some(names), None) => (Family::State, names),
            (_, Some(second), _) | (Some(_), None, Some(second)) => {
                let message = "an entry reads events or snapshots by name, or by actor: only one";
                self.doc.error(&second.span, message);
                return None;
            }
            (None, None, None) => {
                self.doc.need(node, "event", "the entry");
                return None;
            }
        };
        let names: Vec<Box<str>> =
            self.doc.words(names, "a name").into_iter().map(|(name, _)| name.into()).collect();
        (!names.is_empty()).then_some((family, names))
    }

    /// `by: root`: whatever the account's owner does.
    fn actor(&self, node: &Node) -> Option<(Family, Vec<Box<str>>)> {
        let name = self.doc.word(node, "`by`")?;
        if name != ROOT {
            let message = format!("unknown actor `{name}`");
            self.doc.unknown(&node.span, message, name, [ROOT]);
            return None;
        }
        Some((Family::Activity, Vec::new()))
    }

    /// What an entry or a group says. A `guarded` group's `when` sees its loop variables; the
    /// guard of an entry is asked before any loop and read by the caller.
    fn group(&mut self, node: &Node, guarded: bool) -> Group {
        let outer = self.vars.len();
        let loops = self.loops(node);
        let needs = self.optional(node, "needs", None);
        let when = if guarded { self.optional(node, "when", Some(Type::Bool)) } else { None };
        let (kind, resource) = match node.get("resource") {
            Some(resource) => self.resource(resource),
            None => (None, None),
        };
        let verbs = self.verbs(node, kind);
        let otherwise = match node.get("else") {
            Some(inner) => {
                self.doc.only(inner, "`else`", &VERBS);
                self.verbs(inner, kind)
            }
            None => Vec::new(),
        };
        if let Some(inner) = node.get("else").filter(|_| node.get("needs").is_none()) {
            self.doc.warn(&inner.span, "`else` without `needs` never holds", None);
        }
        self.vars.truncate(outer);
        let creates = self.doc.flag(node, "creates");
        Group { loops, when, needs, resource, creates, verbs, otherwise }
    }

    fn resource(&mut self, node: &Node) -> (Option<&'a Kind>, Option<Identify>) {
        let doc = self.doc;
        doc.only(node, "`resource`", &["kind", "id", "where"]);
        let Some(kind) = kind_of(&doc, node, self.coder.schema) else { return (None, None) };
        let id = self.optional(node, "id", Some(Type::String));
        let lookup = match node.get("where").map(|node| (node, doc.map(node, "`where`"))) {
            Some((_, [(key, value)])) => self.lookup(kind, key, value),
            Some((node, _)) => {
                doc.error(&node.span, "`where` names one facet");
                None
            }
            None => None,
        };
        if node.get("id").is_none() && node.get("where").is_none() {
            doc.need(node, "id", "the resource");
        }
        (Some(kind), Some(Identify { kind: kind.id, id, lookup }))
    }

    /// `rules.id: x` finds by an element's id, `instance: x` by a reference, `bindings.interface`
    /// by a reference within an element.
    fn lookup(&mut self, kind: &Kind, key: &Key, value: &Node) -> Option<(FacetId, Program)> {
        let doc = self.doc;
        let program = self.program(value, Some(Type::String));
        let (name, field) = match key.text.split_once('.') {
            Some((name, field)) => (name, Some(field)),
            None => (key.text.as_str(), None),
        };
        let Some(facet) = kind.facet(name).filter(|facet| facet.origin == Origin::Said) else {
            unknown_facet(&doc, &Key { span: key.span.clone(), text: name.to_owned() }, kind);
            return None;
        };
        let item = match &facet.ty {
            Type::List(item) => item,
            other => other,
        };
        let found = match (field, item) {
            (Some("id"), _) => facet.is_set,
            (None, Type::Resource(_)) => true,
            (Some(field), Type::Record(id)) => {
                let record = self.coder.schema.record(*id);
                let field = record.field(field).map(|index| &record.fields[index].ty);
                matches!(field, Some(Type::Resource(_)))
            }
            _ => false,
        };
        if !found {
            let message = format!("`{}` is neither an element's id nor a reference", key.text);
            let hint = format!("write `{name}.id`, or the name of a `ref` facet");
            doc.error_hint(&key.span, message, hint);
        }
        Some((facet.id, program?))
    }

    fn verbs(&mut self, node: &Node, kind: Option<&Kind>) -> Vec<Verb> {
        let mut verbs = Vec::new();
        for (key, value) in node.entries() {
            let verb = match key.text.as_str() {
                "put" | "replace" | "remove" => self.writes(key, value, node, kind),
                "unknown" => self.unknown(key, value, kind),
                "delete" => Some(self.delete(key, value, kind)),
                "act" => {
                    verbs.extend(self.acts(value));
                    None
                }
                _ => None,
            };
            verbs.extend(verb);
        }
        verbs
    }

    fn writes(
        &mut self,
        key: &Key,
        value: &Node,
        owner: &Node,
        kind: Option<&Kind>,
    ) -> Option<Verb> {
        let doc = self.doc;
        let Some(kind) = kind else {
            if owner.get("resource").is_none() {
                doc.error(&key.span, format!("`{}` without a `resource`", key.text));
            }
            return None;
        };
        let verb = key.text.as_str();
        let mut rules = Vec::new();
        for (name, node) in doc.map(value, &format!("`{verb}`")) {
            let Some(facet) = kind.facet(&name.text).filter(|f| f.origin == Origin::Said) else {
                unknown_facet(&doc, name, kind);
                continue;
            };
            if verb == "remove" && !facet.is_set {
                let message = format!("`{}` has no elements to remove", name.text);
                doc.error_hint(&name.span, message, "put `none` where it is known to be absent");
                continue;
            }
            if let Some(rule) = self.facet_rule(node, facet, verb) {
                rules.push((facet.id, rule));
            }
        }
        Some(match verb {
            "put" => Verb::Put(rules),
            "replace" => Verb::Replace(rules),
            _ => Verb::Remove(rules),
        })
    }

    fn unknown(&mut self, key: &Key, value: &Node, kind: Option<&Kind>) -> Option<Verb> {
        let Some(kind) = kind else {
            self.doc.error(&key.span, "`unknown` without a `resource`");
            return None;
        };
        let mut facets = Vec::new();
        for (name, node) in self.doc.words(value, "a facet") {
            let Some(facet) = kind.facet(name) else {
                let key = Key { span: node.span.clone(), text: name.to_owned() };
                unknown_facet(&self.doc, &key, kind);
                continue;
            };
            let said = said_facets(self.coder.schema, self.derives, kind.id, facet.id);
            facets.extend(said.into_iter().filter(|id| !facets.contains(id)).collect::<Vec<_>>());
        }
        Some(Verb::Unknown(facets))
    }

    fn delete(&self, key: &Key, value: &Node, kind: Option<&Kind>) -> Verb {
        if kind.is_none() {
            self.doc.error(&key.span, "`delete` without a `resource`");
        }
        if value.bool() != Some(true) {
            self.doc.error_hint(&value.span, "`delete` is only ever `true`", "write `true`");
        }
        Verb::Delete
    }

    /// `act: blind`, `act: sign_in`, or `act: {sign_in: {user: expr}}`.
    fn acts(&mut self, value: &Node) -> Vec<Verb> {
        if value.text() == Some("blind") {
            return vec![Verb::Blind];
        }
        if let Some(name) = value.text() {
            let key = Key { span: value.span.clone(), text: name.to_owned() };
            return self.act(&key, None).into_iter().collect();
        }
        let entries = self.doc.map(value, "`act`");
        entries.iter().filter_map(|(key, fields)| self.act(key, Some(fields))).collect()
    }

    fn act(&mut self, key: &Key, fields: Option<&Node>) -> Option<Verb> {
        let acts = &self.coder.schema.acts;
        let Some(index) = acts.iter().position(|act| *act.name == *key.text) else {
            let message = format!("unknown act `{}`", key.text);
            let known = acts.iter().map(|act| &*act.name).chain(["blind"]);
            self.doc.unknown(&key.span, message, &key.text, known);
            return None;
        };
        let act = &acts[index];
        let mut programs: Vec<Option<Program>> = Vec::new();
        programs.resize_with(act.fields.len(), || None);
        let what = format!("act `{}`", act.name);
        for (name, value) in fields.map_or(&[][..], |node| self.doc.map(node, &what)) {
            let Some(field) = act.field(&name.text) else {
                let message = format!("unknown field `{}` of {what}", name.text);
                let known = act.fields.iter().map(|field| &*field.name);
                self.doc.unknown(&name.span, message, &name.text, known);
                continue;
            };
            programs[field] = self.program(value, Some(said(&act.fields[field].ty)));
        }
        Some(Verb::Act(u16::try_from(index).ok()?, programs))
    }

    /// `for: a in x; b in y`: the variables stay in scope until the caller takes them out.
    pub(super) fn loops(&mut self, owner: &Node) -> Vec<Loop> {
        let Some(node) = owner.get("for") else { return Vec::new() };
        let Some(text) = self.doc.word(node, "`for`") else { return Vec::new() };
        let mut loops = Vec::new();
        for piece in split_outside(text, ';') {
            let part = &text[piece.clone()];
            let found = part.split_once(" in ").filter(|(name, _)| is_word(name.trim()));
            let Some((name, list)) = found else {
                let place = self.doc.place(node, &piece);
                self.doc.error_hint(&place, "not a loop", "write it as `name in list`");
                continue;
            };
            let start = piece.end - list.len();
            let program =
                self.coder.compile_part(&self.doc, node, start..piece.end, &self.vars, None, None);
            let ty = program.as_ref().map_or(Type::Dyn, |program| item_type(program.ty()));
            if let Some(list) = program {
                loops.push(Loop { slot: self.vars.len(), list });
            }
            self.push(name.trim(), ty);
        }
        loops
    }

    /// Adds a loop variable.
    pub(super) fn push(&mut self, name: &str, ty: Type) {
        self.vars.push(Var { name: name.into(), ty });
        self.slots = self.slots.max(self.vars.len());
    }

    pub(super) fn program(&self, node: &Node, expect: Option<Type>) -> Option<Program> {
        self.coder.compile(&self.doc, node, &self.vars, None, expect)
    }

    pub(super) fn optional(
        &self,
        owner: &Node,
        key: &str,
        expect: Option<Type>,
    ) -> Option<Program> {
        self.program(owner.get(key)?, expect)
    }
}

/// Whether an entry's `when` names a variable of its `for`.
fn guards_steps(node: &Node) -> bool {
    let (Some(when), Some(loops)) =
        (node.get("when").and_then(Node::text), node.get("for").and_then(Node::text))
    else {
        return false;
    };
    let mut words = when.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
    let names: Vec<&str> = split_outside(loops, ';')
        .into_iter()
        .filter_map(|piece| loops[piece].split_once(" in ").map(|(name, _)| name.trim()))
        .collect();
    words.any(|word| word.split('.').next().is_some_and(|first| names.contains(&first)))
}

/// The type of what a list holds; anything else is looped over as its only item.
pub(super) fn item_type(ty: &Type) -> Type {
    match ty {
        Type::List(item) => (**item).clone(),
        other => other.clone(),
    }
}

fn writes(group: &Group) -> bool {
    let all = group.verbs.iter().chain(&group.otherwise);
    all.into_iter().any(|verb| !matches!(verb, Verb::Act(..) | Verb::Blind))
}
