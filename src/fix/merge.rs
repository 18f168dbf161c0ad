//! Merging of fixes: one statement per object.
//!
//! Promises: no step is dropped unless another statement covers it. Fixes that change the same text differently are never mixed: the wider
//! one is kept, and the other one is reported. Names of new indexes are unused and short enough.

use super::Level;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::finding::{Finding, Fix, IndexChange, Phase, PolicyChange, Run, Safety, Step, Work};
use crate::report::Report;
use crate::source::{Sources, Span};
use smol_str::{SmolStr, format_smolstr};
use std::collections::BTreeMap;

/// A diagnostic whose fix is written.
#[derive(Clone, Copy)]
pub struct FixInPlan<'a> {
    pub finding: &'a Finding,
    pub fix: &'a Fix,
}

/// A statement of the plan.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: String,
    pub undo: Option<String>,
    pub phase: Phase,
    pub run: Run,
    /// Number of files that have to run before the file of the statement.
    pub stage: usize,
    pub safety: Safety,
    pub work: Work,
    /// Indexes of the fixes that need the statement.
    pub fixes: Vec<usize>,
}

/// Returns the fixes to write, in the order of the report.
pub fn fixes<'a>(report: &'a Report, level: Level, wanted: impl Fn(&Finding) -> bool) -> Vec<FixInPlan<'a>> {
    let of = |finding: &'a Finding| Some(FixInPlan { finding, fix: finding.fix.as_ref().filter(|fix| !fix.steps.is_empty())? });
    let writes = |entry: &FixInPlan| level.writes(entry.fix.safety) && wanted(entry.finding);
    report.findings.iter().filter_map(of).filter(writes).collect()
}

/// Merges the steps of fixes to statements.
///
/// # Errors
/// Indexes of fixes that change the same text as wider fixes in another way.
pub fn statements(fixes: &[FixInPlan], catalog: &Catalog, sources: &Sources) -> Result<Vec<Statement>, Vec<usize>> {
    let mut all: Vec<Statement> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in fixes.iter().enumerate() {
        let mut stage = 0;
        for step in &entry.fix.steps {
            stage += usize::from(step.run == Run::NextFile);
            match places.get(step.sql.as_str()) {
                Some(place) => all[*place].join(at, entry.fix.safety),
                None => {
                    places.insert(&step.sql, all.len());
                    all.push(Statement::new(step, stage, at, entry.fix.safety));
                }
            }
        }
    }
    Ok(indexes(policies(grants(all), sources)?, catalog))
}

impl Statement {
    fn new(step: &Step, stage: usize, fix: usize, safety: Safety) -> Statement {
        let Step { sql, phase, run, undo, work } = step.clone();
        Statement { sql, undo, phase, run, stage, safety, work, fixes: vec![fix] }
    }

    fn join(&mut self, fix: usize, safety: Safety) {
        self.safety = self.safety.max(safety);
        if !self.fixes.contains(&fix) {
            self.fixes.push(fix);
        }
    }

    fn absorb(&mut self, other: &Statement) {
        self.stage = self.stage.max(other.stage);
        other.fixes.iter().for_each(|fix| self.join(*fix, other.safety));
    }
}

/// Merges grants of the same privileges to a role into one GRANT.
fn grants(all: Vec<Statement>) -> Vec<Statement> {
    let mut out: Vec<Statement> = Vec::new();
    let mut places: BTreeMap<(&'static str, &'static str, String), usize> = BTreeMap::new();
    for statement in all {
        let Work::Grant(change) = &statement.work else {
            out.push(statement);
            continue;
        };
        let place = *places.entry((change.role, change.noun, change.what.clone())).or_insert(out.len());
        let Some(known) = out.get_mut(place) else {
            out.push(statement);
            continue;
        };
        if let Work::Grant(other) = &mut known.work {
            other.objects.extend(change.objects.iter().cloned());
            known.sql = other.sql();
        }
        known.absorb(&statement);
    }
    out
}

/// Merges changes of a policy into one ALTER POLICY.
fn policies(all: Vec<Statement>, sources: &Sources) -> Result<Vec<Statement>, Vec<usize>> {
    let mut out: Vec<Statement> = Vec::new();
    let mut overlapping: Vec<usize> = Vec::new();
    for statement in all {
        let Work::Policy(change) = &statement.work else {
            out.push(statement);
            continue;
        };
        let same = |known: &&mut Statement| match &known.work {
            Work::Policy(other) => (&other.table, &other.policy) == (&change.table, &change.policy),
            Work::Statement | Work::Assertion | Work::Index(_) | Work::Grant(_) => false,
        };
        let Some(known) = out.iter_mut().find(same) else {
            out.push(statement);
            continue;
        };
        let Work::Policy(other) = &known.work else { continue };
        let Some(merged) = merged(other, change) else {
            // the wider change usually includes the narrower one
            let narrow = if width(other) >= width(change) { statement } else { std::mem::replace(known, statement) };
            overlapping.extend(narrow.fixes);
            continue;
        };
        (known.sql, known.undo) = (merged.sql(sources), Some(merged.undo(sources)));
        known.work = Work::Policy(merged);
        known.absorb(&statement);
    }
    if overlapping.is_empty() { Ok(out) } else { Err(overlapping) }
}

fn width(change: &PolicyChange) -> usize {
    change.clauses.iter().flat_map(|clause| &clause.edits).map(|(span, _)| span.len()).sum()
}

/// Merges two changes, or returns `None` if they change the same text differently.
fn merged(one: &PolicyChange, other: &PolicyChange) -> Option<PolicyChange> {
    let touch = |a: Span, b: Span| a.start < b.end && b.start < a.end || a.start == b.start;
    let mut out = one.clone();
    for clause in &other.clauses {
        let Some(known) = out.clauses.iter_mut().find(|known| known.word == clause.word) else {
            out.clauses.push(clause.clone());
            continue;
        };
        if known.site != clause.site {
            return None;
        }
        for edit in &clause.edits {
            if known.edits.contains(edit) {
                continue;
            }
            if known.edits.iter().any(|(span, _)| touch(*span, edit.0)) {
                return None;
            }
            known.edits.push(edit.clone());
        }
    }
    // USING comes before WITH CHECK
    out.clauses.sort_by(|a, b| a.word.cmp(&b.word));
    Some(out)
}

/// Merges indexes that are equal or prefixes of another, and gives each an unused name.
fn indexes(all: Vec<Statement>, catalog: &Catalog) -> Vec<Statement> {
    let mut out: Vec<Statement> = Vec::new();
    for statement in all {
        let Some(index) = statement.makes() else {
            out.push(statement);
            continue;
        };
        if let Some(known) = out.iter_mut().find(|known| known.makes().is_some_and(|known| serves(known, index))) {
            known.absorb(&statement);
            continue;
        }
        match out.iter_mut().find(|known| known.makes().is_some_and(|known| serves(index, known))) {
            Some(known) => {
                let mut wider = statement;
                wider.absorb(known);
                *known = wider;
            }
            None => out.push(statement),
        }
    }
    let mut taken: Vec<QName> = Vec::new();
    for statement in &mut out {
        let Some(index) = statement.makes() else { continue };
        let mut index = index.clone();
        let of = |name: &SmolStr| QName::new(index.table.schema.clone(), name.clone());
        let free = |name: &SmolStr| !taken.contains(&of(name)) && catalog.relation_kind(&of(name)).is_none();
        let numbered = (2..).map(|number: u32| {
            let most = 63 - 1 - number.to_string().len();
            let mut end = index.name.len().min(most);
            while !index.name.is_char_boundary(end) {
                end -= 1;
            }
            format_smolstr!("{}_{number}", &index.name[..end])
        });
        let name = std::iter::once(index.name.clone()).chain(numbered).find(free).expect("there are more numbers than names");
        taken.push(of(&name));
        if name != index.name {
            index.name = name;
            statement.set(index);
        }
    }
    out
}

/// Returns whether one index serves the purpose of another.
fn serves(one: &IndexChange, other: &IndexChange) -> bool {
    let plain = |index: &IndexChange| !index.unique && index.definition == format!("({})", index.columns.join(", "));
    one.table == other.table
        && ((one.unique, &one.definition) == (other.unique, &other.definition)
            || plain(one) && plain(other) && one.columns.starts_with(&other.columns))
}

impl Statement {
    pub fn index(&self) -> Option<&IndexChange> {
        match &self.work {
            Work::Index(index) => Some(index),
            Work::Policy(_) | Work::Grant(_) | Work::Assertion | Work::Statement => None,
        }
    }

    fn makes(&self) -> Option<&IndexChange> {
        self.index().filter(|index| index.made)
    }

    /// Replaces the index of the statement.
    pub fn set(&mut self, index: IndexChange) {
        (self.sql, self.undo) = (index.sql(), Some(index.undo()));
        self.work = Work::Index(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::ClauseChange;
    use crate::source::Site;

    const TEXT: &str = "owner = auth.uid() and team = auth.role()";

    /// Returns a change of the policy that replaces words in one clause.
    fn change(sources: &Sources, word: &str, edits: &[(&str, &str)]) -> Statement {
        let file = crate::source::FileId(0);
        let edit = |(old, new): &(&str, &str)| {
            let at = TEXT.find(old).unwrap() as u32;
            (Span::new(at, at + old.len() as u32), new.to_string())
        };
        let clause = ClauseChange {
            word: word.into(),
            site: Site::new(file, Span::new(0, TEXT.len() as u32)),
            renamed: Vec::new(),
            edits: edits.iter().map(edit).collect(),
        };
        let change = PolicyChange { table: QName::new("public", "t"), policy: "p".into(), clauses: vec![clause] };
        Statement::new(&Step::policy(change, sources), 0, edits.len(), Safety::Safe)
    }

    fn sources() -> Sources {
        let mut sources = Sources::default();
        sources.add("a.sql", TEXT);
        sources
    }

    #[test]
    fn changes_of_one_policy_become_one_statement_that_can_be_taken_back() {
        let sources = sources();
        let one = change(&sources, "with check", &[("auth.uid()", "me()")]);
        let other = change(&sources, "using", &[("auth.role()", "(select auth.role())"), ("owner", "author")]);
        let more = change(&sources, "using", &[("owner", "author"), ("team", "club"), ("and", "or")]);
        let [merged] = policies(vec![one, other, more], &sources).unwrap().try_into().unwrap();
        assert_eq!(
            merged.sql,
            "alter policy p on public.t\n  using (author = auth.uid() or club = (select auth.role()))\n  \
             with check (owner = me() and team = auth.role());"
        );
        assert_eq!(merged.undo.unwrap(), format!("alter policy p on public.t\n  using ({TEXT})\n  with check ({TEXT});"));
        assert_eq!(merged.fixes, [1, 2, 3]);
    }

    #[test]
    fn of_two_changes_to_one_text_the_wider_stands() {
        let sources = sources();
        let narrow = change(&sources, "using", &[("auth.uid()", "(select auth.uid())")]);
        let wide = change(&sources, "using", &[("owner = auth.uid()", "mine"), ("team", "club")]);
        assert_eq!(policies(vec![narrow.clone(), wide.clone()], &sources).unwrap_err(), [1]);
        assert_eq!(policies(vec![wide, narrow], &sources).unwrap_err(), [1]);
    }

    fn index(name: &str, columns: &[&str]) -> Statement {
        let columns: Vec<String> = columns.iter().map(|column| column.to_string()).collect();
        let definition = format!("({})", columns.join(", "));
        let table = QName::new("public", "t");
        let (made, unique, concurrently, comment) = (true, false, true, None);
        let change = IndexChange { made, table, name: name.into(), unique, columns, definition, concurrently, comment };
        Statement::new(&Step::index(change), 0, 0, Safety::Safe)
    }

    #[test]
    fn an_index_that_another_one_serves_is_left_out_and_names_are_free() {
        let long = "n".repeat(63);
        let all = vec![index("a", &["x"]), index("b", &["x", "y desc"]), index(&long, &["z"]), index(&long, &["w"]), index("c", &["y"])];
        let made: Vec<String> = indexes(all, &Catalog::default()).into_iter().map(|made| made.sql).collect();
        assert_eq!(
            made,
            [
                "create index concurrently if not exists b on public.t (x, y desc);".to_string(),
                format!("create index concurrently if not exists {long} on public.t (z);"),
                format!("create index concurrently if not exists {}_2 on public.t (w);", &long[..61]),
                "create index concurrently if not exists c on public.t (y);".to_string(),
            ]
        );
    }
}
