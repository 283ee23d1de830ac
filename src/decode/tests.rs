//! Whole records in, their outcomes out: what every wire shape comes to.

mod corpora;
mod hostile;
mod limits;
mod quirks;
mod wire;

use bumpalo::Bump;

use super::{Decoded, Decoder, Detail, Index, Record};
use crate::model::{DeadReason, Event, EventKey, Format, Limits, Timestamp};

/// Reads everything, or nothing.
pub(super) struct All(pub(super) bool);

impl Index for All {
    fn reads(&self, _: &EventKey<'_>, _: &dyn Fn() -> bool) -> bool {
        self.0
    }
}

/// One outcome, owned, with the fields that tests look at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Event { format: Format, service: String, kind: String, name: String, id: String },
    Skipped { format: Format, service: String, name: String, read_only: bool, failed: bool },
    Dead { format: Option<Format>, reason: DeadReason, detail: String },
}

pub(super) fn told(item: &Decoded<'_>) -> Told {
    match item {
        Decoded::Event(event) => Told::Event {
            format: event.format,
            service: event.key.service.into(),
            kind: event.key.resource_type.into(),
            name: event.key.name.into(),
            id: event.id.into(),
        },
        Decoded::Skipped(skipped) => Told::Skipped {
            format: skipped.format,
            service: skipped.service.into(),
            name: skipped.name.into(),
            read_only: skipped.read_only,
            failed: skipped.failed,
        },
        Decoded::Dead(dead) => {
            Told::Dead { format: dead.format, reason: dead.reason, detail: dead.detail.into() }
        }
    }
}

/// Kafka's time of every record in these tests.
pub(super) const NOW: Timestamp = Timestamp(1_772_500_000_000_000);

pub(super) fn feed(
    value: &[u8],
    limits: Limits,
    reads: bool,
    each: &mut dyn FnMut(&Bump, Decoded<'_>),
) {
    let record = Record { value, headers: &[], time: Some(NOW) };
    Decoder::new(limits, None, Detail::Counts).decode(&record, &All(reads), each);
}

pub(super) fn outcomes_with(value: &[u8], limits: Limits, reads: bool) -> Vec<Told> {
    let mut all = Vec::new();
    feed(value, limits, reads, &mut |_, item| all.push(told(&item)));
    all
}

pub(super) fn outcomes(value: &[u8]) -> Vec<Told> {
    outcomes_with(value, Limits::default(), true)
}

/// The reasons of the refusals and `None` for each event, in order.
pub(super) fn reasons(value: &[u8]) -> Vec<Option<DeadReason>> {
    outcomes(value)
        .into_iter()
        .map(|told| if let Told::Dead { reason, .. } = told { Some(reason) } else { None })
        .collect()
}

/// Looks at the only event of a record.
pub(super) fn only(value: &[u8], look: &mut dyn FnMut(&Event<'_>)) {
    let mut seen = 0;
    feed(value, Limits::default(), true, &mut |_, item| match item {
        Decoded::Event(event) => {
            seen += 1;
            look(event);
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(seen, 1);
}
