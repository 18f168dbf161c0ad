//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.
//!
//! Files become statements, statements have effects, effects fold into a catalog in which every fact remembers the line that made it so;
//! rules read the catalog and report findings. [`check`] is the pipeline. Each layer uses those above it, and none below:
//!
//! | layer | turns | into | alone knows |
//! |---|---|---|---|
//! | [`source`], [`error`], [`finding`], [`report`] | | | how a byte is named; plain data for what follows |
//! | [`config`], [`project`] | a folder | ordered [`project::Migration`]s | the disk, and the runner's rules for names |
//! | [`syntax`] | text | [`syntax::ast::Statement`]s | the grammar; `sqlparser` is used in `syntax::sql` only |
//! | [`catalog`] | effects | [`catalog::Catalog`] | how state changes |
//! | [`interpret`] | statements, given a catalog | [`catalog::effect::Effect`]s | what SQL means |
//! | [`history`] | a project | steps for a visitor, and the last catalog | order, sessions, what exists at birth |
//! | [`rules`] | a catalog and a statement's facts | [`finding::Finding`]s | what is wrong; see [`rules::cx::Cx`] for what they may ask |
//! | [`engine`] | a history under rules | [`report::Report`] | which rules are on, severities, duplicates, order |
//! | [`output`] | a report | text | one format in each file |
//! | [`cli`] | arguments | a run and its status | |

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

use config::Config;
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
    syntax::sql::with_room(|| run(options)).map_err(|source| Error::NoThread { source })?
}

fn run(options: &Options) -> Result<Report, Error> {
    let mut sources = history::sources();
    let project = project::open(&options.paths, options.config.as_deref(), &mut sources)?;
    know(&project.config)?;
    let choice = Choice { select: options.select.clone(), ignore: options.ignore.clone() };
    Ok(engine::run(sources, &project, &choice))
}

/// Refuses settings that name a rule nobody knows: a misspelt one would be ignored in silence.
fn know(config: &Config) -> Result<(), Error> {
    let mut names = config.select.iter().chain(&config.ignore).chain(config.severity.keys());
    let Some(name) = names.find(|name| !rules::names::is_known(name)) else { return Ok(()) };
    let near = rules::names::meant(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(Error::Settings { path: config.path.clone().unwrap_or_default(), reason: format!("no rule or group `{name}`{near}") })
}
