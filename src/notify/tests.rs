//! The room's tests: what they share, and whole worlds.

pub mod lab;
