//! Fuzz target for the parser of statements.

#![no_main]

#[path = "../../tests/it/support/hostile.rs"]
#[allow(dead_code, reason = "one target of several")]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: &str| hostile::parses(text));
