//! Each cloud's own shapes: raw parts of events go in, canonical rules, statements, principals
//! and names come out.
//!
//! Everything here is a pure function that expressions call by name; the tables say what there
//! is. **Invariant:** what cannot be read becomes `Unknown`, never a guess, and no input panics.

mod aws;
mod azure;
mod gcp;
mod huawei;
mod json;
mod make;
mod policy;
mod ports;

use crate::expr::api::Host;

/// The host functions of all clouds.
#[must_use]
pub fn tables() -> [&'static [Host]; 6] {
    [policy::HOSTS, aws::HOSTS, huawei::HOSTS, azure::HOSTS, gcp::HOSTS, gcp::POLICIES]
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
