//! `cargo fuzz run link`: see `sim::fuzz::link`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::link(data));
