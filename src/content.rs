//! Kinds, mappings and detectors: what content files say, checked and compiled.
//!
//! What enters is a set of YAML files; what leaves is a [`Content`], or every fault of every
//! file at once. **Invariant:** a loaded content is immutable and can't fail for its own fault.

mod assume;
pub mod cases;
pub mod compiled;
pub mod coverage;
mod derive;
mod detector;
mod doc;
mod entry;
mod exercised;
pub mod explain;
pub mod fault;
pub mod files;
pub mod fold;
mod kinds;
mod lint;
mod literal;
mod load;
mod mapping;
mod names;
pub mod near;
mod rules;
pub mod schema;
pub mod scope;
mod tree;
mod types;
pub mod window;
pub mod wire;

pub use cases::Suite;
pub use compiled::{
    ActForm, Content, Derive, Detector, Entry, FacetRule, Form, Group, Identify, ItemRule, Known,
    Loop, Maturity, PostureForm, PostureOn, Scale, Sensed, Signal, Source, Verb, WindowForm,
    WindowScope, WindowShape,
};
pub use coverage::{Coverage, coverage};
pub use fault::{Fault, sarif};
pub use files::{File, Files};
pub use load::{check, load, load_watched};

#[cfg(test)]
mod tests;
