//! Frames of the journal: what the broker decided goes in, bytes come out, and the other way.
//!
//! A file begins with [`MAGIC`], the form's number and a check of both: 16 bytes. Each frame is
//! the length of its payload (u32), the payload's xxh3 (u64), the low half of the xxh3 of those
//! twelve bytes (u32), all little-endian, and the payload: postcard of how much of the file was
//! known to be on the disk when the frame was made, and of the changes.
//!
//! **Invariant:** what is in one frame happens as a whole or not at all.

use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::Timestamp;

use super::super::super::{Commit, TopicPartition};
use super::super::partition::{Entry, ProducerId, Stored};

/// What a journal begins with.
pub(super) const MAGIC: [u8; 8] = *b"driftlog";

/// The form in which this version writes, and the newest that it reads.
pub(super) const FORM: u32 = 1;

/// Bytes before the first frame.
pub(super) const BEGIN: usize = 16;

/// Bytes of a frame before its payload.
pub(super) const HEAD: usize = 16;

/// A partition, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Place(Arc<str>, u32);

impl From<&TopicPartition> for Place {
    fn from(of: &TopicPartition) -> Self {
        Self(Arc::clone(&of.topic), of.partition.0)
    }
}

impl From<&Place> for TopicPartition {
    fn from(place: &Place) -> Self {
        Self::new(&place.0, place.1)
    }
}

/// An offset that a group committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Noted {
    pub(in super::super) group: String,
    pub(in super::super) of: Place,
    pub(in super::super) next: u64,
    pub(in super::super) receipt: String,
}

impl Noted {
    pub(in super::super) fn new(group: &str, commit: &Commit) -> Self {
        let Commit { of, next, receipt } = commit;
        Self { group: group.to_owned(), of: of.into(), next: next.0, receipt: receipt.clone() }
    }
}

/// What the broker decided. Variants are known by their place: new ones go to the end, and with
/// them [`FORM`] goes up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) enum Change {
    /// A topic was made.
    Made { topic: String, partitions: u32, settings: Vec<(String, String)> },
    /// A topic has so many partitions now.
    Grown { topic: String, partitions: u32 },
    /// Records were appended, the first at an offset, within a producer's transaction or none.
    Appended { at: Place, first: u64, within: Option<ProducerId>, records: Vec<Arc<Stored>> },
    /// A producer's transaction was decided, with all that comes of it.
    Decided { producer: ProducerId, commit: bool, partitions: Vec<Place>, offsets: Vec<Noted> },
    /// Offsets were committed outside a transaction.
    Noted(Vec<Noted>),
    /// What stands before an offset was deleted.
    Trimmed { at: Place, before: u64 },
    /// A partition was compacted; tombstones older than this went too.
    Compacted { at: Place, forget: Timestamp },
    /// Of a journal that was written anew: what a partition holds, in several pieces.
    Held { at: Place, entries: Vec<Entry> },
    /// Behind its pieces: the partition's bounds, and how many entries came since it was
    /// compacted.
    Bounds { at: Place, first: u64, end: u64, unclean: u64 },
    /// Numbers up to this one were given to producers and others.
    Numbered(u64),
}

/// The beginning of a file.
pub(super) fn begin(form: u32) -> [u8; BEGIN] {
    let mut bytes = [0; BEGIN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&form.to_le_bytes());
    let check = half(&bytes[..12]);
    bytes[12..].copy_from_slice(&check);
    bytes
}

/// The form of a file that begins so; `None` where no journal begins so.
pub(super) fn form(bytes: &[u8; BEGIN]) -> Option<u32> {
    let is_ours = bytes[..8] == MAGIC && bytes[12..] == half(&bytes[..12]);
    is_ours.then(|| u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]))
}

/// The low half of a hash.
fn half(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxh3_64(bytes).to_le_bytes();
    [a, b, c, d]
}

/// Adds a frame to `out`, where so much of the file is known to be on the disk.
///
/// # Errors
/// Where it is too large for a frame, in words.
pub(super) fn encode(synced: u64, changes: &[Change], out: &mut Vec<u8>) -> Result<(), String> {
    let payload = postcard::to_stdvec(&(synced, changes)).map_err(|error| error.to_string())?;
    let length = u32::try_from(payload.len())
        .map_err(|_| format!("{} bytes are more than a frame holds", payload.len()))?;
    let head = out.len();
    out.extend(length.to_le_bytes());
    out.extend(xxh3_64(&payload).to_le_bytes());
    let check = half(&out[head..]);
    out.extend(check);
    out.extend(payload);
    Ok(())
}

/// A frame's head, once its check is well.
#[derive(Clone, Copy)]
struct Head {
    length: usize,
    hash: u64,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEAD] = bytes.get(..HEAD)?.try_into().ok()?;
        if bytes[12..] != half(&bytes[..12]) {
            return None;
        }
        let [a, b, c, d, hash @ .., _, _, _, _] = *bytes;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        Some(Self { length, hash: u64::from_le_bytes(hash) })
    }
}

/// What stands at a place of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame, and where the next begins.
    Frame(Vec<Change>, u64),
    /// The end.
    End,
    /// No whole frame; why not.
    Broken(&'static str),
}

/// Reads the frame that begins at `at`, in a file that ends at `end`.
pub(super) fn next(from: &mut impl Read, at: u64, end: u64) -> io::Result<Next> {
    let rest = end.saturating_sub(at);
    if rest == 0 {
        return Ok(Next::End);
    }
    if rest < HEAD as u64 {
        return Ok(Next::Broken("it ends within the head of a frame"));
    }
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let Some(head) = Head::read(&head) else {
        return Ok(Next::Broken("the head of a frame is not as it was written"));
    };
    if rest - (HEAD as u64) < head.length as u64 {
        return Ok(Next::Broken("it ends within a frame"));
    }
    let mut payload = vec![0; head.length];
    from.read_exact(&mut payload)?;
    if xxh3_64(&payload) != head.hash {
        return Ok(Next::Broken("a frame is not as it was written"));
    }
    match postcard::from_bytes::<(u64, Vec<Change>)>(&payload) {
        Ok((_, changes)) => Ok(Next::Frame(changes, at + (HEAD + head.length) as u64)),
        Err(_) => Ok(Next::Broken("a frame does not read as changes")),
    }
}

/// Whether a later frame knows that what begins at `at` was on the disk: then it was damaged
/// there, and is not what a crash left of a last write. `rest` is what the file holds behind `at`.
pub(super) fn was_synced(at: u64, rest: &[u8]) -> bool {
    (1..rest.len()).any(|place| {
        let bytes = &rest[place..];
        let Some(head) = Head::read(bytes) else { return false };
        let Some(payload) = bytes.get(HEAD..HEAD + head.length) else { return false };
        let synced = postcard::take_from_bytes::<u64>(payload).map(|(synced, _)| synced);
        xxh3_64(payload) == head.hash && synced.is_ok_and(|synced| synced > at)
    })
}

/// Keys and values as whole slices, which serde writes byte by byte otherwise.
pub(in super::super) mod blob {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    struct Slice<'s>(&'s [u8]);

    impl Serialize for Slice<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    struct Whole(Vec<u8>);

    impl<'de> Deserialize<'de> for Whole {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_bytes(Visit)
        }
    }

    struct Visit;

    impl Visitor<'_> for Visit {
        type Value = Whole;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Whole, E> {
            Ok(Whole(bytes.to_vec()))
        }
    }

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(in super::super::super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(Slice).serialize(serializer)
    }

    pub(in super::super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
    }
}
