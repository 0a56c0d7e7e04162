//! `cargo fuzz run negotiation`: see `sim::fuzz::negotiation`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::negotiation(data));
