//! Helpers that several tests share.

#[cfg(unix)]
pub mod access;
#[cfg(unix)]
pub mod apply;
#[cfg(unix)]
pub mod catalog;
pub mod command;
pub mod hostile;
pub mod plan;
pub mod random;
pub mod replay;
#[cfg(unix)]
pub mod server;
