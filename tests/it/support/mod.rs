//! What several tests share.

pub mod access;
pub mod apply;
pub mod catalog;
pub mod command;
pub mod plan;
pub mod random;
pub mod replay;
pub mod server;
