//! The world an expression sees: resources of one cell, loaded as they are asked for.
//!
//! Nothing is written through a lens. Values are copied into the evaluation's arena, facet by
//! facet, so that a row is decoded once per look and only what is read is laid out.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::content::Content;
use crate::expr::{Call, World};
use crate::model::{
    FacetId, Handle, KindId, Limits, Origin, Rec, Seq, Timestamp, Type, Val, Value,
};

use super::Key;
use super::cell::CellState;
use super::row::{FacetBody, FacetState, Knowledge, Life, View};

/// An assumed value for a facet that is unknown, and the path it was written as.
pub type Assumption = (KindId, FacetId, Value, Box<str>);

/// What an evaluation rested on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Places in the list of assumptions that were used.
    pub assumed: Vec<usize>,
    /// Whether a contested element or an unsure facet was read.
    pub shaky: bool,
    /// Whether something was assumed of a facet that changed to nobody knows what.
    pub blind: bool,
}

/// A look at one cell.
pub struct Lens<'a, 'c> {
    arena: &'a Bump,
    content: &'a Content,
    cell: &'c CellState,
    limits: &'c Limits,
    now: Timestamp,
    assumptions: &'c [Assumption],
    loaded: RefCell<Vec<Loaded<'a>>>,
    slots: RefCell<FxHashMap<Key, u32>>,
    notes: RefCell<Notes>,
    /// A facet whose unsure elements are judged one by one, and so not noted as a whole.
    each: Cell<Option<(u32, FacetId)>>,
    depth: Cell<usize>,
    fuel: Cell<u32>,
}

struct Loaded<'a> {
    kind: KindId,
    id: &'a str,
    key: Key,
    view: Arc<View>,
    cache: &'a [Cell<Option<Seen<'a>>>],
}

/// A facet's value as it was read, and whether that rested on something unsure.
#[derive(Clone, Copy)]
struct Seen<'a> {
    value: Val<'a>,
    shaky: bool,
}

impl<'a, 'c> Lens<'a, 'c> {
    /// A lens that assumes nothing.
    #[must_use]
    pub fn new(
        arena: &'a Bump,
        content: &'a Content,
        cell: &'c CellState,
        limits: &'c Limits,
        now: Timestamp,
    ) -> Self {
        Self {
            arena,
            content,
            cell,
            limits,
            now,
            assumptions: &[],
            loaded: RefCell::default(),
            slots: RefCell::default(),
            notes: RefCell::default(),
            each: Cell::new(None),
            depth: Cell::new(0),
            fuel: Cell::new(limits.fuel),
        }
    }

    /// The same cell under assumptions; derived values are computed anew under them.
    #[must_use]
    pub fn assuming(mut self, assumptions: &'c [Assumption]) -> Self {
        self.assumptions = assumptions;
        self
    }

    /// The arena of the evaluation.
    #[must_use]
    pub fn arena(&self) -> &'a Bump {
        self.arena
    }

    /// Gives a resource's view as it is to be seen, whatever the cell holds.
    pub fn place(&self, kind: KindId, id: &str, view: Arc<View>) -> Handle {
        let key = Key::of(kind, id);
        let handle = self.push(kind, id, key, view);
        self.slots.borrow_mut().insert(key, handle.slot);
        handle
    }

    /// Gives a view that only this handle leads to (a resource as it was before).
    pub fn aside(&self, kind: KindId, id: &str, view: Arc<View>) -> Handle {
        self.push(kind, id, Key::of(kind, id), view)
    }

    fn push(&self, kind: KindId, id: &str, key: Key, view: Arc<View>) -> Handle {
        let mut loaded = self.loaded.borrow_mut();
        let slot = u32::try_from(loaded.len()).unwrap_or(u32::MAX);
        let facets = self.content.schema.kind(kind).facets.len();
        loaded.push(Loaded {
            kind,
            id: self.arena.alloc_str(id),
            key,
            view,
            cache: self.arena.alloc_slice_fill_with(facets, |_| Cell::new(None)),
        });
        Handle { kind, slot }
    }

    /// A handle for the resource `id` of `kind`, known or not.
    pub fn resource(&self, kind: KindId, id: &str) -> Handle {
        let key = Key::of(kind, id);
        if let Some(slot) = self.slots.borrow().get(&key) {
            return Handle { kind, slot: *slot };
        }
        let view = self.cell.view(key, self.content, self.limits);
        self.place(kind, id, view.unwrap_or_default())
    }

    /// What a call needs, borrowing this lens as its world.
    #[must_use]
    pub fn call(&self) -> Call<'a, '_> {
        Call {
            arena: self.arena,
            schema: &self.content.schema,
            world: self,
            now: self.now,
            fuel: &self.fuel,
        }
    }

    /// Starts a new evaluation: full budget, nothing noted. `each` is the facet judged element
    /// by element.
    pub fn begin(&self, each: Option<(Handle, FacetId)>) {
        self.fuel.set(self.limits.fuel);
        self.each.set(each.map(|(handle, facet)| (handle.slot, facet)));
        *self.notes.borrow_mut() = Notes::default();
        self.depth.set(0);
    }

    /// Whether the evaluation since [`Lens::begin`] used up its budget.
    #[must_use]
    pub fn ran_out(&self) -> bool {
        self.fuel.get() == 0
    }

    /// What the evaluation since [`Lens::begin`] rested on.
    #[must_use]
    pub fn notes(&self) -> Notes {
        self.notes.borrow().clone()
    }

    /// Whether something was assumed of a facet that changed to nobody knows what.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.notes.borrow().blind
    }

    /// Whether assumptions are in force.
    fn assumes(&self) -> bool {
        !self.assumptions.is_empty()
    }

    fn assumption(&self, kind: KindId, facet: FacetId) -> Option<Val<'a>> {
        let place = self.assumptions.iter().position(|a| a.0 == kind && a.1 == facet)?;
        let mut notes = self.notes.borrow_mut();
        if !notes.assumed.contains(&place) {
            notes.assumed.push(place);
        }
        let ty = &self.content.schema.facet(kind, facet).ty;
        drop(notes);
        Some(self.lend(&self.assumptions[place].2, ty))
    }

    fn read(&self, handle: Handle, id: FacetId) -> Val<'a> {
        let (kind, key, view) = {
            let loaded = self.loaded.borrow();
            let Some(resource) = loaded.get(handle.slot as usize) else { return Val::Unknown };
            (resource.kind, resource.key, Arc::clone(&resource.view))
        };
        let facet = self.content.schema.facet(kind, id);
        let value = match facet.origin {
            Origin::Said => self.said(&facet.ty, view.resource.facet(id), facet.default.as_ref()),
            Origin::Derived => self.derived(handle, id, &view),
            Origin::Back { kind: from, facet: through, .. } => self.back(key, from, through),
            Origin::One(singleton) => {
                Val::Resource(self.resource(singleton, &self.cell.cell().account))
            }
        };
        match value {
            Val::Unknown => {
                let Some(assumed) = self.assumption(kind, id) else { return Val::Unknown };
                let state = view.resource.facet(id);
                self.notes.borrow_mut().blind |=
                    state.is_some_and(|state| state.knowledge == Knowledge::Unknown);
                assumed
            }
            value => value,
        }
    }

    fn said(&self, ty: &Type, state: Option<&FacetState>, default: Option<&Value>) -> Val<'a> {
        let Some(state) = state else {
            return default.map_or(Val::Unknown, |value| self.lend(value, ty));
        };
        if state.knowledge == Knowledge::Unknown {
            return Val::Unknown;
        }
        if state.shaky {
            self.notes.borrow_mut().shaky = true;
        }
        let elements = match &state.body {
            FacetBody::Register(value) => return self.lend(value, ty),
            FacetBody::Set(elements) => elements,
        };
        let item = match ty {
            Type::List(item) => item,
            _ => ty,
        };
        let mut items = bumpalo::collections::Vec::with_capacity_in(elements.len(), self.arena);
        for element in elements.iter().filter(|element| element.life == Life::Live) {
            if element.contested {
                self.notes.borrow_mut().shaky = true;
            }
            items.push(self.lend(&element.value, item));
        }
        Val::List(Seq {
            items: items.into_bump_slice(),
            whole: state.knowledge == Knowledge::Whole,
        })
    }

    fn derived(&self, handle: Handle, id: FacetId, view: &View) -> Val<'a> {
        let ty = &self.content.schema.facet(handle.kind, id).ty;
        if !self.assumes()
            && let Some((_, value)) = view.derived.iter().find(|(facet, _)| *facet == id)
        {
            // A stored value does not say what it rests on; its resource does.
            if view.resource.is_shaky() {
                self.notes.borrow_mut().shaky = true;
            }
            return self.lend(value, ty);
        }
        self.derive(handle, id)
    }

    /// Computes a derived facet, whatever was stored.
    pub fn derive(&self, handle: Handle, id: FacetId) -> Val<'a> {
        let derives = &self.content.derives[usize::from(handle.kind.0)];
        let Some(derive) = derives.iter().find(|derive| derive.facet == id) else {
            return Val::Unknown;
        };
        if self.depth.get() >= self.limits.derive_depth {
            return Val::Unknown;
        }
        self.depth.set(self.depth.get() + 1);
        let value = derive.is.eval(&[Val::Resource(handle)], &self.call()).unwrap_or(Val::Unknown);
        self.depth.set(self.depth.get() - 1);
        value
    }

    /// Who refers to the resource. Where nobody ever did, nobody can tell.
    fn back(&self, key: Key, from: KindId, through: FacetId) -> Val<'a> {
        if !self.cell.index().was_referred(key, from, through) {
            return Val::Unknown;
        }
        let referrers = self.cell.index().referrers(key);
        let mut items = bumpalo::collections::Vec::new_in(self.arena);
        for referrer in referrers.iter().filter(|r| r.kind == from && r.facet == through) {
            if let Some(id) = self.cell.id_of(referrer.from, self.content, self.limits) {
                items.push(Val::Resource(self.resource(from, &id)));
            }
        }
        Val::List(Seq { items: items.into_bump_slice(), whole: true })
    }

    /// Lays a value out in the arena, references as handles.
    pub fn lend(&self, value: &Value, ty: &Type) -> Val<'a> {
        match (value, ty) {
            (Value::Str(id), Type::Resource(kind)) => Val::Resource(self.resource(*kind, id)),
            (Value::List(items, whole), Type::List(item)) => Val::List(Seq {
                items: self.arena.alloc_slice_fill_iter(
                    items.iter().map(|v| self.lend(v, item)).collect::<Vec<_>>(),
                ),
                whole: *whole,
            }),
            (Value::Record(id, fields), _) => {
                let ty = self.content.schema.record(*id);
                let fields: Vec<Val<'a>> = fields
                    .iter()
                    .zip(&ty.fields)
                    .map(|(v, field)| self.lend(v, &field.ty))
                    .collect();
                Val::Record(Rec { ty, fields: self.arena.alloc_slice_copy(&fields) })
            }
            (value, _) => value.copy_into(self.arena, &self.content.schema),
        }
    }

    /// The id behind a handle.
    #[must_use]
    pub fn id_text(&self, handle: Handle) -> Arc<str> {
        self.loaded
            .borrow()
            .get(handle.slot as usize)
            .map_or_else(|| Arc::from(""), |r| Arc::from(r.id))
    }

    /// An owned copy of a value, resources by their ids.
    #[must_use]
    pub fn own(&self, value: &Val<'a>) -> Value {
        match value {
            Val::Resource(handle) => Value::Str((&*self.id_text(*handle)).into()),
            Val::List(seq) => {
                Value::List(seq.items.iter().map(|v| self.own(v)).collect(), seq.whole)
            }
            Val::Record(record) => {
                Value::Record(record.ty.id, record.fields.iter().map(|v| self.own(v)).collect())
            }
            other => other.to_value(),
        }
    }
}

impl<'a> World<'a> for Lens<'a, '_> {
    fn facet(&self, handle: Handle, facet: FacetId) -> Val<'a> {
        let cache = {
            let loaded = self.loaded.borrow();
            loaded.get(handle.slot as usize).and_then(|r| r.cache.get(usize::from(facet.0)))
        };
        let known = cache.and_then(Cell::get);
        let seen = known.unwrap_or_else(|| {
            let before = std::mem::take(&mut self.notes.borrow_mut().shaky);
            let value = self.read(handle, facet);
            let shaky = std::mem::replace(&mut self.notes.borrow_mut().shaky, before);
            Seen { value, shaky }
        });
        // Under assumptions each reading must be noted, so nothing is remembered.
        if known.is_none()
            && !self.assumes()
            && let Some(cache) = cache
        {
            cache.set(Some(seen));
        }
        // The unsure elements of a set that is judged one by one are noted one by one.
        let apart = || {
            self.each.get() == Some((handle.slot, facet))
                && self.content.schema.facet(handle.kind, facet).origin == Origin::Said
        };
        if seen.shaky && !apart() {
            self.notes.borrow_mut().shaky = true;
        }
        seen.value
    }

    fn id(&self, handle: Handle) -> Val<'a> {
        self.loaded.borrow().get(handle.slot as usize).map_or(Val::Unknown, |r| Val::Str(r.id))
    }
}
