//! JSON text in, a [`Val`] tree in the arena out: linear, bounded in depth and number of values.
//!
//! `null` members of objects are left out (also an earlier value of the same name: the last
//! counts), `null` in lists is [`Val::None`]; integers beyond `i64` become doubles; lone
//! surrogates become U+FFFD.

use bumpalo::Bump;
use bumpalo::collections::{String as Text, Vec as List};
use rustc_hash::FxHashSet;

use crate::model::{DeadReason, Val};

/// Nesting beyond which even a generous limit does not go, because the parser recurses.
const DEEPEST: usize = 512;

/// Why a text was refused, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// `NotUtf8`, `NotJson`, `TooDeep` or `TooManyNodes`.
    pub(super) reason: DeadReason,
    /// Offset within the text.
    pub(super) at: usize,
}

/// What one event may still spend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nesting.
    pub(super) depth: usize,
    /// Values.
    pub(super) nodes: usize,
}

/// Reads one value; nothing but blanks may follow.
pub(super) fn parse<'a>(
    bytes: &'a [u8],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Val<'a>, Bad> {
    let text = std::str::from_utf8(bytes)
        .map_err(|bad| Bad { reason: DeadReason::NotUtf8, at: bad.valid_up_to() })?;
    let depth = budget.depth.min(DEEPEST);
    let mut parser = Parser { text, bytes, at: 0, arena, nodes: budget.nodes };
    parser.blank();
    let value = parser.value(depth)?;
    parser.blank();
    if parser.at < bytes.len() {
        return Err(parser.bad());
    }
    budget.nodes = parser.nodes;
    Ok(value)
}

/// Reads a text, number or word on its own.
pub(super) fn scalar<'a>(bytes: &'a [u8], arena: &'a Bump) -> Option<Val<'a>> {
    // A text without escapes needs no more than to be one, and most are such.
    if let [b'"', inner @ .., b'"'] = bytes
        && super::skip::stop(bytes, 1) == Some(bytes.len() - 1)
    {
        return std::str::from_utf8(inner).ok().map(Val::Str);
    }
    match bytes {
        b"true" => return Some(Val::Bool(true)),
        b"false" => return Some(Val::Bool(false)),
        _ => {}
    }
    parse(bytes, arena, &mut Budget { depth: 1, nodes: 1 }).ok()
}

/// Undoes the escapes of a short name into `out`; `None` when it is longer or not ASCII, which
/// no known name is.
pub(super) fn unescape_ascii(raw: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut length = 0;
    let mut at = 0;
    while at < raw.len() {
        let byte = if raw[at] == b'\\' {
            let kind = *raw.get(at + 1)?;
            at += 2;
            match kind {
                b'u' => {
                    let code = hex(raw, at)?;
                    at += 4;
                    u8::try_from(code).ok().filter(u8::is_ascii)?
                }
                other => plain(other)?,
            }
        } else {
            at += 1;
            raw[at - 1]
        };
        *out.get_mut(length)? = byte;
        length += 1;
    }
    Some(length)
}

fn plain(kind: u8) -> Option<u8> {
    Some(match kind {
        b'"' | b'\\' | b'/' => kind,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    arena: &'a Bump,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn bad(&self) -> Bad {
        self.refuse(DeadReason::NotJson)
    }

    fn refuse(&self, reason: DeadReason) -> Bad {
        Bad { reason, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        self.at = super::skip::blank(self.bytes, self.at);
    }

    fn value(&mut self, depth: usize) -> Result<Val<'a>, Bad> {
        self.nodes =
            self.nodes.checked_sub(1).ok_or_else(|| self.refuse(DeadReason::TooManyNodes))?;
        match self.peek() {
            Some(b'{' | b'[') if depth == 0 => Err(self.refuse(DeadReason::TooDeep)),
            Some(b'{') => self.map(depth - 1),
            Some(b'[') => self.list(depth - 1),
            Some(b'"') => Ok(Val::Str(self.string()?)),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::None),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Val<'a>) -> Result<Val<'a>, Bad> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.bad());
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), Bad> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.bad()) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Val<'a>, Bad> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if let (true, Ok(number)) = (whole, text.parse()) {
            return Ok(Val::Int(number));
        }
        let number: f64 = text.parse().map_err(|_| self.bad())?;
        Ok(Val::Double(number.clamp(f64::MIN, f64::MAX)))
    }

    fn list(&mut self, depth: usize) -> Result<Val<'a>, Bad> {
        let mut items = List::new_in(self.arena);
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Val::list(&[]));
        }
        loop {
            self.blank();
            items.push(self.value(depth)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.bad()),
            }
        }
        self.at += 1;
        Ok(Val::list(items.into_bump_slice()))
    }

    fn map(&mut self, depth: usize) -> Result<Val<'a>, Bad> {
        let mut entries: List<'a, (&'a str, Val<'a>)> = List::with_capacity_in(8, self.arena);
        let mut nulls = false;
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Val::Map(&[]));
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(self.bad());
            }
            let name = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.bad());
            }
            self.at += 1;
            self.blank();
            let value = self.value(depth)?;
            nulls |= matches!(value, Val::None);
            entries.push((name, value));
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.bad()),
            }
        }
        self.at += 1;
        if nulls {
            forget_nulls(&mut entries);
        }
        Ok(Val::Map(entries.into_bump_slice()))
    }

    fn string(&mut self) -> Result<&'a str, Bad> {
        self.at += 1;
        let start = self.at;
        let mut text: Option<Text<'a>> = None;
        loop {
            let from = self.at;
            let Some(stop) = super::skip::stop(self.bytes, from) else {
                self.at = self.bytes.len();
                return Err(self.bad());
            };
            self.at = stop;
            match self.bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    let Some(mut text) = text else {
                        return Ok(&self.text[start..stop]);
                    };
                    text.push_str(&self.text[from..stop]);
                    return Ok(text.into_bump_str());
                }
                b'\\' => {
                    let text = text.get_or_insert_with(|| Text::new_in(self.arena));
                    text.push_str(&self.text[from..stop]);
                    let escaped = self.escape()?;
                    text.push(escaped);
                }
                _ => return Err(self.bad()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Bad> {
        let kind = self.bytes.get(self.at + 1).copied().ok_or_else(|| self.bad())?;
        if kind != b'u' {
            let byte = plain(kind).ok_or_else(|| self.bad())?;
            self.at += 2;
            return Ok(char::from(byte));
        }
        let high = hex(self.bytes, self.at + 2).ok_or_else(|| self.bad())?;
        self.at += 6;
        if let Some(letter) = char::from_u32(high) {
            return Ok(letter);
        }
        let pair = self.bytes[self.at..].starts_with(b"\\u");
        let low = if pair { hex(self.bytes, self.at + 2) } else { None };
        match low {
            Some(low @ 0xDC00..=0xDFFF) if high < 0xDC00 => {
                self.at += 6;
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            _ => Ok(char::REPLACEMENT_CHARACTER),
        }
    }
}

/// Takes out members that are `null`, and what an earlier member of the same name said.
fn forget_nulls<'a>(entries: &mut List<'a, (&'a str, Val<'a>)>) {
    let mut gone = FxHashSet::default();
    for place in (0..entries.len()).rev() {
        let (name, value) = entries[place];
        if matches!(value, Val::None) {
            gone.insert(name);
        } else if !gone.is_empty() && gone.contains(name) {
            entries[place].1 = Val::None;
        }
    }
    entries.retain(|(_, value)| !matches!(value, Val::None));
}
