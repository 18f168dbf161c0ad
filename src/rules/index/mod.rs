//! Rules for indexes: missing and redundant ones.

pub mod foreign_key;
pub mod foreign_key_sort;
pub mod redundant;
