//! The bytes of a record in, its leaves one by one out: envelopes, batches, lines, compression.
//!
//! Everything is done on spans of the original bytes; only texts that hold an event, base64 and
//! compressed data are copied, into the arena of opened envelopes.

use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use bumpalo::Bump;

use super::keys::{self, Key};
use super::leaf::{self, Outer};
use super::parse::{self, Budget};
use super::recognise::{self, Shape};
use super::scan::{Look, Members as _, Tools};
use super::skip::{self, Torn};
use super::{Dead, Decoded, Detail, Index, Record, Sink, times};
use crate::model::{DeadReason, Format, Limits, Val};

/// What does not change during a record.
#[derive(Clone, Copy)]
pub(super) struct Settings<'w> {
    pub(super) limits: &'w Limits,
    pub(super) forced: Option<Format>,
    pub(super) detail: Detail,
    pub(super) index: &'w dyn Index,
}

/// One walk through one record.
struct Walk<'w, 's> {
    settings: Settings<'w>,
    tools: Tools<'w>,
    trees: &'w mut Bump,
    sink: &'w mut Sink<'s>,
    decompressed: usize,
    told: usize,
    overfull: bool,
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Walks `record` and tells `sink` about each leaf.
pub(super) fn record(
    record: &Record<'_>,
    settings: Settings<'_>,
    tools: Tools<'_>,
    trees: &mut Bump,
    sink: &mut Sink<'_>,
) {
    let mut walk = Walk { settings, tools, trees, sink, decompressed: 0, told: 0, overfull: false };
    let limit = settings.limits.record_bytes.min(u32::MAX as usize);
    if record.value.len() > limit {
        walk.dead(DeadReason::RecordTooLarge, "record beyond `limits.record_bytes`");
        return;
    }
    let mut outer = Outer { time: record.time, ..Outer::default() };
    for (name, value) in record.headers {
        let Ok(value) = std::str::from_utf8(value) else { continue };
        if name.eq_ignore_ascii_case("ce_id") {
            outer.id = value;
        } else if name.eq_ignore_ascii_case("ce_time") {
            outer.time = times::text(value).or(outer.time);
        }
    }
    walk.bytes(record.value, outer, 0);
    if walk.told == 0 {
        walk.dead(DeadReason::Empty, "no event in the record");
    }
}

impl<'w> Walk<'w, '_> {
    /// Whether one more outcome may be told. What is beyond the limit is refused together.
    fn room(&mut self) -> bool {
        if self.told < self.settings.limits.events_per_record {
            self.told += 1;
            return true;
        }
        if !self.overfull {
            self.overfull = true;
            self.refuse(DeadReason::TooManyEvents, "beyond `limits.events_per_record`");
        }
        false
    }

    fn dead(&mut self, reason: DeadReason, detail: &str) {
        if self.room() {
            self.refuse(reason, detail);
        }
    }

    fn refuse(&mut self, reason: DeadReason, detail: &str) {
        let dead = Dead { format: None, reason, detail, id: "", account: "", service: "" };
        (self.sink)(self.trees, Decoded::Dead(&dead));
    }

    fn torn(&mut self, bytes: &[u8], torn: Torn) {
        if std::str::from_utf8(bytes).is_err() {
            return self.dead(DeadReason::NotUtf8, "bytes that are not text");
        }
        let detail = format!("not JSON from byte {} on", torn.0);
        self.dead(DeadReason::NotJson, &detail);
    }

    fn enter(&mut self, name: &str, level: usize) -> Option<usize> {
        if level < self.settings.limits.unwrap_levels {
            self.settings.index.envelope(name, level + 1);
            return Some(level + 1);
        }
        self.dead(DeadReason::TooManyEnvelopes, "beyond `limits.unwrap_levels`");
        None
    }

    /// Bytes of any sort: compressed, JSON, JSON lines, objects side by side.
    fn bytes(&mut self, bytes: &'w [u8], outer: Outer<'w>, level: usize) {
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return self.values(bytes, outer, level);
        }
        let Some(level) = self.enter("gzip", level) else { return };
        let left = self.settings.limits.decompressed_bytes.saturating_sub(self.decompressed);
        let left = left.min(u32::MAX as usize);
        let mut plain = Vec::new();
        let gzip = flate2::read::MultiGzDecoder::new(bytes);
        match gzip.take(left as u64 + 1).read_to_end(&mut plain) {
            Ok(length) if length > left => {
                self.dead(DeadReason::DecompressedTooLarge, "beyond `limits.decompressed_bytes`");
            }
            Ok(length) => {
                self.decompressed += length;
                let plain = self.tools.arena.alloc_slice_copy(&plain);
                self.bytes(plain, outer, level);
            }
            Err(_) => self.dead(DeadReason::BadCompression, "gzip that does not unpack"),
        }
    }

    /// JSON values one after the other, with or without blanks between.
    fn values(&mut self, bytes: &'w [u8], outer: Outer<'w>, level: usize) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut at = skip::blank(bytes, 0);
        while at < bytes.len() && !self.overfull {
            match self.value(bytes, at, outer, level) {
                Ok(end) => at = skip::blank(bytes, end),
                Err(_) => return self.lines(bytes, at, outer, level),
            }
        }
    }

    /// Line by line, because a value was torn: what is whole again is read again.
    fn lines(&mut self, bytes: &'w [u8], mut at: usize, outer: Outer<'w>, level: usize) {
        let mut bad = false;
        while at < bytes.len() && !self.overfull {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |it| at + it);
            let line = &bytes[..end];
            let opens = matches!(bytes.get(at), Some(b'{' | b'['));
            // What a torn value goes on with is told with it; only its margin begins anew.
            let mut place = if bad && !opens { end } else { skip::blank(line, at) };
            while place < end && !self.overfull {
                match self.value(line, place, outer, level) {
                    Ok(next) => {
                        bad = false;
                        place = skip::blank(line, next);
                    }
                    Err(torn) => {
                        self.torn(&line[at..], torn);
                        bad = true;
                        break;
                    }
                }
            }
            at = end + 1;
        }
    }

    /// The value at `at`; tells where it ends, or that it is torn (then nothing was told).
    fn value(
        &mut self,
        bytes: &'w [u8],
        at: usize,
        outer: Outer<'w>,
        level: usize,
    ) -> Result<usize, Torn> {
        match bytes.get(at) {
            Some(b'{') => {
                let mut look = Look::new(bytes, self.tools);
                let end = look.scan(at)?;
                self.object(&look, &bytes[at..end], outer, level);
                Ok(end)
            }
            Some(b'[') => {
                let end = skip::skip(bytes, at)?;
                if let Some(level) = self.enter("a list", level) {
                    self.list(&bytes[at..end], outer, level);
                }
                Ok(end)
            }
            _ => {
                let end = skip::skip(bytes, at)?;
                if parse::scalar(&bytes[at..end], self.tools.arena).is_none() {
                    return Err(Torn(at));
                }
                self.dead(DeadReason::Unrecognised, "neither an object nor a list");
                Ok(end)
            }
        }
    }

    /// Each element of a list on its own.
    fn list(&mut self, bytes: &'w [u8], outer: Outer<'w>, level: usize) {
        let mut at = skip::blank(bytes, 1);
        if bytes.get(at) == Some(&b']') {
            return;
        }
        while !self.overfull {
            let end = match self.value(bytes, at, Outer { id: "", ..outer }, level) {
                Ok(end) => end,
                Err(torn) => {
                    // An element whose brackets are in order is passed over alone.
                    let end = skip::skip(bytes, at);
                    self.torn(&bytes[at..end.unwrap_or(bytes.len())], torn);
                    let Ok(end) = end else { return };
                    end
                }
            };
            at = skip::blank(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = skip::blank(bytes, at + 1),
                Some(b']') => return,
                _ => return self.torn(bytes, Torn(at)),
            }
        }
    }

    fn object(&mut self, look: &Look<'w>, bytes: &'w [u8], outer: Outer<'w>, level: usize) {
        match recognise::shape(look, self.settings.forced) {
            Shape::Leaf(format) => self.leaf(format, look, bytes, outer),
            Shape::List(key) => {
                let Some(level) = self.enter(key.name(), level) else { return };
                let outer = outer.around(look);
                self.list(look.raw(key).unwrap_or(b"[]"), outer, level);
            }
            Shape::Inside(key) => {
                let Some(level) = self.enter(key.name(), level) else { return };
                let outer = outer.around(look);
                self.inside(look.raw(key).unwrap_or(b"null"), key, outer, level);
            }
            Shape::Log => {
                let Some(level) = self.enter(keys::LOG.name(), level) else { return };
                let upper = look.has(keys::PROPERTIES_UPPER) && !look.has(keys::PROPERTIES);
                let key = if upper { keys::PROPERTIES_UPPER } else { keys::PROPERTIES };
                let outer = outer.around(look);
                self.inside(
                    look.sub(key).raw(keys::LOG).unwrap_or(b"null"),
                    keys::LOG,
                    outer,
                    level,
                );
            }
            Shape::Topics => self.topics(look, outer, level),
            Shape::Notice(what) => self.dead(DeadReason::NotAChange, what),
            Shape::Strange(what) => self.dead(DeadReason::Unrecognised, what),
        }
    }

    /// Lambda's Kafka batches: an object of lists, one a topic partition.
    fn topics(&mut self, look: &Look<'w>, outer: Outer<'w>, level: usize) {
        let Some(level) = self.enter(keys::RECORDS.name(), level) else { return };
        let raw = look.raw(keys::RECORDS).unwrap_or(b"{}");
        let mut at = 0;
        while let (Some(found), false) = (memchr::memchr(b'[', &raw[at..]), self.overfull) {
            let start = at + found;
            match skip::skip(raw, start) {
                Ok(end) => {
                    self.list(&raw[start..end], outer, level);
                    at = end;
                }
                Err(torn) => return self.torn(raw, torn),
            }
        }
    }

    /// What an envelope holds: an object, a list, or a text with JSON or base64 in it.
    fn inside(&mut self, raw: &'w [u8], key: Key, outer: Outer<'w>, level: usize) {
        match raw.first() {
            Some(b'{') => {
                let mut look = Look::new(raw, self.tools);
                match look.scan(0) {
                    Ok(end) => self.object(&look, &raw[..end], outer, level),
                    Err(torn) => self.torn(raw, torn),
                }
            }
            Some(b'[') => self.list(raw, outer, level),
            Some(b'"') => {
                let mut budget = Budget { depth: 1, nodes: 1 };
                match parse::parse(raw, self.tools.arena, &mut budget) {
                    Ok(Val::Str(text)) => self.text(text, key, outer, level),
                    Ok(_) => {}
                    Err(bad) => self.dead(bad.reason, "text of an envelope"),
                }
            }
            _ => self.dead(DeadReason::Unrecognised, "an envelope without content"),
        }
    }

    fn text(&mut self, text: &'w str, key: Key, outer: Outer<'w>, level: usize) {
        let head = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
        if head.starts_with(['{', '[']) {
            return self.values(head.as_bytes(), outer, level);
        }
        if ![keys::DATA, keys::DATA_BASE64, keys::VALUE, keys::BODY].contains(&key) {
            let detail = format!("text in `{}` that is not JSON", key.name());
            return self.dead(DeadReason::Unrecognised, &detail);
        }
        let bytes = head.trim_end().as_bytes();
        let Ok(plain) = STANDARD.decode(bytes).or_else(|_| URL_SAFE.decode(bytes)) else {
            let detail = format!("`{}` is neither JSON nor base64", key.name());
            return self.dead(DeadReason::BadBase64, &detail);
        };
        let plain = self.tools.arena.alloc_slice_copy(&plain);
        self.bytes(plain, outer, level);
    }

    fn leaf(&mut self, format: Format, look: &Look<'w>, bytes: &'w [u8], outer: Outer<'w>) {
        if !self.room() {
            return;
        }
        leaf::tell(format, look, bytes, &outer, &self.settings, self.trees, self.sink);
        self.trees.reset();
    }
}
