//! A partition of the alerts topic as the worker knows it, and how far each destination got in it,
//! as it is written beside the committed offset.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::log::{Commit, Offset, TopicPartition};
use crate::model::Timestamp;

/// A partition.
pub(super) struct Place {
    pub of: TopicPartition,
    /// The next record to be read.
    pub read: Offset,
    /// Up to here it is read only to learn what stands at destinations.
    pub recall: Offset,
    /// Where it ends, and when that was last asked, by the wall clock.
    pub end: Offset,
    pub looked: Timestamp,
    /// What was last committed.
    pub committed: Option<Commit>,
    /// Whether it waits to know where to begin.
    pub waits: bool,
    pub paused: bool,
}

impl Place {
    pub(super) fn new(of: TopicPartition) -> Self {
        Self {
            of,
            read: Offset(0),
            recall: Offset(0),
            end: Offset(0),
            looked: Timestamp(i64::MIN),
            committed: None,
            waits: true,
            paused: false,
        }
    }
}

/// What marks a receipt of this form.
const MARK: &str = "n1";

/// How far each destination got, beside the offset that is committed: `n1;pager=0;chat=12`, by how
/// much it is ahead. Names hold neither `;` nor `=`. Kafka takes 4,096 bytes.
pub(super) fn receipt<'n>(
    next: Offset,
    reached: impl Iterator<Item = (&'n str, Offset)>,
) -> String {
    let mut text = MARK.to_owned();
    for (name, offset) in reached {
        // Writing into a text has no way to fail.
        let _ = write!(text, ";{name}={}", offset.0.saturating_sub(next.0));
    }
    text
}

/// How far each destination got; empty where nothing of this form was written.
pub(super) fn reached(receipt: &str, next: Offset) -> BTreeMap<String, Offset> {
    let mut parts = receipt.split(';');
    if parts.next() != Some(MARK) {
        return BTreeMap::new();
    }
    let read = |part: &str| {
        let (name, ahead) = part.split_once('=')?;
        Some((name.to_owned(), Offset(next.0.checked_add(ahead.parse().ok()?)?)))
    };
    parts.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_how_far_each_destination_got() {
        let next = Offset(40);
        let text = receipt(next, [("chat", Offset(52)), ("pager", Offset(40))].into_iter());
        assert_eq!(text, "n1;chat=12;pager=0");
        let due = [("chat".to_owned(), Offset(52)), ("pager".to_owned(), Offset(40))];
        assert_eq!(reached(&text, next), due.into_iter().collect());
    }

    #[test]
    fn what_is_no_receipt_says_nothing() {
        for text in ["", "n2;a=1", "batch-7", "n1"] {
            assert!(reached(text, Offset(1)).is_empty(), "{text}");
        }
        let max = u64::MAX;
        assert_eq!(reached(&format!("n1;a=x;b;c={max};d=1"), Offset(1)).len(), 1);
    }

    #[test]
    fn the_receipt_of_as_many_destinations_as_there_may_be_fits() {
        let names: Vec<String> = (0..32).map(|n| format!("{n:032}")).collect();
        let all = names.iter().map(|name| (name.as_str(), Offset(u64::MAX)));
        assert!(receipt(Offset(0), all).len() < 4_096);
    }
}
