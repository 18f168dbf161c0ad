//! Parses arguments, runs, and ends with the exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    supalint::cli::main()
}
