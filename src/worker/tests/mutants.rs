//! The tests of the tests: each way to break exactly-once is found.

use crate::log::memory::Rates;

use super::super::Mutant;
use super::sim::{World, first_failure};

/// Worlds in which a mutant must show.
const WORLDS: u64 = 400;

/// What goes wrong more often, where only that shows a mutant.
fn rates(mutant: Mutant) -> Rates {
    match mutant {
        // An answer is lost while markers are held back.
        Mutant::ReceiptEarly => Rates { lose_reply: 300, hold_markers: 300, ..Rates::ROUGH },
        // A transaction stays open while its partition is handed on twice.
        Mutant::RestoreToStable => Rates { crash: 60, rebalance: 100, pause: 60, ..Rates::ROUGH },
        // Who stood still for too long gets back what others worked on in between.
        Mutant::KeepLost => Rates { pause: 200, rebalance: 60, ..Rates::ROUGH },
        // A broker comes up while a name is got back.
        Mutant::NoSweep => Rates { lose_reply: 100, lose_markers: 2_000, ..Rates::ROUGH },
        _ => Rates::ROUGH,
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut survivors = Vec::new();
    for mutant in Mutant::ALL {
        let rates = rates(mutant);
        let world = |seed| World { mutant: Some(mutant), rates, ..World::new(seed) };
        let worlds = (1..=WORLDS).map(world);
        match first_failure(worlds) {
            Some((seed, why)) => {
                println!("{mutant:?} by seed {seed}: {}", why.lines().next().unwrap_or_default());
            }
            None => survivors.push(mutant),
        }
    }
    assert_eq!(survivors, [], "nobody noticed");
}
