//! `cargo fuzz run session`: see `sim::fuzz::session`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::session(data));
