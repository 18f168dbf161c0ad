//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.

pub mod catalog;
pub mod cli;
pub mod config;
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

/// Stands in for the pipeline.
///
/// # Errors
/// If nothing can be concluded: a path that does not exist, a file that cannot be read, unusable settings.
pub fn check(options: &Options) -> Result<Report, Error> {
    match options.paths.iter().find(|path| !path.exists()) {
        Some(path) => Err(Error::NoSuchPath { path: path.clone() }),
        None => Ok(Report::default()),
    }
}
