//! Special files such as links, and names that terminals, logs and psql could interpret.

use crate::cli::{FORMATS, TABLE};
use crate::plans::migrations;
use crate::support::command::{project, shown, supalint, told};
use std::path::Path;

#[cfg(unix)]
#[test]
fn settings_and_outputs_that_are_no_files_are_refused() {
    use std::os::unix::fs::symlink;
    let fifo = |path: &Path| assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
    let new = || project(&[("supabase/migrations/20250101000000_a.sql", TABLE)]);
    let refused = |folder: &Path, arguments: &[&str]| {
        let output = supalint(folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", shown(&output));
        assert!(told(&output).contains("is not an ordinary file but a "), "{arguments:?}: {}", told(&output));
    };
    for name in ["supalint.toml", "supabase/config.toml"] {
        let folder = new();
        fifo(&folder.path().join(name));
        refused(folder.path(), &["check"]);
        std::fs::remove_file(folder.path().join(name)).expect("a file can be removed");
        symlink("/dev/zero", folder.path().join(name)).expect("a link can be made");
        refused(folder.path(), &["check"]);
    }
    let folder = new();
    fifo(&folder.path().join("pipe"));
    symlink("/dev/null", folder.path().join("null")).expect("a link can be made");
    for at in ["pipe", "null"] {
        for option in ["--config", "--baseline", "--write-baseline", "--output"] {
            refused(folder.path(), &["check", option, at]);
        }
    }
}

#[cfg(unix)]
#[test]
fn an_edit_in_place_of_a_link_edits_its_target() {
    let text = b"create table public.notes (id int primary key, owner uuid not null);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (owner = auth.uid());
";
    let folder = project(&[("sql/notes.sql", text)]);
    let name = "supabase/migrations/20250101000000_a.sql";
    std::fs::create_dir_all(folder.path().join("supabase/migrations")).expect("a folder can be made");
    std::os::unix::fs::symlink(folder.path().join("sql/notes.sql"), folder.path().join(name)).expect("a link can be made");
    assert!(supalint(folder.path(), &["check", name, "--select", "rls/bare-auth-call", "--fix=inline"]).status.success());
    assert!(std::fs::symlink_metadata(folder.path().join(name)).expect("it is there").is_symlink());
    assert!(std::fs::read_to_string(folder.path().join("sql/notes.sql")).expect("text").contains("(select auth.uid())"));
}

#[test]
fn what_a_killed_run_left_is_no_migration() {
    // its name sorts before the first migration, so the runner would treat it as an old migration
    let folder = project(&[("supabase/migrations/.supalint-tmp-abcdefgh", TABLE), ("supabase/migrations/20200101000000_init.sql", TABLE)]);
    let without = project(&[("supabase/migrations/20200101000000_init.sql", TABLE)]);
    assert_eq!(shown(&supalint(folder.path(), &["check"])), shown(&supalint(without.path(), &["check"])));
}

#[test]
fn patterns_that_are_too_large_are_refused() {
    let settings = format!("ignored_paths = [{}]", vec![format!("\"{}\"", "[a-z]*{a,b,c,d}?".repeat(2000)); 40].join(", "));
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", TABLE), ("supalint.toml", settings.as_bytes())]);
    let output = supalint(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(told(&output).contains("line 1: `ignored_paths` cannot be used") && told(&output).len() < 1000, "{}", told(&output));
}

/// Names that terminals, logs and psql could interpret.
const HOSTILE: [&str; 9] = [
    "a\u{1b}[31mb",
    "a\u{1b}[2Jb",
    "a\n::error file=x::y",
    "a\r\n##[error]b",
    "::add-mask::x",
    "a\u{9b}31mb\u{7f}",
    "a\u{202e}b",
    "$verify$; drop table x; --",
    "a\rdrop table x; --",
];

fn is_harmless(text: &str, format: &str, name: &str) {
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    assert!(!text.chars().any(bad), "{format} {name:?}: {text:?}");
    let commands = ["::error", "::add-mask", "##[error]"];
    for line in text.lines().map(str::trim_start) {
        let is_own = format == "github"
            && ["::error file=", "::error title=", "::warning file=", "::notice "].iter().any(|own| line.starts_with(own));
        assert!(is_own || !commands.iter().any(|command| line.starts_with(command)), "{format} {name:?}: {line}");
        assert!(format == "github" || !line.contains("##["), "{format} {name:?}: {line}");
    }
}

/// Returns a migration in which all objects have this name.
fn named_by(name: &str) -> String {
    let quoted = |suffix: &str| format!("\"{}{suffix}\"", name.replace('"', "\"\""));
    let (own, text) = (quoted(""), format!("'{}'", name.replace('\'', "''")));
    format!(
        "create table public.{own} (id int primary key, {own} uuid references auth.users (id), owner uuid);\n\
         create policy {own} on public.{own} to authenticated using (owner = auth.uid());\n\
         create function public.{own}() returns int language sql security definer as $f$ select 1 $f$;\n\
         create view public.{view} as select * from public.{own};\n\
         create index {one} on public.{own} (owner);\ncreate index {other} on public.{own} (owner);\n\
         create type public.{kind} as enum ({text});\nalter table public.{own} alter column {own} typ int;\n",
        view = quoted("v"),
        one = quoted("1"),
        other = quoted("2"),
        kind = quoted("k"),
    )
}

/// Names of tables, policies, columns, files and settings are escaped in every output.
#[test]
fn hostile_names_do_nothing_wherever_they_are_shown() {
    // file names contain only characters that the system allows
    let file = |(nth, name): (usize, &&str)| {
        let shown = if cfg!(unix) { name.replace('/', "_") } else { "a".to_string() };
        (format!("supabase/migrations/2025010{nth}000000_{shown}.sql"), named_by(name))
    };
    let files: Vec<(String, String)> = HOSTILE.iter().enumerate().map(file).collect();
    let folder = project(&files);
    let run = |arguments: &[&str]| {
        let output = supalint(folder.path(), arguments);
        let text = String::from_utf8(output.stdout.clone()).expect("outputs are UTF-8");
        let is_github = arguments.ends_with(&["github"]);
        is_harmless(&text, if is_github { "github" } else { "" }, &arguments.join(" "));
        is_harmless(&told(&output), "stderr", &arguments.join(" "));
        assert!(output.status.code().is_some_and(|code| code < 3), "{arguments:?}: {}", told(&output));
        (text, told(&output))
    };
    for format in FORMATS {
        let (text, _) = run(&["check", "--verbose", "--format", format]);
        assert!(text.len() > 1000, "{format}: {text}");
    }
    for arguments in [
        &["check", "--fix=review", "--dry-run"] as &[&str],
        &["check", "--fix=review", "--emit", "rollback"],
        &["check", "--statistics"],
        &["schema"],
        &["schema", "--format", "json"],
        &["schema", "--matrix"],
        &["schema", "--matrix", "--format", "json"],
        &["init", "--dry-run"],
    ] {
        assert!(run(arguments).0.len() > 100, "{arguments:?}");
    }
    // no name ends a dollar-quoted block
    let (script, _) = run(&["check", "--fix=review", "--emit", "verify"]);
    assert!(script.contains("do $_verify$ begin assert"), "{script}");
    // PostgreSQL ends a comment at a line break, and no part of a comment runs
    run(&["check", "--fix=review"]);
    for (file, text) in migrations(folder.path()).iter().filter(|(file, _)| file.contains("supalint_")) {
        let comments = text.split(['\n', '\r']).skip_while(|line| !line.starts_with("-- Rollback"));
        assert!(comments.clone().all(|line| line.is_empty() || line.starts_with("--")), "{file}: {text:?}");
    }
    for name in HOSTILE {
        for arguments in [
            &["check", "--select", name] as &[&str],
            &["check", "--config", name],
            &["check", "--no-such", name],
            &["explain", name],
            &["check", name],
            &[name],
        ] {
            assert!(!run(arguments).1.is_empty());
        }
        let settings = format!("select = [{}]", serde_json::to_string(name).expect("a string"));
        std::fs::write(folder.path().join("supalint.toml"), settings).expect("a file can be written");
        let (_, said) = run(&["check"]);
        assert_eq!(said.lines().count(), 1, "{said:?}");
    }
}
