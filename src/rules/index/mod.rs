//! Indexes that are missing, and indexes that are there for nothing.

pub mod build;
pub mod cover;
pub mod foreign_key;
pub mod foreign_key_sort;
pub mod likely;
pub mod redundant;
pub mod sorted;
