//! See `takeover_fuzz_tests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| takeover_fuzz_tests::run("address", input));
