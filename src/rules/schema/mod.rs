//! Tables, columns, keys and types.

pub mod jsonb_unvalidated;
