//! Diagnostics of a change: those that exist with the change and not without it, for every rule, with `--changed`, `--since` and a
//! baseline. If a change adds the bad example of a rule page, at least one diagnostic of that rule must be new.
//!
//! The change is a bad example with names of its own. It is added to a small history with the examples of two other pages, and to
//! the same example. `DOCS=rls/disabled` limits the test to one page.

use crate::changed::Repository;
use crate::docs::page::Page;
use crate::docs::run::{Example, code_name};
use crate::support::command::{json, supalint};
use std::collections::{BTreeMap, BTreeSet};
use supalint::rules::{ALL, Rule};

/// Number of examples that are tested in parallel.
const WORKERS: usize = 2;

/// A history with a table that has policies and one that has none.
const HISTORY: &str = "-- 20240101000000_start.sql
create table public.safe (id bigint primary key, owner_id uuid not null default auth.uid());
create index safe_owner_id_idx on public.safe (owner_id);
alter table public.safe enable row level security;
create policy own on public.safe to authenticated using (owner_id = (select auth.uid()));
grant select, insert, update, delete on public.safe to authenticated, service_role;
create table public.open (id bigint primary key);
";

/// Rules with a history and a change, in addition to the examples of the pages.
const FURTHER: &[(&str, &str, &str)] = &[(
    "migration/would-fail",
    "-- 20240101000000_old.sql\nalter table public.elsewhere add column note text;\n",
    "-- 20250101000000_new.sql\nalter table public.beyond add column note text;\n",
)];

/// Objects that a database has only once. A second example with them adds no object. Long names are cut before the suffix.
const ONCE: [&str; 6] = [
    "create extension",
    "create server",
    "insert on auth.users",
    "on storage.objects",
    "pgmq.create(",
    "index_appointments_for_calendar_of_location_and_professional",
];

/// A change with the history to which it is added.
struct Case {
    name: String,
    rule: &'static Rule,
    history: String,
    change: String,
    /// Whether the change contains the whole example, so that a diagnostic of the rule must be new.
    whole: bool,
}

fn bad_examples(rule: &'static Rule) -> Vec<(usize, String)> {
    let page = Page::read(rule.page);
    page.bad().into_iter().map(|at| (page.line(at), page.example(at))).collect()
}

/// Returns the text with new names for all objects that it creates.
fn renamed(text: &str, suffix: &str) -> String {
    let pieces = pieces(text);
    let created: BTreeSet<&str> = (0..pieces.len()).filter_map(|at| created(&pieces[at..])).collect();
    pieces.iter().map(|piece| if created.contains(piece) { format!("{piece}{suffix}") } else { piece.to_string() }).collect()
}

/// Splits a text into words and the text between them.
fn pieces(text: &str) -> Vec<&str> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, behind) = rest.split_at(rest.find(|c| is_of_word(c) != is_of_word(first)).unwrap_or(rest.len()));
        out.push(piece);
        rest = behind;
    }
    out
}

/// Returns the name after CREATE or CONSTRAINT, if it belongs to a schema or to the database.
fn created<'t>(pieces: &[&'t str]) -> Option<&'t str> {
    const BETWEEN: [&str; 9] = ["or", "replace", "unique", "materialized", "temp", "if", "not", "exists", "concurrently"];
    const KINDS: [&str; 9] = ["table", "view", "index", "function", "procedure", "schema", "type", "domain", "role"];
    let is = |words: &[&str], piece: &str| words.iter().any(|word| piece.eq_ignore_ascii_case(word));
    let mut rest = pieces.iter().copied().filter(|piece| !piece.trim().is_empty() && !is(&BETWEEN, piece)).peekable();
    let first = rest.next()?;
    let is_created = is(&["create"], first) && is(&KINDS, rest.next()?);
    if !is_created && !is(&["constraint"], first) {
        return None;
    }
    let name = rest.next().filter(|name| !is(&["on"], name))?;
    match rest.peek() {
        Some(&".") => rest.nth(1),
        Some(sign) if sign.starts_with('.') => None,
        _ => Some(name),
    }
}

fn cases(at: usize, rule: &'static Rule) -> Vec<Case> {
    let neighbour = |step: usize, name: &str| {
        let others = (0..ALL.len()).flat_map(|further| bad_examples(ALL[(at + step + further) % ALL.len()]));
        let (_, text) = others.into_iter().find(|(_, text)| !text.lines().any(is_settings)).expect("one without settings");
        format!("-- {name}.sql\n{}", in_one_file(&renamed(&text, &format!("_{step}"))))
    };
    let neighbours = neighbour(5, "20240102000000_five") + &neighbour(11, "20240103000000_eleven");
    let mut out = Vec::new();
    for (nth, (line, text)) in bad_examples(rule).into_iter().enumerate() {
        let change = renamed(&text, "_new");
        let place = format!("rules/{}.md:{line}", rule.id);
        let case = |what: &str, history: &str, change: &str, whole: bool| Case {
            name: format!("{place}, {what}"),
            rule,
            history: history.to_string(),
            change: change.to_string(),
            whole,
        };
        if nth == 0 {
            out.push(case("to two other pages' examples", &format!("{HISTORY}{neighbours}"), &change, true));
        }
        let again = format!("-- 20240104000000_again.sql\n{}", in_one_file(&renamed(&text, "_old")));
        let whole = !ONCE.iter().any(|object| text.contains(object));
        out.push(case("to the same", &again, &change, whole));
        let lines: Vec<&str> = change.split_inclusive('\n').collect();
        if let Some(last) = lines.iter().rposition(|line| is_name(line)).filter(|last| lines[..*last].iter().any(|line| is_name(line))) {
            let history = format!("{HISTORY}{}", lines[..last].concat());
            out.push(case("its last file", &history, &lines[last..].concat(), false));
        }
    }
    out.extend(FURTHER.iter().filter(|(id, ..)| *id == rule.id).map(|(id, history, change)| Case {
        name: format!("{id}, {change}"),
        rule,
        history: history.to_string(),
        change: change.to_string(),
        whole: true,
    }));
    out
}

/// Returns the migrations of an example as one file.
fn in_one_file(text: &str) -> String {
    let mut is_sql = true;
    let mut keeps = |line: &&str| {
        let is_head = is_name(line) || is_settings(line) || code_name(line).is_some();
        is_sql = if is_head { is_name(line) } else { is_sql };
        is_sql && !is_head
    };
    text.split_inclusive('\n').filter(|line| keeps(line)).collect()
}

/// Returns whether the line is a heading such as `-- supalint.toml`.
fn is_settings(line: &str) -> bool {
    line.trim_end().strip_prefix("-- ").is_some_and(|name| name.ends_with(".toml") && !name.contains(' '))
}

/// Returns whether the line is a heading such as `-- 20250101000000_notes.sql`.
fn is_name(line: &str) -> bool {
    line.trim_end().strip_prefix("-- ").is_some_and(|name| name.ends_with(".sql") && !name.contains(' '))
}

/// Rules by the fingerprints of their diagnostics.
type Found = BTreeMap<String, String>;

fn judge(case: &Case) -> Vec<String> {
    let repository = Repository::new();
    let root = repository.path();
    let known = root.join(".git/known.json").display().to_string();
    let found = |arguments: &[&str]| -> Found {
        let report = json(root, &[&["check"], arguments].concat());
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_string();
        let findings = report["findings"].as_array().expect("a list").iter();
        findings.map(|finding| (text(&finding["fingerprint"]), text(&finding["rule"]))).collect()
    };
    Example::new(&case.history).write(root);
    // the settings belong to the history
    let change = tempfile::tempdir().expect("a folder can be made");
    Example::new(&case.change).write(change.path());
    for settings in ["supalint.toml", "supabase/config.toml"] {
        let _ = std::fs::copy(change.path().join(settings), root.join(settings));
    }
    repository.commit();
    supalint(root, &["check", "--write-baseline", &known]);
    let before = std::fs::read_to_string(&known).expect("a baseline is written");
    Example::new(&case.change).write(root);
    let mut brought = found(&["--no-baseline"]);
    brought.retain(|fingerprint, _| !before.contains(fingerprint.as_str()));
    let mut out = Vec::new();
    let mut told = |arguments: &[&str]| {
        let told = found(arguments);
        if told != brought {
            out.push(format!("{}: {arguments:?} tells\n    {told:?}\n  where this is brought:\n    {brought:?}", case.name));
        }
    };
    told(&["--changed"]);
    told(&["--baseline", &known]);
    repository.commit();
    told(&["--since", "HEAD~1"]);
    if case.whole && !brought.values().any(|rule| rule == case.rule.id) {
        out.push(format!("{}: nothing of {} is brought", case.name, case.rule.id));
    }
    out
}

#[test]
fn what_a_change_brings_is_told_of_every_rule() {
    let only = std::env::var("DOCS").ok();
    let rules = ALL.iter().enumerate().filter(|(_, rule)| only.as_deref().is_none_or(|name| rule.is_named(name)));
    let cases: Vec<Case> = rules.flat_map(|(at, rule)| cases(at, rule)).collect();
    let judged: Vec<(&Case, Vec<String>)> = std::thread::scope(|scope| {
        let work = |worker: usize| cases.iter().skip(worker).step_by(WORKERS).map(|case| (case, judge(case))).collect::<Vec<_>>();
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    let complaints: Vec<&str> = judged.iter().flat_map(|(_, complaints)| complaints).map(String::as_str).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
