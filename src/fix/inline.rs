//! Edits of migration files that no database has applied.
//!
//! Promises: only files that are passed, or changed with `--changed`, are edited, and only with safe fixes. All bytes outside the edits stay
//! the same. The edited project is analysed first, and fixes that do not resolve the problem or cause a new one are skipped. Limits: files
//! whose bytes differ from the parsed text (another encoding) are not edited.

use super::{PlanInput, SkippedFix, skipped_fix, verify_plan};
use crate::engine::{self, CheckResult, RuleSelection};
use crate::error::Error;
use crate::finding::{Confidence, Edit, Finding, Safety};
use crate::report::Report;
use crate::source::{FileId, Site, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Result of the edits.
pub struct Edited {
    pub files: Vec<NewText>,
    pub skipped: Vec<SkippedFix>,
    /// Problems after the edits, of the selected rules.
    pub report: Report,
}

/// The new text of a file.
pub struct NewText {
    pub file: FileId,
    /// Path relative to the root of the project.
    pub path: String,
    pub old: String,
    pub text: String,
    pub edits: usize,
}

/// Maximum number of rounds. Each round skips at least one fix.
const MOST_ROUNDS: usize = 30;

/// Returns files with all safe edits. Only `editable` files are edited. No database may have applied them.
///
/// # Errors
/// If no file may change.
pub fn edit(input: &PlanInput<'_>, editable: &BTreeSet<FileId>) -> Result<Edited, Error> {
    let project = input.project;
    if editable.is_empty() {
        return Err(Error::NothingNamed);
    }
    let before = engine::check(input.sources.clone(), project, &RuleSelection::default());
    let mut skipped: BTreeMap<String, SkippedFix> = BTreeMap::new();
    for _ in 0..MOST_ROUNDS {
        let chosen = chosen(input, editable, &before, &mut skipped);
        let files = texts(input.sources, &chosen);
        if files.is_empty() {
            return Ok(edited(input, before, files, skipped));
        }
        let (mut sources, mut project) = (input.sources.clone(), project.clone());
        for new in &files {
            sources.replace(new.file, new.text.as_str());
            // the rollback below the part that runs is not edited
            let ends = project.migrations.iter_mut().filter(|migration| migration.file == new.file).map(|migration| &mut migration.end);
            ends.for_each(|end| *end = (new.text.len() - (new.old.len() - *end as usize)) as u32);
        }
        let after = engine::check(sources, &project, &RuleSelection::default());
        let rejected = rejected_fixes(&before, &after, &chosen);
        if rejected.is_empty() {
            return Ok(edited(input, after, files, skipped));
        }
        skipped.extend(rejected);
    }
    Ok(edited(input, before, Vec::new(), skipped))
}

fn edited(input: &PlanInput<'_>, state: CheckResult, files: Vec<NewText>, skipped: BTreeMap<String, SkippedFix>) -> Edited {
    let mut report = state.report;
    report.findings.retain(|finding| input.is_selected(finding));
    Edited { files, skipped: skipped.into_values().collect(), report }
}

/// Returns the diagnostics whose edits are in editable files and do not overlap.
fn chosen<'a>(
    input: &PlanInput<'_>,
    editable: &BTreeSet<FileId>,
    state: &'a CheckResult,
    skipped: &mut BTreeMap<String, SkippedFix>,
) -> Vec<(&'a Finding, &'a [Edit])> {
    let is_editable = |edit: &Edit| editable.contains(&edit.site.file);
    let mut out: Vec<(&Finding, &[Edit])> = Vec::new();
    for finding in &state.report.findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safety == Safety::Safe && !fix.rewrite.is_empty()) else { continue };
        let on = input.is_selected(finding) && finding.confidence == Confidence::Certain;
        if !on || !fix.rewrite.iter().all(is_editable) || skipped.contains_key(&finding.fingerprint) {
            continue;
        }
        let clashes = |edit: &Edit| {
            out.iter().flat_map(|(_, edits)| *edits).any(|known| known != edit && known.site.file == edit.site.file && touch(known, edit))
        };
        if fix.rewrite.iter().any(clashes) {
            let reason = "it changes the same text as another fix: run --fix=inline again".to_string();
            skipped.insert(finding.fingerprint.clone(), skipped_fix(finding, reason));
        } else {
            out.push((finding, &fix.rewrite));
        }
    }
    out
}

fn touch(one: &Edit, other: &Edit) -> bool {
    let (a, b): (Span, Span) = (one.site.span, other.site.span);
    a.start < b.end && b.start < a.end || a.start == b.start
}

fn texts(sources: &Sources, chosen: &[(&Finding, &[Edit])]) -> Vec<NewText> {
    let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in chosen.iter().flat_map(|(_, edits)| *edits) {
        let edits = files.entry(edit.site.file).or_default();
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    let new = |(file, edits): (FileId, Vec<&Edit>)| {
        let source = sources.get(file);
        let whole = Site::new(file, Span::new(0, source.text().len() as u32));
        let text = sources.edited(whole, edits.iter().map(|edit| (edit.site.span, edit.text.as_str())));
        NewText { file, path: source.path.to_string(), old: source.text().to_string(), text, edits: edits.len() }
    };
    files.into_iter().map(new).collect()
}

/// Returns the fixes that do not resolve their problem or cause a new one, by fingerprint.
fn rejected_fixes(before: &CheckResult, after: &CheckResult, chosen: &[(&Finding, &[Edit])]) -> BTreeMap<String, SkippedFix> {
    let mut out = BTreeMap::new();
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (finding, _) in chosen.iter().filter(|(finding, _)| left.contains(finding.fingerprint.as_str())) {
        out.insert(finding.fingerprint.clone(), skipped_fix(finding, "it does not resolve the problem".to_string()));
    }
    let new_problem = verify_plan::new_problems(&verify_plan::severities(&before.report), &after.report)
        .next()
        .map(|new| format!("it would cause {}: {}", new.rule, new.message));
    let fails = (verify_plan::rejected(after).count() > verify_plan::rejected(before).count())
        .then(|| "PostgreSQL would reject a statement afterwards".to_string());
    let unread = (after.report.unread.len() > before.report.unread.len()).then(|| "a statement could not be parsed afterwards".to_string());
    if let Some(reason) = fails.or(unread).or(new_problem) {
        // locations have moved, so the responsible fix is unknown
        for (finding, _) in chosen {
            out.entry(finding.fingerprint.clone()).or_insert_with(|| skipped_fix(finding, reason.clone()));
        }
    }
    out
}
