//! The tests of the tests: each way to break the worker is found.

use std::time::Duration;

use super::super::Mutant;
use super::sim::{World, first_failure};

/// Worlds in which a mutant must show.
const WORLDS: u64 = 200;

#[test]
fn every_mutant_is_caught() {
    let mut survivors = Vec::new();
    for mutant in Mutant::ALL {
        let give_up_after = Duration::from_secs(20);
        let world = |seed| match mutant {
            Mutant::LoseLetters => {
                World { mutant: Some(mutant), give_up_after, ..World::new(seed) }
            }
            _ => World { mutant: Some(mutant), ..World::new(seed) },
        };
        match first_failure((1..=WORLDS).map(world)) {
            Some((seed, why)) => {
                println!("{mutant:?} by seed {seed}: {}", why.lines().next().unwrap_or_default());
            }
            None => survivors.push(mutant),
        }
    }
    assert_eq!(survivors, [], "nobody noticed");
}
