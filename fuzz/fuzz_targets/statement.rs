//! `cargo fuzz run statement`: see `sim::fuzz::statement`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::statement(data));
