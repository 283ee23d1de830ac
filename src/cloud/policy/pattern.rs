//! Two patterns with `*` and `?` go in; whether one holds all, or some, of the other comes out.
//!
//! Names of actions are compared without regard to case, as AWS documents for `Action`:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>

/// Whether everything that `inner` names is named by `outer`. A plain name is a pattern too.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.as_bytes(), inner.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while read < inner.len() {
        match outer.get(at) {
            Some(b'*') => {
                back = Some((at + 1, read));
                at += 1;
            }
            Some(byte) if same(*byte, inner[read]) => {
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

fn same(pattern: u8, byte: u8) -> bool {
    (pattern == b'?' && byte != b'*') || pattern.eq_ignore_ascii_case(&byte)
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

/// Whether the pattern names everything: `*`, `*:*`, Huawei's `*:*:*`.
pub(super) fn everything(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|byte| matches!(byte, b'*' | b':'))
}
