//! A line in, its end and whether it is one value out, as far as a look at single bytes tells.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;

/// Bytes looked at together.
const BLOCK: usize = 64;

/// A line as far as it was looked through.
#[derive(Default)]
pub(super) struct Front {
    /// Its end, once that was found; what was looked through before.
    pub(super) at: usize,
    /// The first `}` that nothing of an object follows.
    pub(super) odd: Option<usize>,
}

impl Front {
    fn note(&mut self, odd: u64) {
        if odd != 0 && self.odd.is_none() {
            self.odd = Some(self.at + odd.trailing_zeros() as usize);
        }
    }

    /// Goes on to the line feed, or as far as the bytes go; whether it is there.
    #[allow(clippy::inline_always, reason = "compiled for wide lanes as one")]
    #[inline(always)]
    pub(super) fn go_on<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> bool {
        loop {
            // One byte more than the block: what follows its last.
            let Some(rest) = bytes.get(self.at..).filter(|rest| !rest.is_empty()) else {
                return false;
            };
            let mut last = [0; BLOCK];
            let (block, next) = if let Some((block, [next, ..])) = rest.split_first_chunk() {
                (block, *next)
            } else {
                let held = rest.len().min(BLOCK);
                last[..held].copy_from_slice(&rest[..held]);
                (&last, 0)
            };
            let lane = u8x64::from_slice(simd, block);
            let feeds = lane.simd_eq(b'\n');
            let closes = lane.simd_eq(b'}');
            let goes_on = feeds | closes | lane.simd_eq(b',') | lane.simd_eq(b']');
            let follows = u64::from(matches!(next, b'\n' | b'}' | b',' | b']')) << (BLOCK - 1);
            let (feeds, closes) = (feeds.to_bitmask(), closes.to_bitmask());
            let odd = closes & !(goes_on.to_bitmask() >> 1 | follows);
            if feeds != 0 {
                let end = feeds.trailing_zeros();
                self.note(odd & ((1 << end) - 1));
                self.at += end as usize;
                return true;
            }
            if rest.len() <= BLOCK {
                // The block is looked at again, with what follows.
                return false;
            }
            self.note(odd);
            self.at += BLOCK;
        }
    }
}
