//! supalint: a static linter for the SQL migrations of Supabase and PostgreSQL projects.
//!
//! # Architecture
//!
//! Files are parsed to *statements*. Statements have *effects*. Effects are applied to a *catalog*, in which every *fact* has the location
//! of the statement that defines it. *Rules* read the catalog and report diagnostics ([`finding::Finding`]). The *fix* of a diagnostic
//! consists of *steps*.
//!
//! Data passes through this table from top to bottom. No module imports a module below its own.
//!
//! | crate | module | task |
//! |---|---|---|
//! | `supalint-syntax` | [`source`] | texts, spans and locations; bytes to lines |
//! | | [`syntax`] | text to statements: lexer, splitter, parser, PL/pgSQL; the only user of `sqlparser` |
//! | `supalint-schema` | [`catalog`] | the state, all changes, and `apply`, the only place that changes the state |
//! | | [`platform`] | what exists before the first migration, as SQL |
//! | | [`interpret`] | the effects of a statement: binding of names, evaluation of DO blocks |
//! | `supalint-queries` | `queries` | application code to query shapes; the only user of the TypeScript parser |
//! | `supalint` | [`finding`], [`report`] | diagnostics and the result of a run, as plain data |
//! | | [`config`], [`project`] | settings; migrations in the order of their runner, as plain data |
//! | | [`disk`] | files of a project, read and written |
//! | | [`app`] | queries of application code |
//! | | [`changes`] | changed files according to git |
//! | | [`history`] | applies all migrations in order, with a visitor; two revisions share their equal first migrations |
//! | | [`allow`] | allow comments and settings |
//! | | [`analysis`] | facts that several rules need, computed once per state |
//! | | [`remedy`] | statements that fix a problem |
//! | | [`rules`] | one file and one page per rule; rules read the state and use no parser, text or disk |
//! | | [`engine`] | runs rules over a history: severity, order, duplicates, allowed problems, problems that existed before a change |
//! | | [`baseline`] | known problems |
//! | | [`fix`] | steps of diagnostics to tested migrations, and migrations to files |
//! | | [`output`] | one file per format, each of which renders the whole report |
//! | | [`cli`] | arguments, one file per command, exit status |
//!
//! The tests in `tests/it/architecture.rs` check the uses of modules. The following rules hold too:
//!
//! - Parsing cannot fail. A statement that cannot be parsed becomes [`syntax::ast::Opaque`] and is counted, and the others are not affected.
//!   `sqlparser` parses every query, data statement and expression from the tokens of supalint, so that each node has a range of bytes.
//!   Definitions are parsed clause by clause, because messages point to clauses, and the definitions of `sqlparser` have no locations.
//! - Only [`interpret`] knows the meaning of SQL. A statement that PostgreSQL would reject changes nothing and leaves a
//!   [`catalog::SqlError`]. If the rejection is uncertain, nothing is reported.
//! - Expressions are bound when the statement runs, as PostgreSQL binds views and policies. A reference has its relation and the number of
//!   queries between them, and follows a rename.
//! - The initial objects of the platform are SQL too (`crates/schema/src/platform/supabase.sql`) and are replayed like a migration. Their facts have locations
//!   in [`source::FileId::PLATFORM`].
//! - No fix is written without an analysis of the history with it. [`fix`] skips fixes that fail, do not resolve the problem or cause a
//!   new one.
//! - SQL in the output is the text of the user with edits, or text that supalint composes, and never a printed syntax tree.
//! - The same input gives the same bytes. No output depends on the order of a hash table or on the time.

pub mod allow;
pub mod analysis;
pub mod app;
pub mod baseline;
pub mod changes;
pub mod cli;
pub mod config;
pub mod disk;
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

use baseline::{Baseline, BaselineEntry};
use changes::{Against, Changes, FileKind};
use config::{Config, FailOn};
use engine::{RuleSelection, Scope, Since};
use error::Error;
use finding::Severity;
use jiff::civil::Date;
use project::{Project, Text};
use report::Report;
use rustc_hash::FxHashSet;
use source::{FileId, Sources};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Input of a run: the project, the rules, and the problems to report.
#[derive(Debug, Default)]
pub struct Options {
    /// Project, folder of migrations, or files. For single files, only their problems are reported.
    pub paths: Vec<PathBuf>,
    pub config: Option<PathBuf>,
    /// Ids of rules or groups that run. An empty list means all rules of the settings.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    /// Day for which allow settings can expire. With `None`, none expires.
    pub today: Option<Date>,
    /// Change whose problems are reported. With `None`, all problems are reported.
    pub since: Option<Against>,
    pub baseline: BaselineSource,
    /// Lowest severity that is reported. With `None`, all are reported.
    pub severity: Option<Severity>,
    /// Whether application code is not read.
    pub no_queries: bool,
}

/// Source of known problems.
#[derive(Debug, Default)]
pub enum BaselineSource {
    /// The baseline of the settings.
    #[default]
    FromSettings,
    None,
    /// A baseline file.
    File(PathBuf),
}

/// Result of a check.
#[derive(Debug)]
pub struct Checked {
    pub report: Report,
    /// Root folder of the project.
    pub root: PathBuf,
    /// Lowest severity that fails a run, if the settings define it.
    pub fail_on: Option<FailOn>,
    /// Number of problems in the baseline that no longer exist.
    pub resolved: usize,
}

/// Reads a project, replays its history and runs the rules.
///
/// # Errors
/// If a path does not exist, a file cannot be read, or the settings are invalid.
pub fn check(options: &Options) -> Result<Checked, Error> {
    with_stack(|| {
        let Opened { sources, project, choice, scope, baseline } = open(options)?;
        let (report, hidden) = run_rules(sources, &project, &choice, &scope, options);
        let is_resolved = |known: &&BaselineEntry| !hidden.contains(&known.fingerprint) && !may_still_exist(known, &project, &choice);
        let resolved = baseline.findings.iter().filter(is_resolved).count();
        Ok(Checked { report, fail_on: project.config.fail_on, resolved, root: project.root })
    })
}

/// Result of a check with a new baseline.
#[derive(Debug)]
pub struct Recorded {
    /// Result of the check, with problems that are not in the baseline.
    pub checked: Checked,
    pub baseline: Baseline,
}

/// Checks a project and creates a baseline. It contains all problems, or those that the baseline in the options already contains. Entries
/// of the file at `path` whose rules did not run are kept. Nothing is written.
///
/// # Errors
/// As [`check`].
pub fn record(options: &Options, path: &Path) -> Result<Recorded, Error> {
    with_stack(|| {
        let Opened { sources, project, choice, mut scope, baseline } = open(options)?;
        let only_known = matches!(options.baseline, BaselineSource::File(_));
        let known = std::mem::take(&mut scope.baseline);
        let (mut report, hidden) = run_rules(sources, &project, &choice, &scope, options);
        let found = report.findings.iter().filter(|finding| !only_known || known.contains(&finding.fingerprint));
        let mut entries: Vec<BaselineEntry> = found.map(|finding| BaselineEntry::of(finding, &report.sources)).collect();
        let old = read_baseline(path)?.unwrap_or_default();
        let is_kept = |known: &BaselineEntry| hidden.contains(&known.fingerprint) || may_still_exist(known, &project, &choice);
        entries.extend(old.findings.into_iter().chain(baseline.findings).filter(is_kept));
        let baseline = Baseline::of(entries);
        engine::remove_known(&mut report, &baseline.fingerprints());
        Ok(Recorded { checked: Checked { report, fail_on: project.config.fail_on, resolved: 0, root: project.root }, baseline })
    })
}

/// Checks a project, and returns the report of the requested severities and the fingerprints of the other problems.
fn run_rules(
    sources: Sources,
    project: &Project,
    choice: &RuleSelection,
    scope: &engine::Scope,
    options: &Options,
) -> (Report, FxHashSet<String>) {
    let (mut report, mut hidden) = engine::run_within(sources, project, choice, scope);
    if let Some(least) = options.severity {
        let below = report.findings.iter().filter(|finding| finding.severity < least);
        hidden.extend(below.map(|finding| finding.fingerprint.clone()));
        report.leave_out_below(least);
    }
    (report, hidden)
}

/// Returns whether a known problem is of a rule that did not run, so it may still exist.
fn may_still_exist(known: &BaselineEntry, project: &Project, choice: &RuleSelection) -> bool {
    rules::ALL.iter().any(|rule| rule.id == known.rule) && !engine::is_on(&known.rule, project, choice)
}

fn with_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    syntax::sql::with_stack(work).map_err(|source| Error::NoThread { source })?
}

/// A project with the selected rules and scope.
struct Opened {
    sources: Sources,
    project: Project,
    choice: RuleSelection,
    scope: Scope,
    baseline: Baseline,
}

fn open(options: &Options) -> Result<Opened, Error> {
    let mut sources = history::sources();
    let place = disk::find(&options.paths)?;
    let folder = place.folder.clone();
    let passed_code = place.passed_code.clone();
    let passes_files = !place.passed_files.is_empty() || !passed_code.is_empty();
    // git runs while the migrations are read
    let (read, changed) = std::thread::scope(|scope| {
        let changed = options.since.as_ref().map(|against| scope.spawn(|| changes::of(&folder, against, FileKind::Migration)));
        let read = disk::read_from(place, options.config.as_deref(), &mut sources);
        (read, changed.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
    });
    let mut project = read?;
    let code = if options.no_queries { Vec::new() } else { app::open(&mut project, &mut sources)? };
    let code_root = disk::code_root(&project.root);
    let changed_code = options.since.as_ref().filter(|_| !code.is_empty());
    let changed_code = changed_code.map(|against| changes::of(&code_root, against, FileKind::Code)).transpose()?;
    let passed_code = project.app.iter().filter(|app| passed_code.contains(&app.code.path)).map(|app| app.file);
    project.passed_files.extend(passed_code);
    check_rule_names(&project.config)?;
    if project.migrations.is_empty() && project.skipped.is_empty() {
        return Err(Error::Empty {
            schemas: disk::schemas(&project).map(relative_to_current_dir),
            path: relative_to_current_dir(project.folder),
        });
    }
    project.config.allow.iter_mut().for_each(|allow| allow.expired = allow.until.is_some() && options.today > allow.until);
    let choice = RuleSelection { select: options.select.clone(), ignore: options.ignore.clone() };
    let path = match &options.baseline {
        BaselineSource::FromSettings => project.config.baseline.as_deref(),
        BaselineSource::None => None,
        BaselineSource::File(path) => Some(path.as_path()),
    };
    let baseline = path.map(|path| read_baseline(path)?.ok_or_else(|| Error::NoBaseline { path: path.to_path_buf() })).transpose()?;
    let baseline = baseline.unwrap_or_default();
    let changed = changed.transpose()?;
    let mut since = since(&project, passes_files, changed, &mut sources)?;
    if let (Some(changes), Some(since)) = (changed_code, since.last_mut()) {
        since_code(&project, &code_root, code, changes, since, &mut sources);
    }
    let scope = Scope { baseline: baseline.fingerprints(), since };
    Ok(Opened { sources, project, choice, scope, baseline })
}

/// Returns a path relative to the current folder, if the folder contains it.
fn relative_to_current_dir(path: PathBuf) -> PathBuf {
    let current_dir = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current_dir).map(Path::to_path_buf).unwrap_or(path)
}

/// Reads a baseline, or returns `None` if the file does not exist.
fn read_baseline(path: &Path) -> Result<Option<Baseline>, Error> {
    disk::text(path)?.map(|text| Baseline::read(path, &text)).transpose()
}

/// Returns the changes whose existing problems are not reported.
fn since(project: &Project, passes_files: bool, changed: Option<Changes>, sources: &mut Sources) -> Result<Vec<Since>, Error> {
    let mut all = Vec::new();
    if let Some(version) = &project.config.since_version {
        let new = project.after_version(version);
        let before = Some(project.without(&new)).filter(|before| before.migrations.len() < project.migrations.len());
        all.push(Since { new, before });
    }
    if passes_files {
        let new: BTreeSet<FileId> = project.passed_files.iter().copied().collect();
        all.push(Since { before: without_last(project, &new), new });
    }
    if let Some(Changes { new, earlier }) = changed {
        let files = |paths: &BTreeSet<PathBuf>| paths.iter().filter_map(|path| project.file_at(path)).collect::<BTreeSet<FileId>>();
        let absent = files(&earlier.absent);
        let same = earlier.texts.is_empty() && project.migrations.iter().all(|migration| !absent.contains(&migration.file));
        let before = if same { None } else { Some(disk::at_revision(project, &earlier, sources)?) };
        all.push(Since { new: files(&new), before });
    }
    Ok(all)
}

/// Adds changed files of application code to a change.
fn since_code(project: &Project, code_root: &Path, mut code: Vec<Text>, changes: Changes, since: &mut Since, sources: &mut Sources) {
    let relative = |path: &Path| disk::relative(&project.root, &code_root.join(path));
    let new: BTreeSet<String> = changes.new.iter().map(|path| relative(path)).collect();
    since.new.extend(project.app.iter().filter(|app| new.contains(&app.code.path)).map(|app| app.file));
    if changes.earlier.absent.is_empty() && changes.earlier.texts.is_empty() {
        return;
    }
    let absent: BTreeSet<String> = changes.earlier.absent.iter().map(|path| relative(path)).collect();
    code.retain(|text| !absent.contains(&text.path));
    for (path, bytes) in changes.earlier.texts {
        let (path, text) = (relative(&path), String::from_utf8_lossy(&bytes).into());
        match code.binary_search_by(|known| known.path.cmp(&path)) {
            Ok(at) => code[at].text = text,
            Err(at) => code.insert(at, Text { path, text }),
        }
    }
    let before = since.before.get_or_insert_with(|| project.clone());
    before.app = app::read_revision(&code, &project.app, sources);
}

/// Returns the project without some files, if they are its last ones.
fn without_last(project: &Project, files: &BTreeSet<FileId>) -> Option<Project> {
    let before = project.without(files);
    let some = before.migrations.len() < project.migrations.len();
    (some && project.common(&before) == before.migrations.len()).then_some(before)
}

/// A plan with fixes, and the report before it.
pub struct Fixed {
    pub found: Report,
    pub plan: fix::Plan,
    pub fail_on: Option<FailOn>,
}

/// Checks a project and plans migrations with fixes. Nothing is written.
///
/// # Errors
/// As [`check`], or if no name sorts after the last migration.
pub fn plan(options: &Options, level: fix::Level) -> Result<Fixed, Error> {
    with_stack(|| {
        let Opened { sources, project, choice, scope, .. } = open(options)?;
        if project.is_planned {
            let reason = "sqitch runs only the changes in sqitch.plan: add a change with `sqitch add`, and copy the SQL that `supalint check` prints";
            return Err(Error::NoPlan { reason: reason.to_string() });
        }
        let (found, hidden) = run_rules(sources.clone(), &project, &choice, &scope, options);
        let input = fix::PlanInput { sources: &sources, project: &project, choice: &choice, hidden: &hidden };
        let mut plan = fix::plan(&input, level)?;
        plan.report.left_out = found.left_out;
        Ok(Fixed { found, plan, fail_on: project.config.fail_on })
    })
}

/// Edits of files, and the report before them.
pub struct Revised {
    pub found: Report,
    pub edited: fix::inline::Edited,
    pub project: Project,
    pub fail_on: Option<FailOn>,
}

/// Checks a project and edits the files that are named or changed. Nothing is written.
///
/// # Errors
/// As [`check`], or if no file is named or changed.
pub fn revise(options: &Options) -> Result<Revised, Error> {
    with_stack(|| {
        let Opened { sources, project, choice, scope, .. } = open(options)?;
        let (found, hidden) = run_rules(sources.clone(), &project, &choice, &scope, options);
        let input = fix::PlanInput { sources: &sources, project: &project, choice: &choice, hidden: &hidden };
        // the change of git is the last one
        let changed = scope.since.last().filter(|_| options.since.is_some()).into_iter().flat_map(|since| &since.new);
        let editable = project.passed_files.iter().chain(changed).copied().collect();
        let mut edited = fix::inline::edit(&input, &editable)?;
        edited.report.left_out = found.left_out;
        let fail_on = project.config.fail_on;
        Ok(Revised { found, edited, project, fail_on })
    })
}

/// Returns an error if the settings name an unknown rule.
fn check_rule_names(config: &Config) -> Result<(), Error> {
    let mut names =
        config.select.iter().chain(&config.ignore).chain(config.severity.keys()).chain(config.allow.iter().map(|allow| &allow.rule));
    let Some(name) = names.find(|name| !rules::names::is_known(name)) else { return Ok(()) };
    let suggestion = rules::names::meant(name).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    Err(Error::Settings { path: config.path.clone().unwrap_or_default(), reason: format!("no rule or group `{name}`{suggestion}") })
}
