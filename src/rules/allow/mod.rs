//! Allows: whether they can be read, and whether they allow anything.

pub mod malformed;
pub mod unused;
