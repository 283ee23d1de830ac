//! A place in the bytes in, the end of the value there out, building and validating nothing.
//!
//! Brackets are counted 64 bytes at a time, on the widest lanes that the processor has. A line
//! break inside a text is an error here as in JSON itself: it is how a torn line is noticed.

#![allow(clippy::inline_always, reason = "what runs on wide lanes is compiled for them as one")]

use std::sync::LazyLock;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x16, u8x32, u8x64};

/// Where the bytes stop being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn(pub(super) usize);

/// The widest lanes that this processor has.
pub(super) fn lanes() -> Level {
    static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);
    *LEVEL
}

/// The first place from `at` on that is not blank.
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The first place from `at` on with a quote, a backslash or a control character.
pub(super) fn stop(bytes: &[u8], at: usize) -> Option<usize> {
    // What every processor of this sort has: texts are short, and this is asked for each.
    dispatch!(Level::baseline(), simd => stops(simd, bytes, at))
}

#[inline(always)]
fn stops<S: Simd>(simd: S, bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let lane = u8x16::from_slice(simd, chunk);
        let found = lane.simd_le(0x1f) | lane.simd_eq(b'"') | lane.simd_eq(b'\\');
        let found = found.to_bitmask();
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=31)).map(|found| at + found)
}

/// The end of the text whose opening quote is at `at`, and whether it has escapes.
#[inline(always)]
pub(super) fn text<S: Simd>(simd: S, bytes: &[u8], at: usize) -> Result<(usize, bool), Torn> {
    let mut place = at + 1;
    let mut escaped = false;
    loop {
        if let Some(chunk) = bytes.get(place..).and_then(|rest| rest.first_chunk::<32>()) {
            let lane = u8x32::from_slice(simd, chunk);
            let found = lane.simd_eq(b'"') | lane.simd_eq(b'\\') | lane.simd_eq(b'\n');
            let found = found.to_bitmask();
            if found == 0 {
                place += 32;
                continue;
            }
            place += found.trailing_zeros() as usize;
        }
        match bytes.get(place) {
            Some(b'"') => return Ok((place + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                place += 2;
            }
            Some(b'\n') => return Err(Torn(place)),
            Some(_) => place += 1,
            None => return Err(Torn(bytes.len())),
        }
    }
}

/// The end of the value that begins at `at`.
pub(super) fn skip(bytes: &[u8], at: usize) -> Result<usize, Torn> {
    dispatch!(lanes(), simd => skipped(simd, bytes, at))
}

#[inline(always)]
pub(super) fn skipped<S: Simd>(simd: S, bytes: &[u8], at: usize) -> Result<usize, Torn> {
    match bytes.get(at) {
        Some(b'"') => Ok(text(simd, bytes, at)?.0),
        Some(b'{' | b'[') => nested(simd, bytes, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let rest = &bytes[at..];
            let word =
                |byte: &u8| !matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
            Ok(at + rest.iter().position(word).unwrap_or(rest.len()))
        }
        _ => Err(Torn(at)),
    }
}

/// The end of the object or list that begins at `at`, 64 bytes at a time: which bytes are quotes
/// and brackets is read off as bits, and whole blocks that end nothing are counted and passed.
#[inline(always)]
fn nested<S: Simd>(simd: S, bytes: &[u8], at: usize) -> Result<usize, Torn> {
    let mut depth = 0_u32;
    let mut texts = Texts::default();
    let mut start = at;
    loop {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty()).ok_or(Torn(bytes.len()))?;
        let marks = if let Some(block) = rest.first_chunk::<BLOCK>() {
            Marks::of(simd, block)
        } else {
            let mut last = [b' '; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            Marks::of(simd, &last)
        };
        let within = texts.within(&marks);
        let (opens, closes) = (marks.opens & !within, marks.closes & !within);
        let broken = marks.breaks & within;
        let end = ending(opens, closes, depth);
        let before = end.map_or(u64::MAX, |end| (1 << end) - 1);
        if broken & before != 0 {
            return Err(Torn(start + (broken.trailing_zeros() as usize)));
        }
        if let Some(end) = end {
            return Ok(start + end as usize + 1);
        }
        depth = depth + opens.count_ones() - closes.count_ones();
        start += BLOCK;
    }
}

/// The bit of the bracket that closes the outermost one.
#[inline(always)]
fn ending(opens: u64, closes: u64, depth: u32) -> Option<u32> {
    // Fewer closings than levels: none of them is the last.
    if closes.count_ones() < depth || closes == 0 {
        return None;
    }
    let (mut left, mut closed) = (closes, 0);
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        closed += 1;
        let opened = (opens & ((1 << bit) - 1)).count_ones();
        if depth + opened <= closed {
            return Some(bit);
        }
    }
    None
}

/// Bytes looked at together.
const BLOCK: usize = 64;

/// One bit per byte of a block, the first byte lowest.
struct Marks {
    quotes: u64,
    slashes: u64,
    opens: u64,
    closes: u64,
    breaks: u64,
}

impl Marks {
    #[inline(always)]
    fn of<S: Simd>(simd: S, block: &[u8; BLOCK]) -> Self {
        let lane = u8x64::from_slice(simd, block);
        // `[` and `{`, `]` and `}` differ in one bit alone.
        let folded = lane | 0x20;
        Self {
            quotes: lane.simd_eq(b'"').to_bitmask(),
            slashes: lane.simd_eq(b'\\').to_bitmask(),
            opens: folded.simd_eq(b'{').to_bitmask(),
            closes: folded.simd_eq(b'}').to_bitmask(),
            breaks: lane.simd_eq(b'\n').to_bitmask(),
        }
    }
}

/// Where texts begin and end, from one block to the next.
#[derive(Default)]
struct Texts {
    /// All ones while a text goes on into the next block.
    open: u64,
    /// 1 when the next block's first byte is escaped.
    escaped: u64,
}

impl Texts {
    /// The bytes within texts, opening quotes included and closing ones not.
    #[inline(always)]
    fn within(&mut self, marks: &Marks) -> u64 {
        let mut within = self.ends(marks);
        for shift in [1, 2, 4, 8, 16, 32] {
            within ^= within << shift;
        }
        within ^= self.open;
        self.open = if within >> 63 == 1 { u64::MAX } else { 0 };
        within
    }

    /// The quotes that begin or end a text. A backslash counts within a text alone.
    #[inline(always)]
    fn ends(&mut self, marks: &Marks) -> u64 {
        let escaped = std::mem::take(&mut self.escaped);
        if marks.slashes == 0 {
            return marks.quotes & !escaped;
        }
        self.slashed(marks, escaped)
    }

    fn slashed(&mut self, marks: &Marks, escaped: u64) -> u64 {
        let mut within = self.open != 0;
        let mut left = (marks.quotes | marks.slashes) & !escaped;
        let mut ends = 0;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left ^= bit;
            if marks.quotes & bit != 0 {
                ends |= bit;
                within = !within;
            } else if within {
                self.escaped = bit >> 63;
                left &= !(bit << 1);
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the value ends; the same on every lane width that this machine has.
    fn ended(bytes: &[u8]) -> Result<usize, Torn> {
        let narrow = dispatch!(Level::baseline(), simd => nested(simd, bytes, 0));
        assert_eq!(skip(bytes, 0), narrow);
        narrow
    }

    /// Byte by byte, as JSON is read.
    fn plainly(bytes: &[u8]) -> Result<usize, ()> {
        let (mut depth, mut within, mut at) = (0, false, 0);
        while let Some(byte) = bytes.get(at) {
            match (within, byte) {
                (true, b'\\') => at += 1,
                (_, b'"') => within = !within,
                (true, b'\n') => return Err(()),
                (false, b'{' | b'[') => depth += 1,
                (false, b'}' | b']') => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Err(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn blocks_end_where_bytes_end(
            rest in prop::collection::vec(prop::sample::select(&b"{}[]\"\\\n ,:a0"[..]), 0..300),
        ) {
            let mut bytes = [&b"{"[..], &rest].concat();
            // A line break behind a backslash is no JSON: the blocks may tell it, or the parser.
            for at in 1..bytes.len() {
                if bytes[at - 1..=at] == *b"\\\n" {
                    bytes[at] = b'a';
                }
            }
            prop_assert_eq!(ended(&bytes).map_err(|_| ()), plainly(&bytes));
        }

        #[test]
        fn long_texts_and_deep_nesting_end_where_they_do(
            depth in 1_usize..90, gap in 0_usize..90, slashes in 0_usize..70,
        ) {
            let text = format!("\"{}{}\"", "x".repeat(gap), "\\\\".repeat(slashes));
            let inner = format!("{}{text},{text}{}", "[".repeat(depth), "]".repeat(depth));
            let bytes = format!("{inner}]");
            prop_assert_eq!(ended(bytes.as_bytes()), Ok(inner.len()));
        }
    }
}
