//! Rules for indexes: missing and redundant ones.

pub mod build;
pub mod cover;
pub mod foreign_key;
pub mod foreign_key_sort;
pub mod likely;
pub mod redundant;
pub mod sorted;
