//! Driftline: a streaming, event-driven configuration drift detector.
//!
//! Data goes one way, and the rooms are named for what it becomes:
//!
//! ```text
//! record -> events -> writes -> transition -> findings -> alerts
//!  unwrap    decode    map       apply        inspect     tell
//! ```
//!
//! Rooms, in reading order; each may use only those above it (`tests/rooms.rs` holds it so).

pub mod model;
pub mod decode;
pub mod expr;
pub mod cloud;
pub mod content;
pub mod tenant;
pub mod map;
pub mod state;
pub mod detect;
pub mod alert;
pub mod engine;
pub mod wire;
pub mod log;
pub mod worker;
pub mod notify;
pub mod web;
pub mod config;
pub mod telemetry;
pub mod app;
pub mod cli;
