//! Events into writes: the first entry of the mappings that reads an event says what it means.
//!
//! What enters is an [`Event`] and its cell; what leaves is a [`Change`]. Secrets are redacted
//! here, before anything is kept.

mod bound;
mod cause;
mod coerce;
pub mod redact;
mod vars;
mod witness;

use std::cell::Cell as StdCell;
use std::sync::Arc;

use bumpalo::Bump;

use crate::content::{Content, Entry, FacetRule, Group, Identify, ItemRule, Loop, Verb};
use crate::expr::{Call, Program, World};
use crate::model::trace::Part;
use crate::model::{
    Act, Cell, Change, Edit, Element, ElementRef, Event, FacetEdit, FacetId, Handle, KindId,
    Ledger, Limits, Phase, Spender, Target, Timestamp, Trace, Tracer, Val, Value, Write,
};

use bound::Cut;
pub use cause::cause;
use cause::change;
use coerce::coerce;
pub use vars::fill_event;

/// What the mappings made of an event.
#[derive(Debug)]
pub enum Mapped {
    /// It says something, or is a blind spot.
    Change(Box<Change>),
    /// No entry's guard holds: nothing reads it after all.
    Nothing,
}

/// Maps `event` for `cell`. Failed calls are mapped only by entries that ask for them.
#[must_use]
pub fn map(
    event: &Event<'_>,
    cell: &Cell,
    content: &Content,
    limits: &Limits,
    arena: &Bump,
) -> Mapped {
    map_traced(event, cell, content, limits, arena, (None, &Ledger::default()))
}

/// As [`map`], telling the tracer which entries were passed over, which one speaks, and why what
/// it says is blind; the ledger notes an entry that used up the budget.
#[must_use]
pub fn map_traced(
    event: &Event<'_>,
    cell: &Cell,
    content: &Content,
    limits: &Limits,
    arena: &Bump,
    (trace, ledger): (Option<&dyn Tracer>, &Ledger),
) -> Mapped {
    let fuel = StdCell::new(limits.fuel.saturating_mul(EVALUATIONS));
    let spent = |entry: &Entry| {
        if fuel.get() == 0 {
            let place = format!("{}:{}", entry.source.file, entry.source.line);
            ledger.note(Spender::Mapping(place.into()));
        }
    };
    let call =
        Call { arena, schema: &content.schema, world: &Nowhere, now: event.time, fuel: &fuel };
    let base = vars::mapping(event, arena);
    for entry in content.entries_for(&event.key) {
        if event.error.is_some() && !entry.failures {
            let why = "the call failed, and it reads only what succeeded";
            passed(entry, "", why, None, trace);
            continue;
        }
        let mut vars = base.clone();
        vars.resize(entry.slots.max(base.len()), Val::Unsaid);
        let mut mapper = Mapper {
            content,
            limits,
            call: &call,
            vars,
            writes: Vec::new(),
            acts: Vec::new(),
            blind: false,
            trace,
        };
        let guard = entry.when.as_ref().map_or("", Program::source);
        if !mapper.holds(entry.when.as_ref()) {
            spent(entry);
            let tree = entry.when.as_ref().and_then(|guard| mapper.tree(guard));
            passed(entry, guard, "its guard does not hold", tree.as_ref(), trace);
            continue;
        }
        if let Some(trace) = trace {
            let (file, line) = (&*entry.source.file, entry.source.line);
            trace.tell(&Trace::Entry { file, line, guard, inferred: entry.inferred });
        }
        let change = mapper.entry(entry, event, cell);
        spent(entry);
        return Mapped::Change(Box::new(change));
    }
    if event.error.is_some() && event.phase != Phase::Single {
        // What was started waits for this end: it is to learn that nothing came of it.
        return Mapped::Change(Box::new(change(event, cell, event.time, limits)));
    }
    Mapped::Nothing
}

fn passed(entry: &Entry, guard: &str, why: &str, tree: Option<&Part>, trace: Option<&dyn Tracer>) {
    let Some(trace) = trace else { return };
    let (file, line) = (&*entry.source.file, entry.source.line);
    trace.tell(&Trace::Passed { file, line, guard, why, tree });
}

/// Evaluations whose fuel one event's mapping may use: each element of a long list is one.
const EVALUATIONS: u32 = 10;

/// The world of a mapping: there is none; bodies alone decide.
struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

struct Mapper<'a, 'c> {
    content: &'a Content,
    limits: &'c Limits,
    call: &'c Call<'a, 'c>,
    vars: bumpalo::collections::Vec<'a, Val<'a>>,
    writes: Vec<Write>,
    acts: Vec<Act>,
    blind: bool,
    trace: Option<&'c dyn Tracer>,
}

impl<'a> Mapper<'a, '_> {
    fn entry(mut self, entry: &'a Entry, event: &Event<'a>, cell: &Cell) -> Change {
        for group in &entry.groups {
            self.loops(&group.loops, &mut |mapper| mapper.group(group));
        }
        let time =
            entry.as_of.as_ref().and_then(|program| self.instant(program)).unwrap_or(event.time);
        Change {
            writes: self.writes,
            acts: self.acts,
            blind: self.blind,
            ..change(event, cell, time, self.limits)
        }
    }

    /// Runs `body` once per combination of the loops' items; without loops, once.
    fn loops(&mut self, loops: &'a [Loop], body: &mut dyn FnMut(&mut Self)) {
        let Some((first, rest)) = loops.split_first() else {
            body(self);
            return;
        };
        let single;
        let items: &[Val<'a>] = match self.eval(&first.list) {
            Val::List(seq) => seq.items,
            Val::Unsaid | Val::None => &[],
            Val::Unknown => {
                self.go_blind("a list it goes through can't be told", "");
                &[]
            }
            other => {
                single = [other];
                &single
            }
        };
        for item in items {
            self.vars[first.slot] = *item;
            self.loops(rest, body);
        }
    }

    fn group(&mut self, group: &'a Group) {
        if !self.holds(group.when.as_ref()) {
            self.unmet(group.when.as_ref());
            return;
        }
        let said = group.needs.as_ref().is_none_or(|needs| self.eval(needs).is_present());
        if !said {
            self.missing(group.needs.as_ref());
        }
        let verbs = if said { &group.verbs } else { &group.otherwise };
        let target = group.resource.as_ref().map(|identify| self.target(identify));
        for verb in verbs {
            self.verb(verb, target.as_ref(), group.creates && said);
        }
    }

    fn target(&mut self, identify: &'a Identify) -> Target {
        let id = identify.id.as_ref().and_then(|program| self.text(program));
        let lookup = match (&id, &identify.lookup) {
            (None, Some((facet, program))) => self.text(program).map(|text| (*facet, text)),
            _ => None,
        };
        Target { kind: identify.kind, id, lookup }
    }

    fn verb(&mut self, verb: &'a Verb, target: Option<&Target>, creates: bool) {
        match verb {
            Verb::Blind => {
                self.go_blind("its body does not say what, and the mapping knows that", "");
            }
            Verb::Act(act, fields) => self.act(*act, fields, target),
            Verb::Put(_) | Verb::Replace(_) | Verb::Remove(_) | Verb::Unknown(_) | Verb::Delete => {
                let Some(target) = target.filter(|t| t.id.is_some() || t.lookup.is_some()) else {
                    // The event names no resource: whatever it changed, nobody can tell what.
                    self.go_blind("it names no resource", "");
                    return;
                };
                let edit = self.edit(verb, target.kind);
                if matches!(&edit, Edit::Facets(facets) if facets.is_empty()) && !creates {
                    return;
                }
                self.writes.push(Write { target: target.clone(), creates, edit });
            }
        }
    }

    fn edit(&mut self, verb: &'a Verb, kind: KindId) -> Edit {
        let mut facets = Vec::new();
        match verb {
            Verb::Put(rules) => self.rules(kind, rules, Mode::Put, &mut facets),
            Verb::Replace(rules) => self.rules(kind, rules, Mode::Replace, &mut facets),
            Verb::Remove(rules) => self.rules(kind, rules, Mode::Remove, &mut facets),
            Verb::Unknown(ids) => {
                for id in ids {
                    let name = &self.content.schema.facet(kind, *id).name;
                    self.go_blind("its body does not carry this, as the mapping says", name);
                }
                self.blind = true;
                facets.extend(ids.iter().map(|id| (*id, FacetEdit::Unknown)));
            }
            Verb::Delete | Verb::Act(..) | Verb::Blind => return Edit::Delete,
        }
        Edit::Facets(facets)
    }

    fn rules(
        &mut self,
        kind: KindId,
        rules: &'a [(FacetId, FacetRule)],
        mode: Mode,
        out: &mut Vec<(FacetId, FacetEdit)>,
    ) {
        for (id, rule) in rules {
            let edit = match rule {
                FacetRule::Value(program) => self.value(kind, *id, program, mode),
                FacetRule::Items(items) => self.items(kind, *id, items, mode),
            };
            let Some(mut edit) = edit else { continue };
            let name = &self.content.schema.facet(kind, *id).name;
            if matches!(edit, FacetEdit::Unknown) {
                self.go_blind("its body says this in a form that can't be understood", name);
            }
            let cut = bound::bound(&mut edit, self.limits);
            if let Some(cut) = cut {
                self.go_blind(cut.why(), name);
            }
            if cut == Some(Cut::Elements) {
                out.push((*id, FacetEdit::Unknown));
            }
            out.push((*id, edit));
        }
    }

    /// A facet said as one expression; `None` when the event does not say it.
    fn value(
        &mut self,
        kind: KindId,
        facet: FacetId,
        program: &'a Program,
        mode: Mode,
    ) -> Option<FacetEdit> {
        let facet = self.content.schema.facet(kind, facet);
        let value = self.eval(program);
        if facet.is_set {
            return self.set_value(facet, value, mode);
        }
        match (mode, value) {
            (_, Val::Unknown) => Some(FacetEdit::Unknown),
            (Mode::Put, Val::Unsaid) => None,
            (Mode::Remove, _) => Some(FacetEdit::Set(Value::None)),
            (Mode::Replace, Val::Unsaid | Val::None) => Some(FacetEdit::Set(coerce::absent(facet))),
            (Mode::Put | Mode::Replace, value) => {
                if matches!(value, Val::List(seq) if seq.items.len() > self.limits.elements) {
                    self.go_blind(Cut::Elements.why(), &facet.name);
                }
                Some(match coerce(&value, &facet.ty, self.content, self.limits) {
                    Some(value) => FacetEdit::Set(value),
                    None => FacetEdit::Unknown,
                })
            }
        }
    }

    fn set_value(
        &mut self,
        facet: &crate::model::Facet,
        value: Val<'a>,
        mode: Mode,
    ) -> Option<FacetEdit> {
        let single;
        let items: &[Val<'a>] = match value {
            Val::Unknown => return Some(FacetEdit::Unknown),
            Val::Unsaid | Val::None if mode != Mode::Replace => return None,
            Val::Unsaid | Val::None => &[],
            Val::List(seq) => seq.items,
            other => {
                single = [other];
                &single
            }
        };
        let mut put = Vec::new();
        let mut remove = Vec::new();
        for item in items {
            let Some(element) = self.element(facet, None, None, *item, false, &[]) else {
                return Some(FacetEdit::Unknown);
            };
            match (mode, element.id.clone()) {
                (Mode::Remove, Some(id)) => remove.push(ElementRef::Id(id)),
                (Mode::Remove, None) => remove.push(ElementRef::Key(element.value)),
                (Mode::Put | Mode::Replace, _) => put.push(element),
            }
        }
        Some(FacetEdit::Elements { replace: mode == Mode::Replace, put, remove, keep: Vec::new() })
    }

    /// A facet said element by element.
    fn items(
        &mut self,
        kind: KindId,
        facet: FacetId,
        rules: &'a [ItemRule],
        mode: Mode,
    ) -> Option<FacetEdit> {
        let facet = self.content.schema.facet(kind, facet);
        let (mut put, mut remove, mut keep) = (Vec::new(), Vec::new(), Vec::new());
        let mut broken = false;
        for rule in rules {
            keep.extend_from_slice(&rule.keep);
            self.loops(&rule.loops, &mut |mapper| {
                if !mapper.holds(rule.when.as_ref()) {
                    mapper.unmet(rule.when.as_ref());
                    return;
                }
                match mapper.item(facet, rule, mode) {
                    Some(Item::Put(element)) => put.push(element),
                    Some(Item::Remove(reference)) => remove.push(reference),
                    Some(Item::Nothing) => {}
                    None => broken = true,
                }
            });
        }
        if broken {
            return Some(FacetEdit::Unknown);
        }
        if put.is_empty() && remove.is_empty() && mode != Mode::Replace {
            return None;
        }
        Some(FacetEdit::Elements { replace: mode == Mode::Replace, put, remove, keep })
    }

    /// One element; `None` when what the event says of it can't be understood.
    fn item(
        &mut self,
        facet: &crate::model::Facet,
        rule: &'a ItemRule,
        mode: Mode,
    ) -> Option<Item> {
        let id = rule.id.as_ref().and_then(|program| self.text(program));
        if mode == Mode::Remove && !rule.by_key {
            return Some(id.map_or(Item::Nothing, |id| Item::Remove(ElementRef::Id(id))));
        }
        let alias = rule.alias.as_ref().and_then(|program| self.text(program));
        let value = match &rule.value {
            Some(program) => self.eval(program),
            None => match &id {
                Some(text) => Val::Str(self.call.arena.alloc_str(text)),
                None => return Some(Item::Nothing),
            },
        };
        match value {
            Val::Unsaid | Val::None => return Some(Item::Nothing),
            Val::Unknown => return None,
            _ => {}
        }
        let element = self.element(facet, id, alias, value, rule.part, &rule.keep)?;
        if mode == Mode::Remove {
            return Some(Item::Remove(ElementRef::Key(element.value)));
        }
        Some(Item::Put(element))
    }

    fn element(
        &self,
        facet: &crate::model::Facet,
        id: Option<Arc<str>>,
        alias: Option<Arc<str>>,
        value: Val<'a>,
        part: bool,
        keep: &[u16],
    ) -> Option<Element> {
        let ty = coerce::item_type(&facet.ty)?;
        let mut value = coerce(&value, ty, self.content, self.limits)?;
        if !part {
            coerce::fill_defaults(&mut value, self.content, keep);
        }
        // An element that is its own key is its own name too.
        let id = match (&id, &value) {
            (None, Value::Str(text)) if facet.key.is_empty() => Some(Arc::from(&**text)),
            _ => id,
        };
        Some(Element { id, alias, value, part })
    }

    fn act(&mut self, act: u16, fields: &'a [Option<Program>], target: Option<&Target>) {
        let declared = &self.content.schema.acts[usize::from(act)];
        let mut values = Vec::with_capacity(declared.fields.len());
        for (field, program) in declared.fields.iter().zip(fields) {
            let value = program.as_ref().map_or(Val::Unsaid, |program| self.eval(program));
            values.push(match value {
                Val::Unsaid => field.default.clone().unwrap_or(Value::Unsaid),
                value => {
                    coerce(&value, &field.ty, self.content, self.limits).unwrap_or(Value::Unknown)
                }
            });
        }
        let resource = target.and_then(|target| Some((target.kind, target.id.clone()?)));
        let mut act = Act { act, resource, fields: values.into() };
        bound::bound_act(&mut act, self.limits);
        self.acts.push(act);
    }

    fn go_blind(&mut self, why: &str, facet: &str) {
        self.blind = true;
        if let Some(trace) = self.trace {
            trace.tell(&Trace::Blind { why, facet });
        }
    }

    /// Absent guards hold; a guard that fails to evaluate does not.
    fn holds(&mut self, guard: Option<&'a Program>) -> bool {
        guard.is_none_or(|program| matches!(self.eval(program), Val::Bool(true)))
    }

    /// An expression that fails on what the event holds says nothing that can be relied on.
    fn eval(&self, program: &'a Program) -> Val<'a> {
        program.eval(&self.vars, self.call).unwrap_or(Val::Unknown)
    }

    fn instant(&self, program: &'a Program) -> Option<Timestamp> {
        match self.eval(program) {
            Val::Time(instant) => Some(instant),
            Val::Str(text) => Timestamp::parse_rfc3339(text),
            Val::Int(millis) => Some(Timestamp::from_millis(millis)),
            _ => None,
        }
    }

    /// A name: text or a number, not empty.
    fn text(&self, program: &'a Program) -> Option<Arc<str>> {
        match self.eval(program) {
            Val::Str(text) if !text.is_empty() => Some(redact::bounded(text, self.limits).into()),
            Val::Int(number) => Some(number.to_string().into()),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Put,
    Replace,
    Remove,
}

enum Item {
    Put(Element),
    Remove(ElementRef),
    Nothing,
}
