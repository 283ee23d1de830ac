//! Any bytes, no format given: envelopes, batches, lines, compression.
#![no_main]

libfuzzer_sys::fuzz_target!(|value: &[u8]| driftline_fuzz::decode(value, None));
