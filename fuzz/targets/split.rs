//! Fuzz target for the lexer and the splitter, which is compared with a simple reference implementation.

#![no_main]

#[path = "../../tests/it/support/hostile.rs"]
#[allow(dead_code, reason = "one target of several")]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: &str| hostile::splits(text));
