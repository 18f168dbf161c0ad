//! Output of a plan for people: changed policies, full files, and fixes to complete by hand.

use super::files::Planned;
use super::inline::NewText;
use super::{Plan, ShownFix};
use crate::finding::{Safety, Work};
use std::fmt::Write;

/// Returns the plan as `--dry-run` prints it.
pub fn dry_run(plan: &Plan) -> String {
    let mut out = String::new();
    if plan.files.is_empty() {
        out.push_str("Nothing to write.\n");
    }
    for planned in &plan.files {
        let _ = writeln!(out, "=== {}\n\n{}", planned.path, planned.text);
    }
    let changes: Vec<&Planned> = plan.files.iter().flat_map(|planned| &planned.statements).collect();
    if changes.iter().any(|planned| matches!(planned.statement.work, Work::Policy(_))) {
        out.push_str("=== What changes in policies\n\n");
    }
    for planned in changes {
        if let Work::Policy(change) = &planned.statement.work {
            let _ = writeln!(out, "policy \"{}\" on {}", change.policy, change.table);
            let clauses = |sql: &str| sql.trim_end().trim_end_matches(';').lines().skip(1).collect::<Vec<_>>().join("\n");
            let undo = planned.statement.undo.as_deref().unwrap_or_default();
            out.push_str(&diff(&clauses(undo), &clauses(&planned.statement.sql)));
            out.push('\n');
        }
    }
    let manual: Vec<&ShownFix> = plan.shown.iter().filter(|shown| shown.safety == Safety::Manual).collect();
    if !manual.is_empty() {
        out.push_str("=== To complete by hand (never written)\n\n");
    }
    for shown in manual {
        let _ = writeln!(out, "-- {} ({})\n{}", shown.title, shown.rule, shown.sql());
    }
    out
}

/// Returns the edits of files as `--dry-run` prints them.
pub fn edits(files: &[NewText]) -> String {
    let mut out = String::new();
    if files.is_empty() {
        out.push_str("Nothing to edit.\n");
    }
    for new in files {
        let _ = writeln!(out, "=== {}\n", new.path);
        out.extend(diff(&new.old, &new.text).lines().filter(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")));
        out.push('\n');
    }
    out
}

/// Returns the difference of two texts by lines.
fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut out = String::new();
    let (mut a, mut b) = (0, 0);
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            let _ = writeln!(out, "  {}", old[a]);
            (a, b) = (a + 1, b + 1);
            continue;
        }
        // up to the next equal line
        let ahead = (b..new.len()).find_map(|to| (a..old.len()).find(|from| old[*from] == new[to]).map(|from| (from, to)));
        let (to_a, to_b) = ahead.unwrap_or((old.len(), new.len()));
        out.extend(old[a..to_a].iter().map(|line| format!("- {line}\n")));
        out.extend(new[b..to_b].iter().map(|line| format!("+ {line}\n")));
        (a, b) = (to_a, to_b);
    }
    out
}
