//! Output of a [`Report`]: one file per format.
//!
//! Promises: each format accepts every report and filters nothing. The same report gives the same bytes. Limits: formats do not read the
//! clock, the environment or the disk. [`RenderOptions`] contains what they need.
//!
//! A new format is a file with a `write` function, a variant of [`Format`] and an arm in [`Format::write`].

mod advisors;
pub mod clean;
mod compact;
mod excerpt;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
pub mod page;
mod proposal;
pub mod queries;
mod sarif;
pub mod schema;
pub mod statistics;
mod style;
mod summary;
mod terminal;

pub use style::{Painter, wrap};
pub use summary::summary;

use crate::report::Report;
use clean::{Reader, guard};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people
    Terminal,
    /// JSON for programs: all facts about each problem
    Json,
    /// SARIF 2.1.0 for GitHub code scanning and other viewers
    Sarif,
    /// Workflow commands of GitHub Actions, which annotate a pull request
    Github,
    /// Report for GitLab Code Quality
    Gitlab,
    /// JUnit XML with one suite per file
    Junit,
    /// Markdown for a comment on a pull request
    Markdown,
    /// Rows as Supabase's database linter returns them
    Advisors,
    /// One line per problem: path:line:column: severity: message, and the rule in brackets
    #[value(help = "One line per problem: path:line:column: severity: message [rule]")]
    Compact,
}

impl Format {
    /// Writes the whole report.
    ///
    /// # Errors
    /// Only errors of `out`.
    pub fn write(self, report: &Report, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
        let write = |out: &mut dyn Write| match self {
            Format::Terminal => terminal::write(report, options, out),
            Format::Json => json::write(report, out),
            Format::Sarif => sarif::write(report, options, out),
            Format::Github => github::write(report, options, out),
            Format::Gitlab => gitlab::write(report, options, out),
            Format::Junit => junit::write(report, options, out),
            Format::Markdown => markdown::write(report, options, out),
            Format::Advisors => advisors::write(report, out),
            Format::Compact => compact::write(report, out),
        };
        guarded(out, self.reader(), |out| {
            let mut bytes = Vec::new();
            write(&mut bytes)?;
            out.write_all(report.sources.masked(&String::from_utf8_lossy(&bytes)).as_bytes())
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

/// Appearance of a report. Formats for programs use only [`RenderOptions::path_prefix`] and [`RenderOptions::quiet`].
#[derive(Clone, Debug)]
pub struct RenderOptions {
    pub colour: bool,
    /// Whether box drawing characters are used instead of ASCII.
    pub unicode: bool,
    /// Width in columns.
    pub width: usize,
    /// Whether all diagnostics are printed in full.
    pub verbose: bool,
    /// Whether only diagnostics are printed.
    pub quiet: bool,
    /// Duration of the run. `None` prints none.
    pub elapsed: Option<Duration>,
    /// Folder of the project in its repository, such as `apps/web/`, or empty for the root. Formats for websites prefix paths with it. In
    /// all other formats, paths are relative to the root of the project.
    pub path_prefix: String,
}

impl RenderOptions {
    /// Appearance in pipes and files, which is the same on every machine.
    pub const PLAIN: RenderOptions =
        RenderOptions { colour: false, unicode: true, width: 100, verbose: false, quiet: false, elapsed: None, path_prefix: String::new() };
}

/// Writes the output of `write` in one piece, cleaned for its reader.
pub fn guarded(out: &mut dyn Write, reader: Reader, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    out.write_all(guard(&String::from_utf8_lossy(&bytes), reader).as_bytes())
}

/// Writes formatted JSON in one piece, because serialization writes many small pieces.
pub fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// Returns a number with its noun: `1 problem`, `2 problems`, `2 fixes`.
pub fn count(number: usize, singular: &str) -> String {
    match number {
        1 => format!("{number} {singular}"),
        _ if singular.ends_with('x') => format!("{number} {singular}es"),
        _ => match singular.strip_suffix('y') {
            Some(stem) => format!("{number} {stem}ies"),
            None => format!("{number} {singular}s"),
        },
    }
}

#[cfg(test)]
mod tests;
