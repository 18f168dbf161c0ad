//! Files out of statements, as the Supabase runner takes them.
//!
//! Promises: what is safe stands in other files than what a person has to agree with, and before it, so that nobody has to take both.
//! Access, data and indexes stand apart: a file is one transaction, and a row that stops one should not stop the other. What refuses a
//! transaction stands alone, or with nothing but its like where the header says who runs that. Each file begins with the rules and sites
//! it answers to and ends with what takes it back.
//! Sources: Supabase CLI, pull requests 5671 (version 2.109.0 runs CREATE INDEX CONCURRENTLY outside the file's transaction) and 6276
//! (DROP INDEX CONCURRENTLY, which 2.111.0 did not yet).

use super::merge::{Cure, Statement};
use super::version::Naming;
use crate::config::IndexForm;
use crate::finding::{IndexChange, Phase, Run, Safety, Step, Work};
use crate::project::{Platform, Project};
use crate::source::{Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// A migration to be written.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub version: String,
    /// What stands between version and ending.
    pub slug: String,
    /// Within the folder of migrations.
    pub name: String,
    /// As users see it: from the project's root.
    pub path: String,
    pub text: String,
    pub safety: Safety,
    pub statements: Vec<Planned>,
}

/// A statement and its place in the file.
#[derive(Clone, Debug)]
pub struct Planned {
    pub span: Span,
    pub statement: Statement,
}

/// More indexes than this would make more files than anybody reads.
const MOST_ALONE: usize = 5;

const WIDTH: usize = 110;

/// What stands in one file, in the order of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Access,
    Data,
    /// Access that goes by data which the same cure puts there.
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

    /// Kinds of statements, in their order.
    fn all(statements: &[Statement]) -> Vec<Kind> {
        let with_data = statements.iter().filter(|statement| Kind::of(statement.phase) == Kind::Data);
        let with_data: BTreeSet<usize> = with_data.flat_map(|statement| statement.cures.iter().copied()).collect();
        let kind = |statement: &Statement| match Kind::of(statement.phase) {
            Kind::Access if statement.cures.iter().any(|cure| with_data.contains(cure)) => Kind::AccessByData,
            kind => kind,
        };
        statements.iter().map(kind).collect()
    }
}

/// Puts index statements into the form that the settings want.
pub fn form(statements: &mut [Statement], wanted: IndexForm) {
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

/// # Errors
/// If no name is left that would come last.
pub fn cut(
    mut statements: Vec<Statement>,
    cures: &[Cure],
    sources: &Sources,
    project: &Project,
    naming: &mut Naming,
) -> Result<Vec<PlannedFile>, String> {
    let wanted = project.config.index_concurrently;
    form(&mut statements, wanted);
    let count = |made_or_not: bool| statements.iter().filter(|other| is_alone(other) && made(other) == Some(made_or_not)).count();
    let together = |many: usize| match wanted {
        IndexForm::Auto => many > MOST_ALONE,
        IndexForm::Together => many > 1,
        IndexForm::Each | IndexForm::Off => false,
    };
    let together = (together(count(true)), together(count(false)));
    let mut kinds: Vec<(Kind, Statement)> = Kind::all(&statements).into_iter().zip(statements).collect();
    kinds.sort_by_key(|(kind, statement)| (statement.stage, statement.safety, *kind, statement.phase, made(statement) == Some(false)));
    let mut groups: Vec<(Kind, Vec<Statement>)> = Vec::new();
    for (kind, statement) in kinds {
        let shares = |other: Kind, last: &Statement| {
            let like = (last.stage, last.safety, other) == (statement.stage, statement.safety, kind);
            let both = match (is_alone(last), is_alone(&statement)) {
                (false, false) => true,
                (true, true) => {
                    made(last) == made(&statement)
                        && match made(last) {
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
    groups.into_iter().map(|(_, group)| file(group, cures, sources, project, naming)).collect()
}

fn is_alone(statement: &Statement) -> bool {
    statement.run == Run::Alone
}

/// Does a statement make an index, or drop one?
fn made(statement: &Statement) -> Option<bool> {
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
        Kind::Index if group.iter().all(|statement| made(statement) == Some(false)) => "drop_indexes",
        Kind::Index => "indexes",
    };
    format!("supalint_{word}")
}

fn file(group: Vec<Statement>, cures: &[Cure], sources: &Sources, project: &Project, naming: &mut Naming) -> Result<PlannedFile, String> {
    let slug = slug(&group);
    let (version, name) = naming.next(&slug)?;
    let folder = project.folder.strip_prefix(&project.root).unwrap_or(Path::new(""));
    let folder: Vec<_> = folder.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let path = folder.iter().map(|part| part.as_ref()).chain([name.as_str()]).collect::<Vec<_>>().join("/");
    let safety = group[0].safety;
    let mut text = String::new();
    if let Some(marks) = project.marks {
        text.push_str(if group.iter().any(is_alone) { marks.apart } else { marks.up });
    }
    header(&mut text, &group, cures, sources, project.platform);
    let mut statements = Vec::new();
    let mut before = Vec::new();
    for statement in group {
        let words = introduction(&statement, cures);
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

fn header(out: &mut String, group: &[Statement], cures: &[Cure], sources: &Sources, platform: Platform) {
    let what = match group[0].safety {
        Safety::Safe => "Nobody's access changes, and no row.",
        Safety::Review | Safety::Manual => "A person has to agree with what changes: see what to check above each statement.",
    };
    let _ = writeln!(out, "-- Written by supalint. {what}");
    let concurrently = group.iter().filter_map(Statement::index).find(|index| index.concurrently && group.iter().all(is_alone));
    if let Some(index) = concurrently {
        let many = group.len() > 1;
        let supabase = platform == Platform::Supabase;
        out.push_str(match (index.made, many) {
            (true, false) => "-- Keep it the only statement of its file: CREATE INDEX CONCURRENTLY refuses a transaction.\n",
            (false, false) => "-- Keep it the only statement of its file: DROP INDEX CONCURRENTLY refuses a transaction.\n",
            (_, true) => "-- Keep other statements out of this file: CONCURRENTLY refuses a transaction.\n",
        });
        out.push_str(match (supabase, index.made, many) {
            (true, true, true) => {
                "-- Supabase CLI 2.109.0 and later run these outside the file's transaction. Earlier ones refuse all but the first (25001):\n\
                 -- for them, set index_concurrently = \"each\" in supalint.toml.\n"
            }
            (true, false, false) => "-- Supabase CLI 2.109.0 to 2.111.0 refuse it (25001); earlier and later ones run it.\n",
            (true, false, true) => {
                "-- Supabase CLI later than 2.111.0 runs these outside the file's transaction. Earlier ones refuse them (25001).\n"
            }
            (true, true, false) | (false, ..) => "",
        });
    }
    let mut rules: BTreeMap<&str, Vec<(String, u32)>> = BTreeMap::new();
    let mut seen: Vec<usize> = group.iter().flat_map(|statement| statement.cures.iter().copied()).collect();
    seen.sort_unstable();
    seen.dedup();
    for cure in seen.iter().map(|at| cures[*at]) {
        let site = sources.resolve(cure.finding.primary.site);
        let path = &sources.get(site.file).path;
        let file = path.rsplit('/').next().unwrap_or(path).to_string();
        rules.entry(cure.finding.rule).or_default().push((file, sources.range(site).0.line));
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

/// What a statement is for, and what to look at first where somebody has to.
fn introduction(statement: &Statement, cures: &[Cure]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for cure in statement.cures.iter().map(|at| cures[*at]) {
        let mut words = vec![format!("{} ({})", plain(&cure.fix.title), cure.finding.rule)];
        if cure.fix.safety != Safety::Safe {
            words.push(format!("Check: {}", plain(cure.fix.check.as_deref().unwrap_or(concern(&cure.fix.steps)))));
        }
        words.retain(|line| !told.contains(line));
        told.append(&mut words);
    }
    told
}

/// What a change can go wrong by.
fn concern(steps: &[Step]) -> &'static str {
    let has = |phase: Phase| steps.iter().any(|step| step.phase == phase);
    let drops = steps.iter().any(|step| matches!(&step.work, Work::Index(index) if !index.made));
    let concurrent = !drops && steps.iter().all(|step| step.run == Run::Alone);
    match steps.first().map(|step| step.phase) {
        _ if has(Phase::Data) => "look at the rows it changes, on a copy of the data, and for code that writes what is refused then",
        _ if has(Phase::Rls) => "make sure that there is a policy for all that clients do: without one they see no row and write none",
        Some(Phase::Function) => "run what uses the function, as each role that does",
        Some(Phase::Grant) => "make sure that nobody else needs the privilege, or should not get it",
        Some(Phase::Column) => "look for code that reads or writes the column",
        Some(Phase::Policy) => "compare what each role sees and may write before and after",
        Some(Phase::View) => "read the view as each role that reads it: it will show what that role's policies let through",
        Some(Phase::Index) if concurrent => "see whether the index is worth its upkeep",
        Some(Phase::Index) if drops => "see in pg_stat_user_indexes whether queries use it, on the database that serves them",
        Some(Phase::Index) => "run it when few write: until the index is made, writers wait",
        Some(Phase::Constraint | Phase::Data | Phase::Rls) | None => "look for code that writes what the constraint refuses",
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
        (true, false) => "-- Rollback: there is nothing to take back.\n",
        (true, true) => "-- Rollback: none. Rows keep the values they were given.\n",
        (false, true) => "-- Rollback; rows keep the values they were given:\n",
        (false, false) => "-- Rollback:\n",
    });
    // A lone carriage return ends a comment too.
    for line in undone.iter().flat_map(|sql| sql.split(['\n', '\r'])).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "{}", format!("-- {line}").trim_end());
    }
    for statement in left {
        let words = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        comment(out, &format!("No statement is known that takes this back: {words}"));
    }
}

/// In one line: a name may hold anything.
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
