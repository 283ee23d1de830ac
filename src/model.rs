//! The nouns every room shares: values, schema, events, changes, findings, outcomes.
//!
//! **Invariant:** no I/O, no clock, no provider's field names. Everything here is plain data.

pub mod change;
pub mod event;
pub mod finding;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod outcome;
pub mod schema;
pub mod time;
pub mod trace;
pub mod translation;
pub mod value;

pub use change::{
    Act, Cause, Change, Edit, Element, ElementRef, FacetEdit, Operation, Source, Target, Write,
};
pub use event::{Actor, Body, CallError, Event, EventKey, Family, Format, Ownership, Phase};
pub use finding::{Area, Confidence, Finding, FindingChange, Novelty, Reason, Severity, Step};
pub use ids::{Cell, Digest, Provider};
pub use ledger::{Ledger, Limit, Owner, Reached, Spender};
pub use limits::Limits;
pub use outcome::{DeadReason, Outcome};
pub use schema::{
    Facet, FacetId, Field, Kind, KindId, Origin, RecordId, RecordType, Schema, Text, Type,
};
pub use time::Timestamp;
pub use trace::{Trace, Tracer};
pub use translation::Translation;
pub use value::{Handle, PortRange, PortSet, Rec, Seq, Val, Value};
