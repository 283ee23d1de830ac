//! The shipped content loads without a fault, and no event that it reads is unproved.

use driftline::cloud::tables;
use driftline::content::{Fault, Files, check, load};

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

#[test]
fn every_event_that_the_shipped_pack_reads_is_in_one_of_its_tests() {
    let (_, warnings) = check(&Files::shipped(), &tables()).expect("the pack loads");
    let untested = warnings.iter().filter(|fault| fault.rule == "untested-event");
    let untested: Vec<String> = untested.map(Fault::to_string).collect();
    assert!(untested.is_empty(), "{}", untested.join("\n"));
}
