//! Text to statements: places in texts, and a reader of PostgreSQL's SQL and PL/pgSQL that cannot fail.
//!
//! The only home of `sqlparser`.

pub mod source;
pub mod syntax;
