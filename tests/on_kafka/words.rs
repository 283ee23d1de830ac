//! What a test that fails says of the world it failed in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::tools::{answer, page};

/// Where what was told is not what is due: the first cell of which that holds, and how.
pub fn apart(
    truth: &BTreeMap<String, Vec<String>>,
    told: &BTreeMap<String, Vec<String>>,
) -> String {
    let none = Vec::new();
    let cells: BTreeSet<&String> = truth.keys().chain(told.keys()).collect();
    for cell in cells {
        let (due, is) = (truth.get(cell).unwrap_or(&none), told.get(cell).unwrap_or(&none));
        if due == is {
            continue;
        }
        let mut places: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (place, id) in is.iter().enumerate() {
            places.entry(id).or_default().push(place);
        }
        let twice: Vec<_> = places.iter().filter(|(_, places)| places.len() > 1).collect();
        let never: Vec<_> = due.iter().filter(|id| !places.contains_key(id)).collect();
        let known: BTreeSet<&String> = due.iter().collect();
        let strange: Vec<_> = places.iter().filter(|(id, _)| !known.contains(*id)).collect();
        let from = due.iter().zip(is).take_while(|(due, is)| due == is).count();
        return format!(
            "cell {cell} has {} of {}, from place {from} on others; told twice {twice:?}, never \
             {never:?}, not due {strange:?}",
            is.len(),
            due.len()
        );
    }
    "no cell differs".to_owned()
}

/// What a worker tells of itself, where it is alive: its health, and what it counted.
pub fn now(port: u16) -> String {
    let mut all = answer(port, "/readyz").unwrap_or_else(|| "nobody answers".to_owned());
    let counted = page(port, "/metrics").unwrap_or_default();
    let tells = |line: &&str| {
        line.starts_with("driftline_") && !line.contains("_bucket") && !line.ends_with(" 0")
    };
    for line in counted.lines().filter(tells) {
        let _ = write!(all, "\n{line}");
    }
    all
}
