//! Bytes in, the spans of the members of one object out: a forward look that builds nothing.
//!
//! Names come in the order they came in before, mostly: the one to expect is compared as a whole
//! first. Values are passed over (`skip`); what is inside them is not validated, which is what
//! makes an event that nobody reads cheap.

#![allow(clippy::inline_always, reason = "what runs on wide lanes is compiled for them as one")]

use bumpalo::Bump;
use fearless_simd::prelude::*;
use fearless_simd::{dispatch, u8x32};

use super::keys::{COUNT, Key, Order, WIDTH};
use super::parse;
use super::skip::{Torn, blank, lanes, skipped, text};
use crate::model::Val;

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

/// What a look works with.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    /// Takes the texts that have escapes in them.
    pub(super) arena: &'a Bump,
    /// What the looks before met.
    pub(super) order: &'a Order,
}

/// The looked-at object: for each known name the span of its last value.
pub(super) struct Look<'a> {
    bytes: &'a [u8],
    tools: Tools<'a>,
    spans: [(u32, u32); COUNT],
}

impl<'a> Look<'a> {
    /// A look at `bytes` that has seen nothing yet.
    pub(super) fn new(bytes: &'a [u8], tools: Tools<'a>) -> Self {
        Self { bytes, tools, spans: [(0, 0); COUNT] }
    }

    /// Looks, for the first time, at the object that begins at `at`, and tells where it ends.
    pub(super) fn scan(&mut self, at: usize) -> Result<usize, Torn> {
        dispatch!(lanes(), simd => self.members(simd, at))
    }

    #[inline(always)]
    fn members<S: Simd>(&mut self, simd: S, at: usize) -> Result<usize, Torn> {
        let bytes = self.bytes;
        let mut at = blank(bytes, at + 1);
        if bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let mut last = None;
        loop {
            let (key, colon) = match self.expected(simd, at, last) {
                Some((key, end)) => (Some(key), end),
                None => self.named(simd, at, last)?,
            };
            last = key.or(last);
            let start = blank(bytes, colon);
            let end = skipped(simd, bytes, start)?;
            if let Some(span) = key.and_then(|key| self.spans.get_mut(key.index())) {
                let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
                    return Err(Torn(start));
                };
                *span = (start, end);
            }
            at = blank(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = blank(bytes, at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return Err(Torn(at)),
            }
        }
    }

    /// The name at `at` where it is the one that followed `last` before, and what is behind its
    /// colon.
    #[inline(always)]
    fn expected<S: Simd>(&self, simd: S, at: usize, last: Option<Key>) -> Option<(Key, usize)> {
        let (key, (written, length)) = self.tools.order.expected(last)?;
        let chunk = self.bytes.get(at..)?.first_chunk::<WIDTH>()?;
        let same = u8x32::from_slice(simd, chunk).simd_eq(u8x32::from_slice(simd, written));
        let same = same.to_bitmask().trailing_ones();
        (*length > 0 && same >= u32::from(*length)).then(|| (key, at + usize::from(*length)))
    }

    /// The name at `at`, whatever it is, and what is behind its colon.
    #[inline(always)]
    fn named<S: Simd>(
        &self,
        simd: S,
        at: usize,
        last: Option<Key>,
    ) -> Result<(Option<Key>, usize), Torn> {
        let bytes = self.bytes;
        if bytes.get(at) != Some(&b'"') {
            return Err(Torn(at));
        }
        let (end, escaped) = text(simd, bytes, at)?;
        let key = name(&bytes[at + 1..end - 1], escaped);
        if let Some(key) = key {
            self.tools.order.came(last, key);
        }
        let at = blank(bytes, end);
        if bytes.get(at) != Some(&b':') {
            return Err(Torn(at));
        }
        Ok((key, at + 1))
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
        self.tools.arena
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
            _ => parse::scalar(raw, self.tools.arena).unwrap_or(Val::Unknown),
        }
    }

    fn sub(&self, key: Key) -> Self {
        let raw = self.raw(key).filter(|raw| raw[0] == b'{').unwrap_or_default();
        let mut look = Self::new(raw, self.tools);
        if !raw.is_empty() && look.scan(0).is_err() {
            return Self::new(&[], self.tools);
        }
        look
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
