//! A plan for people: what changes, the files in full, and what is left to them.

use super::files::Planned;
use super::{Plan, Shown};
use crate::finding::{Safety, Work};
use std::fmt::Write;

/// The plan as `--dry-run` prints it.
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
            let undo = planned.statement.undo.as_deref().unwrap_or_default();
            out.push_str(&diff(undo, &planned.statement.sql));
            out.push('\n');
        }
    }
    let manual: Vec<&Shown> = plan.shown.iter().filter(|shown| shown.safety == Safety::Manual).collect();
    if !manual.is_empty() {
        out.push_str("=== For a person to fill in; never written\n\n");
    }
    for shown in manual {
        let _ = writeln!(out, "-- {} ({})", shown.title, shown.rule);
        for sql in &shown.sql {
            let _ = writeln!(out, "{}", sql.trim_end());
        }
        out.push('\n');
    }
    out
}

/// Lines of a statement that go, and those that come in their place.
fn diff(old: &str, new: &str) -> String {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end().trim_end_matches(';').lines().skip(1).map(|line| line.trim_end().to_string()).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let mut out = String::new();
    let (mut a, mut b) = (0, 0);
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            let _ = writeln!(out, "  {}", old[a]);
            (a, b) = (a + 1, b + 1);
            continue;
        }
        // up to where both go on alike
        let ahead = (b..new.len()).find_map(|to| (a..old.len()).find(|from| old[*from] == new[to]).map(|from| (from, to)));
        let (to_a, to_b) = ahead.unwrap_or((old.len(), new.len()));
        old[a..to_a].iter().for_each(|line| drop(writeln!(out, "- {line}")));
        new[b..to_b].iter().for_each(|line| drop(writeln!(out, "+ {line}")));
        (a, b) = (to_a, to_b);
    }
    out
}
