//! The room's tests: what they share, and whole worlds.

mod fake;
pub mod lab;
mod mutants;
mod outage;
mod quiet;
mod sim;
mod standing;
