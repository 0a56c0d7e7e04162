//! `cargo fuzz run link_local`: see `sim::fuzz::link_local`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::link_local(data));
