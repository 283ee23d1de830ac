//! Which events the content's own tests are made of: suites and fixtures enter, the hashes under
//! which mappings are indexed leave.

use std::cell::Cell;

use rustc_hash::FxHashSet;

use super::cases::{Case, Given};
use super::compiled::Content;
use super::files::Files;
use super::{fold, wire};
use crate::decode::{Decoded, Decoder, Detail, Index, Record};
use crate::model::{EventKey, Limits};

/// Names of events that some test feeds to the pipeline.
#[derive(Debug, Default)]
pub(super) struct Exercised {
    /// Events that succeeded.
    done: FxHashSet<u64>,
    /// Events that the cloud refused or failed.
    failed: FxHashSet<u64>,
}

/// Remembers the key it was last asked for and reads nothing, so that no event is parsed whole.
struct Listener(Cell<u64>);

impl Index for Listener {
    fn reads(&self, key: &EventKey<'_>, _: &dyn Fn() -> bool) -> bool {
        self.0.set(fold::hash_key(key));
        false
    }
}

impl Exercised {
    pub(super) fn of(content: &Content, files: &Files) -> Self {
        let mut exercised = Self::default();
        let mut decoder = Decoder::new(Limits::default(), None, Detail::Counts);
        for case in content.suites.iter().flat_map(|suite| &suite.cases) {
            exercised.case(case, files, &mut decoder);
        }
        exercised
    }

    /// Whether some test has the name's event; a refused one proves something only where refused
    /// ones are read.
    pub(super) fn has(&self, hash: u64, failures: bool) -> bool {
        self.done.contains(&hash) || failures && self.failed.contains(&hash)
    }

    fn case(&mut self, case: &Case, files: &Files, decoder: &mut Decoder) {
        let mut clock = wire::Clock::new();
        for given in &case.events {
            let bytes = match given {
                Given::Wait(_) => continue,
                Given::Event(event) => Some(wire::expand(event, &mut clock)),
                Given::Fixture { path, set } => {
                    files.fixture(path).and_then(|text| wire::fixture(text, set))
                }
            };
            let Some(bytes) = bytes else { continue };
            let listener = Listener(Cell::new(0));
            let record = Record { value: &bytes, headers: &[], time: None };
            decoder.decode(&record, &listener, &mut |_, decoded| {
                if let Decoded::Skipped(skipped) = decoded {
                    let names = if skipped.failed { &mut self.failed } else { &mut self.done };
                    names.insert(listener.0.get());
                }
            });
        }
    }
}
