//! Two patterns with `*` and `?` go in; whether one holds all, or some, of the other comes out.
//!
//! Names of actions are compared without regard to case, as AWS documents for `Action`:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
//! Names of resources with it: keys of objects differ by case alone.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>

/// Bytes of a pattern that cost one unit of fuel.
const BYTES_PER_UNIT: usize = 32;

/// Whether case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// `a` is `A`: actions.
    Folded,
    /// `a` is not `A`: resources.
    Exact,
}

/// What one look at a pattern of that length costs: going back at each star is as long as both
/// patterns together, so lengths are multiplied.
pub(super) const fn cost(length: usize) -> usize {
    1 + length / BYTES_PER_UNIT
}

/// Whether every action that `inner` names is named by `outer`. A plain name is a pattern too.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    covers_by(Case::Folded, outer, inner)
}

/// Whether everything that `inner` names is named by `outer`.
pub(super) fn covers_by(case: Case, outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.as_bytes(), inner.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while read < inner.len() {
        match outer.get(at) {
            Some(b'*') => {
                back = Some((at + 1, read));
                at += 1;
            }
            Some(byte) if same(case, *byte, inner[read]) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                at = star;
                read = from + 1;
            }
        }
    }
    outer[at..].iter().all(|byte| *byte == b'*')
}

fn same(case: Case, pattern: u8, byte: u8) -> bool {
    match case {
        _ if pattern == b'?' && byte != b'*' => true,
        Case::Folded => pattern.eq_ignore_ascii_case(&byte),
        Case::Exact => pattern == byte,
    }
}

/// Whether the two may name something in common; errs on the side of yes.
pub(super) fn meets(one: &str, other: &str) -> bool {
    let fixed =
        |pattern: &str| pattern.split(['*', '?']).next().unwrap_or_default().to_ascii_lowercase();
    let (head, tail) = (fixed(one), fixed(other));
    if head.len() == one.len() && tail.len() == other.len() {
        return head == tail;
    }
    if head.len() == one.len() || tail.len() == other.len() {
        return covers(one, other) || covers(other, one);
    }
    head.starts_with(&tail) || tail.starts_with(&head)
}

/// Whether the pattern names everything: `*`, `*:*`, Huawei's `*:*:*`, and `?*`, since no name is
/// empty.
pub(super) fn everything(pattern: &str) -> bool {
    let count = |wanted: u8| pattern.bytes().filter(|byte| *byte == wanted).count();
    pattern.contains('*')
        && count(b'?') <= 1
        && pattern.bytes().all(|byte| matches!(byte, b'*' | b'?' | b':'))
}

/// Whether the pattern names every resource: as [`everything`], or every ARN (`arn:aws:*`).
pub(super) fn every_resource(pattern: &str) -> bool {
    let rest = pattern.strip_prefix("arn:").map(|rest| {
        let (partition, below) = rest.split_once(':').unwrap_or(("", rest));
        if partition.contains(['*', '?']) { rest } else { below }
    });
    everything(rest.unwrap_or(pattern))
}
