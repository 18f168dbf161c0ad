//! The command line as users meet it: what is printed, and the exit status.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn supalint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supalint"));
    command.current_dir(folder).args(arguments).env_remove("GITHUB_ACTIONS").env("NO_COLOR", "1").env("COLUMNS", "100");
    command.output().expect("supalint starts")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn project(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }
    folder
}

/// Standard output without the time the run took.
fn shown(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| match line.rsplit_once("; ") {
            Some((head, time)) if time.ends_with("ms") || time.ends_with(" s") => head.to_string(),
            _ => line.to_string(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn fixtures_are_told_as_they_should_be() {
    for name in ["conversations", "conversations-optimized", "small-clean", "odd-input"] {
        let output = supalint(&root(), &["check", &format!("fixtures/{name}")]);
        insta::assert_snapshot!(format!("check_{name}"), shown(&output));
        let json = supalint(&root(), &["check", &format!("fixtures/{name}"), "--format", "json"]);
        let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert_eq!(value["version"], 1);
        assert_eq!(json.stdout, supalint(&root(), &["check", &format!("fixtures/{name}"), "--format", "json"]).stdout);
    }
}

#[test]
fn the_exit_status_tells_what_may_be_concluded() {
    let clean = supalint(&root(), &["check", "fixtures/small-clean"]);
    assert_eq!(clean.status.code(), Some(0), "{}", shown(&clean));
    let found = supalint(&root(), &["check", "fixtures/conversations"]);
    assert_eq!(found.status.code(), Some(1));
    assert_eq!(supalint(&root(), &["check", "fixtures/conversations", "--fail-on", "never"]).status.code(), Some(0));
    for arguments in [
        &["check", "no/such/path"] as &[&str],
        &["check", "fixtures/conversations", "--select", "rls/bare-auth"],
        &["check", "fixtures/conversations", "--config", "no-such.toml"],
        &["check", "--no-such-flag"],
        &["explain", "rls/bare-auth"],
    ] {
        let output = supalint(&root(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn settings_say_what_fails_a_run_unless_the_command_line_does() {
    let table = b"create table public.notes (id int primary key);".as_slice();
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", table), ("supalint.toml", b"fail_on = \"never\"")]);
    assert_eq!(supalint(folder.path(), &["check"]).status.code(), Some(0));
    assert_eq!(supalint(folder.path(), &["check", "--fail-on", "error"]).status.code(), Some(1));
}

#[test]
fn a_project_is_found_from_inside_it() {
    let inside = root().join("fixtures/conversations/supabase/migrations");
    let from_inside = supalint(&inside, &["check", "--format", "json"]);
    let by_path = supalint(&root(), &["check", "fixtures/conversations", "--format", "json"]);
    assert_eq!(String::from_utf8_lossy(&from_inside.stdout), String::from_utf8_lossy(&by_path.stdout));
}

#[test]
fn a_broken_statement_costs_only_itself() {
    let folder = project(&[(
        "supabase/migrations/20250101000000_a.sql",
        b"create table public.a (id int;\ncreate table public.b (id int primary key);\ncreate table public.c (id int primary key,);\n",
    )]);
    let output = supalint(folder.path(), &["check", "--format", "json", "--select", "migration/syntax,rls/disabled"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rules: Vec<(&str, u64)> = value["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap_or_default(), finding["location"]["line"].as_u64().unwrap_or_default()))
        .collect();
    assert_eq!(rules, [("migration/syntax", 1), ("rls/disabled", 2), ("migration/syntax", 3)]);
    assert_eq!(value["statements"]["unread"], 2);
}

/// Input made to hurt: each ends with findings or none, never with a crash.
#[test]
fn hostile_input_is_survived() {
    let nested = |open: &str, close: &str, count: usize| format!("select {}1{};\n", open.repeat(count), close.repeat(count));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("parentheses", nested("(", ")", 100_000).into_bytes()),
        ("open parentheses", nested("(", "", 100_000).into_bytes()),
        ("case", nested("case when ", "", 50_000).into_bytes()),
        ("not", nested("not ", "", 200_000).into_bytes()),
        ("sum", format!("select {}1;", "1 + ".repeat(500_000)).into_bytes()),
        ("and", format!("create policy p on t using ({}true);", "a = 1 and ".repeat(100_000)).into_bytes()),
        ("rows", format!("insert into t values {}(1);", "(1, 'some text'),\n".repeat(100_000)).into_bytes()),
        ("blocks", format!("do $$ {} null; {} $$;", "begin ".repeat(50_000), "end; ".repeat(50_000)).into_bytes()),
        ("forever", b"do $$ begin loop null; end loop; end $$;".to_vec()),
        ("columns", format!("create table t ({}z int);", (0..50_000).map(|n| format!("c{n} int, ")).collect::<String>()).into_bytes()),
        ("quote", b"select 'abc;\ncreate table t (id int);".to_vec()),
        ("comment", b"select 1; /* a /* b */ create table t (id int);".to_vec()),
        ("dollars", "$$".repeat(100_001).into_bytes()),
        ("bytes", b"create table t\0 (a int);\n\xff\xfe\x80 create table u (a int);".to_vec()),
        ("utf-16", "\u{feff}create table t (a int);".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("name", format!("create table {} (id int);", "a".repeat(1_000_000)).into_bytes()),
        ("semicolons", vec![b';'; 1_000_000]),
        ("nothing", Vec::new()),
    ];
    for (name, text) in cases {
        let folder = project(&[("supabase/migrations/20250101000000_a.sql", &text)]);
        let output = supalint(folder.path(), &["check", "--format", "json"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{name}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn folders_that_look_like_files_and_links_that_turn_in_circles() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", b"create schema a;")]);
    let migrations = folder.path().join("supabase/migrations");
    std::fs::create_dir(migrations.join("20250102000000_x.sql")).expect("a folder can be made");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&migrations, migrations.join("loop")).expect("a link can be made");
        std::os::unix::fs::symlink("20250103000000_self.sql", migrations.join("20250103000000_self.sql")).expect("a link can be made");
    }
    let output = supalint(folder.path(), &["check", "--format", "json"]);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{:?}", output.status);
}
