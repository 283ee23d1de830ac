//! A world that fails, made as small as it can be while it still does.

use crate::log::memory::Rates;

use super::super::Mutant;
use super::sim::{World, first_failure};

/// Sorts of faults, each of which may not be needed.
const SORTS: [fn(&mut Rates) -> &mut u16; 9] = [
    |rates| &mut rates.refuse,
    |rates| &mut rates.lose_reply,
    |rates| &mut rates.late,
    |rates| &mut rates.crash,
    |rates| &mut rates.pause,
    |rates| &mut rates.rebalance,
    |rates| &mut rates.down,
    |rates| &mut rates.hold_markers,
    |rates| &mut rates.lose_markers,
];

/// Fewer sorts of faults, fewer records, a shorter rough time: whatever of that still fails.
pub fn shrink(world: World) -> World {
    let fails = |world| first_failure(std::iter::once(world)).is_some();
    let mut least = world;
    for of in SORTS {
        let mut fewer = least;
        *of(&mut fewer.rates) = 0;
        if fails(fewer) {
            least = fewer;
        }
    }
    if fails(World { gone: 0, ..least }) {
        least.gone = 0;
    }
    while let Some(records) = [least.records / 2, least.records - 1]
        .into_iter()
        .find(|records| *records > 0 && fails(World { records: *records, ..least }))
    {
        least.records = records;
    }
    while least.rough > 20 && fails(World { rough: least.rough / 2, ..least }) {
        least.rough /= 2;
    }
    least
}

#[test]
fn a_world_that_fails_is_made_smaller_and_still_fails() {
    let mutant = Some(Mutant::ApplyTwice);
    let failing = (1..).map(|seed| World { mutant, ..World::new(seed) });
    let failing = failing.take(100).find(|world| first_failure(std::iter::once(*world)).is_some());
    let failing = failing.expect("one does");
    let least = shrink(failing);
    assert!(first_failure(std::iter::once(least)).is_some());
    let fewer = least.records <= failing.records && least.rough < failing.rough;
    assert!(fewer && least.rates == Rates::default(), "that mutant needs no faults: {least:?}");
}
