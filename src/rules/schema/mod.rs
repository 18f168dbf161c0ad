//! Tables, columns, keys and types.

pub mod json_use;
pub mod jsonb_unvalidated;
