//! supalint: a static linter and advisor for the SQL migrations of Supabase and PostgreSQL projects.
//!
//! # Architecture
//!
//! Files become *statements*, statements have *effects*, effects fold into a *catalog* in which every *fact* remembers the
//! line that made it so; *rules* read the catalog and report *findings*, and a finding's *fix* is *steps*. A value goes down this table
//! once; nothing imports a module below its own.
//!
//! | crate | module | what it does |
//! |---|---|---|
//! | `supalint-syntax` | [`source`] | texts, spans and sites; bytes to lines |
//! | | [`syntax`] | text to statements: lexer, splitter, reader, PL/pgSQL; the only home of `sqlparser` |
//! | `supalint-schema` | [`catalog`] | the state, the closed list of changes, and `apply`, the only place where state changes |
//! | | [`platform`] | what exists before the first migration, as SQL |
//! | | [`interpret`] | what a statement means: names bound, effects made, DO blocks run |
//! | `supalint` | [`finding`], [`report`] | what a rule reports, what a run found: plain data |
//! | | [`config`], [`project`] | settings; finds and orders migrations as their runner does |
//! | | [`changes`] | what git says is new in a folder |
//! | | [`history`] | folds a project's migrations, with a visitor; two revisions share what both begin with |
//! | | [`allow`] | what comments and settings allow |
//! | | [`analysis`] | what several rules ask of a state, computed once |
//! | | [`remedy`] | statements that fix a problem |
//! | | [`rules`] | one file and one page per rule; asks the state, never the parser, the text or the disk |
//! | | [`engine`] | runs rules over a history: severity, order, duplicates, what is allowed, what was there before |
//! | | [`baseline`] | findings that are known |
//! | | [`fix`] | steps of findings to proven migrations, and those to the disk |
//! | | [`output`] | one file per format, each a total function of the report |
//! | | [`cli`] | arguments, one file per command, exit status |
//!
//! What the tests in `tests/it/architecture.rs` keep true, and what is kept true by hand:
//!
//! - Parsing cannot fail. A statement that nobody can read costs only itself, becomes [`syntax::ast::Opaque`] and is counted.
//!   `sqlparser` reads every query, data statement and expression, fed with our own tokens so that each node knows its bytes;
//!   definitions are read clause by clause, because a message points at clauses and `sqlparser`'s definitions carry no places.
//! - [`interpret`] is the only place that knows what SQL means. A statement that PostgreSQL would reject changes nothing and
//!   leaves a [`catalog::Contradiction`]; where that is not certain, nothing is said.
//! - Expressions are bound when the statement runs, as PostgreSQL binds views and policies: a reference knows its relation and how
//!   many queries out it stands, and follows a rename.
//! - The platform's own start is SQL too (`crates/schema/src/platform/supabase.sql`), folded like any migration; its facts stand in
//!   [`source::FileId::PLATFORM`].
//! - Nothing is written that was not analysed behind the history first: [`fix`] withholds what fails, does not cure, or brings something new.
//! - SQL that is shown is the user's text with edits, or text that we compose; never a printed syntax tree.
//! - The same input gives the same bytes: no order of a hash, no time, in any output.

pub mod allow;
pub mod analysis;
pub mod baseline;
pub mod changes;
pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod finding;
pub mod fix;
pub mod history;
pub mod output;
pub mod project;
pub mod remedy;
pub mod report;
pub mod rules;

pub use supalint_schema::{catalog, interpret, platform};
pub use supalint_syntax::{source, syntax};

use baseline::Baseline;
use changes::{Against, Changes};
use config::{Config, FailOn};
use engine::{Choice, Scope, Since};
use error::Error;
use finding::Severity;
use jiff::civil::Date;
use project::Project;
use report::Report;
use rustc_hash::FxHashSet;
use source::{FileId, Sources};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What to check, with which rules, and what to tell of it.
#[derive(Debug, Default)]
pub struct Options {
    /// Of files that are named, only what they bring is told.
    pub paths: Vec<PathBuf>,
    pub config: Option<PathBuf>,
    /// Ids or groups; empty means all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    /// The day on which it is asked; none: nothing expires.
    pub today: Option<Date>,
    /// Only what has changed is told.
    pub since: Option<Against>,
    pub baseline: Known,
    /// The lowest severity that is reported; none: all.
    pub severity: Option<Severity>,
}

/// Which findings are known.
#[derive(Debug, Default)]
pub enum Known {
    /// As the settings say.
    #[default]
    AsSet,
    None,
    /// Those in a file.
    In(PathBuf),
}

/// What a run found, and what the project's settings make of it.
#[derive(Debug)]
pub struct Checked {
    pub report: Report,
    /// The project's folder.
    pub root: PathBuf,
    /// Lowest severity that fails a run, where the settings say.
    pub fail_on: Option<FailOn>,
    /// Findings of the baseline that are not found any more.
    pub gone: usize,
}

/// Opens a project, replays its history under the rules, and tells what they found.
///
/// # Errors
/// If nothing can be concluded: a path that does not exist, a file that cannot be read, unusable settings.
pub fn check(options: &Options) -> Result<Checked, Error> {
    with_room(|| {
        let Opened { sources, project, choice, scope, baseline } = open(options)?;
        let (report, hidden) = examine(sources, &project, &choice, &scope, options);
        let is_gone = |known: &&baseline::Known| !hidden.contains(&known.fingerprint) && !rests(known, &project, &choice);
        let gone = baseline.findings.iter().filter(is_gone).count();
        Ok(Checked { report, fail_on: project.config.fail_on, gone, root: project.root })
    })
}

/// What a run found, with the baseline that makes it known.
#[derive(Debug)]
pub struct Recorded {
    /// What is left to tell.
    pub checked: Checked,
    pub baseline: Baseline,
}

/// The same as [`check`], with a baseline of what was found: all of it, or of what the baseline named in the options already holds.
/// What the file at `path` holds already of what was not looked at stays. Writes nothing.
///
/// # Errors
/// As [`check`].
pub fn record(options: &Options, path: &Path) -> Result<Recorded, Error> {
    with_room(|| {
        let Opened { sources, project, choice, mut scope, baseline } = open(options)?;
        let shrinks = matches!(options.baseline, Known::In(_));
        let known = std::mem::take(&mut scope.baseline);
        let (mut report, hidden) = examine(sources, &project, &choice, &scope, options);
        let found = report.findings.iter().filter(|finding| !shrinks || known.contains(&finding.fingerprint));
        let mut entries: Vec<baseline::Known> = found.map(|finding| baseline::Known::of(finding, &report.sources)).collect();
        let old = read_baseline(path)?.unwrap_or_default();
        let stays = |known: &baseline::Known| hidden.contains(&known.fingerprint) || rests(known, &project, &choice);
        entries.extend(old.findings.into_iter().chain(baseline.findings).filter(stays));
        let baseline = Baseline::of(entries);
        engine::leave_out(&mut report, &baseline.prints());
        Ok(Recorded { checked: Checked { report, fail_on: project.config.fail_on, gone: 0, root: project.root }, baseline })
    })
}

/// What is found at the severities that are asked for, and the fingerprints of all else.
fn examine(sources: Sources, project: &Project, choice: &Choice, scope: &engine::Scope, options: &Options) -> (Report, FxHashSet<String>) {
    let (mut report, mut hidden) = engine::run_within(sources, project, choice, scope);
    if let Some(least) = options.severity {
        let below = report.findings.iter().filter(|finding| finding.severity < least);
        hidden.extend(below.map(|finding| finding.fingerprint.clone()));
        report.leave_out_below(least);
    }
    (report, hidden)
}

/// Is it a finding of a rule that did not run, so that nobody knows whether it is still there?
fn rests(known: &baseline::Known, project: &Project, choice: &Choice) -> bool {
    rules::ALL.iter().any(|rule| rule.id == known.rule) && !engine::is_on(&known.rule, project, choice)
}

fn with_room<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    syntax::sql::with_room(work).map_err(|source| Error::NoThread { source })?
}

/// A project, and what is asked about it.
struct Opened {
    sources: Sources,
    project: Project,
    choice: Choice,
    scope: Scope,
    baseline: Baseline,
}

fn open(options: &Options) -> Result<Opened, Error> {
    let mut sources = history::sources();
    let place = project::find(&options.paths)?;
    let folder = place.folder.clone();
    // git looks while the migrations are read
    let (read, changed) = std::thread::scope(|scope| {
        let changed = options.since.as_ref().map(|against| scope.spawn(|| changes::of(&folder, against)));
        let read = project::read_from(place, options.config.as_deref(), &mut sources);
        (read, changed.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
    });
    let mut project = read?;
    know(&project.config)?;
    if project.migrations.is_empty() && project.skipped.is_empty() {
        return Err(Error::Empty { schemas: project.schemas().map(near), path: near(project.folder) });
    }
    project.config.allow.iter_mut().for_each(|allow| allow.expired = allow.until.is_some() && options.today > allow.until);
    let choice = Choice { select: options.select.clone(), ignore: options.ignore.clone() };
    let path = match &options.baseline {
        Known::AsSet => project.config.baseline.as_deref(),
        Known::None => None,
        Known::In(path) => Some(path.as_path()),
    };
    let baseline = path.map(|path| read_baseline(path)?.ok_or_else(|| Error::NoBaseline { path: path.to_path_buf() })).transpose()?;
    let baseline = baseline.unwrap_or_default();
    let scope = Scope { baseline: baseline.prints(), since: since(&project, changed.transpose()?, &mut sources)? };
    Ok(Opened { sources, project, choice, scope, baseline })
}

/// A path as short as it is from the current folder.
fn near(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(path)
}

/// None if there is no such file.
fn read_baseline(path: &Path) -> Result<Option<Baseline>, Error> {
    let read = |text: String| Baseline::read(&text).map_err(|reason| Error::Baseline { path: path.to_path_buf(), reason });
    config::text(path)?.map(read).transpose()
}

/// What is not asked about because it was there before.
fn since(project: &Project, changed: Option<Changes>, sources: &mut Sources) -> Result<Vec<Since>, Error> {
    let mut all = Vec::new();
    if let Some(version) = &project.config.since_version {
        let new = project.behind(version);
        let before = Some(project.without(&new)).filter(|before| before.migrations.len() < project.migrations.len());
        all.push(Since { new, before });
    }
    if !project.named.is_empty() {
        let new: BTreeSet<FileId> = project.named.iter().copied().collect();
        all.push(Since { before: without_last(project, &new), new });
    }
    if let Some(Changes { new, past }) = changed {
        let files = |paths: &BTreeSet<PathBuf>| paths.iter().filter_map(|path| project.file_at(path)).collect::<BTreeSet<FileId>>();
        let absent = files(&past.absent);
        let same = past.texts.is_empty() && project.migrations.iter().all(|migration| !absent.contains(&migration.file));
        let before = if same { None } else { Some(project.as_it_was(&past, sources)?) };
        all.push(Since { new: files(&new), before });
    }
    Ok(all)
}

/// The project without some files, where they are its last ones.
fn without_last(project: &Project, files: &BTreeSet<FileId>) -> Option<Project> {
    let before = project.without(files);
    let some = before.migrations.len() < project.migrations.len();
    (some && project.common(&before) == before.migrations.len()).then_some(before)
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
    with_room(|| {
        let Opened { sources, project, choice, scope, .. } = open(options)?;
        if project.is_planned() {
            let reason =
                "sqitch runs only what sqitch.plan lists; add a change with `sqitch add`, and copy the SQL that `supalint check` shows";
            return Err(Error::NoPlan { reason: reason.to_string() });
        }
        let (found, hidden) = examine(sources.clone(), &project, &choice, &scope, options);
        let ground = fix::Ground { sources: &sources, project: &project, choice: &choice, hidden: &hidden };
        let mut plan = fix::plan(&ground, level).map_err(|reason| Error::NoPlan { reason })?;
        plan.report.left_out = found.left_out;
        Ok(Fixed { found, plan, fail_on: project.config.fail_on })
    })
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
    with_room(|| {
        let Opened { sources, project, choice, scope, .. } = open(options)?;
        let (found, hidden) = examine(sources.clone(), &project, &choice, &scope, options);
        let ground = fix::Ground { sources: &sources, project: &project, choice: &choice, hidden: &hidden };
        let mut edited = fix::inline::edit(&ground)?;
        edited.report.left_out = found.left_out;
        let fail_on = project.config.fail_on;
        Ok(Revised { found, edited, project, fail_on })
    })
}

/// Refuses settings that name a rule nobody knows: a misspelt one would be ignored in silence.
fn know(config: &Config) -> Result<(), Error> {
    let mut names =
        config.select.iter().chain(&config.ignore).chain(config.severity.keys()).chain(config.allow.iter().map(|allow| &allow.rule));
    let Some(name) = names.find(|name| !rules::names::is_known(name)) else { return Ok(()) };
    let near = rules::names::meant(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(Error::Settings { path: config.path.clone().unwrap_or_default(), reason: format!("no rule or group `{name}`{near}") })
}
