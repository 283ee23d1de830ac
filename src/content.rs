//! Kinds, mappings and detectors: what content files say, checked and compiled.
//!
//! What enters is a set of YAML files; what leaves is a [`Content`], or every fault of every
//! file at once. **Invariant:** a loaded content is immutable and can't fail for its own fault.

pub mod compiled;
pub mod fold;
pub mod scope;

pub use compiled::{
    ActForm, Condition, Content, Derive, Detector, Entry, FacetRule, Form, Group, Identify,
    ItemRule, Known, Loop, Maturity, PostureForm, PostureOn, Scale, Sensed, Signal, Source, Verb,
    WindowForm, WindowScope, WindowShape,
};
