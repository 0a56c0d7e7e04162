//! `cargo fuzz run framer`: see `sim::fuzz::framer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::framer(data));
