//! Bytes in, the spans of the members of one object out: a forward look that builds nothing.
//!
//! Nested values are skipped by counting brackets; what is inside them is not validated, which
//! is what makes an event that nobody reads cheap. A line break inside a text is an error here
//! as in JSON itself: it is how a torn line is noticed.

use bumpalo::Bump;
use wide::u8x16;

use super::keys::{COUNT, Key};
use super::parse;
use crate::model::Val;

/// Where the bytes stop being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn(pub(super) usize);

/// What the members of one object say, asked by name.
pub(super) trait Members<'a> {
    /// The member's value; maps and lists come without what is in them.
    fn val(&self, key: Key) -> Val<'a>;
    /// The members of the member; empty where it is no object.
    fn sub(&self, key: Key) -> Self;

    /// The member's text; empty where it is none.
    fn text(&self, key: Key) -> &'a str {
        self.val(key).as_str().unwrap_or_default()
    }

    /// Whether the member is there and not `null`.
    fn has(&self, key: Key) -> bool {
        !matches!(self.val(key), Val::Unsaid)
    }
}

impl<'a> Members<'a> for Val<'a> {
    fn val(&self, key: Key) -> Val<'a> {
        self.get(key.name())
    }

    fn sub(&self, key: Key) -> Self {
        self.get(key.name())
    }
}

/// The looked-at object: for each known name the span of its last value.
pub(super) struct Look<'a> {
    bytes: &'a [u8],
    arena: &'a Bump,
    spans: [(u32, u32); COUNT],
}

impl<'a> Look<'a> {
    fn empty(arena: &'a Bump) -> Self {
        Self { bytes: &[], arena, spans: [(0, 0); COUNT] }
    }

    /// Looks at the object that begins at `at` and tells where it ends. `arena` takes the texts
    /// that have escapes in them.
    pub(super) fn scan(bytes: &'a [u8], at: usize, arena: &'a Bump) -> Result<(Self, usize), Torn> {
        let mut look = Self { bytes, arena, spans: [(0, 0); COUNT] };
        let mut at = blank(bytes, at + 1);
        if bytes.get(at) == Some(&b'}') {
            return Ok((look, at + 1));
        }
        loop {
            if bytes.get(at) != Some(&b'"') {
                return Err(Torn(at));
            }
            let (end, escaped) = text(bytes, at)?;
            let key = name(&bytes[at + 1..end - 1], escaped);
            at = blank(bytes, end);
            if bytes.get(at) != Some(&b':') {
                return Err(Torn(at));
            }
            let start = blank(bytes, at + 1);
            let end = skip(bytes, start)?;
            if let Some(key) = key {
                let span = (u32::try_from(start), u32::try_from(end));
                let (Ok(start), Ok(end)) = span else { return Err(Torn(at)) };
                look.spans[key.index()] = (start, end);
            }
            at = blank(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = blank(bytes, at + 1),
                Some(b'}') => return Ok((look, at + 1)),
                _ => return Err(Torn(at)),
            }
        }
    }

    /// The bytes of a member; `None` where it is absent or `null`.
    pub(super) fn raw(&self, key: Key) -> Option<&'a [u8]> {
        let (start, end) = self.spans[key.index()];
        if end == 0 {
            return None;
        }
        let raw = self.bytes.get(start as usize..end as usize)?;
        (raw != b"null").then_some(raw)
    }

    /// Where texts with escapes go.
    pub(super) fn arena(&self) -> &'a Bump {
        self.arena
    }

    /// Whether the member is a list.
    pub(super) fn is_list(&self, key: Key) -> bool {
        self.raw(key).is_some_and(|raw| raw[0] == b'[')
    }

    /// Whether the member is an object.
    pub(super) fn is_map(&self, key: Key) -> bool {
        self.raw(key).is_some_and(|raw| raw[0] == b'{')
    }
}

impl<'a> Members<'a> for Look<'a> {
    fn val(&self, key: Key) -> Val<'a> {
        let Some(raw) = self.raw(key) else { return Val::Unsaid };
        match raw[0] {
            b'{' => Val::Map(&[]),
            b'[' => Val::list(&[]),
            _ => parse::scalar(raw, self.arena).unwrap_or(Val::Unknown),
        }
    }

    fn sub(&self, key: Key) -> Self {
        match self.raw(key) {
            Some(raw) if raw[0] == b'{' => {
                Self::scan(raw, 0, self.arena).map_or_else(|_| Self::empty(self.arena), |it| it.0)
            }
            _ => Self::empty(self.arena),
        }
    }

    fn has(&self, key: Key) -> bool {
        self.raw(key).is_some()
    }
}

fn name(raw: &[u8], escaped: bool) -> Option<Key> {
    if !escaped {
        return Key::of(raw);
    }
    // No name of the table is longer than this, so a longer one is nobody's.
    let mut plain = [0_u8; 48];
    let length = parse::unescape_ascii(raw, &mut plain)?;
    Key::of(&plain[..length])
}

/// The first place from `at` on that is not blank.
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes of `word` that are `byte`; exact up to the first mark.
fn marks(word: u64, byte: u8) -> u64 {
    let same = word ^ (ONES * u64::from(byte));
    same.wrapping_sub(ONES) & !same & HIGHS
}

/// The first place from `at` on with a quote, a backslash or a control character.
pub(super) fn stop(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let lane = u8x16::new(*chunk);
        let control = lane.min(u8x16::splat(0x1f)).simd_eq(lane);
        let found = control | lane.simd_eq(u8x16::splat(b'"')) | lane.simd_eq(u8x16::splat(b'\\'));
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
///
/// Eight bytes at a time: most texts are too short for anything wider to pay.
fn text(bytes: &[u8], at: usize) -> Result<(usize, bool), Torn> {
    let mut place = at + 1;
    let mut escaped = false;
    loop {
        if let Some(chunk) = bytes.get(place..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let found = marks(word, b'"') | marks(word, b'\\') | marks(word, b'\n');
            if found == 0 {
                place += 8;
                continue;
            }
            place += (found.trailing_zeros() / 8) as usize;
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
    match bytes.get(at) {
        Some(b'"') => Ok(text(bytes, at)?.0),
        Some(b'{' | b'[') => nested(bytes, at),
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
fn nested(bytes: &[u8], at: usize) -> Result<usize, Torn> {
    let mut depth = 0_u32;
    let mut texts = Texts::default();
    let mut start = at;
    loop {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty()).ok_or(Torn(bytes.len()))?;
        let marks = if let Some(block) = rest.first_chunk::<BLOCK>() {
            Marks::of(block)
        } else {
            let mut last = [b' '; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            Marks::of(&last)
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
#[derive(Default)]
struct Marks {
    quotes: u64,
    slashes: u64,
    opens: u64,
    closes: u64,
    breaks: u64,
}

impl Marks {
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut marks = Self::default();
        let (lanes, _) = block.as_chunks::<16>();
        for (place, lane) in lanes.iter().enumerate() {
            let shift = place * 16;
            let lane = u8x16::new(*lane);
            let bits = |found: u8x16| u64::from(found.to_bitmask()) << shift;
            let is = |byte: u8| bits(lane.simd_eq(u8x16::splat(byte)));
            // `[` and `{`, `]` and `}` differ in one bit alone.
            let folded = lane | u8x16::splat(0x20);
            let folds = |byte: u8| bits(folded.simd_eq(u8x16::splat(byte)));
            marks.quotes |= is(b'"');
            marks.slashes |= is(b'\\');
            marks.breaks |= is(b'\n');
            marks.opens |= folds(b'{');
            marks.closes |= folds(b'}');
        }
        marks
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
    fn ends(&mut self, marks: &Marks) -> u64 {
        let escaped = std::mem::take(&mut self.escaped);
        if marks.slashes == 0 {
            return marks.quotes & !escaped;
        }
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
            prop_assert_eq!(nested(&bytes, 0).map_err(|_| ()), plainly(&bytes));
        }

        #[test]
        fn long_texts_and_deep_nesting_end_where_they_do(
            depth in 1_usize..90, gap in 0_usize..90, slashes in 0_usize..70,
        ) {
            let text = format!("\"{}{}\"", "x".repeat(gap), "\\\\".repeat(slashes));
            let inner = format!("{}{text},{text}{}", "[".repeat(depth), "]".repeat(depth));
            let bytes = format!("{inner}]");
            prop_assert_eq!(nested(bytes.as_bytes(), 0), Ok(inner.len()));
        }
    }
}
