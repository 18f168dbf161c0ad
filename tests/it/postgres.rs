//! Comparison with PostgreSQL. The fixtures, the examples of all rule pages and their fixes run on a private server. Rejected statements
//! and the resulting schema must be those that supalint computes. The rollback of a fix must restore the state before it.
//!
//! The tests need `initdb` of version 15 or later, on PATH or in /usr/lib/postgresql. Without it, they are skipped with a message, and fail
//! in CI.

use crate::docs::page::Page;
use crate::docs::run::{Example, Outcome};
use crate::fold::cases;
use crate::support::catalog::Objects;
use crate::support::server::{self, Database, Server};
use crate::support::{apply, plan};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use supalint::disk;
use supalint::fix::{Level, Plan};
use supalint::rules::{ALL, Rule};

/// Number of examples that run in parallel.
const WORKERS: usize = 2;

/// Fails with all complaints, each with the name of its case.
fn none(complaints: &[(String, Vec<String>)]) {
    let mut out = String::new();
    for (case, complaints) in complaints.iter().filter(|(_, complaints)| !complaints.is_empty()) {
        let _ = writeln!(out, "\n{case}");
        complaints.iter().for_each(|complaint| out += &format!("  {complaint}\n"));
    }
    assert!(out.is_empty(), "{out}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn fixtures_do_what_is_said_of_them() {
    let Some(server) = Server::shared() else { return };
    let mut spare = server.database();
    let birth = Objects::of_server(&mut spare);
    let mut fixtures: Vec<PathBuf> =
        std::fs::read_dir(root().join("fixtures")).expect("there are fixtures").flatten().map(|entry| entry.path()).collect();
    fixtures.sort();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut complaints = Vec::new();
    for path in &fixtures {
        complaints.push((path.display().to_string(), apply::compare(&server, &mut spare, &birth, path, None)));
        for level in [Level::Safe, Level::Review] {
            let root = folder.path().join(format!("{}-{level:?}", path.file_name().unwrap_or_default().display()));
            copy(path, &root);
            let plan = match plan::of(&root, None, level) {
                Ok(plan) => plan,
                Err(reason) => {
                    server::say(&format!("{}: has no plan: {reason}", path.display()));
                    continue;
                }
            };
            for planned in &plan.files {
                disk::write::put(&plan.project.folder.join(&planned.name), planned.text.as_bytes(), false).expect("files can be written");
            }
            let mut found = apply::compare(&server, &mut spare, &birth, &root, Some(&plan));
            let second = plan::of(&root, None, level).expect("there was room before");
            found.extend(second.files.iter().map(|planned| format!("a second run writes {}", planned.text)));
            complaints.push((format!("{} and its plan, {level:?}", path.display()), found));
        }
    }
    none(&complaints);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("a folder can be read").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &target),
            false => std::fs::copy(&path, &target).map(|_| ()).expect("a file can be copied"),
        }
    }
}

/// Runs the histories of the tests of the catalog.
#[test]
fn histories_do_what_is_said_of_them() {
    let Some(server) = Server::shared() else { return };
    let mut spare = server.database();
    let birth = Objects::of_server(&mut spare);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut complaints = Vec::new();
    for (at, case) in cases::CASES.iter().enumerate().filter(|(_, case)| !case.history.contains("elsewhere")) {
        let root = folder.path().join(at.to_string());
        Example::new(case.history).write(&root);
        if let Some(extension) = apply::foreign_extension(&root) {
            server::say(&format!("{}: left out, as not every server has the extension {extension}", case.name));
            continue;
        }
        complaints.push((case.name.to_string(), apply::compare(&server, &mut spare, &birth, &root, None)));
    }
    none(&complaints);
}

/// PostgreSQL rejects the same statements as supalint, with the same messages.
#[test]
fn rejections_are_those_of_the_server() {
    let Some(server) = Server::shared() else { return };
    let mut spare = server.database();
    let birth = Objects::of_server(&mut spare);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("tests/rejected")).expect("there are cases").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut complaints = Vec::new();
    for path in &files {
        let name = path.file_stem().unwrap_or_default();
        let migrations = folder.path().join(name).join("supabase/migrations");
        std::fs::create_dir_all(&migrations).expect("a folder can be made");
        std::fs::copy(path, migrations.join("20250101000000_a.sql")).expect("a file can be copied");
        complaints.push((path.display().to_string(), apply::compare(&server, &mut spare, &birth, &folder.path().join(name), None)));
    }
    none(&complaints);
}

/// Runs the bad examples, the bad examples with their fix or edits, and the good examples.
#[test]
fn pages_do_what_is_said_of_them() {
    let Some(server) = Server::shared() else { return };
    let birth = Objects::of_server(&mut server.database());
    let only = std::env::var("DOCS").ok();
    let rules = ALL.iter().filter(|rule| only.as_deref().is_none_or(|name| rule.is_named(name)));
    let examples: Vec<(String, Example, Option<Plan>)> = rules.flat_map(|rule| examples(rule)).collect();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let judge = |spare: &mut Database, at: usize| {
        let (name, example, cure) = &examples[at];
        let root = folder.path().join(at.to_string());
        example.write(&root);
        match apply::foreign_extension(&root) {
            Some(extension) => {
                server::say(&format!("{name}: left out, as not every server has the extension {extension}"));
                (name.clone(), Vec::new())
            }
            None => (name.clone(), apply::compare(&server, spare, &birth, &root, cure.as_ref())),
        }
    };
    // the server has a process for each connection
    let complaints: Vec<_> = std::thread::scope(|scope| {
        let work = |worker: usize| {
            let mut spare = server.database();
            (worker..examples.len()).step_by(WORKERS).map(|at| judge(&mut spare, at)).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    none(&complaints);
}

/// Returns the histories of a rule page, each with its location and the fix at its end.
fn examples(rule: &'static Rule) -> Vec<(String, Example, Option<Plan>)> {
    let page = Page::read(rule.page);
    let place = |at: usize, what: &str| format!("rules/{}.md:{}{what}", rule.id, page.line(at));
    let mut out = Vec::new();
    for at in page.bad() {
        let outcome = Outcome::of(&Example::new(&page.example(at)));
        if let Some(edited) = outcome.edited(rule) {
            out.push((place(at, " with its edits"), edited, None));
        }
        let cure = outcome.fix(rule).and_then(|cure| cure.plan).filter(|plan| !plan.files.is_empty());
        // the history with the fix begins with the unchanged example
        out.push(match &cure {
            Some(plan) => (place(at, " with its fix"), outcome.example.and(&plan.files), cure),
            None => (place(at, ""), outcome.example, None),
        });
    }
    out.extend(page.good().into_iter().map(|at| (place(at, ""), Example::new(&page.example(at)), None)));
    out
}

/// The SQL of the platform creates the same objects on a server as in the catalog.
#[test]
fn the_platform_starts_as_is_said() {
    let Some(server) = Server::shared() else { return };
    let held = Objects::of_server(&mut server.database());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let migrations = folder.path().join("migrations");
    std::fs::create_dir(&migrations).expect("a folder can be made");
    std::fs::write(migrations.join("1_start.sql"), supalint::platform::SUPABASE).expect("a file can be written");
    std::fs::write(folder.path().join("supalint.toml"), "platform = \"postgres\"\n").expect("a file can be written");
    none(&[("crates/schema/src/platform/supabase.sql".into(), held.differences(&apply::fold(folder.path())))]);
}
