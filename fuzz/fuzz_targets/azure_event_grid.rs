//! Any bytes as `Format::AzureEventGrid`.
#![no_main]

use driftline::model::Format;
libfuzzer_sys::fuzz_target!(|value: &[u8]| driftline_fuzz::decode(value, Some(Format::AzureEventGrid)));
