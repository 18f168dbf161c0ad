//! Queries in application code: source files to query shapes.

pub mod shape;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
