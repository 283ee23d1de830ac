//! Sets of ports: text and numbers become sorted ranges, sets are joined, cut and asked.
//!
//! **Invariant:** ranges are sorted, disjoint and not adjacent. A set that is not whole is a
//! lower bound: what is in it is certain, what is not in it is open.

use bumpalo::Bump;
use bumpalo::collections::Vec;

use crate::model::{PortRange, PortSet};

/// Every port.
pub const ALL: PortSet<'static> =
    PortSet { ranges: &[PortRange { first: 0, last: u16::MAX }], whole: true };

/// No port.
pub const NOTHING: PortSet<'static> = PortSet { ranges: &[], whole: true };

/// Brings ranges in any order into the form of a set.
pub fn normalise<'a>(ranges: &[PortRange], whole: bool, arena: &'a Bump) -> PortSet<'a> {
    let mut sorted = Vec::with_capacity_in(ranges.len(), arena);
    sorted.extend_from_slice(ranges);
    sorted.sort_unstable();
    let mut joined: Vec<'a, PortRange> = Vec::with_capacity_in(sorted.len(), arena);
    for range in sorted {
        match joined.last_mut() {
            Some(last) if u32::from(range.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    PortSet { ranges: joined.into_bump_slice(), whole }
}

/// Reads `22,80-443`, `all`, `*`, `any`, `-1`, the empty text (nothing). `None` where a part is
/// no port.
pub fn parse<'a>(text: &str, arena: &'a Bump) -> Option<PortSet<'a>> {
    let text = text.trim();
    if is_all(text) {
        return Some(ALL);
    }
    let mut ranges = Vec::new_in(arena);
    for part in text.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty()) {
        if is_all(part) {
            return Some(ALL);
        }
        let (first, last) = part.split_once(['-', ':']).unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last {
            return None;
        }
        ranges.push(PortRange { first, last });
    }
    Some(normalise(&ranges, true, arena))
}

fn is_all(text: &str) -> bool {
    ["all", "any", "*", "-1"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Both sets together.
pub fn union<'a>(a: PortSet<'_>, b: PortSet<'_>, arena: &'a Bump) -> PortSet<'a> {
    let mut ranges = Vec::with_capacity_in(a.ranges.len() + b.ranges.len(), arena);
    ranges.extend_from_slice(a.ranges);
    ranges.extend_from_slice(b.ranges);
    normalise(&ranges, a.whole && b.whole, arena)
}

/// What is in `a` and not in `b`. Where `b` may hold more, so may less be left: the result is
/// then a lower bound of nothing certain, and not whole. One walk along both.
pub fn minus<'a>(a: PortSet<'_>, b: PortSet<'_>, arena: &'a Bump) -> PortSet<'a> {
    let mut left = Vec::with_capacity_in(a.ranges.len(), arena);
    let mut cuts = b.ranges;
    for range in a.ranges {
        let mut first = u32::from(range.first);
        cuts = from(cuts, range.first);
        for cut in cuts.iter().take_while(|cut| cut.first <= range.last) {
            push(&mut left, first, u32::from(cut.first));
            first = u32::from(cut.last) + 1;
        }
        push(&mut left, first, u32::from(range.last) + 1);
    }
    if !b.whole && !left.is_empty() {
        return PortSet { ranges: &[], whole: false };
    }
    PortSet { ranges: left.into_bump_slice(), whole: a.whole }
}

/// The ranges without those that end before the port. Walked along with rising ports, each range
/// is passed once.
fn from(ranges: &[PortRange], port: u16) -> &[PortRange] {
    let ended = ranges.iter().take_while(|range| range.last < port).count();
    &ranges[ended..]
}

/// Adds `first..end` where it is not empty.
fn push(ranges: &mut Vec<'_, PortRange>, first: u32, end: u32) {
    let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(end.wrapping_sub(1))) else {
        return;
    };
    if u32::from(first) < end {
        ranges.push(PortRange { first, last });
    }
}

/// Whether a port is in the set; `None` when nobody can tell.
#[must_use]
pub fn contains(set: PortSet<'_>, port: i64) -> Option<bool> {
    let Ok(port) = u16::try_from(port) else { return Some(false) };
    let found = set.ranges.iter().any(|range| range.first <= port && port <= range.last);
    (found || set.whole).then_some(found)
}

/// Whether a port is in both; `None` when nobody can tell.
#[must_use]
pub fn intersects(a: PortSet<'_>, b: PortSet<'_>) -> Option<bool> {
    let mut others = b.ranges;
    for range in a.ranges {
        others = from(others, range.first);
        if others.first().is_some_and(|other| other.first <= range.last) {
            return Some(true);
        }
    }
    let nothing = |set: PortSet<'_>| set.whole && set.ranges.is_empty();
    (nothing(a) || nothing(b) || (a.whole && b.whole)).then_some(false)
}

/// Whether all of `b` is in `a`; `None` when nobody can tell.
#[must_use]
pub fn covers(a: PortSet<'_>, b: PortSet<'_>) -> Option<bool> {
    let mut holders = a.ranges;
    for range in b.ranges {
        holders = from(holders, range.first);
        let held = |holder: &PortRange| holder.first <= range.first && range.last <= holder.last;
        if !holders.first().is_some_and(held) {
            return a.whole.then_some(false);
        }
    }
    b.whole.then_some(true)
}

/// Whether both are the same; `None` when one is not whole.
#[must_use]
pub fn equals(a: PortSet<'_>, b: PortSet<'_>) -> Option<bool> {
    (a.whole && b.whole).then(|| a.ranges == b.ranges)
}

/// How many ports are known to be in the set.
#[must_use]
pub fn size(set: PortSet<'_>) -> i64 {
    set.ranges.iter().map(|range| i64::from(range.last) - i64::from(range.first) + 1).sum()
}
