//! Computes a schema from statements: the effects of each statement, and the state after it.

pub mod catalog;
pub mod interpret;
pub mod platform;

// modules of the syntax crate, under the names that this crate uses
use supalint_syntax::{source, syntax};
