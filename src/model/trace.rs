//! One record's way as steps, for whoever asked to be told: `explain --record`.
//!
//! The rooms tell a [`Tracer`] what they did and why. Without one nothing is made: a step is
//! put together only behind `if let Some(trace)`.

use serde_json::Value as Json;

use super::change::Change;
use super::event::EventKey;
use super::finding::{Confidence, Severity};
use super::value::Value;

/// Hears the steps, in the order in which they are taken.
pub trait Tracer {
    /// Takes one step in.
    fn tell(&self, step: &Trace<'_>);
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub enum Trace<'t> {
    /// An envelope was opened; the outermost has level 1.
    Envelope {
        /// The member it stood in, or what it is.
        name: &'t str,
        /// How deep.
        level: usize,
    },
    /// A leaf was recognised, and the index asked for it.
    Key {
        /// What it is asked for by.
        key: EventKey<'t>,
        /// Whether any mapping reads it.
        read: bool,
    },
    /// Whose event it is.
    Tenant {
        /// The tenant.
        tenant: &'t str,
        /// The account.
        account: &'t str,
    },
    /// An entry of a mapping was passed over.
    Passed {
        /// Its file.
        file: &'t str,
        /// Its line, from 1.
        line: u32,
        /// Its guard; empty when it was not asked.
        guard: &'t str,
        /// Why.
        why: &'t str,
        /// What each part of its guard came to, where it was asked.
        tree: Option<&'t Part>,
    },
    /// The entry that says what the event means.
    Entry {
        /// Its file.
        file: &'t str,
        /// Its line, from 1.
        line: u32,
        /// Its guard; empty where it has none.
        guard: &'t str,
        /// Whether no source was seen for it.
        inferred: bool,
    },
    /// A guard within the entry that does not hold: what it guards is not said.
    Unmet {
        /// The guard.
        guard: &'t str,
        /// What each part of it came to.
        tree: &'t Part,
    },
    /// What the entry needs of the event's body is not there.
    Missing {
        /// What it needs.
        needs: &'t str,
        /// What each part of it came to.
        tree: &'t Part,
    },
    /// Something was changed, and the event does not say to what.
    Blind {
        /// What is missing.
        why: &'t str,
        /// The facet, where it is one.
        facet: &'t str,
    },
    /// What the mapping made of it.
    Change(&'t Change),
    /// Writes that found no resource and wait for one, those for which there was no room, and sets
    /// with more elements than are kept.
    Unplaced {
        /// Waiting.
        orphaned: usize,
        /// Refused.
        refused: usize,
        /// Sets judged as partial from now on.
        crowded: usize,
    },
    /// What a resource was and is.
    Resource {
        /// Kind's name.
        kind: &'t str,
        /// Id.
        id: &'t str,
        /// Whether it was there before.
        was: bool,
        /// Whether it is there now.
        is: bool,
        /// Whether something it reads from afar may be different.
        remote: bool,
        /// Whether the event came after later ones.
        late: bool,
        /// Whether a snapshot that has settled is behind it.
        settled: bool,
        /// The facets that differ.
        facets: &'t [Difference<'t>],
        /// Why no detector is asked; empty where they are.
        unjudged: &'t str,
    },
    /// A posture detector that was not asked: nothing it reads is different.
    Skipped {
        /// Its id.
        detector: &'t str,
        /// The facets of the resource that it reads.
        reads: &'t [&'t str],
    },
    /// A posture detector's word.
    Judged {
        /// The kind of the resource judged.
        kind: &'t str,
        /// Its id.
        id: &'t str,
        /// Its id.
        detector: &'t str,
        /// Its title.
        title: &'t str,
        /// What it asks.
        asks: &'t str,
        /// The facet it asks about element by element; empty for the whole resource.
        each: &'t str,
        /// What its expressions saw of the resource.
        saw: &'t [Seen<'t>],
        /// Its verdicts: one for the resource, or one an element, the worst first; of many only
        /// the first.
        rulings: &'t [Ruling<'t>],
        /// All its verdicts, counted.
        counts: Counts,
    },
    /// An act detector's word on a deed.
    Deed {
        /// Its id.
        detector: &'t str,
        /// Its title.
        title: &'t str,
        /// What it asks; empty where the deed alone tells.
        asks: &'t str,
        /// The fields of the deed.
        saw: &'t [Seen<'t>],
        /// Its verdict; `None` when it can't be told.
        holds: Option<bool>,
        /// What each part of its guard came to; `None` where it has no guard.
        tree: Option<&'t Part>,
    },
    /// A window heard of a reason or a deed that it waits for.
    Heard {
        /// The window detector's id.
        detector: &'t str,
        /// The detector's id or the deed's name.
        of: &'t str,
        /// `opened`, `resolved`, or `act`.
        what: &'t str,
    },
}

/// A facet before and after.
#[derive(Clone, Debug)]
pub struct Difference<'t> {
    /// Its name.
    pub facet: &'t str,
    /// Whether it follows from others.
    pub derived: bool,
    /// For a set the elements that are gone, else the former value; null where there is none.
    pub before: Json,
    /// For a set the elements that are new, else the present value; null where there is none.
    pub after: Json,
    /// How much of it is known now.
    pub known: Known,
}

/// A value as an expression sees it.
#[derive(Clone, Debug)]
pub struct Seen<'t> {
    /// The facet or field.
    pub name: &'t str,
    /// Its value; null where it is not known.
    pub value: Json,
    /// How much of it is known.
    pub known: Known,
}

/// How much is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// All of it.
    Whole,
    /// Some elements of a set.
    Partial,
    /// It changed, and nobody said to what.
    Unknown,
    /// Nobody ever spoke of it.
    Unsaid,
}

/// One verdict.
#[derive(Clone, Copy, Debug)]
pub struct Ruling<'t> {
    /// The element as JSON; empty for the whole resource.
    pub element: &'t str,
    /// Whether it is insecure; `None` when that can't be told.
    pub holds: Option<bool>,
    /// How bad, where it holds.
    pub severity: Severity,
    /// How much, where the detector measures.
    pub measure: Option<i64>,
    /// What it rests on.
    pub confidence: Confidence,
    /// What was assumed.
    pub assumptions: &'t [Box<str>],
    /// What each part of the expression came to.
    pub tree: &'t Part,
}

/// How many verdicts there are of each sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// It holds.
    pub insecure: usize,
    /// Nobody can tell.
    pub unknown: usize,
    /// It does not hold.
    pub secure: usize,
}

/// A part of an expression and what it came to, with the parts below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is a part of.
    pub sort: Sort,
    /// Its source text; for an element the name it is given; for a reading the facet's.
    pub text: Box<str>,
    /// The facet it was read from, as `kind id .facet`; empty where it is the resource's own.
    pub read: Box<str>,
    /// What it came to.
    pub got: Got,
    /// More about that, for people; empty where there is nothing to add.
    pub note: Box<str>,
    /// The parts below it, in the order of the text.
    pub parts: Vec<Part>,
    /// How many more there were than are told.
    pub more: usize,
}

/// The sorts of part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A part of the text.
    Expression,
    /// An element that a macro goes through.
    Element,
    /// A facet that was read by no part of the text that stands for it.
    Reading,
}

impl Sort {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Element => "element",
            Self::Reading => "reading",
        }
    }
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// This, cut where it was long. Unknown, unsaid and none are values too.
    Value(Value),
    /// No value, and why.
    Failed(Box<str>),
    /// It was not asked: what stands beside it had decided.
    Skipped,
}
