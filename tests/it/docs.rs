//! Runs the examples of every rule page. The bad examples have the quoted report, their fix resolves it, and the good examples have no
//! diagnostics of the rule.
//!
//! A page consists of a title, a summary, and the sections Why, Example, Good, Limits, See also. Example contains ````
//! ```sql bad ```` blocks. Each is followed by ```` ```text report ```` with the diagnostics of this rule, one per line. If the rule has a
//! fix, ```` ```sql fix ```` follows, with all its steps, or with the edited example if there are no steps. Good contains ```` ```sql good
//! ```` blocks. A line `-- name.sql` begins another file, `-- supalint.toml` the settings, and `-- config.toml` those of Supabase. Rules
//! about application code have ```` ```ts bad ```` and ```` ```ts good ```` blocks, which are checked with the ````
//! ```sql schema ```` block above them. A line `// src/page.tsx` begins another file of code.
//!
//! `UPDATE_DOCS=1 cargo test --test it docs` rewrites the report and fix blocks. `DOCS=rls/disabled` limits the test to one page.

pub mod page;
pub mod run;

use page::{Fence, Page};
use run::{Example, Outcome};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use supalint::rules::{ALL, Rule};

const SECTIONS: [&str; 5] = ["Why", "Example", "Good", "Limits", "See also"];

#[test]
fn pages_are_true() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let only = std::env::var("DOCS").ok();
    let mut complaints = String::new();
    for rule in ALL.iter().filter(|rule| only.as_deref().is_none_or(|name| rule.is_named(name))) {
        let mut found = Vec::new();
        let mut page = Page::read(rule.page);
        check(rule, &mut page, update, &mut found);
        if update && page.text() != rule.page {
            std::fs::write(path(rule.id), page.text()).expect("the page can be written");
        }
        for complaint in found {
            let _ = writeln!(complaints, "\nrules/{}.md: {complaint}", rule.id);
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn every_page_belongs_to_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for group in std::fs::read_dir(&folder).expect("there are pages").flatten() {
        for page in std::fs::read_dir(group.path()).expect("a group is a folder").flatten() {
            let id = format!("{}/{}", group.file_name().display(), page.path().file_stem().unwrap_or_default().display());
            assert!(ALL.iter().any(|rule| rule.id == id), "{} belongs to no rule", page.path().display());
        }
    }
}

/// Compares each fixture with an equal earlier state, in which diagnostics have no messages. All diagnostics must be recognized as older.
#[test]
fn a_project_has_nothing_that_it_did_not_have_when_it_was_the_same() {
    for fixture in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("there are fixtures").flatten() {
        let (all, news) = (run::report(&fixture.path(), false), run::report(&fixture.path(), true));
        let told: Vec<&str> = news.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!((told, news.left_out.earlier), (Vec::new(), all.findings.len()), "{}", fixture.path().display());
    }
}

fn path(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(format!("{id}.md"))
}

fn check(rule: &'static Rule, page: &mut Page, update: bool, complaints: &mut Vec<String>) {
    if page.title().is_none() {
        complaints.push("begins without a title, an empty line and a summary".into());
    }
    if page.sections() != SECTIONS {
        complaints.push(format!("has the sections {:?} where {SECTIONS:?} belong", page.sections()));
    }
    let bad = page.bad();
    if bad.is_empty() || page.good().is_empty() {
        complaints.push("needs a `sql bad` or `ts bad` block under Example and a `sql good` or `ts good` block under Good".into());
    }
    let mut cured = false;
    // blocks are replaced from the end, so that the positions of the others do not change
    for at in bad.into_iter().rev() {
        let outcome = Outcome::of(&Example::new(&page.example(at)));
        let mut complain = |complaint: String| complaints.push(format!("line {}: {complaint}", page.line(at)));
        if outcome.of_rule(rule).is_empty() {
            complain(format!("the example does not bring about {}; it brings\n{}", rule.id, outcome.all()));
            continue;
        }
        for finding in &outcome.example.news().findings {
            complain(format!("what was there before is told as new: {}", finding.message));
        }
        for unread in outcome.unread_beside(rule) {
            complain(format!("a statement of the example can't be read: {unread}"));
        }
        let fix = outcome.fix(rule);
        cured |= fix.is_some();
        if let Some(complaint) = fix.as_ref().and_then(|fix| fix.prove(&outcome, rule)) {
            complain(complaint);
        }
        if let Some(complaint) = outcome.prove_rewrites(rule) {
            complain(complaint);
        }
        let report = outcome.report(rule);
        let wanted = [Some(("text report", report)), fix.map(|fix| ("sql fix", fix.text))];
        let wanted: Vec<Fence> = wanted.into_iter().flatten().map(|(info, body)| Fence { info: info.into(), body }).collect();
        if update {
            page.replace_results(at, wanted);
        } else {
            let written = page.results(at);
            if written != wanted {
                complaints.push(format!(
                    "line {}: says\n{}\nwhere this is so (UPDATE_DOCS=1 writes it):\n{}",
                    page.line(at),
                    page::show(&written),
                    page::show(&wanted)
                ));
            }
        }
    }
    if cured != rule.fixable && !page.bad().is_empty() {
        complaints.push(format!("the rule is declared {}fixable, and the examples show otherwise", if rule.fixable { "" } else { "not " }));
    }
    for at in page.good() {
        let outcome = Outcome::of(&Example::new(&page.example(at)));
        let mut complain = |complaint: String| complaints.push(format!("line {}: {complaint}", page.line(at)));
        for unread in outcome.unread_beside(rule) {
            complain(format!("a statement of the good example can't be read: {unread}"));
        }
        let faults = outcome.report(rule) + &outcome.errors_beside(rule);
        if !faults.is_empty() {
            complain(format!("the good example is not clean:\n{faults}"));
        }
    }
}

/// The table of rules in the README is the one that the pages define.
#[test]
fn the_readme_lists_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = readme.split_once("<!-- rules -->\n").expect("the table has a beginning");
    let (table, after) = rest.split_once("<!-- /rules -->").expect("the table has an end");
    let mut wanted = String::from("| rule | severity | what it finds |\n|---|---|---|\n");
    for rule in ALL {
        let (id, title) = (rule.id, supalint::output::page::title(rule.page));
        let _ = writeln!(wanted, "| [`{id}`](rules/{id}.md) | {} | {title} |", rule.severity.name());
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}<!-- rules -->\n{wanted}<!-- /rules -->{after}")).expect("the README can be written");
        return;
    }
    assert_eq!(table, wanted, "`UPDATE_DOCS=1 cargo test` rewrites it");
}

/// Each example of the page about Supabase's advisor has the rows and the diagnostics of the page.
#[test]
fn differences_from_the_advisor_are_as_is_said() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/advisors.md");
    let text = std::fs::read_to_string(&file).expect("the page is there");
    let mut written = String::new();
    let mut lines = text.lines();
    let mut outcome: Option<Outcome> = None;
    while let Some(line) = lines.next() {
        written += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        let so = match (info, &outcome) {
            ("text rows", Some(outcome)) => outcome.rows(),
            ("text diagnostics", Some(outcome)) => outcome.heads(),
            _ => body,
        };
        if info == "sql" {
            outcome = Some(Outcome::of(&Example::new(&so)));
        }
        written += &format!("{so}```\n");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, written).expect("the page can be written");
    } else {
        assert!(written == text, "UPDATE_DOCS=1 writes docs/advisors.md, where this is so:\n{written}");
    }
}
