//! Content as the engine runs it: schema, index of mappings, detectors.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::expr::Program;
use crate::model::{
    Area, Digest, EventKey, FacetId, Family, KindId, Provider, Schema, Severity, Type, Value, Write,
};

use super::cases::Suite;
use super::fold;

/// All loaded content.
#[derive(Debug, Default)]
pub struct Content {
    /// Declared types.
    pub schema: Schema,
    /// By kind: its derived facets in an order in which each comes after those it reads.
    pub derives: Vec<Vec<Derive>>,
    /// Every mapping entry.
    pub entries: Vec<Entry>,
    /// Entries by the hash of their folded key; see [`Content::entries_for`].
    pub index: FxHashMap<u64, Vec<u32>>,
    /// Entries that read by actor (`by: root`), in file order; see [`Content::entries_by_owner`].
    pub by_owner: Vec<u32>,
    /// Every detector, in id order.
    pub detectors: Vec<Detector>,
    /// Posture detectors by kind: indexes into `detectors` and into their `on`.
    pub postures: Vec<Vec<(u32, u32)>>,
    /// Act detectors by deed: those that judge it, and those whose findings it ends.
    pub deeds: Vec<Vec<u32>>,
    /// Window detectors.
    pub windows: Vec<u32>,
    /// Resources that every cell of a provider sees.
    pub known: Vec<Known>,
    /// The tests that detectors and mappings carry.
    pub suites: Vec<Suite>,
    /// What the detectors and mappings are, for findings to remember.
    pub digest: Digest,
}

impl Content {
    /// Content that declares this and reads and judges nothing: to understand what was written down
    /// under other numbers.
    #[must_use]
    pub fn of_schema(schema: Schema) -> Self {
        let (kinds, acts) = (schema.kinds.len(), schema.acts.len());
        Self {
            schema,
            derives: (0..kinds).map(|_| Vec::new()).collect(),
            postures: vec![Vec::new(); kinds],
            deeds: vec![Vec::new(); acts],
            ..Self::default()
        }
    }

    /// The entries that read an event, in file order; the first whose `when` holds wins.
    /// One hash look-up, no allocation.
    pub fn entries_for(&self, key: &EventKey<'_>) -> impl Iterator<Item = &Entry> + use<'_> {
        let candidates = self.index.get(&fold::hash_key(key)).map_or(&[][..], Vec::as_slice);
        candidates.iter().map(|index| &self.entries[*index as usize])
    }

    /// Whether any mapping reads events of that key.
    #[must_use]
    pub fn reads(&self, key: &EventKey<'_>) -> bool {
        self.index.contains_key(&fold::hash_key(key))
    }

    /// The entries that read whatever the account's owner does in a cloud. Each of them speaks,
    /// besides the entry that reads the event by its name, if there is one.
    pub fn entries_by_owner(&self, key: &EventKey<'_>) -> impl Iterator<Item = &Entry> + use<'_> {
        let (provider, family) = (key.provider, key.family);
        self.by_owner
            .iter()
            .map(|index| &self.entries[*index as usize])
            .filter(move |entry| (entry.provider, entry.family) == (provider, family))
    }

    /// Whether any mapping reads events like this one where the account's owner is their actor.
    #[must_use]
    pub fn reads_owner(&self, key: &EventKey<'_>) -> bool {
        self.entries_by_owner(key).next().is_some()
    }
}

/// Where a piece of content stands, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
}

/// How a derived facet is computed.
#[derive(Debug)]
pub struct Derive {
    /// Which facet.
    pub facet: FacetId,
    /// Its expression; scope [`crate::content`] `derive`: `self` alone.
    pub is: Program,
}

/// One entry of a mapping's `on`.
#[derive(Debug)]
pub struct Entry {
    /// Whose events.
    pub provider: Provider,
    /// Activity (`event:`) or state (`snapshot:`).
    pub family: Family,
    /// The names it reads, as written; empty for an entry that reads by actor.
    pub names: Vec<Box<str>>,
    /// Guard of the entry: the first entry whose guard holds wins.
    pub when: Option<Program>,
    /// The instant a snapshot speaks of; the event's time where absent.
    pub as_of: Option<Program>,
    /// What is said: the entry's own group, then those under `also`.
    pub groups: Vec<Group>,
    /// Whether failed calls are read too (for acts: a denied login).
    pub failures: bool,
    /// Whether no source was seen for it.
    pub inferred: bool,
    /// How many variables its programs' scope has.
    pub slots: usize,
    /// Where it stands.
    pub source: Source,
}

/// What an entry says about one resource (or one per loop step).
#[derive(Debug)]
pub struct Group {
    /// Nested loops: one set of writes per combination.
    pub loops: Vec<Loop>,
    /// Guard; for the entry's own group it is the entry's and not repeated here. It sees the
    /// loops' variables and is asked at each step.
    pub when: Option<Program>,
    /// The body without which nothing can be said: it must be present. Asked at each step.
    pub needs: Option<Program>,
    /// The resource spoken of.
    pub resource: Option<Identify>,
    /// Whether the event makes the resource.
    pub creates: bool,
    /// What is said.
    pub verbs: Vec<Verb>,
    /// What is said when `needs` is not there.
    pub otherwise: Vec<Verb>,
}

/// `for: name in list`.
#[derive(Debug)]
pub struct Loop {
    /// Slot of the loop variable.
    pub slot: usize,
    /// What is looped over; a single object counts as a list of one, an absent one as none.
    pub list: Program,
}

/// How an entry finds its resource.
#[derive(Debug)]
pub struct Identify {
    /// Its kind.
    pub kind: KindId,
    /// Its id.
    pub id: Option<Program>,
    /// The resource whose facet has this element or reference.
    pub lookup: Option<(FacetId, Program)>,
}

/// One of the verbs, with its facets.
#[derive(Debug)]
pub enum Verb {
    /// Registers, and elements merged.
    Put(Vec<(FacetId, FacetRule)>),
    /// Whole facets.
    Replace(Vec<(FacetId, FacetRule)>),
    /// Elements.
    Remove(Vec<(FacetId, FacetRule)>),
    /// Changed, not known to what. Derived names were resolved to the said facets they read.
    Unknown(Vec<FacetId>),
    /// Gone.
    Delete,
    /// A deed: index into [`Schema::acts`], a program per declared field (`None`: unsaid).
    Act(u16, Vec<Option<Program>>),
    /// The event changed something, and that is all it says.
    Blind,
}

/// How a facet's edit is made.
#[derive(Debug)]
pub enum FacetRule {
    /// A register.
    Value(Program),
    /// Elements, from several sources one after the other.
    Items(Vec<ItemRule>),
}

/// Elements of one source.
#[derive(Debug)]
pub struct ItemRule {
    /// Guard; it sees the loops' variables and is asked at each step.
    pub when: Option<Program>,
    /// Nested loops; none means one element.
    pub loops: Vec<Loop>,
    /// The cloud's id of the element.
    pub id: Option<Program>,
    /// A second name.
    pub alias: Option<Program>,
    /// The element; `None` where the id is all (references, removals).
    pub value: Option<Program>,
    /// Whether unsaid fields keep their value.
    pub part: bool,
    /// Whether `value` is a key to remove by.
    pub by_key: bool,
    /// Fields that this source never carries.
    pub keep: Vec<u16>,
    /// Whether no source was seen for it.
    pub inferred: bool,
}

/// A read-only resource that every cell of a provider sees.
#[derive(Debug)]
pub struct Known {
    /// Whose.
    pub provider: Provider,
    /// What it is: a write with its id, as if a creation at the beginning of time.
    pub write: Write,
}

/// Whether a detector may page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maturity {
    /// Tried; may page.
    Stable,
    /// Never pages.
    Experimental,
}

/// A detector.
#[derive(Debug)]
pub struct Detector {
    /// Its id.
    pub id: Arc<str>,
    /// English title.
    pub title: Box<str>,
    /// Chinese title, where given.
    pub title_zh: Option<Box<str>>,
    /// Severities: the first whose condition holds; the last one is unconditional.
    pub severity: Vec<Scale>,
    /// Stable or experimental.
    pub maturity: Maturity,
    /// Responsibility area.
    pub area: Area,
    /// Why it is insecure.
    pub why: Box<str>,
    /// How to repair it, per cloud.
    pub fix: Vec<(Provider, Box<str>)>,
    /// Benchmark ids by benchmark (`cis_aws: [5.3]`).
    pub maps_to: Vec<(Box<str>, Vec<Box<str>>)>,
    /// MITRE ATT&CK technique ids.
    pub attack: Vec<Box<str>>,
    /// Parameters: name, type, default.
    pub params: Vec<(Box<str>, Type, Value)>,
    /// What it judges.
    pub form: Form,
    /// Hash of its text.
    pub digest: Digest,
    /// Where it stands.
    pub source: Source,
}

impl Detector {
    /// Stands for a detector that is no more, to tell the end of what only it had seen.
    #[must_use]
    pub fn gone(id: Arc<str>, area: Area) -> Self {
        Self {
            title: (&*id).into(),
            id,
            title_zh: None,
            severity: Vec::new(),
            maturity: Maturity::Stable,
            area,
            why: "The detector that told it is no longer loaded, so nobody could see its end."
                .into(),
            fix: Vec::new(),
            maps_to: Vec::new(),
            attack: Vec::new(),
            params: Vec::new(),
            form: Form::Posture(PostureForm {
                on: Vec::new(),
                aspect: Arc::from(""),
                assume: Vec::new(),
            }),
            digest: Digest::default(),
            source: Source::default(),
        }
    }
}

/// A severity and when it is that.
#[derive(Debug)]
pub struct Scale {
    /// One condition per `on` of the posture form (or one for acts); `None` holds always.
    pub when: Option<Vec<Program>>,
    /// The severity.
    pub is: Severity,
}

/// The three forms of detector.
#[derive(Debug)]
pub enum Form {
    /// Judges what a resource is.
    Posture(PostureForm),
    /// Judges a deed.
    Act(ActForm),
    /// Judges a sequence.
    Window(WindowForm),
}

/// `insecure:`.
#[derive(Debug)]
pub struct PostureForm {
    /// One per kind it applies to.
    pub on: Vec<PostureOn>,
    /// The subject that resource-level detectors share; the detector's id where absent.
    pub aspect: Arc<str>,
    /// What to assume where it would be unknown: kind, facet, value, and the path as written.
    pub assume: Vec<(KindId, FacetId, Value, Box<str>)>,
}

/// A posture detector's programs for one kind.
#[derive(Debug)]
pub struct PostureOn {
    /// The kind.
    pub kind: KindId,
    /// The facet judged element by element.
    pub each: Option<FacetId>,
    /// True holds, false ends, unknown changes nothing.
    pub insecure: Program,
    /// What "worse" means.
    pub measure: Option<Program>,
    /// Facets of the kind itself that any of its programs read.
    pub facets: Vec<FacetId>,
}

/// `on_act:`.
#[derive(Debug)]
pub struct ActForm {
    /// Index into [`Schema::acts`].
    pub act: u16,
    /// Guard.
    pub when: Option<Program>,
    /// What ends it: another act, and its guard.
    pub until: Option<(u16, Option<Program>)>,
}

/// `window:`.
#[derive(Debug)]
pub struct WindowForm {
    /// What it is kept by.
    pub by: WindowScope,
    /// What it looks for.
    pub shape: WindowShape,
}

/// What a window is kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowScope {
    /// The account.
    Cell,
    /// The actor within the account.
    Actor,
    /// The resource.
    Resource,
    /// One detector's word about one resource.
    Control,
    /// The finding.
    Finding,
}

/// What a window looks for. Spans are microseconds of event time.
#[derive(Debug)]
pub enum WindowShape {
    /// A finding stays open longer than the span for its severity (mildest first).
    OpenLonger {
        /// Which findings.
        of: Vec<Signal>,
        /// Span by severity; `None`: never.
        spans: [Option<i64>; 5],
        /// Told again at these multiples of the span.
        repeat: Vec<u32>,
    },
    /// Enough of them within the span.
    Count {
        /// Which.
        of: Vec<Signal>,
        /// How many.
        at_least: u32,
        /// What is counted once only.
        distinct: Vec<Box<str>>,
        /// Sum of weights (critical 10, high 5, medium 2, low 1) that tells too.
        weight: Option<u32>,
        /// The span.
        within: i64,
    },
    /// Each step after the one before (or in any order), within the span.
    Sequence {
        /// The steps.
        steps: Vec<Vec<Signal>>,
        /// Whether the steps may come in any order.
        any_order: bool,
        /// What the steps must share, besides the window's scope.
        same: Vec<Box<str>>,
        /// What the steps must differ in.
        different: Vec<Box<str>>,
        /// The span.
        within: i64,
    },
    /// A gap: from the first signal until one of the others; told at both ends.
    Gap {
        /// What opens it.
        of: Vec<Signal>,
        /// Severity becomes critical after this long.
        escalate: Option<i64>,
    },
    /// Nothing of it for the span, after having been seen.
    Absence {
        /// Which.
        of: Vec<Signal>,
        /// The span.
        within: i64,
    },
}

/// What windows hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The detector's id, or a prefix ending in `*` (`LOG-*`), or an act's name.
    pub of: Box<str>,
    /// What of it.
    pub sensed: Sensed,
}

/// What of a detector a window hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sensed {
    /// A reason beginning to hold.
    Opened,
    /// A reason ceasing to hold.
    Resolved,
    /// An act, judged or not.
    Act,
}
