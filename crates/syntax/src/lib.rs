//! Locations in texts, and a parser of PostgreSQL's SQL and PL/pgSQL that cannot fail.
//!
//! Only this crate uses `sqlparser`.

pub mod source;
pub mod syntax;
