//! The integration tests, as one program: each module stands for a file of its own, and `cargo test --test it docs` runs those of one.
//!
//! What needs a PostgreSQL reaches it by a socket of Unix.

mod adopt;
mod app_queries;
mod architecture;
mod brings;
mod changed;
mod cli;
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
