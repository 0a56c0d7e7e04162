//! `cargo fuzz run neighbour`: see `sim::fuzz::neighbour`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::neighbour(data));
