//! `cargo fuzz run parcel`: see `sim::fuzz::parcel`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::parcel(data));
