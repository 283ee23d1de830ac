//! One event with all its writes, in our own vocabulary: what `map` makes and `state` applies.
//!
//! Unlike [`super::Event`] it owns what it holds: it crosses a topic between the two.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{Family, Format, Ownership};
use super::ids::Cell;
use super::schema::{FacetId, KindId};
use super::time::Timestamp;
use super::value::Value;

/// The event behind a change: what an alert tells about who, when and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The cloud's id of the event.
    pub id: Arc<str>,
    /// When it happened.
    pub time: Timestamp,
    /// The wire format.
    pub format: Format,
    /// Activity or state.
    pub family: Family,
    /// The service as the cloud names it.
    pub service: Box<str>,
    /// The event's name as the cloud writes it.
    pub name: Box<str>,
    /// Region; may be empty.
    pub region: Box<str>,
    /// Whose doing.
    pub ownership: Ownership,
    /// The actor's stable identifier; empty for state events.
    pub actor: Arc<str>,
    /// The actor's name for people; may be empty.
    pub actor_name: Box<str>,
    /// The sort of identity; may be empty.
    pub actor_kind: Box<str>,
    /// The key or session credential used, never its secret.
    pub credential: Box<str>,
    /// The service that called on the actor's behalf.
    pub invoked_by: Box<str>,
    /// The account's owner.
    pub root: bool,
    /// Second factor, where the event says.
    pub mfa: Option<bool>,
    /// Source address; may be empty.
    pub source_ip: Box<str>,
    /// User agent; may be empty.
    pub user_agent: Box<str>,
    /// The call's error code, for deeds that failed.
    pub error: Option<Box<str>>,
}

impl Cause {
    /// The cause of what is known without an event, at the beginning of time.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            id: Arc::from(""),
            time: Timestamp(0), // not before the incarnation of a resource nobody saw deleted
            format: Format::OcsfApiActivity,
            family: Family::State,
            service: Box::default(),
            name: Box::default(),
            region: Box::default(),
            ownership: Ownership::Provider,
            actor: Arc::from(""),
            actor_name: Box::default(),
            actor_kind: Box::default(),
            credential: Box::default(),
            invoked_by: Box::default(),
            root: false,
            mfa: None,
            source_ip: Box::default(),
            user_agent: Box::default(),
            error: None,
        }
    }
}

/// How an event's writes weigh against others about the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Said by an activity event, at its own time.
    Activity,
    /// Seen by a state event that captured the configuration at its own time.
    Snapshot,
}

/// What belongs together: one event and everything it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Whose.
    pub cell: Cell,
    /// The event.
    pub cause: Arc<Cause>,
    /// Activity or snapshot.
    pub source: Source,
    /// The operation this event starts or ends.
    pub operation: Operation,
    /// What it says about resources, in the mapping's order.
    pub writes: Vec<Write>,
    /// The deeds it is.
    pub acts: Vec<Act>,
    /// True when a mapping read the event and its body did not say to what it changed.
    pub blind: bool,
    /// True when the call failed: nothing is written, only `acts` may stand.
    pub failed: bool,
}

/// The asynchronous operation an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// None.
    Single,
    /// Its start.
    Start(Arc<str>),
    /// Its end.
    End(Arc<str>),
}

/// What an event says about one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Which resource.
    pub target: Target,
    /// True when the event makes the resource: it then loses every tie, so that it never erases
    /// what came with it.
    pub creates: bool,
    /// What is said.
    pub edit: Edit,
}

/// How a write names its resource. `id` wins where both are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The kind.
    pub kind: KindId,
    /// The resource's id.
    pub id: Option<Arc<str>>,
    /// The resource whose facet has this element (by id or alias), or refers to this value.
    pub lookup: Option<(FacetId, Arc<str>)>,
}

/// What is said about one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    /// It is gone.
    Delete,
    /// Its facets are so.
    Facets(Vec<(FacetId, FacetEdit)>),
}

/// What is said about one facet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FacetEdit {
    /// A register's value; [`Value::None`] for known to be absent.
    Set(Value),
    /// Elements of a set.
    Elements {
        /// True when these are all: elements not named are gone.
        replace: bool,
        /// Elements that are there.
        put: Vec<Element>,
        /// Elements that are gone.
        remove: Vec<ElementRef>,
        /// Fields that this source never carries: indexes into the element's record. Where the
        /// state knows an element, it keeps its value of them.
        keep: Vec<u16>,
    },
    /// It changed, and the event does not say to what.
    Unknown,
}

/// One element of a set, as an event names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Element {
    /// The cloud's own id of it.
    pub id: Option<Arc<str>>,
    /// A second name under which later events may speak of it.
    pub alias: Option<Arc<str>>,
    /// Its value; for a part, a record with `Unsaid` fields.
    pub value: Value,
    /// True when unsaid fields keep their value; false when the type's defaults were filled in.
    pub part: bool,
}

/// How a removal names an element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ElementRef {
    /// By the cloud's id, or an alias.
    Id(Arc<str>),
    /// By what it is: a whole element whose key fields name it.
    Key(Value),
}

/// A deed: nothing's state, but something done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Index into [`super::Schema::acts`].
    pub act: u16,
    /// The resource it was done to, where there is one.
    pub resource: Option<(KindId, Arc<str>)>,
    /// One value per declared field.
    pub fields: Box<[Value]>,
}
