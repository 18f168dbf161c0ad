//! Migration files: whether they can be read, and in which order they run.

pub mod encoding;
pub mod no_effect;
pub mod order;
pub mod platform_refuses;
pub mod syntax;
pub mod would_fail;
