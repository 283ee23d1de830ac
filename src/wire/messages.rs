//! The messages of `proto/driftline/v1`, field by field; alerts have theirs in `alert/proto`.
//!
//! **Invariant:** these and the `.proto` files say the same. Each room's tests compile the file
//! and read with it what these write.

pub mod control;
pub mod event;
pub mod finding;
pub mod names;
pub mod state;
pub mod value;

pub use control::Control;
pub use event::Event;
pub use finding::Finding;
pub use names::Names;
pub use state::{Progress, Row};
pub use value::{Form, Is, Value};

/// What every message begins with: enough to refuse a newer one before its other fields are read.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Versioned {
    /// 0 where the bytes are something else.
    #[prost(uint32, tag = "1")]
    pub version: u32,
}
