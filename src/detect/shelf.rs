//! The open findings of one cell: bytes at rest, taken down where a change concerns them.
//!
//! **Invariant:** what is taken is put back before anybody else asks for it; a resource without
//! an open finding takes no room.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::model::{Cause, Cell, Digest, Finding, KindId, Novelty, Reason, Timestamp};
use crate::state::journal::{Bytes, pack, unpack};
use crate::state::{Growing, Journal, Key, Sealed};

/// An open finding and the event that opened it.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The finding.
    pub finding: Finding,
    /// The opening event.
    pub cause: Sealed,
    /// The reasons as last told, for the step in which none is left.
    pub reasons_before: Vec<Reason>,
    /// Where it is filed: its resource; for deeds and windows a place of their own.
    pub at: Key,
}

impl Open {
    /// A finding that `cause` has just opened.
    #[must_use]
    pub fn new(finding: Finding, at: Key, cause: &Cause) -> Self {
        Self { finding, cause: Sealed::of(cause), reasons_before: Vec::new(), at }
    }

    /// Remembers the reasons, for the day on which none is left.
    pub(super) fn remember(&mut self) {
        self.reasons_before.clone_from(&self.finding.reasons);
    }
}

/// An open finding as it rests: without what its place tells anyway.
#[derive(Serialize, Deserialize)]
struct Resting<'b> {
    uid: Digest,
    kind: KindId,
    resource: &'b str,
    incarnation: Timestamp,
    subject: &'b str,
    element: &'b str,
    reasons: Cow<'b, [Reason]>,
    /// Left out where they are the reasons.
    reasons_before: Option<Cow<'b, [Reason]>>,
    episode: &'b str,
    steps: u32,
    opened: Timestamp,
    seen: Timestamp,
    novelty: Novelty,
    told: bool,
    #[serde(bound(deserialize = "'de: 'b"))]
    cause: Cow<'b, Sealed>,
}

impl<'b> Resting<'b> {
    fn of(open: &'b Open) -> Self {
        let Open { finding, cause, reasons_before, at: _ } = open;
        let same = *reasons_before == finding.reasons;
        Self {
            uid: finding.uid,
            kind: finding.kind,
            resource: &finding.resource,
            incarnation: finding.incarnation,
            subject: &finding.subject,
            element: &finding.element,
            reasons: finding.reasons.as_slice().into(),
            reasons_before: (!same).then(|| reasons_before.as_slice().into()),
            episode: &finding.episode,
            steps: finding.steps,
            opened: finding.opened,
            seen: finding.seen,
            novelty: finding.novelty,
            told: finding.told,
            cause: Cow::Borrowed(cause),
        }
    }

    fn wake(self, at: Key, cell: &Cell) -> Open {
        let reasons = self.reasons.into_owned();
        Open {
            reasons_before: self.reasons_before.map_or_else(|| reasons.clone(), Cow::into_owned),
            finding: Finding {
                uid: self.uid,
                cell: cell.clone(),
                kind: self.kind,
                resource: self.resource.into(),
                incarnation: self.incarnation,
                subject: self.subject.into(),
                element: self.element.into(),
                reasons,
                episode: self.episode.into(),
                steps: self.steps,
                opened: self.opened,
                seen: self.seen,
                novelty: self.novelty,
                told: self.told,
            },
            cause: self.cause.into_owned(),
            at,
        }
    }
}

/// The bytes of one, in `scratch`.
fn encode<'s>(open: &Open, scratch: &'s mut Vec<u8>) -> &'s [u8] {
    scratch.clear();
    let written = postcard::serialize_with_flavor(&Resting::of(open), Growing(scratch));
    debug_assert_eq!(written, Ok(()), "finding {}", open.finding.uid);
    scratch
}

/// The open findings of one cell.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    lists: FxHashMap<Key, Vec<Box<[u8]>>>,
    count: usize,
    scratch: Vec<u8>,
    /// The lists that are others since the last commit.
    pub(super) journal: Journal<Key>,
}

impl Shelf {
    /// How many there are, those that are taken left out.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether any is filed there.
    pub(super) fn has(&self, at: Key) -> bool {
        self.lists.contains_key(&at)
    }

    /// Those filed there, left where they are.
    pub(super) fn read(&self, at: Key, cell: &Cell) -> Vec<Open> {
        // What was put there is what is there: a shelf lives no longer than the process.
        let wake = |bytes: &[u8]| {
            postcard::from_bytes::<Resting<'_>>(bytes).ok().map(|resting| resting.wake(at, cell))
        };
        self.lists.get(&at).into_iter().flatten().filter_map(|bytes| wake(bytes)).collect()
    }

    /// Those filed there, to be put back.
    pub(super) fn take(&mut self, at: Key, cell: &Cell) -> Vec<Open> {
        let list = self.read(at, cell);
        self.count -= list.len();
        list
    }

    /// Puts back what was taken, changed as it may be.
    pub(super) fn put(&mut self, at: Key, list: &[Open]) {
        self.count += list.len();
        if list.is_empty() {
            if let Some(was) = self.lists.remove(&at) {
                self.journal.note(&at, || Some(pack(&was)));
            }
            return;
        }
        if self.journal.is_on() && !self.is_as(at, list) {
            self.note(at);
        }
        let known = self.lists.entry(at).or_default();
        known.truncate(list.len());
        // Mostly it is one.
        known.reserve_exact(list.len() - known.len());
        for (place, open) in list.iter().enumerate() {
            let bytes = encode(open, &mut self.scratch);
            match known.get_mut(place) {
                Some(known) if **known == *bytes => {}
                Some(known) => *known = bytes.into(),
                None => known.push(bytes.into()),
            }
        }
    }

    fn note(&mut self, at: Key) {
        self.journal.note(&at, || self.lists.get(&at).map(pack));
    }

    /// Whether what is filed there is this, byte by byte.
    fn is_as(&mut self, at: Key, list: &[Open]) -> bool {
        let Some(known) = self.lists.get(&at).filter(|known| known.len() == list.len()) else {
            return false;
        };
        let scratch = &mut self.scratch;
        known.iter().zip(list).all(|(known, open)| **known == *encode(open, scratch))
    }

    /// Visits the findings that are others since the last commit, as they now stand; those that
    /// stand no more by their uid alone.
    pub(super) fn each_changed(
        &self,
        cell: &Cell,
        visit: &mut dyn FnMut(Digest, Option<&Finding>),
    ) {
        for (at, was) in self.journal.all() {
            let was: Vec<Bytes> = was.and_then(unpack).unwrap_or_default();
            let mut gone: Vec<Digest> = was
                .iter()
                .filter_map(|bytes| postcard::from_bytes::<Resting<'_>>(bytes).ok())
                .map(|resting| resting.uid)
                .collect();
            for bytes in self.lists.get(at).into_iter().flatten() {
                let Ok(resting) = postcard::from_bytes::<Resting<'_>>(bytes) else { continue };
                gone.retain(|uid| *uid != resting.uid);
                if !was.contains(bytes) {
                    let open = resting.wake(*at, cell);
                    visit(open.finding.uid, Some(&open.finding));
                }
            }
            for uid in gone {
                visit(uid, None);
            }
        }
    }

    /// The bytes of what is filed there.
    pub(super) fn at_rest(&self, at: Key) -> Option<Bytes> {
        self.lists.get(&at).map(pack)
    }

    /// Takes up what is filed there from its bytes; false where they are none.
    pub(super) fn lay(&mut self, at: Key, bytes: &[u8]) -> bool {
        let Some(list) = unpack::<Vec<Bytes>>(bytes) else { return false };
        if list.iter().any(|bytes| postcard::from_bytes::<Resting<'_>>(bytes).is_err()) {
            return false;
        }
        self.count += list.len();
        self.lists.insert(at, list);
        true
    }

    /// Files one more.
    pub(super) fn add(&mut self, open: &Open) {
        self.note(open.at);
        let bytes = encode(open, &mut self.scratch).into();
        self.lists.entry(open.at).or_default().push(bytes);
        self.count += 1;
    }

    /// Where any is filed, in order.
    pub(super) fn places(&self) -> Vec<Key> {
        let mut places: Vec<Key> = self.lists.keys().copied().collect();
        places.sort_unstable();
        places
    }

    /// Files each one anew as `to` makes it; what it leaves out is gone.
    pub(super) fn refile(&mut self, cell: &Cell, to: &mut dyn FnMut(Open) -> Option<Open>) {
        let old = std::mem::take(self);
        for at in old.places() {
            for open in old.read(at, cell).into_iter().filter_map(&mut *to) {
                self.add(&open);
            }
        }
    }

    /// Every one, in uid order.
    pub(super) fn each(&self, cell: &Cell, visit: &mut dyn FnMut(&Finding)) {
        let mut all: Vec<Finding> = Vec::with_capacity(self.count);
        for at in self.places() {
            all.extend(self.read(at, cell).into_iter().map(|open| open.finding));
        }
        all.sort_by_key(|finding| finding.uid);
        all.iter().for_each(visit);
    }
}
