//! Records into events: unwrap the envelopes, recognise the leaf, read it.
//!
//! Enters: the bytes of one Kafka record. Leaves: for each event in it exactly one of a
//! normalised [`Event`], a note that nobody reads it, or the reason for which it is refused.

mod aws_cloudtrail;
mod aws_config;
mod azure_activity;
mod azure_event_grid;
mod gcp_asset;
mod gcp_audit;
mod huawei_config;
mod huawei_cts;
mod keys;
mod kubernetes_audit;
mod leaf;
mod ocsf;
mod owner;
mod parse;
mod recognise;
mod scan;
mod skip;
#[cfg(test)]
mod tests;
mod times;
mod unwrap;

use bumpalo::Bump;

use crate::model::{DeadReason, Event, EventKey, Format, Limits, Provider, Timestamp};

/// One record as it came from the broker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'r> {
    /// Its value.
    pub value: &'r [u8],
    /// Its headers: name and value.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The broker's time of it: the last resort for events without one.
    pub time: Option<Timestamp>,
}

/// Says which events are worth reading.
pub trait Index {
    /// Whether any mapping reads events of that key, or those of the account's owner where
    /// `by_owner` says that this may be one. What it says no to is the owner's in no case; what
    /// it says yes to is settled once the event is read.
    fn reads(&self, key: &EventKey<'_>, by_owner: &dyn Fn() -> bool) -> bool;

    /// Is told of each envelope opened on the way to the leaves; most do not care.
    fn envelope(&self, name: &str, level: usize) {
        let _ = (name, level);
    }
}

/// How much a skipped event tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What counters need.
    Counts,
    /// Id, account and time too, at the price of reading the event.
    Full,
}

/// An event that nothing reads.
#[derive(Clone, Copy, Debug)]
pub struct Skipped<'a> {
    /// The wire format.
    pub format: Format,
    /// Whose event it is.
    pub provider: Provider,
    /// Service as the cloud names it.
    pub service: &'a str,
    /// Name as the cloud writes it.
    pub name: &'a str,
    /// Whether it only reads.
    pub read_only: bool,
    /// Whether the cloud refused or failed it.
    pub failed: bool,
    /// The cloud's id of it; empty under [`Detail::Counts`].
    pub id: &'a str,
    /// The account; empty under [`Detail::Counts`].
    pub account: &'a str,
    /// When it happened; `None` under [`Detail::Counts`].
    pub time: Option<Timestamp>,
}

/// An event, or a whole record, that is refused.
#[derive(Clone, Copy, Debug)]
pub struct Dead<'a> {
    /// The wire format, where one was recognised.
    pub format: Option<Format>,
    /// Why.
    pub reason: DeadReason,
    /// What and where; never the body's content.
    pub detail: &'a str,
    /// The cloud's id of it, where known.
    pub id: &'a str,
    /// The account, where known.
    pub account: &'a str,
    /// The service, where known.
    pub service: &'a str,
}

/// What became of one event of a record.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// It is read.
    Event(&'a Event<'a>),
    /// No mapping reads it.
    Skipped(&'a Skipped<'a>),
    /// It is refused.
    Dead(&'a Dead<'a>),
}

/// Where the outcomes go, with the arena that the event's trees live in.
pub type Sink<'s> = dyn FnMut(&Bump, Decoded<'_>) + 's;

/// Turns records into events; keeps its buffers from one record to the next.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    forced: Option<Format>,
    detail: Detail,
    opened: Bump,
    trees: Bump,
    order: keys::Order,
}

/// Above this an arena is given back after the record that made it grow.
const KEEP_BYTES: usize = 8 << 20;

impl Decoder {
    /// A decoder; `format` is what a leaf is taken for when its own fields do not tell.
    #[must_use]
    pub fn new(limits: Limits, format: Option<Format>, detail: Detail) -> Self {
        let order = keys::Order::default();
        Self { limits, forced: format, detail, opened: Bump::new(), trees: Bump::new(), order }
    }

    /// Tells `sink` exactly once about each event of `record`; once that there is none where
    /// none can be found. The arena is reset after each event.
    pub fn decode(&mut self, record: &Record<'_>, index: &dyn Index, sink: &mut Sink<'_>) {
        for arena in [&mut self.opened, &mut self.trees] {
            if arena.allocated_bytes() > KEEP_BYTES {
                *arena = Bump::new();
            } else {
                arena.reset();
            }
        }
        let settings = unwrap::Settings {
            limits: &self.limits,
            forced: self.forced,
            detail: self.detail,
            index,
        };
        let tools = scan::Tools { arena: &self.opened, order: &self.order };
        unwrap::record(record, settings, tools, &mut self.trees, sink);
    }
}
