//! Renders a [`Report`]: one file per format.
//!
//! Promises: every format is a total function of the report; none filters, decides or fails on what it is given, and the same
//! report gives the same bytes. Refuses: reading the clock, the environment or the disk; what a format needs of those is in [`Look`].
//!
//! A new format is a file with a `write`, a variant of [`Format`] and an arm in [`Format::write`].

mod excerpt;
mod ink;
mod json;
pub mod matrix;
pub mod page;
mod proposal;
pub mod schema;
mod terminal;

pub use ink::{Ink, clean};

use crate::report::Report;
use std::io::{self, Write};
use std::time::Duration;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Terminal,
    /// For programs.
    Json,
}

impl Format {
    /// Writes the whole report.
    ///
    /// # Errors
    /// Only what `out` returns.
    pub fn write(self, report: &Report, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Format::Terminal => terminal::write(report, look, out),
            Format::Json => json::write(report, out),
        }
    }
}

/// How the reader wants to see a report; formats for programs take no notice of it.
#[derive(Clone, Debug)]
pub struct Look {
    pub colour: bool,
    /// Box drawing characters, or plain ASCII.
    pub unicode: bool,
    /// In columns.
    pub width: usize,
    /// Nothing is folded away.
    pub verbose: bool,
    /// Findings only.
    pub quiet: bool,
    /// Time the run took; `None` prints none.
    pub elapsed: Option<Duration>,
}

impl Look {
    /// What goes into a pipe or a file: the same on every machine.
    pub const PLAIN: Look = Look { colour: false, unicode: true, width: 100, verbose: false, quiet: false, elapsed: None };
}

/// `1 finding`, `2 findings`.
pub fn count(number: usize, singular: &str) -> String {
    format!("{number} {singular}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
