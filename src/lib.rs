//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.
//!
//! # Architecture
//!
//! Files become *statements*, statements have *effects*, effects fold into a *catalog* in which every *fact* remembers the
//! line that made it so; *rules* read the catalog and report *findings*, and a finding's *fix* is *steps*.
//!
//! | module | what it does | what it may use |
//! |---|---|---|
//! | [`source`] | texts, spans and sites; bytes to lines | nothing |
//! | [`finding`], [`report`] | what a rule says, what a run found: plain data | `source`, names of `catalog` |
//! | [`syntax`] | text to statements: lexer, splitter, reader, PL/pgSQL; the only home of `sqlparser` | `source` |
//! | [`catalog`] | the state, the closed list of changes, and `apply`, the only place where state changes | `syntax` |
//! | [`interpret`] | what a statement means: names bound, effects made, DO blocks run | `catalog` |
//! | [`project`], [`config`] | finds and orders migrations as the Supabase runner does; settings | `source`, [`error`] |
//! | [`history`] | replays a project, with a visitor | `interpret`, `project` |
//! | [`allow`] | what comments and settings allow | `syntax`, `finding`, `project` |
//! | [`rules`] | one file and one page per rule; asks the catalog, never the parser or the disk | `catalog`, `history`, `allow` |
//! | [`engine`] | runs rules over a replay: severity, order, duplicates, what is allowed | `rules` |
//! | [`matrix`] | who may do what, and which look-ups have an index | `rules` |
//! | [`fix`] | steps of findings to proven migrations, and those to the disk | `engine` |
//! | [`output`] | one file per format, each a total function of the report | `report` |
//! | [`cli`] | arguments, one file per command, exit status | all |
//!
//! What the tests in `tests/architecture.rs` keep true, and what is kept true by hand:
//!
//! - Parsing cannot fail. A statement that nobody can read costs only itself, becomes [`syntax::ast::Opaque`] and is counted.
//!   `sqlparser` reads every query, data statement and expression, fed with our own tokens so that each node knows its bytes;
//!   definitions are read clause by clause, because a message points at clauses and `sqlparser`'s definitions carry no places.
//! - [`interpret`] is the only place that knows what SQL means. A statement that PostgreSQL would reject changes nothing and
//!   leaves a [`catalog::Contradiction`]; where that is not certain, nothing is said.
//! - Expressions are bound when the statement runs, as PostgreSQL binds views and policies: a reference knows its relation and how
//!   many queries out it stands, and follows a rename.
//! - The platform's own start is SQL too (`history/supabase.sql`), folded like any migration; its facts stand in
//!   [`source::FileId::PLATFORM`].
//! - Nothing is written that was not analysed behind the history first: [`fix`] withholds what fails, does not cure, or brings something new.
//! - SQL that is shown is the user's text with edits, or text that we compose; never a printed syntax tree.
//! - The same input gives the same bytes: no order of a hash, no time, in any output.

pub mod allow;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod finding;
pub mod fix;
pub mod history;
pub mod interpret;
pub mod matrix;
pub mod output;
pub mod project;
pub mod report;
pub mod rules;
pub mod source;
pub mod syntax;

use config::{Config, FailOn};
use engine::Choice;
use error::Error;
use project::Project;
use report::Report;
use source::Sources;
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

/// What a run found, and what the project's settings make of it.
#[derive(Debug)]
pub struct Checked {
    pub report: Report,
    /// The project's folder.
    pub root: PathBuf,
    /// Lowest severity that fails a run, where the settings say.
    pub fail_on: Option<FailOn>,
}

/// Opens a project, replays its history under the rules, and tells what they found.
///
/// # Errors
/// If nothing can be concluded: a path that does not exist, a file that cannot be read, unusable settings.
pub fn check(options: &Options) -> Result<Checked, Error> {
    syntax::sql::with_room(|| run(options)).map_err(|source| Error::NoThread { source })?
}

fn run(options: &Options) -> Result<Checked, Error> {
    let (sources, project, choice) = open(options)?;
    let fail_on = project.config.fail_on;
    Ok(Checked { report: engine::run(sources, &project, &choice), root: project.root, fail_on })
}

fn open(options: &Options) -> Result<(Sources, Project, Choice), Error> {
    let mut sources = history::sources();
    let project = project::open(&options.paths, options.config.as_deref(), &mut sources)?;
    know(&project.config)?;
    let choice = Choice { select: options.select.clone(), ignore: options.ignore.clone() };
    Ok((sources, project, choice))
}

/// What a run would write, what it found, and what will still be found.
pub struct Fixed {
    pub found: Report,
    pub plan: fix::Plan,
    pub fail_on: Option<FailOn>,
}

/// The same as [`check`], with corrective migrations planned. Writes nothing.
///
/// # Errors
/// As [`check`], or if no name is left for a migration behind the last.
pub fn plan(options: &Options, level: fix::Level) -> Result<Fixed, Error> {
    syntax::sql::with_room(|| {
        let (sources, project, choice) = open(options)?;
        let found = engine::run(sources.clone(), &project, &choice);
        let ground = fix::Ground { sources: &sources, project: &project, choice: &choice };
        let plan = fix::plan(&ground, level).map_err(|reason| Error::NoPlan { reason })?;
        Ok(Fixed { found, plan, fail_on: project.config.fail_on })
    })
    .map_err(|source| Error::NoThread { source })?
}

/// What edits of the named files would make of them.
pub struct Revised {
    pub found: Report,
    pub edited: fix::inline::Edited,
    pub project: Project,
    pub fail_on: Option<FailOn>,
}

/// The same with the named files edited in place. Writes nothing.
///
/// # Errors
/// As [`check`], or if no file is named.
pub fn revise(options: &Options) -> Result<Revised, Error> {
    syntax::sql::with_room(|| {
        let (sources, project, choice) = open(options)?;
        let edited = fix::inline::edit(&fix::Ground { sources: &sources, project: &project, choice: &choice })?;
        let fail_on = project.config.fail_on;
        Ok(Revised { found: engine::run(sources, &project, &choice), edited, project, fail_on })
    })
    .map_err(|source| Error::NoThread { source })?
}

/// Refuses settings that name a rule nobody knows: a misspelt one would be ignored in silence.
fn know(config: &Config) -> Result<(), Error> {
    let mut names = config.select.iter().chain(&config.ignore).chain(config.severity.keys());
    let Some(name) = names.find(|name| !rules::names::is_known(name)) else { return Ok(()) };
    let near = rules::names::meant(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(Error::Settings { path: config.path.clone().unwrap_or_default(), reason: format!("no rule or group `{name}`{near}") })
}
