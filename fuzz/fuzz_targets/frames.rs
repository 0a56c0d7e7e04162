//! `cargo fuzz run frames`: see `sim::fuzz::frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::frames(data));
