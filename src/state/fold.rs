//! One event folded into a resource.
//!
//! Called in the events' true order; the stamps make it also right, facet by facet and element by
//! element, for an event that comes after what followed it.

use crate::model::{Edit, Element, ElementRef, Facet, FacetEdit, FacetId, Kind, Limits, Value};

use super::row::{ElementState, FacetBody, FacetState, Knowledge, Life, Resource, Said, Stamp};

/// Folds `said` into `resource`.
pub fn fold(resource: &mut Resource, said: &Said, kind: &Kind, limits: &Limits) {
    let stamp = said.stamp(limits);
    for edit in &said.edits {
        match edit {
            Edit::Delete => delete(resource, stamp),
            Edit::Facets(facets) => {
                if stamp.time < resource.incarnation {
                    continue;
                }
                resource.alive = true;
                for (id, edit) in facets {
                    let facet = &kind.facets[usize::from(id.0)];
                    let state = entry(resource, *id, facet, stamp);
                    apply(state, facet, edit, stamp, said.shaky, limits);
                }
            }
        }
    }
}

/// Everything said before the deletion is gone; what was said after it stays.
fn delete(resource: &mut Resource, stamp: Stamp) {
    if stamp.time < resource.incarnation {
        return;
    }
    resource.incarnation = stamp.time;
    resource.facets.retain_mut(|(_, state)| {
        if let FacetBody::Set(elements) = &mut state.body {
            elements.retain(|element| element.stamp > stamp);
            return !elements.is_empty() || state.stamp > stamp;
        }
        state.stamp > stamp
    });
    resource.alive = !resource.facets.is_empty();
}

fn entry<'r>(
    resource: &'r mut Resource,
    id: FacetId,
    facet: &Facet,
    stamp: Stamp,
) -> &'r mut FacetState {
    let place = match resource.facets.binary_search_by_key(&id, |(id, _)| *id) {
        Ok(place) => place,
        Err(place) => {
            let body = if facet.is_set {
                FacetBody::Set(Vec::new())
            } else {
                FacetBody::Register(Value::Unsaid)
            };
            let state = FacetState { stamp, knowledge: Knowledge::Partial, shaky: false, body };
            resource.facets.insert(place, (id, state));
            place
        }
    };
    &mut resource.facets[place].1
}

fn apply(
    state: &mut FacetState,
    facet: &Facet,
    edit: &FacetEdit,
    stamp: Stamp,
    shaky: bool,
    limits: &Limits,
) {
    match (&mut state.body, edit) {
        (FacetBody::Register(value), FacetEdit::Set(new)) => {
            if stamp < state.stamp {
                return;
            }
            *value = new.clone();
            state.stamp = stamp;
            state.shaky = shaky;
            state.knowledge = Knowledge::Whole;
        }
        (FacetBody::Register(_), FacetEdit::Unknown) => {
            if stamp >= state.stamp {
                state.stamp = stamp;
                state.knowledge = Knowledge::Unknown;
            }
        }
        (FacetBody::Set(elements), FacetEdit::Unknown) => {
            if stamp < state.stamp && state.knowledge != Knowledge::Partial {
                return;
            }
            state.stamp = stamp;
            state.knowledge = Knowledge::Unknown;
            for element in elements {
                if element.life == Life::Live && element.stamp <= stamp {
                    element.life = Life::Stale;
                }
            }
        }
        (FacetBody::Set(_), FacetEdit::Elements { replace, put, remove, keep }) => {
            let said = Elements { facet, put, remove, keep, stamp, shaky, limits };
            said.apply(state, *replace);
        }
        // A set facet is never said as one value, nor a register element by element.
        (FacetBody::Register(_), FacetEdit::Elements { .. })
        | (FacetBody::Set(_), FacetEdit::Set(_)) => {}
    }
}

struct Elements<'e> {
    facet: &'e Facet,
    put: &'e [Element],
    remove: &'e [ElementRef],
    keep: &'e [u16],
    stamp: Stamp,
    shaky: bool,
    limits: &'e Limits,
}

impl Elements<'_> {
    fn apply(&self, state: &mut FacetState, replace: bool) {
        let FacetBody::Set(elements) = &mut state.body else { return };
        let whole_before = (state.knowledge == Knowledge::Whole).then_some(state.stamp);
        let mut named = Vec::with_capacity(self.put.len());
        for element in self.put {
            if let Some(place) = self.put_one(elements, element, whole_before) {
                named.push(place);
            }
        }
        for reference in self.remove {
            self.remove_one(elements, reference);
        }
        let newer = self.stamp >= state.stamp;
        if replace && newer {
            for (place, element) in elements.iter_mut().enumerate() {
                if element.life != Life::Dead
                    && element.stamp < self.stamp
                    && !named.contains(&place)
                {
                    element.life = Life::Dead;
                    element.stamp = self.stamp;
                }
            }
            state.knowledge = Knowledge::Whole;
            state.stamp = self.stamp;
            state.shaky = self.shaky;
        } else if replace && state.knowledge == Knowledge::Partial {
            // The whole, told late: what came after it is known element by element.
            state.knowledge = Knowledge::Whole;
        } else if !replace && state.knowledge == Knowledge::Unknown && newer {
            state.knowledge = Knowledge::Partial;
            state.stamp = self.stamp;
        }
        bound(state, self.limits.elements);
    }

    /// Puts one element; its place, or `None` when something newer already took it away.
    fn put_one(
        &self,
        elements: &mut Vec<ElementState>,
        new: &Element,
        whole: Option<Stamp>,
    ) -> Option<usize> {
        let Some(place) =
            self.find(elements, new.id.as_deref(), new.alias.as_deref(), Some(&new.value))
        else {
            if whole.is_some_and(|whole| whole > self.stamp) {
                return None;
            }
            elements.push(ElementState {
                id: new.id.clone(),
                alias: new.alias.clone(),
                value: new.value.clone(),
                stamp: self.stamp,
                life: Life::Live,
                contested: self.shaky,
            });
            return Some(elements.len() - 1);
        };
        let known = &mut elements[place];
        if known.id.is_none() {
            known.id.clone_from(&new.id);
        }
        if known.alias.is_none() {
            known.alias.clone_from(&new.alias);
        }
        if known.stamp > self.stamp {
            return Some(place);
        }
        let tied = known.life == Life::Dead && known.stamp == self.stamp;
        let mut value = new.value.clone();
        if new.part {
            complete(&mut value, &known.value);
        }
        keep_fields(&mut value, &known.value, self.keep);
        known.value = value;
        known.stamp = self.stamp;
        known.life = Life::Live;
        known.contested = tied || self.shaky;
        Some(place)
    }

    fn remove_one(&self, elements: &mut Vec<ElementState>, reference: &ElementRef) {
        let (id, value) = match reference {
            ElementRef::Id(id) => (Some(id), None),
            ElementRef::Key(value) => (None, Some(value)),
        };
        let place = self.find(elements, id.map(AsRef::as_ref), None, value);
        let Some(place) = place else {
            elements.push(ElementState {
                id: id.cloned(),
                alias: None,
                value: value.cloned().unwrap_or(Value::Unsaid),
                stamp: self.stamp,
                life: Life::Dead,
                contested: false,
            });
            return;
        };
        let known = &mut elements[place];
        if known.stamp > self.stamp {
            return;
        }
        if known.stamp == self.stamp && known.life == Life::Live {
            known.contested = true;
            return;
        }
        known.life = Life::Dead;
        known.stamp = self.stamp;
        known.contested = false;
    }

    /// The element of that id or alias; else the one of that key, unless both have ids that differ.
    fn find(
        &self,
        elements: &[ElementState],
        id: Option<&str>,
        alias: Option<&str>,
        value: Option<&Value>,
    ) -> Option<usize> {
        let named = |element: &ElementState, name: &str| {
            element.id.as_deref() == Some(name) || element.alias.as_deref() == Some(name)
        };
        for name in [id, alias].into_iter().flatten() {
            if let Some(place) = elements.iter().position(|element| named(element, name)) {
                return Some(place);
            }
        }
        let value = value?;
        let by_key = |element: &&(usize, &ElementState)| {
            let differ = matches!((id, element.1.id.as_deref()), (Some(a), Some(b)) if a != b);
            !differ && same_key(self.facet, &element.1.value, value)
        };
        let all: Vec<(usize, &ElementState)> = elements.iter().enumerate().collect();
        let live = all.iter().filter(|(_, element)| element.life != Life::Dead).find(by_key);
        live.or_else(|| all.iter().find(by_key)).map(|(place, _)| *place)
    }
}

/// Whether two elements are the same by what they are. A key field that is unsaid matches nothing.
#[must_use]
pub fn same_key(facet: &Facet, left: &Value, right: &Value) -> bool {
    let (Value::Record(_, left), Value::Record(_, right)) = (left, right) else {
        return left.is_present() && left == right;
    };
    !facet.key.is_empty()
        && facet.key.iter().all(|&field| {
            let (left, right) = (&left[usize::from(field)], &right[usize::from(field)]);
            !matches!(left, Value::Unsaid) && left == right
        })
}

/// Fills the unsaid fields of a part from what was known; what nobody knows stays unsaid.
fn complete(value: &mut Value, known: &Value) {
    let (Value::Record(_, fields), Value::Record(_, known)) = (value, known) else { return };
    for (field, known) in fields.iter_mut().zip(known) {
        if matches!(field, Value::Unsaid) {
            *field = known.clone();
        }
    }
}

/// Restores the fields a source never carries from what was known.
fn keep_fields(value: &mut Value, known: &Value, keep: &[u16]) {
    let (Value::Record(_, fields), Value::Record(_, known)) = (value, known) else { return };
    for &field in keep {
        let place = usize::from(field);
        if !matches!(known[place], Value::Unsaid) {
            fields[place] = known[place].clone();
        }
    }
}

/// Forgets the oldest elements beyond `most`, the dead apart from the others. A set of which some
/// that were there are forgotten is not known whole any more.
fn bound(state: &mut FacetState, most: usize) {
    let FacetBody::Set(elements) = &mut state.body else { return };
    if elements.len() <= most {
        return;
    }
    forget(elements, most, true);
    if forget(elements, most, false) && state.knowledge == Knowledge::Whole {
        state.knowledge = Knowledge::Partial;
    }
}

/// Forgets the oldest beyond `most` of those that are dead, or of those that are not.
fn forget(elements: &mut Vec<ElementState>, most: usize, dead: bool) -> bool {
    let of_them = |element: &ElementState| (element.life == Life::Dead) == dead;
    let mut stamps: Vec<Stamp> =
        elements.iter().filter(|element| of_them(element)).map(|element| element.stamp).collect();
    let Some(excess) = stamps.len().checked_sub(most).filter(|excess| *excess > 0) else {
        return false;
    };
    stamps.sort_unstable();
    let edge = stamps[excess - 1];
    // Of those said at the same instant the first ones go.
    let mut tied = stamps[..excess].iter().filter(|stamp| **stamp == edge).count();
    elements.retain(|element| {
        if !of_them(element) || element.stamp > edge {
            return true;
        }
        let goes = element.stamp < edge || tied > 0;
        tied -= usize::from(element.stamp == edge && goes);
        !goes
    });
    true
}
