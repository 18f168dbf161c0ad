//! Objects that exist before the first migration, as SQL that is replayed like a migration.

/// What exists on Supabase.
pub const SUPABASE: &str = include_str!("supabase.sql");

/// What CREATE EXTENSION brings, in blocks.
pub const EXTENSIONS: &str = include_str!("extensions.sql");
