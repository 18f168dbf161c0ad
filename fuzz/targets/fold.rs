//! Fuzz target for the schema of a history and its output.

#![no_main]

#[path = "../../tests/it/support/hostile.rs"]
#[allow(dead_code, reason = "one target of several")]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: String| hostile::folds(&[text]));
