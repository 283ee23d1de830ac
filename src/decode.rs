//! Records into events: unwrap the envelopes, recognise the leaf, read it.

use bumpalo::Bump;

use crate::model::{DeadReason, Event, EventKey, Format, Limits, Provider, Timestamp};

/// One record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'r> {
    /// Value.
    pub value: &'r [u8],
    /// Headers.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The broker's time.
    pub time: Option<Timestamp>,
}

/// Whether any mapping reads an event.
pub trait Index {
    /// Does one?
    fn reads(&self, key: &EventKey<'_>) -> bool;
}

/// How much skipped events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Enough to count.
    Counts,
    /// Id, account and time too.
    Full,
}

/// An event nobody reads.
#[derive(Clone, Copy, Debug)]
pub struct Skipped<'a> {
    /// Format.
    pub format: Format,
    /// Provider.
    pub provider: Provider,
    /// Service.
    pub service: &'a str,
    /// Name.
    pub name: &'a str,
    /// Read-only.
    pub read_only: bool,
    /// Failed.
    pub failed: bool,
    /// Id.
    pub id: &'a str,
    /// Account.
    pub account: &'a str,
    /// Time.
    pub time: Option<Timestamp>,
}

/// A refused record or event.
#[derive(Clone, Copy, Debug)]
pub struct Dead<'a> {
    /// Format.
    pub format: Option<Format>,
    /// Why.
    pub reason: DeadReason,
    /// What and where.
    pub detail: &'a str,
    /// Id.
    pub id: &'a str,
    /// Account.
    pub account: &'a str,
    /// Service.
    pub service: &'a str,
    /// Name.
    pub name: &'a str,
}

/// What a record holds.
pub enum Decoded<'a> {
    /// An event.
    Event(&'a Event<'a>),
    /// Skipped.
    Skipped(&'a Skipped<'a>),
    /// Dead.
    Dead(&'a Dead<'a>),
}

/// The decoder.
pub struct Decoder;

impl Decoder {
    /// New.
    #[must_use]
    pub fn new(_: Limits, _: Option<Format>, _: Detail) -> Self {
        Self
    }

    /// Decode.
    pub fn decode(&mut self, _: &Record<'_>, _: &dyn Index, _: &mut dyn FnMut(&Bump, Decoded<'_>)) {
    }
}
