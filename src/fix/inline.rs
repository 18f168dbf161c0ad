//! Edits in place, for migrations that are not applied anywhere yet.
//!
//! Promises: only files that were named are changed, only by cures that are safe, and every byte beside the edits stays. The project is
//! analysed with the edits in place first: a cure whose finding survives, or that brings something new, is left out. Refuses: a file
//! whose bytes are not the text that was read (another encoding, bytes that are no text).

use super::{Ground, Withheld, prove, withheld, write};
use crate::engine::{self, Choice, Examined};
use crate::error::Error;
use crate::finding::{Confidence, Edit, Finding, Safety};
use crate::report::Report;
use crate::source::{FileId, Site, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files as they are to be.
pub struct Edited {
    pub files: Vec<NewText>,
    pub withheld: Vec<Withheld>,
    /// What is found then, by the rules that were asked for.
    pub report: Report,
}

/// A named file's new text.
pub struct NewText {
    pub file: FileId,
    /// As users see it.
    pub path: String,
    pub old: String,
    pub text: String,
    pub edits: usize,
}

/// Each leaves out a cure at least.
const MOST_ROUNDS: usize = 30;

/// What the named files would be with every safe edit in place.
///
/// # Errors
/// If no file was named.
pub fn edit(ground: &Ground<'_>) -> Result<Edited, Error> {
    let project = ground.project;
    if project.named.is_empty() {
        return Err(Error::NothingNamed);
    }
    let before = engine::examine(ground.sources.clone(), project, &Choice::default());
    let mut refused: BTreeMap<String, Withheld> = BTreeMap::new();
    for _ in 0..MOST_ROUNDS {
        let chosen = chosen(ground, &before, &mut refused);
        let files = texts(ground.sources, &chosen);
        if files.is_empty() {
            return Ok(edited(ground, before, files, refused));
        }
        let (mut sources, mut project) = (ground.sources.clone(), project.clone());
        for new in &files {
            sources.replace(new.file, new.text.as_str());
            // nothing is edited behind what runs
            let ends = project.migrations.iter_mut().filter(|migration| migration.file == new.file).map(|migration| &mut migration.end);
            ends.for_each(|end| *end = (new.text.len() - (new.old.len() - *end as usize)) as u32);
        }
        let after = engine::examine(sources, &project, &Choice::default());
        let faults = faults(&before, &after, &chosen);
        if faults.is_empty() {
            return Ok(edited(ground, after, files, refused));
        }
        refused.extend(faults);
    }
    Ok(edited(ground, before, Vec::new(), refused))
}

fn edited(ground: &Ground<'_>, state: Examined, files: Vec<NewText>, refused: BTreeMap<String, Withheld>) -> Edited {
    let mut report = state.report;
    report.findings.retain(|finding| ground.asks(finding));
    Edited { files, withheld: refused.into_values().collect(), report }
}

/// Findings whose edits stand in named files and beside each other.
fn chosen<'a>(ground: &Ground<'_>, state: &'a Examined, refused: &mut BTreeMap<String, Withheld>) -> Vec<(&'a Finding, &'a [Edit])> {
    let named = |edit: &Edit| ground.project.named.contains(&edit.site.file);
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
            let reason = "it changes text that another cure changes: run --fix=inline again".to_string();
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

/// An edit that leaves its finding, or one that comes with findings nobody had.
fn faults(before: &Examined, after: &Examined, chosen: &[(&Finding, &[Edit])]) -> BTreeMap<String, Withheld> {
    let mut out = BTreeMap::new();
    let left: BTreeSet<&str> = after.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for (finding, _) in chosen.iter().filter(|(finding, _)| left.contains(finding.fingerprint.as_str())) {
        out.insert(finding.fingerprint.clone(), withheld(finding, "the finding would still be there".to_string()));
    }
    let brought = prove::brought(&prove::had(&before.report), &BTreeSet::new(), &after.report)
        .next()
        .map(|new| format!("it would bring {}: {}", new.rule, new.message));
    let fails =
        (prove::rejected(after).count() > prove::rejected(before).count()).then(|| "PostgreSQL would refuse a statement then".to_string());
    let unread = (after.report.unread.len() > before.report.unread.len()).then(|| "a statement could not be read then".to_string());
    if let Some(reason) = fails.or(unread).or(brought) {
        // places have moved, so nothing tells who is to blame
        for (finding, _) in chosen {
            out.entry(finding.fingerprint.clone()).or_insert_with(|| withheld(finding, reason.clone()));
        }
    }
    out
}

/// Puts the new texts in their places; `told` hears of each.
///
/// # Errors
/// If a file is no longer what was read, or can't be written.
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
