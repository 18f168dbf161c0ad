//! The integration tests in one program. Each module has its own file: `cargo test --test it docs` runs the tests of one module.
//!
//! Tests that need PostgreSQL connect to it with a Unix socket.

mod adopt;
mod app_queries;
mod architecture;
mod brings;
mod changed;
mod cli;
mod code_files;
#[cfg(unix)]
mod cures;
mod docs;
mod evaluate;
#[cfg(unix)]
mod fixes;
mod fold;
mod hooks;
mod hostile;
mod odd_names;
mod plans;
#[cfg(unix)]
mod postgres;
mod rejected;
mod support;
