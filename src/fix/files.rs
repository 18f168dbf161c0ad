//! Division of statements into migration files for the Supabase runner.
//!
//! Promises: safe fixes are in other files than fixes that need review, and run first. Access, data and indexes are in separate files,
//! because a file is one transaction and an error in one should not stop the others. Statements that cannot run in a transaction get their
//! own file, or share one with statements of the same kind if the runner supports it. Each file begins with its rules and locations and
//! ends with its rollback.
//! Sources: Supabase CLI, pull requests 5671 (version 2.109.0 runs CREATE INDEX CONCURRENTLY outside the file's transaction) and 6276 (DROP
//! INDEX CONCURRENTLY, after version 2.111.0).

use super::merge::{FixInPlan, Statement};
use super::version::Naming;
use crate::config::IndexForm;
use crate::error::Error;
use crate::finding::{IndexChange, Phase, Run, Safety, Step, Work};
use crate::project::{Platform, Project};
use crate::source::{Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// A migration to write.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub version: String,
    /// Part of the name between the version and the extension.
    pub slug: String,
    /// Name of the file in the folder of migrations.
    pub name: String,
    /// Path relative to the root of the project.
    pub path: String,
    pub text: String,
    pub safety: Safety,
    pub statements: Vec<Planned>,
}

/// A statement and its range in the file.
#[derive(Clone, Debug)]
pub struct Planned {
    pub span: Span,
    pub statement: Statement,
}

/// Maximum number of indexes that get their own file with the setting `auto`.
const MOST_ALONE: usize = 5;

const WIDTH: usize = 110;

/// Content of a file, in the order of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Access,
    Data,
    /// Access that depends on data of the same fix.
    AccessByData,
    Index,
}

impl Kind {
    fn of(phase: Phase) -> Kind {
        match phase {
            Phase::Function | Phase::Grant | Phase::Policy | Phase::Rls | Phase::View => Kind::Access,
            Phase::Data | Phase::Column | Phase::Constraint => Kind::Data,
            Phase::Index => Kind::Index,
        }
    }

    /// Returns the kind of each statement, in their order.
    fn all(statements: &[Statement]) -> Vec<Kind> {
        let with_data = statements.iter().filter(|statement| Kind::of(statement.phase) == Kind::Data);
        let with_data: BTreeSet<usize> = with_data.flat_map(|statement| statement.fixes.iter().copied()).collect();
        let kind = |statement: &Statement| match Kind::of(statement.phase) {
            Kind::Access if statement.fixes.iter().any(|entry| with_data.contains(entry)) => Kind::AccessByData,
            kind => kind,
        };
        statements.iter().map(kind).collect()
    }
}

/// Changes index statements to the form of the settings.
pub fn apply_index_form(statements: &mut [Statement], wanted: IndexForm) {
    if wanted != IndexForm::Off {
        return;
    }
    for statement in statements {
        if let Some(index) = statement.index() {
            let plain = IndexChange { concurrently: false, ..index.clone() };
            statement.set(plain);
            statement.run = Run::Batch;
        }
    }
}

/// Divides statements into files.
///
/// # Errors
/// If there is no unused name that sorts last.
pub fn divide(
    mut statements: Vec<Statement>,
    fixes: &[FixInPlan],
    sources: &Sources,
    project: &Project,
    naming: &mut Naming,
) -> Result<Vec<PlannedFile>, Error> {
    let wanted = project.config.index_concurrently;
    apply_index_form(&mut statements, wanted);
    let count = |creates: bool| statements.iter().filter(|other| is_alone(other) && creates_index(other) == Some(creates)).count();
    let together = |many: usize| match wanted {
        IndexForm::Auto => many > MOST_ALONE,
        IndexForm::Together => many > 1,
        IndexForm::Each | IndexForm::Off => false,
    };
    let together = (together(count(true)), together(count(false)));
    let mut kinds: Vec<(Kind, Statement)> = Kind::all(&statements).into_iter().zip(statements).collect();
    kinds.sort_by_key(|(kind, statement)| {
        (statement.stage, statement.safety, *kind, statement.phase, creates_index(statement) == Some(false))
    });
    let mut groups: Vec<(Kind, Vec<Statement>)> = Vec::new();
    for (kind, statement) in kinds {
        let shares = |other: Kind, last: &Statement| {
            let like = (last.stage, last.safety, other) == (statement.stage, statement.safety, kind);
            let both = match (is_alone(last), is_alone(&statement)) {
                (false, false) => true,
                (true, true) => {
                    creates_index(last) == creates_index(&statement)
                        && match creates_index(last) {
                            Some(true) => together.0,
                            Some(false) => together.1,
                            None => false,
                        }
                }
                (true, false) | (false, true) => false,
            };
            like && both
        };
        match groups.last_mut().filter(|(other, group)| group.last().is_some_and(|last| shares(*other, last))) {
            Some((_, group)) => group.push(statement),
            None => groups.push((kind, vec![statement])),
        }
    }
    groups.into_iter().map(|(_, group)| file(group, fixes, sources, project, naming)).collect()
}

fn is_alone(statement: &Statement) -> bool {
    statement.run == Run::Alone
}

/// Returns whether a statement creates an index (`true`) or drops one (`false`), or `None` for other statements.
fn creates_index(statement: &Statement) -> Option<bool> {
    statement.index().map(|index| index.made)
}

fn slug(group: &[Statement]) -> String {
    let all = |phases: &[Phase]| group.iter().all(|statement| phases.contains(&statement.phase));
    let later = group.iter().any(|statement| statement.stage > 0);
    if let [only] = group
        && let Some(index) = only.index()
    {
        let name: String = index.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
        return format!("supalint_{}{}", if index.made { "" } else { "drop_" }, name.to_ascii_lowercase());
    }
    let word = match Kind::of(group[0].phase) {
        Kind::Access if all(&[Phase::Policy]) => "policies",
        Kind::Access if all(&[Phase::Function]) => "functions",
        Kind::Access if all(&[Phase::Grant]) => "grants",
        Kind::Access | Kind::AccessByData => "access",
        Kind::Data if later => "validate",
        Kind::Data if all(&[Phase::Constraint]) => "constraints",
        Kind::Data => "data",
        Kind::Index if group.iter().all(|statement| creates_index(statement) == Some(false)) => "drop_indexes",
        Kind::Index => "indexes",
    };
    format!("supalint_{word}")
}

fn file(
    group: Vec<Statement>,
    fixes: &[FixInPlan],
    sources: &Sources,
    project: &Project,
    naming: &mut Naming,
) -> Result<PlannedFile, Error> {
    let slug = slug(&group);
    let (version, name) = naming.next(&slug)?;
    let folder = project.folder.strip_prefix(&project.root).unwrap_or(Path::new(""));
    let folder: Vec<_> = folder.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let path = folder.iter().map(|part| part.as_ref()).chain([name.as_str()]).collect::<Vec<_>>().join("/");
    let safety = group[0].safety;
    let mut text = String::new();
    if let Some(markers) = project.markers {
        text.push_str(if group.iter().any(is_alone) { markers.apart } else { markers.up });
    }
    header(&mut text, &group, fixes, sources, project.platform);
    let mut statements = Vec::new();
    let mut before = Vec::new();
    for statement in group {
        let words = introduction(&statement, fixes);
        if words != before {
            text.push('\n');
            words.iter().for_each(|line| comment(&mut text, line));
            before = words;
        }
        let sql = statement.sql.trim_end().trim_end_matches(';');
        let start = text.len();
        text.push_str(sql);
        text.push(';');
        statements.push(Planned { span: Span::new(start as u32, text.len() as u32), statement });
        text.push('\n');
    }
    text.push('\n');
    rollback(&mut text, &statements);
    Ok(PlannedFile { version, slug, name, path, text, safety, statements })
}

fn header(out: &mut String, group: &[Statement], fixes: &[FixInPlan], sources: &Sources, platform: Platform) {
    let what = match group[0].safety {
        Safety::Safe => "These fixes change no access and no rows.",
        Safety::Review | Safety::Manual => "Review these fixes: the comment above each statement names what to check.",
    };
    let _ = writeln!(out, "-- Written by supalint. {what}");
    let concurrently = group.iter().filter_map(Statement::index).find(|index| index.concurrently && group.iter().all(is_alone));
    if let Some(index) = concurrently {
        let many = group.len() > 1;
        let supabase = platform == Platform::Supabase;
        out.push_str(match (index.made, many) {
            (true, false) => "-- Keep it the only statement of its file. CREATE INDEX CONCURRENTLY cannot run in a transaction.\n",
            (false, false) => "-- Keep it the only statement of its file. DROP INDEX CONCURRENTLY cannot run in a transaction.\n",
            (_, true) => "-- Do not add other statements to this file. CONCURRENTLY cannot run in a transaction.\n",
        });
        out.push_str(match (supabase, index.made, many) {
            (true, true, true) => {
                "-- supalint: allow-file(migration/would-fail) because Supabase CLI 2.109.0 and later run it\n\
                 -- Supabase CLI 2.109.0 and later run these statements outside the transaction of the file. Earlier versions reject all but\n\
                 -- the first (25001): for them, set index_concurrently = \"each\" in supalint.toml.\n"
            }
            (true, false, false) => "-- Supabase CLI 2.109.0 to 2.111.0 reject it (25001). Earlier and later versions run it.\n",
            (true, false, true) => {
                "-- supalint: allow-file(migration/would-fail) because Supabase CLI later than 2.111.0 runs it\n\
                 -- Supabase CLI later than 2.111.0 runs these statements outside the transaction of the file. Earlier versions reject them\n\
                 -- (25001).\n"
            }
            (true, true, false) | (false, ..) => "",
        });
    }
    let mut rules: BTreeMap<&str, Vec<(String, u32)>> = BTreeMap::new();
    let mut seen: Vec<usize> = group.iter().flat_map(|statement| statement.fixes.iter().copied()).collect();
    seen.sort_unstable();
    seen.dedup();
    for entry in seen.iter().map(|at| fixes[*at]) {
        let site = sources.resolve(entry.finding.primary.site);
        let path = &sources.get(site.file).path;
        let file = path.rsplit('/').next().unwrap_or(path).to_string();
        rules.entry(entry.finding.rule).or_default().push((file, sources.range(site).0.line));
    }
    for (rule, mut sites) in rules {
        sites.sort();
        sites.dedup();
        let mut words: Vec<String> = Vec::new();
        let mut of = String::new();
        for (file, line) in sites {
            words.push(if file == of { format!(":{line}") } else { format!("{file}:{line}") });
            of = file;
        }
        let mut line = format!("-- {rule}:");
        let last = words.len() - 1;
        for (at, word) in words.iter().enumerate() {
            if line.len() + word.len() + 2 > WIDTH {
                let _ = writeln!(out, "{line}");
                line = "--  ".to_string();
            }
            let _ = write!(line, " {}{}", plain(word), if at == last { "" } else { "," });
        }
        let _ = writeln!(out, "{line}");
    }
}

/// Returns the titles of the fixes of a statement, and what to check for fixes that need review.
fn introduction(statement: &Statement, fixes: &[FixInPlan]) -> Vec<String> {
    let (mut titles, mut checks): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for entry in statement.fixes.iter().map(|at| fixes[*at]) {
        titles.push(format!("{} ({})", plain(&entry.fix.title), entry.finding.rule));
        if entry.fix.safety != Safety::Safe {
            checks.push(format!("Review: {}", plain(entry.fix.check.as_deref().unwrap_or(concern(&entry.fix.steps)))));
        }
    }
    let mut seen = BTreeSet::new();
    titles.into_iter().chain(checks).filter(|line| seen.insert(line.clone())).collect()
}

/// Returns what to check before applying steps.
fn concern(steps: &[Step]) -> &'static str {
    let has = |phase: Phase| steps.iter().any(|step| step.phase == phase);
    let drops = steps.iter().any(|step| matches!(&step.work, Work::Index(index) if !index.made));
    let concurrent = !drops && steps.iter().all(|step| step.run == Run::Alone);
    match steps.first().map(|step| step.phase) {
        _ if has(Phase::Data) => {
            "Check the rows that it changes on a copy of the data. Search for code that writes values which are then rejected."
        }
        _ if has(Phase::Rls) => {
            "Make sure that a policy allows every command that clients run. Without a policy, clients can neither read nor write rows."
        }
        Some(Phase::Function) => "Test everything that uses the function, with each role that uses it.",
        Some(Phase::Grant) => "Make sure that exactly the intended roles have the privilege.",
        Some(Phase::Column) => "Search for code that reads or writes the column.",
        Some(Phase::Policy) => "Compare what each role can read and write before and after the fix.",
        Some(Phase::View) => "Read the view with each role that uses it. It will show only the rows that the policies of that role allow.",
        Some(Phase::Index) if concurrent => "Check that the index is worth its cost at each write.",
        Some(Phase::Index) if drops => "Check in pg_stat_user_indexes of the production database whether queries use the index.",
        Some(Phase::Index) => "Run it at a time with few writes. Writes wait until the index is built.",
        Some(Phase::Constraint | Phase::Data | Phase::Rls) | None => "Search for code that writes values which the constraint rejects.",
    }
}

fn rollback(out: &mut String, statements: &[Planned]) {
    let undone: Vec<&str> = statements.iter().rev().filter_map(|planned| planned.statement.undo.as_deref()).collect();
    let fills = statements.iter().any(|planned| planned.statement.undo.is_none() && planned.statement.phase == Phase::Data);
    let lasts = |statement: &&Statement| {
        let data = matches!(statement.phase, Phase::Data | Phase::Constraint);
        statement.undo.is_none() && statement.work != Work::Assertion && !data
    };
    let left: Vec<&Statement> = statements.iter().map(|planned| &planned.statement).filter(lasts).collect();
    out.push_str(match (undone.is_empty(), fills) {
        (true, false) if !left.is_empty() => "-- Rollback:\n",
        (true, false) => "-- Rollback: nothing to undo.\n",
        (true, true) => "-- Rollback: none. Rows keep the filled values.\n",
        (false, true) => "-- Rollback (rows keep the filled values):\n",
        (false, false) => "-- Rollback:\n",
    });
    // a carriage return without a line feed ends a comment too
    for line in undone.iter().flat_map(|sql| sql.split(['\n', '\r'])).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "{}", format!("-- {line}").trim_end());
    }
    for statement in left {
        let words = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        comment(out, &format!("There is no statement that undoes this: {words}"));
    }
}

/// Returns a text in one line, because names can contain line breaks.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn comment(out: &mut String, text: &str) {
    let options = textwrap::Options::new(WIDTH - 3).word_splitter(textwrap::WordSplitter::NoHyphenation);
    let options = options.word_separator(textwrap::WordSeparator::AsciiSpace).break_words(false);
    for line in textwrap::wrap(text, options) {
        let _ = writeln!(out, "-- {line}");
    }
}
