//! The expression language of content: CEL, checked against declared types, compiled, and
//! evaluated over borrowed values with a budget and three-valued logic.
//!
//! What enters is a source text and a [`Scope`]; what leaves is a [`Program`], or issues that
//! name the very place. **Invariant:** no clock, no I/O; an evaluation allocates in its arena only.

pub mod api;
mod check;
mod depth;
mod eval;
mod ir;
pub mod net;
pub mod ports;
pub mod program;
mod standard;
#[cfg(test)]
mod tests;
mod types;
mod watch;

pub use api::{Call, EvalError, Host, HostFn, Issue, Level, Param, Read, Scope, Var, World};
pub use check::FORMS;
pub use program::{Functions, Program};
pub use types::parse_type;
pub use watch::Watch;
