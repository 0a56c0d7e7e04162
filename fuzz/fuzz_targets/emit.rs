//! `cargo fuzz run emit`: see `sim::fuzz::emit`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::emit(data));
