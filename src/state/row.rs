//! A resource's row: its folded past, its recent events, its derived values; and their bytes.

use std::sync::Arc;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::model::{Edit, FacetId, Kind, KindId, Limits, Source, Timestamp, Value};

use super::fold::fold;
use super::sealed::Sealed;

/// First byte of an encoded row.
const VERSION: u8 = 1;

/// When something was said, and how it weighs against what was said at the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Event time; for an unsettled snapshot its capture less the settle time.
    pub time: Timestamp,
    /// 0 for what a creation says: it loses every tie.
    pub rank: u8,
}

/// One event as far as it concerns one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The event.
    pub cause: Sealed,
    /// Activity or snapshot.
    pub source: Source,
    /// Whether a snapshot's settle time is over: it then counts from its own capture.
    pub settled: bool,
    /// Whether it is applied without being sure (a started operation whose end was lost).
    pub shaky: bool,
    /// Whether it makes the resource.
    pub creates: bool,
    /// What it says.
    pub edits: Vec<Edit>,
}

impl Said {
    /// Its place in time.
    #[must_use]
    pub fn stamp(&self, limits: &Limits) -> Stamp {
        let time = match self.source {
            Source::Snapshot if !self.settled => self.cause.time.plus(-limits.settle),
            Source::Snapshot | Source::Activity => self.cause.time,
        };
        let deletes = self.edits.iter().any(|edit| matches!(edit, Edit::Delete));
        let rank = if self.creates { 0 } else { 1 + u8::from(deletes) };
        Stamp { time, rank }
    }

    fn order(&self, limits: &Limits) -> (Stamp, &str) {
        (self.stamp(limits), &self.cause.id)
    }
}

/// How much of a facet is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Knowledge {
    /// It changed, and nobody said to what.
    Unknown,
    /// Some elements were seen; there may be others.
    Partial,
    /// All of it.
    Whole,
}

/// A facet as last said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacetState {
    /// When it was last said as a whole, or became unknown; for a partial set, its first element.
    pub stamp: Stamp,
    /// How much of it is known.
    pub knowledge: Knowledge,
    /// Whether it rests on something unsure.
    pub shaky: bool,
    /// Its value or elements.
    pub body: FacetBody,
}

impl FacetState {
    /// Whether there were more elements than are kept: that one is not there then proves nothing.
    /// A partial set that only just has room counts as well.
    #[must_use]
    pub fn is_crowded(&self, limits: &Limits) -> bool {
        self.knowledge == Knowledge::Partial
            && matches!(&self.body, FacetBody::Set(all) if all.len() >= limits.elements)
    }
}

/// A register's value, or a set's elements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FacetBody {
    /// One value.
    Register(Value),
    /// Elements, live and dead.
    Set(Vec<ElementState>),
}

/// One element of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElementState {
    /// The cloud's own id of it.
    pub id: Option<Arc<str>>,
    /// A second name.
    pub alias: Option<Arc<str>>,
    /// Its value; `Unsaid` for a removal of what was never seen.
    pub value: Value,
    /// When it was last put or removed.
    pub stamp: Stamp,
    /// Whether it is there.
    pub life: Life,
    /// Put and removed at one instant, or put by something unsure: judged as there, provisionally.
    pub contested: bool,
}

/// Whether an element is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It is.
    Live,
    /// It was, before the set became unknown.
    Stale,
    /// It was removed.
    Dead,
}

/// What a resource is, as folded from events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Whether it exists, as far as anybody said.
    pub alive: bool,
    /// The deletion before this incarnation; 0 when none was seen.
    pub incarnation: Timestamp,
    /// The facets ever said, in id order.
    pub facets: Vec<(FacetId, FacetState)>,
}

impl Resource {
    /// The facet, where it was ever said.
    #[must_use]
    pub fn facet(&self, id: FacetId) -> Option<&FacetState> {
        let place = self.facets.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.facets[place].1)
    }

    /// Whether anything of it is not sure.
    #[must_use]
    pub fn is_shaky(&self) -> bool {
        self.facets.iter().any(|(_, state)| {
            state.shaky
                || matches!(&state.body, FacetBody::Set(elements)
                    if elements.iter().any(|e| e.contested && e.life == Life::Live))
        })
    }
}

/// Derived values, in id order.
pub type Derived = Arc<[(FacetId, Value)]>;

/// A resource with its derived values: what detectors judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What was said.
    pub resource: Arc<Resource>,
    /// What follows; a derived facet not listed is computed when asked for.
    pub derived: Derived,
}

/// A resource's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its kind.
    pub kind: KindId,
    /// Its id.
    pub id: Arc<str>,
    /// What was said before the recent events.
    pub base: Resource,
    /// The last event folded into `base`.
    pub horizon: Stamp,
    /// Recent events, in their true order.
    pub recent: Vec<Said>,
    /// Derived values as last computed.
    pub derived: Derived,
}

impl Row {
    /// A row of a resource nobody has spoken of.
    #[must_use]
    pub fn new(kind: KindId, id: Arc<str>) -> Self {
        Self {
            kind,
            id,
            base: Resource::default(),
            horizon: Stamp { time: Timestamp(i64::MIN), rank: 0 },
            recent: Vec::new(),
            derived: Derived::default(),
        }
    }

    /// What the resource is now.
    #[must_use]
    pub fn present(&self, kind: &Kind, limits: &Limits) -> Resource {
        self.prefix(self.recent.len(), kind, limits)
    }

    /// What the resource was after the first `count` recent events.
    #[must_use]
    pub fn prefix(&self, count: usize, kind: &Kind, limits: &Limits) -> Resource {
        let mut resource = self.base.clone();
        for said in &self.recent[..count] {
            fold(&mut resource, said, kind, limits);
        }
        resource
    }

    /// Whether the row knows the event already.
    #[must_use]
    pub fn knows(&self, event: &str) -> bool {
        self.recent.iter().any(|said| &*said.cause.id == event)
    }

    /// Puts an event in its place; the place, or `None` when it was older than the base and went
    /// into it at once, as far as nothing newer spoke there. What is unsure never goes into the base
    /// like that: it may have to be taken back.
    pub fn insert(&mut self, said: Said, kind: &Kind, limits: &Limits) -> Option<usize> {
        if said.stamp(limits) < self.horizon && !said.shaky {
            fold(&mut self.base, &said, kind, limits);
            return None;
        }
        let place = self.recent.partition_point(|other| other.order(limits) < said.order(limits));
        self.recent.insert(place, said);
        Some(place)
    }

    /// Marks the snapshot `event` as settled and gives it its own time; false when it is gone.
    pub fn settle(&mut self, event: &str, limits: &Limits) -> bool {
        let Some(place) = self.recent.iter().position(|said| {
            !said.settled && said.source == Source::Snapshot && &*said.cause.id == event
        }) else {
            return false;
        };
        let mut said = self.recent.remove(place);
        said.settled = true;
        let place = self.recent.partition_point(|other| other.order(limits) < said.order(limits));
        self.recent.insert(place, said);
        true
    }

    /// Folds into the base what is too old, or one too many. What is unsure stays apart for as long
    /// as it may be taken back, up to as many again.
    pub fn compact(&mut self, kind: &Kind, limits: &Limits) {
        let Some(newest) = self.recent.last().map(|said| said.stamp(limits).time) else { return };
        let aged = newest.plus(-limits.lateness);
        let is_old = |said: &Said| said.stamp(limits).time < aged;
        let unsure = self.recent.iter().filter(|said| said.shaky && !is_old(said)).count();
        let apart = unsure.min(limits.recent_events);
        let mut over = (self.recent.len() - apart).saturating_sub(limits.recent_events);
        if over == 0 && !self.recent.first().is_some_and(is_old) {
            return;
        }
        let mut excess = unsure - apart;
        for said in std::mem::take(&mut self.recent) {
            let kept = said.shaky && excess == 0;
            if !is_old(&said) && (over == 0 || kept) {
                self.recent.push(said);
                continue;
            }
            excess -= usize::from(said.shaky && !is_old(&said) && excess > 0);
            over = over.saturating_sub(1);
            self.horizon = self.horizon.max(said.stamp(limits));
            fold(&mut self.base, &said, kind, limits);
        }
    }

    /// The row's bytes.
    #[must_use]
    pub fn encode(&self) -> Box<[u8]> {
        self.encode_in(&mut Vec::new())
    }

    /// The row's bytes, put together in `scratch`, which keeps its room for the next row.
    #[must_use]
    pub fn encode_in(&self, scratch: &mut Vec<u8>) -> Box<[u8]> {
        scratch.clear();
        scratch.push(VERSION);
        // Serialising plain data into a growing vector has no way to fail.
        let written = postcard::serialize_with_flavor(self, Growing(scratch));
        debug_assert_eq!(written, Ok(()), "a row of {:?}", self.kind);
        scratch.as_slice().into()
    }

    /// The row of those bytes; `None` when they are none, or of a version this program can't read.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        postcard::from_bytes(rest).ok()
    }
}

/// Takes texts as a whole, where the library's own way of growing takes byte by byte.
pub struct Growing<'v>(pub &'v mut Vec<u8>);

impl Flavor for Growing<'_> {
    type Output = ();

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Cause, Element, ElementRef, FacetEdit, RecordId};

    fn text() -> impl Strategy<Value = Arc<str>> {
        "\\PC{0,12}".prop_map(Arc::from)
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Unsaid),
            Just(Value::None),
            Just(Value::Unknown),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9).prop_map(Value::Double),
            text().prop_map(|text| Value::Str((&*text).into())),
            any::<i64>().prop_map(|micros| Value::Time(Timestamp(micros))),
            any::<i64>().prop_map(Value::Duration),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let items = || prop::collection::vec(inner.clone(), 0..4);
            prop_oneof![
                (items(), any::<bool>())
                    .prop_map(|(items, whole)| Value::List(items.into(), whole)),
                items().prop_map(|fields| Value::Record(RecordId(3), fields.into())),
                prop::collection::vec((text(), inner.clone()), 0..3).prop_map(|entries| {
                    Value::Map(entries.into_iter().map(|(key, v)| ((&*key).into(), v)).collect())
                }),
            ]
        })
    }

    fn stamp() -> impl Strategy<Value = Stamp> {
        (any::<i64>(), 0..3_u8).prop_map(|(time, rank)| Stamp { time: Timestamp(time), rank })
    }

    fn element() -> impl Strategy<Value = ElementState> {
        let life = prop::sample::select(vec![Life::Live, Life::Stale, Life::Dead]);
        let names = (prop::option::of(text()), prop::option::of(text()));
        (names, value(), stamp(), life, any::<bool>()).prop_map(
            |((id, alias), value, stamp, life, contested)| ElementState {
                id,
                alias,
                value,
                stamp,
                life,
                contested,
            },
        )
    }

    fn resource() -> impl Strategy<Value = Resource> {
        let body = prop_oneof![
            value().prop_map(FacetBody::Register),
            prop::collection::vec(element(), 0..4).prop_map(FacetBody::Set),
        ];
        let known = vec![Knowledge::Unknown, Knowledge::Partial, Knowledge::Whole];
        let facet = (stamp(), prop::sample::select(known), any::<bool>(), body).prop_map(
            |(stamp, knowledge, shaky, body)| FacetState { stamp, knowledge, shaky, body },
        );
        let facets = prop::collection::vec((any::<u16>().prop_map(FacetId), facet), 0..4);
        (any::<bool>(), any::<i64>(), facets).prop_map(|(alive, time, facets)| Resource {
            alive,
            incarnation: Timestamp(time),
            facets,
        })
    }

    fn said() -> impl Strategy<Value = Said> {
        let put = (prop::option::of(text()), value(), any::<bool>())
            .prop_map(|(id, value, part)| Element { alias: id.clone(), id, value, part });
        let remove =
            prop_oneof![text().prop_map(ElementRef::Id), value().prop_map(ElementRef::Key),];
        let many = (prop::collection::vec(put, 0..3), prop::collection::vec(remove, 0..3));
        let edit = prop_oneof![
            Just(FacetEdit::Unknown),
            value().prop_map(FacetEdit::Set),
            (any::<bool>(), many).prop_map(|(replace, (put, remove))| {
                FacetEdit::Elements { replace, put, remove, keep: vec![1, 5] }
            }),
        ];
        let facets = prop::collection::vec((any::<u16>().prop_map(FacetId), edit), 0..3);
        let edits = prop::collection::vec(
            prop_oneof![Just(Edit::Delete), facets.prop_map(Edit::Facets)],
            0..3,
        );
        (text(), any::<[bool; 4]>(), edits).prop_map(|(id, flags, edits)| Said {
            cause: Sealed::of(&Cause { id, time: Timestamp(7), ..Cause::nobody() }),
            source: if flags[0] { Source::Snapshot } else { Source::Activity },
            settled: flags[1],
            shaky: flags[2],
            creates: flags[3],
            edits,
        })
    }

    proptest! {
        #[test]
        fn a_row_decoded_from_its_bytes_is_the_row(
            id in text(),
            base in resource(),
            horizon in stamp(),
            recent in prop::collection::vec(said(), 0..4),
            derived in prop::collection::vec((any::<u16>().prop_map(FacetId), value()), 0..3),
        ) {
            let derived = derived.into();
            let row = Row { kind: KindId(4), id, base, horizon, recent, derived };
            let bytes = row.encode();
            prop_assert_eq!(Row::decode(&bytes), Some(row));
            // Half a row, or one of another version, is none; never a panic.
            prop_assert_eq!(Row::decode(&bytes[..bytes.len() - 1]), None);
            let mut other = bytes.to_vec();
            other[0] = VERSION + 1;
            prop_assert_eq!(Row::decode(&other), None);
        }

        #[test]
        fn any_bytes_are_a_row_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(row) = Row::decode(&bytes) {
                // As bytes: a number that is none is not equal to itself.
                let again = Row::decode(&row.encode()).map(|row| row.encode());
                prop_assert_eq!(again, Some(row.encode()));
            }
        }
    }
}
