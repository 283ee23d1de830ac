//! A detector's expression once more, for whoever asked: what each part of it came to, what was
//! read of other resources, what follows from what, and which assumption was used where.
//!
//! What enters is what was judged, after it was judged; what leaves is a tree. Nothing here has a
//! say in a verdict.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::content::{ActForm, Detector, PostureForm, PostureOn, scope};
use crate::expr::{Call, Watch, World};
use crate::model::trace::Part;
use crate::model::{Act, FacetId, Handle, Kind, KindId, Origin, Schema, Type, Val};
use crate::state::{Key, Knowledge, Lens, Transition};

use super::Scene;
use super::posture::{Verdict, params, vars};

/// Facets that follow from facets that follow from others: so many are opened in a row.
pub(super) const FOLLOWED: usize = 6;

/// What a posture detector's expression came to, part by part, for one verdict on `transition`.
pub(super) fn posture(
    transition: &Transition,
    detector: &Detector,
    (form, on): (&PostureForm, &PostureOn),
    verdict: &Verdict,
    scene: &Scene<'_>,
) -> Part {
    let Scene { frame, arena, state, .. } = scene;
    let content = frame.content;
    let mut lens = Lens::new(arena, content, state, frame.limits, state.watermark);
    // Assumptions are made only where the answer is not known without them.
    let assuming =
        !verdict.assumptions.is_empty() || (verdict.holds.is_none() && !form.assume.is_empty());
    if assuming {
        lens = lens.assuming(&form.assume);
    }
    let kind = transition.kind;
    let handle = lens.place(kind, &transition.id, Arc::clone(&transition.after));
    let before = lens.aside(kind, &transition.id, Arc::clone(&transition.before));
    let each = on.each.map(|each| (handle, each));
    lens.begin(each);
    let item = verdict.item.as_ref().zip(on.each).map(|(item, each)| {
        let ty = &content.schema.facet(kind, each).ty;
        lens.lend(item, if let Type::List(item) = ty { item } else { ty })
    });
    let mut all = vars(scene.cause, scene);
    // In the order of `scope::POSTURE`.
    let own: [Val<'_>; scope::POSTURE.len()] = [
        Val::Resource(handle),
        item.unwrap_or_default(),
        Val::Resource(before),
        Val::Resource(handle),
        Val::Str(&state.cell().account),
        Val::Str(&scene.cause.region),
        Val::Time(scene.cause.time),
    ];
    all.extend(own);
    params(detector, scene, &mut all);
    let witness = Witness::new(&lens, scene, [handle, before], each);
    on.insecure.watch(&all, &witness.call())
}

/// What an act detector's guard came to, part by part; `None` where it has none.
pub(super) fn deed(
    detector: &Detector,
    form: &ActForm,
    act: &Act,
    scene: &Scene<'_>,
) -> Option<Part> {
    let program = form.when.as_ref()?;
    let content = scene.frame.content;
    let lens = Lens::new(scene.arena, content, scene.state, scene.frame.limits, scene.cause.time);
    lens.begin(None);
    let mut all = vars(scene.cause, scene);
    let done_to = act.resource.as_ref().map_or(Val::Unsaid, |(_, id)| Val::Str(id));
    // In the order of `scope::ACT`.
    let own: [Val<'_>; scope::ACT.len()] = [
        done_to,
        Val::Str(&scene.state.cell().account),
        Val::Str(&scene.cause.region),
        Val::Time(scene.cause.time),
    ];
    all.extend(own);
    let declared = &content.schema.acts[usize::from(act.act)];
    let fields = declared.fields.iter().zip(&act.fields);
    all.extend(fields.map(|(field, value)| lens.lend(value, &field.ty)));
    params(detector, scene, &mut all);
    let witness = Witness::new(&lens, scene, [], None);
    Some(program.watch(&all, &witness.call()))
}

/// The world of a lens, telling what is read of it.
struct Witness<'w, 'a, 'c> {
    lens: &'w Lens<'a, 'c>,
    scene: &'w Scene<'a>,
    watch: Watch,
    /// The resource judged, which needs no naming.
    own: Vec<Handle>,
    each: Option<(Handle, FacetId)>,
    /// What was opened already.
    opened: RefCell<Vec<(Handle, FacetId)>>,
    followed: Cell<usize>,
    fuel: Cell<u32>,
}

impl<'w, 'a, 'c> Witness<'w, 'a, 'c> {
    fn new(
        lens: &'w Lens<'a, 'c>,
        scene: &'w Scene<'a>,
        own: impl Into<Vec<Handle>>,
        each: Option<(Handle, FacetId)>,
    ) -> Self {
        Self {
            lens,
            scene,
            // What the state holds was redacted before it was kept.
            watch: Watch::new(|text| text.into()),
            own: own.into(),
            each,
            opened: RefCell::default(),
            followed: Cell::new(0),
            fuel: Cell::new(scene.frame.limits.fuel),
        }
    }

    fn call(&self) -> Call<'a, '_> {
        Call { world: self, fuel: &self.fuel, ..self.lens.call() }
    }

    fn schema(&self) -> &'a Schema {
        &self.scene.frame.content.schema
    }

    /// Opens a facet that follows from others, where that is not too far down. Says how it
    /// follows, and whether what it follows from is known.
    fn follow(&self, handle: Handle, facet: FacetId) -> (&'static str, bool) {
        let place = (handle, facet);
        if self.opened.borrow().contains(&place) {
            return ("follows as told above", true);
        }
        if self.followed.get() >= FOLLOWED {
            return ("follows from further down", true);
        }
        let derives = &self.scene.frame.content.derives[usize::from(handle.kind.0)];
        let Some(derive) = derives.iter().find(|derive| derive.facet == facet) else {
            return ("", true);
        };
        self.opened.borrow_mut().push(place);
        self.followed.set(self.followed.get() + 1);
        let value = derive.is.eval(&[Val::Resource(handle)], &self.call());
        self.followed.set(self.followed.get() - 1);
        ("follows", !matches!(value, Ok(Val::Unknown) | Err(_)))
    }

    /// Why a facet that was to be said is not known.
    fn unknown(&self, handle: Handle, kind: &Kind, facet: FacetId) -> &'static str {
        match kind.facets[usize::from(facet.0)].origin {
            Origin::Derived => return "",
            Origin::Back { .. } => return "referrer never seen",
            Origin::One(_) | Origin::Said => {}
        }
        let Val::Str(id) = self.lens.id(handle) else { return "" };
        let frame = &self.scene.frame;
        let key = Key::of(kind.id, id);
        let Some(view) = self.scene.state.view(key, frame.content, frame.limits) else {
            return "no event ever spoke of this resource";
        };
        match view.resource.facet(facet).map(|state| state.knowledge) {
            None => "never said",
            Some(Knowledge::Unknown) => "changed by an event that does not say to what",
            Some(Knowledge::Partial | Knowledge::Whole) => "",
        }
    }

    /// A value as the lens gives it, and whether it rests on an assumption.
    fn look(&self, at: impl FnOnce(&Lens<'a, 'c>) -> Val<'a>) -> (Val<'a>, bool) {
        self.lens.begin(self.each);
        let value = at(self.lens);
        (value, !self.lens.notes().assumed.is_empty())
    }
}

impl<'a> World<'a> for Witness<'_, 'a, '_> {
    fn facet(&self, handle: Handle, facet: FacetId) -> Val<'a> {
        let (value, assumed) = self.look(|lens| lens.facet(handle, facet));
        let kind = self.schema().kind(handle.kind);
        let declared = &kind.facets[usize::from(facet.0)];
        let own = self.own.contains(&handle);
        let derived = matches!(declared.origin, Origin::Derived);
        let unknown = matches!(value, Val::Unknown);
        if own && !derived && !unknown && !assumed {
            return value;
        }
        let of = match self.lens.id(handle) {
            Val::Str(id) if !own => format!("{} {id}", kind.name),
            _ => String::new(),
        };
        self.watch.enter_reading(&of, &declared.name);
        let mut notes = Vec::new();
        if derived {
            let (how, known) = self.follow(handle, facet);
            notes.push(how);
            // What it follows from says itself what was assumed of it.
            if assumed && (how != "follows" || !known) {
                notes.push("assumed");
            }
        } else if assumed {
            notes.push("assumed");
        }
        if unknown {
            notes.push(self.unknown(handle, kind, facet));
        }
        notes.retain(|note| !note.is_empty());
        self.watch.leave_reading(&value, &notes.join("; "), &self.call());
        value
    }

    fn id(&self, resource: Handle) -> Val<'a> {
        self.lens.id(resource)
    }

    fn assumed(&self, kind: KindId, facet: FacetId) -> Val<'a> {
        let (value, assumed) = self.look(|lens| lens.assumed(kind, facet));
        let kind = self.schema().kind(kind);
        let name = &kind.facets[usize::from(facet.0)].name;
        self.watch.enter_reading(&format!("{} ?", kind.name), name);
        let note = if assumed { "assumed" } else { "nobody knows which resource" };
        self.watch.leave_reading(&value, note, &self.call());
        value
    }

    fn watch(&self) -> Option<&Watch> {
        Some(&self.watch)
    }
}
