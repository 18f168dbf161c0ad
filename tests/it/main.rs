//! The integration tests, as one program: each module stands for a file of its own, and `cargo test --test it docs` runs those of one.

mod adopt;
mod architecture;
mod changed;
mod cli;
mod cures;
mod docs;
mod evaluate;
mod fixes;
mod fold;
mod hooks;
mod postgres;
mod rejected;
mod support;
