//! Edits of migration files that no database has applied.
//!
//! Promises: only files that are passed, or changed with `--changed`, are edited, and only with safe fixes. All bytes outside the edits stay
//! the same. The edited project is analysed first, and fixes that do not resolve the problem or cause a new one are skipped. Limits: files
//! whose bytes differ from the parsed text (another encoding) are not edited.

use super::{PlanInput, Withheld, prove, withheld, write};
use crate::engine::{self, CheckResult, RuleSelection};
use crate::error::Error;
use crate::finding::{Confidence, Edit, Finding, Safety};
use crate::report::Report;
use crate::source::{FileId, Site, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Result of the edits.
pub struct Edited {
    pub files: Vec<NewText>,
    pub withheld: Vec<Withheld>,
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
pub fn edit(ground: &PlanInput<'_>, editable: &BTreeSet<FileId>) -> Result<Edited, Error> {
    let project = ground.project;
    if editable.is_empty() {
        return Err(Error::NothingNamed);
    }
    let before = engine::check(ground.sources.clone(), project, &RuleSelection::default());
    let mut refused: BTreeMap<String, Withheld> = BTreeMap::new();
    for _ in 0..MOST_ROUNDS {
        let chosen = chosen(ground, editable, &before, &mut refused);
        let files = texts(ground.sources, &chosen);
        if files.is_empty() {
            return Ok(edited(ground, before, files, refused));
        }
        let (mut sources, mut project) = (ground.sources.clone(), project.clone());
        for new in &files {
            sources.replace(new.file, new.text.as_str());
            // the rollback below the part that runs is not edited
            let ends = project.migrations.iter_mut().filter(|migration| migration.file == new.file).map(|migration| &mut migration.end);
            ends.for_each(|end| *end = (new.text.len() - (new.old.len() - *end as usize)) as u32);
        }
        let after = engine::check(sources, &project, &RuleSelection::default());
        let faults = faults(&before, &after, &chosen);
        if faults.is_empty() {
            return Ok(edited(ground, after, files, refused));
        }
        refused.extend(faults);
    }
    Ok(edited(ground, before, Vec::new(), refused))
}

fn edited(ground: &PlanInput<'_>, state: CheckResult, files: Vec<NewText>, refused: BTreeMap<String, Withheld>) -> Edited {
    let mut report = state.report;
    report.findings.retain(|finding| ground.asks(finding));
    Edited { files, withheld: refused.into_values().collect(), report }
}

/// Returns the diagnostics whose edits are in editable files and do not overlap.
fn chosen<'a>(
    ground: &PlanInput<'_>,
    editable: &BTreeSet<FileId>,
    state: &'a CheckResult,
    refused: &mut BTreeMap<String, Withheld>,
) -> Vec<(&'a Finding, &'a [Edit])> {
    let named = |edit: &Edit| editable.contains(&edit.site.file);
    let mut out: Vec<(&Finding, &[Edit])> = Vec::new();
    for finding in &state.report.findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safety == Safety::Safe && !fix.rewrite.is_empty()) else { continue };
        let on = ground.asks(finding) && finding.confidence == Confidence::Certain;
        if !on || !fix.rewrite.iter().all(named) || refused.contains_key(&finding.fingerprint) {
            continue;
        }
        let clashes = |edit: &Edit| {
            out.iter().flat_map(|(_, edits)| *edits).any(|known| known != edit && known.site.file == edit.site.file && touch(known, edit))
        };
        if fix.rewrite.iter().any(clashes) {
            let reason = "it changes the same text as another fix: run --fix=inline again".to_string();
            refused.insert(finding.fingerprint.clone(), withheld(finding, reason));
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
fn faults(before: &CheckResult, after: &CheckResult, chosen: &[(&Finding, &[Edit])]) -> BTreeMap<String, Withheld> {
    let mut out = BTreeMap::new();
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (finding, _) in chosen.iter().filter(|(finding, _)| left.contains(finding.fingerprint.as_str())) {
        out.insert(finding.fingerprint.clone(), withheld(finding, "it does not resolve the problem".to_string()));
    }
    let brought = prove::brought(&prove::had(&before.report), &after.report)
        .next()
        .map(|new| format!("it would cause {}: {}", new.rule, new.message));
    let fails = (prove::rejected(after).count() > prove::rejected(before).count())
        .then(|| "PostgreSQL would reject a statement afterwards".to_string());
    let unread = (after.report.unread.len() > before.report.unread.len()).then(|| "a statement could not be parsed afterwards".to_string());
    if let Some(reason) = fails.or(unread).or(brought) {
        // locations have moved, so the responsible fix is unknown
        for (finding, _) in chosen {
            out.entry(finding.fingerprint.clone()).or_insert_with(|| withheld(finding, reason.clone()));
        }
    }
    out
}

/// Writes the new texts and calls `told` after each file.
///
/// # Errors
/// If a file changed since it was read, or cannot be written.
pub fn save(root: &Path, files: &[NewText], mut told: impl FnMut(&NewText)) -> Result<(), Error> {
    for new in files {
        let path = root.join(&new.path);
        let bytes = fs::read(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        if bytes != new.old.as_bytes() {
            return Err(Error::Changed { path });
        }
        write::put(&path, new.text.as_bytes(), true)?;
        told(new);
    }
    Ok(())
}
