//! Rules for migration files and their statements: syntax, order, effects and errors.

pub mod encoding;
pub mod no_effect;
pub mod order;
pub mod platform_refuses;
pub mod syntax;
pub mod would_fail;
