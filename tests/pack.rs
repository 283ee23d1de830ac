//! The shipped content loads without a fault.

use driftline::cloud::tables;
use driftline::content::{Files, load};

#[test]
fn the_shipped_pack_loads() {
    match load(&Files::shipped(), &tables()) {
        Ok((content, warnings)) => {
            assert!(!content.detectors.is_empty(), "the pack is empty");
            assert!(!content.entries.is_empty(), "the pack reads no event");
            println!("{} warnings", warnings.len());
        }
        Err(faults) => {
            let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n"));
        }
    }
}
