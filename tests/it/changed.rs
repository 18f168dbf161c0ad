//! `--changed` and `--since`: only problems that a change causes, according to git.

use crate::support::command::{self, json, migration, put, supalint, told};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository in a temporary folder, independent of the git configuration of the machine.
pub struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    pub fn new() -> Repository {
        let repository = Repository { folder: tempfile::tempdir().expect("a folder can be made") };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.git(&["config", "user.name", "somebody"]);
        repository.git(&["config", "user.email", "somebody@example.com"]);
        repository
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(self.path()).args(arguments).env("GIT_CONFIG_GLOBAL", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().expect("git starts");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a step"]);
    }

    fn put(&self, file: (String, String)) {
        put(self.path(), file.0, file.1);
    }

    /// Returns rule and object of each reported diagnostic, and the number of diagnostics that are omitted as older.
    fn report(&self, folder: &str, arguments: &[&str]) -> (Vec<String>, u64) {
        let report = json(&self.path().join(folder), &[&["check", "--select", "rls,migration,allow"], arguments].concat());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
        let findings = report["findings"].as_array().expect("a list").iter();
        let mut shown: Vec<String> =
            findings.map(|finding| format!("{} {}", text(&finding["rule"]), text(&finding["subject"]["name"]))).collect();
        shown.sort();
        (shown, report["left_out"]["earlier"].as_u64().expect("a number"))
    }

    fn is(&self, arguments: &[&str], shown: &[&str], earlier: u64) {
        assert_eq!(self.report("", arguments), (shown.iter().map(|one| one.to_string()).collect(), earlier), "{arguments:?}");
    }
}

fn table(name: &str) -> String {
    format!("create table public.{name} (id int primary key);\n")
}

const CHANGED: &[&str] = &["--changed"];

#[test]
fn a_new_file_brings_what_points_to_it_and_what_it_makes_worse() {
    let repository = Repository::new();
    let safe = "create table public.safe (id int primary key);\nalter table public.safe enable row level security;\ncreate policy p on public.safe to authenticated using (id > 0);\n";
    repository.put(migration(1, &format!("{}{safe}-- supalint: allow(rls/no-policy) because of old habits\nselect 1;\n", table("old"))));
    repository.commit();
    repository.is(&[], &["allow/unused 20250101000000_step.sql", "rls/disabled old"], 0);
    repository.is(CHANGED, &[], 2);
    // untracked, staged and committed
    repository.put(migration(2, &table("new")));
    repository.is(CHANGED, &["rls/disabled new"], 2);
    repository.git(&["add", "--all"]);
    repository.is(CHANGED, &["rls/disabled new"], 2);
    repository.commit();
    repository.is(CHANGED, &[], 3);
    repository.is(&["--since", "HEAD~1"], &["rls/disabled new"], 2);
    // a problem in an old file that only the new file causes
    repository.put(migration(3, "drop policy p on public.safe;\n"));
    repository.is(CHANGED, &["rls/no-policy safe"], 3);
    assert_eq!(supalint(repository.path(), &["check", "--changed", "--fail-on", "info"]).status.code(), Some(1));
}

#[test]
fn what_a_baseline_does_not_hold_is_asked_of_the_past() {
    let repository = Repository::new();
    let known = repository.path().join("known.json").display().to_string();
    let safe = "create table public.safe (id int primary key);\nalter table public.safe enable row level security;\n";
    repository.put(migration(1, &format!("{}{safe}", table("old"))));
    supalint(repository.path(), &["check", "--write-baseline", &known]);
    repository.put(migration(2, &table("later")));
    repository.commit();
    let changed: &[&str] = &["--changed", "--baseline", &known];
    repository.is(changed, &[], 1);
    repository.put(migration(3, &table("new")));
    repository.is(changed, &["rls/disabled new"], 1);
    repository.put(migration(3, "alter table public.safe disable row level security;"));
    repository.is(changed, &["rls/disabled safe"], 1);
}

#[test]
fn an_edit_of_an_old_file_brings_what_points_to_it_and_what_it_changes_elsewhere() {
    let repository = Repository::new();
    repository.put(migration(1, &table("a")));
    repository.put(migration(2, "alter table public.a enable row level security;\ncreate policy p on public.a using (id > 0);\n"));
    repository.put(migration(3, &table("b")));
    repository.commit();
    repository.is(CHANGED, &[], 1);
    repository.put(migration(2, "create policy p on public.a using (id > 0);\n"));
    repository.is(CHANGED, &["rls/policy-without-rls p"], 1);
    // a statement that fails because a file was removed
    std::fs::remove_file(repository.path().join(migration(1, "").0)).expect("it was there");
    let (shown, earlier) = repository.report("", CHANGED);
    assert!(shown.iter().any(|one| one.starts_with("migration/would-fail")) && earlier == 1, "{shown:?} {earlier}");
}

#[test]
fn what_a_change_creates_has_a_say_in_what_came_before_it() {
    let repository = Repository::new();
    let allowed = "-- supalint: allow(rls) because it is read by the server alone\n";
    repository.put(migration(1, "alter table public.outside add column a int;\n"));
    repository.put(migration(2, &format!("{allowed}{}", table("a"))));
    repository.put(migration(3, "alter table public.a add column b int;\n"));
    repository.commit();
    assert_eq!(repository.report("", CHANGED).0, Vec::<String>::new());
    // a table that only this change creates
    repository.put(migration(2, &format!("{allowed}{}{allowed}{}", table("a"), table("outside"))));
    let (shown, _) = repository.report("", CHANGED);
    assert!(shown.iter().any(|one| one.starts_with("migration/would-fail")), "{shown:?}");
    repository.put(migration(2, &format!("{allowed}{}", table("a"))));
    repository.put(migration(4, &format!("{allowed}{}", table("outside"))));
    let (shown, _) = repository.report("", CHANGED);
    assert!(shown.iter().any(|one| one.starts_with("migration/would-fail")), "{shown:?}");
}

#[test]
fn a_file_with_another_name_brings_nothing_unless_its_place_matters() {
    let repository = Repository::new();
    repository.put(migration(1, &table("a")));
    repository.put(migration(2, &table("b")));
    repository.put(migration(3, "alter table public.b add column c int;\ncreate tabel x;\n"));
    repository.commit();
    let rename = |from: usize, to: usize| {
        std::fs::rename(repository.path().join(migration(from, "").0), repository.path().join(migration(to, "").0)).expect("it is there");
    };
    rename(1, 9);
    repository.git(&["add", "--all"]);
    repository.is(CHANGED, &[], 3);
    // the file now runs after the one that needs it
    rename(2, 8);
    repository.git(&["add", "--all"]);
    let (shown, earlier) = repository.report("", CHANGED);
    assert_eq!((shown, earlier), (vec!["migration/would-fail ALTER TABLE".to_string()], 3));
    assert_eq!(repository.report("", &["--since", "main"]).0.len(), 1);
}

#[test]
fn since_means_where_the_branch_left() {
    let repository = Repository::new();
    repository.put(migration(1, &table("a")));
    repository.commit();
    repository.git(&["checkout", "--quiet", "-b", "feature"]);
    repository.put(migration(3, &table("mine")));
    repository.commit();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.put(migration(2, &table("theirs")));
    repository.commit();
    repository.git(&["checkout", "--quiet", "feature"]);
    repository.is(&["--since", "main"], &["rls/disabled mine"], 1);
    repository.git(&["merge", "--quiet", "--no-edit", "main"]);
    repository.is(&["--since", "main"], &["rls/disabled mine"], 2);
}

#[test]
fn subfolders_worktrees_odd_names_and_any_current_folder_do() {
    let repository = Repository::new();
    let odd = PathBuf::from("apps/b\u{e4}r \"one\" 'x'");
    let file = |number: usize, text: &str| (odd.join(migration(number, "").0), text.to_string());
    let put_file = |root: &Path, (name, text): (PathBuf, String)| put(root, name, text);
    put_file(repository.path(), file(1, &table("a")));
    repository.put(("apps/other/supabase/migrations/20250101000000_x.sql".into(), table("other")));
    repository.commit();
    put_file(repository.path(), file(2, &table("b")));
    put_file(repository.path(), (odd.join("supabase/migrations/20250103000000_it's \"new\"\tand \u{fc}.sql"), table("c")));
    repository.put(("apps/other/supabase/migrations/20250102000000_y.sql".into(), table("more")));
    let here = odd.to_str().expect("text");
    let wanted = (vec!["rls/disabled b".to_string(), "rls/disabled c".to_string()], 1);
    assert_eq!(repository.report(here, CHANGED), wanted);
    assert_eq!(repository.report(&format!("{here}/supabase/migrations"), CHANGED), wanted);
    assert_eq!(repository.report("", &["--changed", here]), wanted);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = repository.path().join(&odd);
    let report = json(elsewhere.path(), &["check", "--changed", "--select", "rls", path.to_str().expect("text")]);
    assert_eq!(report["findings"].as_array().expect("a list").len(), 2);
    // in the environment of a git hook
    let hook = command::command(repository.path())
        .args(["check", "--changed", "--format", "json", here])
        .env("GIT_DIR", ".git")
        .env("GIT_INDEX_FILE", ".git/index")
        .output()
        .expect("supalint starts");
    assert_eq!(hook.status.code(), Some(1), "{}", told(&hook));
    repository.commit();
    let worktree = elsewhere.path().join("tree");
    repository.git(&["worktree", "add", "--quiet", worktree.to_str().expect("text"), "HEAD~1", "--detach"]);
    put_file(&worktree, file(4, &table("d")));
    let report = json(&worktree.join(&odd), &["check", "--changed", "--select", "rls"]);
    assert_eq!(report["findings"][0]["subject"]["name"], "d");
    assert_eq!(report["left_out"]["earlier"], 1);
}

#[test]
fn before_the_first_commit_all_is_new() {
    let repository = Repository::new();
    repository.put(migration(1, &table("a")));
    repository.git(&["add", "--all"]);
    repository.put(migration(2, &table("b")));
    repository.is(CHANGED, &["rls/disabled a", "rls/disabled b"], 0);
}

#[test]
fn what_git_cannot_tell_stops_the_run() {
    let outside = command::project(&[migration(1, &table("a"))]);
    let mut command = command::command(outside.path());
    let output = command.args(["check", "--changed"]).env("GIT_CEILING_DIRECTORIES", "/").output().expect("supalint starts");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(told(&output).starts_with("error: git cannot tell what has changed (fatal: not a git repository"), "{}", told(&output));
    let repository = Repository::new();
    repository.put(migration(1, &table("a")));
    repository.commit();
    repository.git(&["checkout", "--quiet", "--orphan", "apart"]);
    repository.put(migration(2, &table("b")));
    repository.commit();
    for (revision, message) in [
        ("origin/main", "git knows no revision `origin/main`: fetch it"),
        ("--all", "git knows no revision `--all`"),
        ("main", "`main` and HEAD have no commit in common: fetch more of the history"),
    ] {
        let output = supalint(repository.path(), &["check", &format!("--since={revision}")]);
        assert_eq!(output.status.code(), Some(2), "{revision}");
        assert!(told(&output).starts_with(&format!("error: {message}")), "{}", told(&output));
    }
    let output = command::command(repository.path()).args(["check", "--changed"]).env("PATH", "").output().expect("supalint starts");
    assert_eq!(
        (output.status.code(), told(&output).as_str()),
        (Some(2), "error: `git` is not there: install it, or run without --changed and --since\n")
    );
}

#[test]
fn a_past_of_files_that_hold_both_ways_runs_as_far_as_they_run_now() {
    let repository = Repository::new();
    let both = |up: &str| format!("-- +goose Up\n{up}-- +goose Down\ndrop table public.a;\n");
    let file = |name: &str, text: String| put(repository.path(), format!("migrations/{name}.sql"), text);
    file("20250101000000_a", both("create table public.a (id int primary key, owner_id uuid default auth.uid());\n"));
    file("20250102000000_b", both("alter table public.a add column c int;\n"));
    repository.commit();
    file("20250102000000_b", both("alter table public.a add column d int;\n"));
    let (shown, earlier) = repository.report("", CHANGED);
    assert!(shown.is_empty() && earlier > 0, "{shown:?} {earlier}");
}

#[test]
fn a_migration_that_git_ignores_is_new() {
    let repository = Repository::new();
    repository.put(migration(1, "create schema a;"));
    put(repository.path(), ".gitignore", "*_step.sql\n");
    repository.git(&["add", "--force", "--all"]);
    repository.commit();
    repository.put(migration(2, &table("ignored")));
    let (shown, _) = repository.report("", &["--changed"]);
    assert!(shown.iter().any(|one| one.starts_with("rls/disabled")), "{shown:?}");
}

/// Programs in the git configuration of a repository are never run.
#[cfg(unix)]
#[test]
fn nothing_that_the_repository_names_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let repository = Repository::new();
    let ran = repository.path().join("ran");
    let program = repository.path().join("program.sh");
    put(repository.path(), "program.sh", format!("#!/bin/sh\necho \"$@\" >> '{}'\ncat\n", ran.display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    repository.put(migration(1, "create schema a;"));
    repository.put(migration(2, &table("kept")));
    put(repository.path(), ".gitattributes", "*.sql filter=odd diff=odd\n");
    repository.commit();
    let program = program.to_str().expect("UTF-8");
    for (key, value) in [
        ("core.fsmonitor", program),
        ("diff.external", program),
        ("diff.odd.command", program),
        ("diff.odd.textconv", program),
        ("filter.odd.clean", program),
        ("filter.odd.smudge", program),
        ("filter.odd.required", "true"),
        ("core.pager", program),
    ] {
        repository.git(&["config", key, value]);
    }
    let _ = std::fs::remove_file(&ran);
    // an edited file, a renamed file, a new file, and a file with only a new modification time
    repository.put(migration(2, &format!("{}\n-- edited\n", table("kept"))));
    let old = repository.path().join(migration(1, "").0);
    std::fs::rename(&old, repository.path().join("supabase/migrations/20250103000000_step.sql")).expect("it can be renamed");
    repository.put(migration(4, &table("new")));
    for arguments in [&["--changed"], &["--since=HEAD"]] {
        let (shown, _) = repository.report("", arguments);
        assert!(shown.iter().any(|one| one.contains("new")), "{shown:?}");
    }
    assert!(!ran.exists(), "{}", std::fs::read_to_string(&ran).unwrap_or_default());
}

#[test]
fn a_changed_file_is_fixed_where_it_stands() {
    let repository = Repository::new();
    let guarded = |name: &str| {
        format!(
            "create table public.{name} (id int primary key, owner uuid);\nalter table public.{name} enable row level security;\n\
             create policy own on public.{name} to authenticated using (owner = auth.uid());\n"
        )
    };
    repository.put(migration(1, &guarded("old")));
    repository.commit();
    repository.put(migration(2, &guarded("new")));
    supalint(repository.path(), &["check", "--changed", "--fix=inline", "--select", "rls/bare-auth-call"]);
    let text = |at| std::fs::read_to_string(repository.path().join(migration(at, "").0)).expect("it is there");
    assert!(text(2).contains("owner = (select auth.uid())") && text(1).contains("owner = auth.uid()"), "{}{}", text(1), text(2));
    // without changes there is nothing to edit
    repository.commit();
    assert_eq!(supalint(repository.path(), &["check", "--changed", "--fix=inline"]).status.code(), Some(2));
}
