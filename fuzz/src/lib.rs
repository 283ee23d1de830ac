//! What every target does: one record of any bytes, read and unread; it must neither panic nor
//! come to nothing.

use driftline::decode::{Decoder, Detail, Index, Record};
use driftline::model::{EventKey, Format, Limits};

struct Reads(bool);

impl Index for Reads {
    fn reads(&self, _: &EventKey<'_>, _: &dyn Fn() -> bool) -> bool {
        self.0
    }
}

/// Decodes `value` with small limits; leaves that do not tell are taken for `format`.
pub fn decode(value: &[u8], format: Option<Format>) {
    let limits = Limits { decompressed_bytes: 1 << 20, ..Limits::default() };
    for reads in [true, false] {
        let mut told = 0;
        let record = Record { value, headers: &[], time: None };
        let mut decoder = Decoder::new(limits.clone(), format, Detail::Full);
        decoder.decode(&record, &Reads(reads), &mut |_, _| told += 1);
        assert!(told > 0, "a record without an outcome");
    }
}
