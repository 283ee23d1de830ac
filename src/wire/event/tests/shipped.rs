//! What the shipped mappings really make of events crosses as it is.

use bumpalo::Bump;

use super::super::*;
use super::origin;
use crate::content::cases::Given;
use crate::content::wire::{Clock, expand, fixture};
use crate::content::{Content, Files};
use crate::decode::{Decoded, Decoder, Detail, Index, Record};
use crate::map::{Mapped, map};
use crate::model::{Cell, EventKey, Limits};
use crate::wire::tests::pack;

struct Reads<'c>(&'c Content);

impl Index for Reads<'_> {
    fn reads(&self, key: &EventKey<'_>, by_owner: &dyn Fn() -> bool) -> bool {
        self.0.reads(key) || (self.0.reads_owner(key) && by_owner())
    }
}

/// Every change of every event in the tests of the shipped content.
fn changes(content: &Content, visit: &mut dyn FnMut(&Change)) {
    let files = Files::shipped();
    let limits = Limits::default();
    let mut decoder = Decoder::new(limits.clone(), None, Detail::Counts);
    for case in content.suites.iter().flat_map(|suite| &suite.cases) {
        let mut clock = Clock::new();
        for given in &case.events {
            let bytes = match given {
                Given::Wait(micros) => {
                    clock.wait(*micros);
                    continue;
                }
                Given::Event(event) => expand(event, &mut clock),
                Given::Fixture { path, set } => {
                    let text = files.fixture(path).expect("it is shipped");
                    fixture(text, set).expect("it can be changed")
                }
            };
            let record = Record { value: &bytes, headers: &[], time: None };
            decoder.decode(&record, &Reads(content), &mut |arena: &Bump, decoded| {
                let Decoded::Event(event) = decoded else { return };
                let account = event.account.into();
                let cell = Cell { tenant: "acme".into(), provider: event.key.provider, account };
                if let Mapped::Change(change) = map(event, &cell, content, &limits, arena) {
                    visit(&change);
                }
            });
        }
    }
}

#[test]
fn what_the_shipped_mappings_say_crosses_as_it_is() {
    let pack = pack();
    let (mut count, mut said, mut sizes) = (0, 0, Vec::new());
    changes(&pack, &mut |change| {
        let bytes = encode(change, &origin(), &pack.schema);
        let read = decode(&bytes, &pack.schema).expect("it reads");
        let expected = Received { change: change.clone(), origin: origin(), unknown: 0 };
        assert_eq!(read, expected);
        count += 1;
        said += change.writes.len() + change.acts.len();
        sizes.push(bytes.len());
    });
    assert!(count > 1_000 && said > count, "{count} changes, {said} writes and acts");
    sizes.sort_unstable();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let (median, most) = (sizes[sizes.len() / 2], sizes[sizes.len() * 99 / 100]);
    // About what `encode` says of itself.
    assert!(mean < 400 && median < 360 && most < 900, "{mean} {median} {most}");
}
