//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.

pub mod catalog;
pub mod finding;
pub mod report;
pub mod source;
pub mod syntax;
