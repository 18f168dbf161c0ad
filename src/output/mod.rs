//! Renders a [`Report`]: one file per format.
//!
//! Promises: every format is a total function of the report; none filters, decides or fails on what it is given, and the same
//! report gives the same bytes. Refuses: reading the clock, the environment or the disk; what a format needs of those is in [`Look`].
//!
//! A new format is a file with a `write`, a variant of [`Format`] and an arm in [`Format::write`].

mod advisors;
pub mod clean;
mod compact;
mod excerpt;
mod gist;
mod github;
mod gitlab;
mod ink;
mod json;
mod junit;
mod markdown;
pub mod page;
mod proposal;
mod sarif;
pub mod schema;
pub mod statistics;
mod terminal;

pub use gist::summary;
pub use ink::{Ink, wrap};

use crate::report::Report;
use clean::{Reader, guard};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Terminal,
    /// For programs: all that is known of each finding
    Json,
    /// SARIF 2.1.0: GitHub code scanning and other viewers
    Sarif,
    /// Annotations of a pull request's lines, by workflow commands of GitHub Actions
    Github,
    /// GitLab Code Quality
    Gitlab,
    /// JUnit XML: a suite for each file
    Junit,
    /// A comment on a pull request
    Markdown,
    /// Rows of Supabase's database linter, for what was made for those
    Advisors,
    /// A line for each finding: path:line:column: severity: message, and the rule in brackets
    #[value(help = "A line for each finding: path:line:column: severity: message [rule]")]
    Compact,
}

impl Format {
    /// Writes the whole report.
    ///
    /// # Errors
    /// Only what `out` returns.
    pub fn write(self, report: &Report, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        guarded(out, self.reader(), |out| match self {
            Format::Terminal => terminal::write(report, look, out),
            Format::Json => json::write(report, out),
            Format::Sarif => sarif::write(report, look, out),
            Format::Github => github::write(report, look, out),
            Format::Gitlab => gitlab::write(report, look, out),
            Format::Junit => junit::write(report, look, out),
            Format::Markdown => markdown::write(report, look, out),
            Format::Advisors => advisors::write(report, out),
            Format::Compact => compact::write(report, out),
        })
    }

    fn reader(self) -> Reader {
        match self {
            Format::Json | Format::Sarif | Format::Gitlab | Format::Advisors => Reader::Json,
            Format::Github => Reader::Runner,
            Format::Terminal => Reader::Screen,
            Format::Junit | Format::Markdown | Format::Compact => Reader::Person,
        }
    }
}

/// How the reader wants to see a report. Of all this, formats for programs look at [`Look::home`] at most.
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
    /// Folder of the project in its repository, `apps/web/`; empty where it is the repository's own. Formats that sites read name
    /// files from there, all others from the project's root.
    pub home: String,
}

impl Look {
    /// What goes into a pipe or a file: the same on every machine.
    pub const PLAIN: Look =
        Look { colour: false, unicode: true, width: 100, verbose: false, quiet: false, elapsed: None, home: String::new() };
}

/// Writes at once what `write` writes, made fit for its reader.
pub fn guarded(out: &mut dyn Write, reader: Reader, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    out.write_all(guard(&String::from_utf8_lossy(&bytes), reader).as_bytes())
}

/// JSON for people to read too: written at once, as it is made of very many small pieces.
pub fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// `1 finding`, `2 findings`.
pub fn count(number: usize, singular: &str) -> String {
    format!("{number} {singular}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
