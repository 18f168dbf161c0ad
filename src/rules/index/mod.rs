//! Indexes that are missing, and indexes that are there for nothing.

pub mod foreign_key;
pub mod foreign_key_sort;
pub mod redundant;
