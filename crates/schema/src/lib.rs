//! Statements to a schema: what each means, and the state that it leaves.

pub mod catalog;
pub mod interpret;
pub mod platform;

// the layer below, by the names that this one knows it by
use supalint_syntax::{source, syntax};
