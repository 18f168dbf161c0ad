//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod finding;
pub mod history;
pub mod interpret;
pub mod output;
pub mod project;
pub mod report;
pub mod rules;
pub mod source;
pub mod syntax;

use engine::Choice;
use error::Error;
use report::Report;
use std::path::PathBuf;

/// What to check, and with which rules.
#[derive(Debug, Default)]
pub struct Options {
    pub paths: Vec<PathBuf>,
    pub config: Option<PathBuf>,
    /// Ids or groups; empty means all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
}

/// Opens a project, replays its history under the rules, and tells what they found.
///
/// # Errors
/// If nothing can be concluded: a path that does not exist, a file that cannot be read, unusable settings.
pub fn check(options: &Options) -> Result<Report, Error> {
    let mut sources = history::sources();
    let project = project::open(&options.paths, options.config.as_deref(), &mut sources)?;
    let choice = Choice { select: options.select.clone(), ignore: options.ignore.clone() };
    Ok(engine::run(sources, &project, &choice))
}
