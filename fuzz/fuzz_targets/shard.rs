//! `cargo fuzz run shard`: see `sim::fuzz::shard`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::shard(data));
