//! `cargo fuzz run packed`: see `sim::fuzz::packed`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::packed(data));
