//! What watched expressions tell: the parts as they are evaluated enter, a tree of them leaves.
//!
//! **Invariant:** bounded, whatever is evaluated: [`PARTS`] in a tree, [`ELEMENTS`] of a list,
//! values cut as [`copy`] says.

mod copy;

use std::borrow::Cow;
use std::cell::RefCell;

use crate::model::trace::{Got, Part, Sort};
use crate::model::{Val, Value};

use super::api::{Call, EvalError};
use super::ir::Within;

/// Parts of one tree; those beyond are counted.
pub const PARTS: usize = 600;

/// Elements shown of one list; those that decide or are unknown before the others.
pub const ELEMENTS: usize = 8;

/// Functions within functions that are opened; of those below only the result is told.
pub const OPENED: usize = 1;

/// Where a part without a place in the text stands among those beside it: behind them.
const BEHIND: usize = usize::MAX;

/// Takes out of a text what must not be shown, before it is cut.
pub type Clean = for<'t> fn(&'t str) -> Cow<'t, str>;

/// Hears what the parts of an expression come to.
pub struct Watch {
    clean: Clean,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    open: Vec<Open>,
    root: Option<Part>,
    /// Functions that are running.
    functions: usize,
    /// Whether one of them begins: its places are those of another text.
    begins: bool,
    /// Parts of the tree so far.
    parts: usize,
}

/// A part that is being evaluated.
struct Open {
    part: Part,
    place: usize,
    path: bool,
    /// Whether there was room for it.
    kept: bool,
    /// Finished parts below it.
    below: Vec<Below>,
    /// The element a macro is at, and whether it is of interest.
    element: Option<Group>,
    /// The elements it was at.
    groups: Vec<Group>,
}

struct Below {
    place: usize,
    path: bool,
    part: Part,
}

struct Group {
    part: Part,
    /// It decides, or leaves open, what comes of the list.
    matters: bool,
}

impl Open {
    /// The element is done: kept, or counted where there are enough that matter as much. Returns
    /// what is not kept.
    fn end_element(&mut self) -> Option<Part> {
        let group = self.element.take()?;
        if self.groups.len() < ELEMENTS {
            self.groups.push(group);
            return None;
        }
        self.part.more += 1;
        let dull = self.groups.iter().rposition(|group| !group.matters);
        let Some(place) = dull.filter(|_| group.matters) else { return Some(group.part) };
        self.groups.push(group);
        Some(self.groups.remove(place).part)
    }
}

impl State {
    fn is_mute(&self) -> bool {
        self.functions > OPENED
    }

    fn open(&mut self, sort: Sort, text: &str, place: usize, path: bool) {
        let kept = self.parts < PARTS;
        self.parts += usize::from(kept);
        let (text, place) = match (kept, std::mem::take(&mut self.begins)) {
            (false, _) => ("", place),
            (true, true) => (text, BEHIND),
            (true, false) => (text, place),
        };
        self.open.push(Open {
            part: part(sort, text, Got::Skipped),
            place,
            path,
            kept,
            below: Vec::new(),
            element: None,
            groups: Vec::new(),
        });
    }

    /// Puts a finished part where it belongs: below the element that is gone through, else below
    /// the part around it.
    fn close(&mut self, open: Open) {
        let Open { mut part, place, path, kept, mut below, groups, .. } = open;
        below.sort_by_key(|below| below.place);
        part.parts = below.into_iter().map(|below| below.part).collect();
        part.parts.extend(groups.into_iter().map(|group| group.part));
        if !kept {
            self.parts = self.parts.saturating_sub(part.count() - 1);
        }
        let Some(around) = self.open.last_mut() else {
            self.root = Some(part);
            return;
        };
        match &mut around.element {
            Some(group) if !kept => group.part.more += 1,
            None if !kept => around.part.more += 1,
            Some(group) => group.part.parts.push(part),
            None => around.below.push(Below { place, path, part }),
        }
    }

    /// The element that is gone through is done.
    fn end_element(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        if let Some(part) = open.end_element() {
            // What is not kept leaves its room to others.
            self.parts = self.parts.saturating_sub(part.count());
        }
    }
}

impl Watch {
    /// Hears nothing yet; `clean` is asked of every text that is kept.
    #[must_use]
    pub fn new(clean: Clean) -> Self {
        Self { clean, state: RefCell::default() }
    }

    /// What was heard of the last whole evaluation, taken out.
    #[must_use]
    pub fn take(&self) -> Option<Part> {
        std::mem::take(&mut *self.state.borrow_mut()).root
    }

    pub(super) fn enter(&self, place: usize, text: &str, path: bool) {
        let state = &mut *self.state.borrow_mut();
        if !state.is_mute() {
            state.open(Sort::Expression, text, place, path);
        }
    }

    pub(super) fn leave<'a>(
        &self,
        result: &Result<Val<'a>, EvalError>,
        within: &[Within],
        call: &Call<'a, '_>,
    ) {
        let got = self.got(result, call);
        let state = &mut *self.state.borrow_mut();
        if state.is_mute() {
            return;
        }
        state.end_element();
        let Some(mut open) = state.open.pop() else { return };
        open.part.got = got;
        take_reading(&mut open);
        if open.path {
            // The way to what is there needs no telling; where it ends does, and where it led to
            // another resource.
            let there = open.part.got.is_there();
            open.below.retain(|Below { path, part, .. }| {
                !path || !(there || part.got.is_there()) || !part.is_plain()
            });
        } else if open.kept {
            state.parts += skip(&mut open, within);
        }
        state.close(open);
    }

    /// A macro is at this element.
    pub(super) fn element<'a>(&self, name: &str, item: Val<'a>, call: &Call<'a, '_>) {
        let value = copy::value(&item, call, self.clean);
        let state = &mut *self.state.borrow_mut();
        if state.is_mute() {
            return;
        }
        state.end_element();
        let Some(open) = state.open.last_mut() else { return };
        state.parts += 1;
        let part = part(Sort::Element, name, Got::Value(value));
        open.element = Some(Group { part, matters: false });
    }

    /// What was asked of the element came to this.
    pub(super) fn answered(&self, result: &Result<Val<'_>, EvalError>, decisive: bool) {
        let state = &mut *self.state.borrow_mut();
        if state.is_mute() {
            return;
        }
        let Some(group) = state.open.last_mut().and_then(|open| open.element.as_mut()) else {
            return;
        };
        group.matters = match result {
            Ok(Val::Bool(truth)) => *truth == decisive,
            Ok(Val::Unknown) | Err(_) => true,
            Ok(_) => false,
        };
    }

    pub(super) fn enter_body(&self) {
        let state = &mut *self.state.borrow_mut();
        state.functions += 1;
        state.begins = true;
    }

    pub(super) fn leave_body(&self) {
        let state = &mut *self.state.borrow_mut();
        state.functions = state.functions.saturating_sub(1);
        state.begins = false;
    }

    /// A facet is read; what is evaluated until [`Watch::leave_reading`] stands below it. `of`
    /// names the resource; empty for the one that is judged.
    pub fn enter_reading(&self, of: &str, facet: &str) {
        let state = &mut *self.state.borrow_mut();
        if state.is_mute() {
            return;
        }
        state.open(Sort::Reading, facet, BEHIND, false);
        if let Some(open) = state.open.last_mut().filter(|_| !of.is_empty()) {
            open.part.read = format!("{of} .{facet}").into();
        }
    }

    /// The facet holds this.
    pub fn leave_reading<'a>(&self, value: &Val<'a>, note: &str, call: &Call<'a, '_>) {
        let got = Got::Value(copy::value(value, call, self.clean));
        let state = &mut *self.state.borrow_mut();
        if state.is_mute() {
            return;
        }
        let Some(mut open) = state.open.pop() else { return };
        open.part.got = got;
        open.part.note = note.into();
        state.close(open);
    }

    fn got<'a>(&self, result: &Result<Val<'a>, EvalError>, call: &Call<'a, '_>) -> Got {
        match result {
            Ok(value) => Got::Value(copy::value(value, call, self.clean)),
            Err(error) => Got::Failed(error.to_string().into()),
        }
    }
}

impl Part {
    /// Whether it says nothing beside its value.
    fn is_plain(&self) -> bool {
        self.read.is_empty() && self.note.is_empty() && self.parts.is_empty()
    }

    fn count(&self) -> usize {
        1 + self.parts.iter().map(Self::count).sum::<usize>()
    }
}

impl Got {
    /// Whether a value is there: neither unsaid, none nor unknown.
    fn is_there(&self) -> bool {
        matches!(self, Self::Value(value) if value.is_present())
    }
}

/// The result of an expression whose parts nobody heard of.
pub(super) fn whole<'a>(
    source: &str,
    result: &Result<Val<'a>, EvalError>,
    call: &Call<'a, '_>,
) -> Part {
    let watch = Watch::new(|text| text.into());
    part(Sort::Expression, source, watch.got(result, call))
}

fn part(sort: Sort, text: &str, got: Got) -> Part {
    Part {
        sort,
        text: text.into(),
        read: "".into(),
        got,
        note: "".into(),
        parts: Vec::new(),
        more: 0,
    }
}

/// A part that is nothing but a facet read says itself what was read, and how.
fn take_reading(open: &mut Open) {
    let reading = |below: &Below| below.part.sort == Sort::Reading;
    let mut places = (0..open.below.len()).filter(|place| reading(&open.below[*place]));
    let (Some(place), None) = (places.next(), places.next()) else { return };
    if open.below[place].part.got != open.part.got {
        return;
    }
    let part = open.below.remove(place).part;
    open.part.read = part.read;
    open.part.note = part.note;
    open.part.more += part.more;
    let inner = part.parts.into_iter();
    open.below.extend(inner.map(|part| Below { place: BEHIND, path: false, part }));
}

/// Names the parts below that were not asked; returns how many.
fn skip(open: &mut Open, within: &[Within]) -> usize {
    let asked = |place: usize, text: &str| {
        let is = |part: &Part| part.sort == Sort::Expression && *part.text == *text;
        open.below.iter().any(|below| below.place == place && is(&below.part))
            || open.groups.iter().any(|group| group.part.parts.iter().any(is))
    };
    let left: Vec<&Within> =
        within.iter().filter(|within| !asked(within.place, &within.text)).collect();
    for Within { place, text } in &left {
        let part = part(Sort::Expression, text, Got::Skipped);
        open.below.push(Below { place: *place, path: false, part });
    }
    left.len()
}

/// A value that is no value of a cloud's: what was cut says so.
fn mark(text: String) -> Value {
    Value::Str(text.into())
}
