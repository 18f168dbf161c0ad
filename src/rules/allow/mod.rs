//! Rules for allow comments and settings: invalid ones, and unused ones.

pub mod malformed;
pub mod unused;
