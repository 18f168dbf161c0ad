//! Parses arguments, runs, and ends with the exit status.

use std::process::ExitCode;

/// Most of a run is small pieces made on one thread and freed on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    supalint::cli::main()
}
