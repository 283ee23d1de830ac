//! JSON Schemas (2020-12) of content files, for editors that complete and underline: loaded
//! content enters, for the names it declares, and a schema leaves.
//!
//! A schema knows the shape of a file and not its meaning: what an expression reads, and whether
//! a facet is there, is told by `driftline check`. **Invariant:** a file that loads is valid; keys
//! and words that the loader refuses are refused here too.

mod detector;
mod event;
mod kind;
mod mapping;
pub mod shape;

use serde_json::{Value as Json, json};

use super::compiled::Content;
use shape::choice;

/// What the schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Documents `Kind`, `Types` and `Acts`.
    Kind,
    /// Documents `Mapping`.
    Mapping,
    /// Documents `Detector`.
    Detector,
}

/// The schema of one kind of document.
#[must_use]
pub fn schema(of: Of, content: &Content) -> Json {
    let names = Names::of(content);
    match of {
        Of::Kind => kind::schema(),
        Of::Mapping => mapping::schema(&names),
        Of::Detector => detector::schema(&names),
    }
}

/// The names that content declares, for completion. Others are allowed: the file that declares
/// them may not be there yet.
struct Names {
    kinds: Vec<String>,
    acts: Vec<String>,
}

impl Names {
    fn of(content: &Content) -> Self {
        let mut kinds: Vec<String> =
            content.schema.kinds.iter().map(|kind| kind.name.to_string()).collect();
        let mut acts: Vec<String> =
            content.schema.acts.iter().map(|act| act.name.to_string()).collect();
        kinds.sort_unstable();
        acts.sort_unstable();
        Self { kinds, acts }
    }

    /// A kind's id: those declared are offered.
    fn kind(&self, doc: &str) -> Json {
        let known = choice("a declared kind", self.kinds.iter().map(String::as_str));
        let other = json!({"type": "string", "pattern": super::names::KIND});
        json!({"anyOf": [known, other], "description": doc})
    }

    /// An act's name: those declared are offered.
    fn act(&self, doc: &str) -> Json {
        let known = choice("a declared act", self.acts.iter().map(String::as_str));
        let other = json!({"type": "string", "pattern": super::names::WORD});
        json!({"anyOf": [known, other], "description": doc})
    }
}
