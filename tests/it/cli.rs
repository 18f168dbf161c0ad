//! The command line: output and exit status.

use crate::plans::copy;
use crate::support::command::{command as program, json, project, shown, supalint, told};
use std::path::{Path, PathBuf};
use supalint::analysis::matrix;
use supalint::output::{RenderOptions, schema};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
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

pub const FORMATS: [&str; 9] = ["terminal", "json", "sarif", "github", "gitlab", "junit", "markdown", "advisors", "compact"];

#[test]
fn where_there_is_no_project_those_further_down_are_named() {
    let sql: &[u8] = b"select 1;";
    let one = ("apps/web/supabase/migrations/20250101000000_a.sql", sql);
    let foreign = ("node_modules/x/supabase/migrations/20250101000000_a.sql", sql);
    let folder = project(&[one, foreign]);
    // the only project is checked
    let only = supalint(folder.path(), &["check"]);
    assert_eq!((only.status.code(), told(&only).as_str()), (Some(0), "checking the project in apps/web\n"), "{}", shown(&only));
    assert_eq!(shown(&supalint(folder.path(), &["check", "apps"])), shown(&only));
    let prisma = ("packages/db/prisma/migrations/20250101000000_a/migration.sql", sql);
    let folder = project(&[one, prisma, ("drizzle/0000_a.sql", sql), ("packages/code/migrations/up.rb", sql)]);
    let said = told(&supalint(folder.path(), &["check"]));
    assert!(said.ends_with(": pass one of the projects in `apps/web`, `drizzle`, `packages/db/prisma`\n"), "{said}");
}

#[test]
fn what_an_api_may_do_is_told_only_where_there_is_one() {
    let tables = "create table public.plain (id int primary key);\n\
        create table public.notes (id int primary key, tenant_id uuid not null);\nalter table public.notes enable row level security;\n\
        create index on public.notes (tenant_id);\ncreate policy own on public.notes using (tenant_id = (select current_setting('app.tenant')::uuid));\n\
        create table public.closed (id int primary key);\nalter table public.closed enable row level security;\n";
    let found = |text: &str| {
        let folder = project(&[("migrations/001_a.sql", text.as_bytes())]);
        let findings = json(folder.path(), &["check"])["findings"].clone();
        let words = |finding: &serde_json::Value| format!("{} {}", finding["rule"], finding["message"]);
        findings.as_array().expect("a list").iter().map(words).collect::<Vec<_>>()
    };
    let plain = found(tables);
    assert!(matches!(plain.as_slice(), [one] if one.contains("rls/no-policy") && one.contains("only its owner")), "{plain:?}");
    // the project creates the role itself
    let served =
        found(&format!("{tables}create role anon;\ngrant usage on schema public to anon;\ngrant select on public.plain to anon;\n"));
    assert!(served.iter().any(|one| one.contains("rls/disabled") && one.contains("public.plain")), "{served:?}");
}

#[test]
fn what_takes_a_file_back_does_not_run_where_a_runner_keeps_it_there() {
    let both = "-- +goose Up\ncreate table public.a (id int primary key);\ncreate table public.b (id int primary key, a int references public.a);\n\
        -- +goose Down\ndrop table public.b;\ndrop table public.a;\n";
    let folder = project(&[
        ("migrations/20250101000000_a.sql", both.as_bytes()),
        ("migrations/20250102000000_b.sql", b"-- +goose Up\nalter table public.a add column c int;\n"),
    ]);
    let report = json(folder.path(), &["check"]);
    let found: Vec<_> = report["findings"].as_array().expect("a list").iter().map(|finding| &finding["rule"]).collect();
    assert_eq!(found, ["index/foreign-key"]);
    // the written migration is for the same runner
    assert!(supalint(folder.path(), &["check", "--fix"]).status.success());
    let files = std::fs::read_dir(folder.path().join("migrations")).expect("a folder").flatten().map(|entry| entry.path());
    let text = std::fs::read_to_string(files.max().expect("a file was written")).expect("it is text");
    assert!(text.starts_with("-- +goose NO TRANSACTION\n-- +goose Up\n"), "{text}");
    assert_eq!(json(folder.path(), &["check"])["summary"]["info"], 0);
}

#[test]
fn a_format_gives_the_same_bytes_wherever_the_project_lies() {
    let moved = copy("conversations", "");
    let far = tempfile::tempdir().expect("a folder can be made");
    let there = far.path().join("some folder/of another/name");
    std::fs::create_dir_all(there.parent().expect("it has one")).expect("a folder can be made");
    std::fs::rename(moved.path(), &there).expect("on the same disk");
    let here = copy("conversations", "");
    for format in FORMATS {
        let from = |folder: &Path, path: &str| {
            let output = supalint(folder, &["check", path, "--format", format]);
            assert_eq!(output.status.code(), Some(1), "{format}: {}", told(&output));
            shown(&output)
        };
        let text = from(here.path(), ".");
        assert_eq!(text, from(here.path(), "."), "{format}");
        assert_eq!(text, from(&there, "supabase/migrations"), "{format}");
        assert_eq!(text, from(far.path(), there.to_str().expect("UTF-8")), "{format}");
        for folder in [here.path(), far.path(), &std::env::temp_dir()] {
            assert!(!text.contains(folder.to_str().expect("UTF-8")), "{format} names {}", folder.display());
        }
    }
}

#[test]
fn sites_get_paths_from_the_repositorys_root() {
    let table = b"create table public.notes (id int primary key);".as_slice();
    let folder = project(&[("apps/web/supabase/migrations/20250101000000_a.sql", table), (".git/HEAD", b"ref: refs/heads/main")]);
    for (format, whole) in [("github", "file=apps/web/supabase/"), ("sarif", "\"apps/web/supabase/"), ("compact", "supabase/")] {
        for (at, path) in [(".", "apps/web"), ("apps/web", "."), ("apps/web/supabase", "migrations")] {
            let output = supalint(&folder.path().join(at), &["check", path, "--format", format]);
            assert!(shown(&output).contains(whole), "{format}: {}", shown(&output));
            assert_eq!(shown(&output).contains("apps/web/"), format != "compact");
        }
    }
}

#[test]
fn on_githubs_runners_findings_become_annotations_unless_something_else_is_asked_for() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", b"create table public.notes (id int primary key);")]);
    let run = |actions: &str, arguments: &[&str]| {
        let output = program(folder.path()).arg("check").args(arguments).env("GITHUB_ACTIONS", actions).output();
        shown(&output.expect("supalint starts"))
    };
    assert!(run("true", &[]).starts_with("::error file=supabase/migrations/20250101000000_a.sql,line=1,endLine=1,col=14,"));
    assert!(!run("false", &[]).contains("::error") && !run("true", &["--format", "terminal"]).contains("::error"));
    assert_eq!(run("true", &["--output", "report"]), "");
    let report = std::fs::read_to_string(folder.path().join("report")).expect("it is written");
    assert!(report.starts_with("error[rls/disabled]"), "{report}");
}

#[test]
fn a_line_for_each_finding_goes_with_a_summary_beside_it() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", b"create table public.notes (id int primary key);")]);
    let arguments = ["check", "--format", "compact", "--select", "rls/disabled"];
    let output = supalint(folder.path(), &arguments);
    let line = "supabase/migrations/20250101000000_a.sql:1:14: error: `public.notes` has no row level security: \
                anyone who has the anon key can read and change every row [rls/disabled]";
    assert_eq!((shown(&output).as_str(), told(&output).as_str()), (line, "1 error in 1 migration (1 statement)\n"));
    let output = supalint(folder.path(), &[&arguments[..], &["--quiet"]].concat());
    assert_eq!((shown(&output).as_str(), told(&output).as_str()), (line, ""));
    let output = supalint(folder.path(), &[&arguments[..], &["--output", "report"]].concat());
    assert_eq!((shown(&output).as_str(), told(&output).as_str()), ("", "1 problem written to report\n"));
    assert_eq!(std::fs::read_to_string(folder.path().join("report")).expect("it is written"), format!("{line}\n"));
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

/// Malicious input leads to diagnostics or none, but never to a crash.
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

#[test]
fn the_matrix_tells_who_gets_what_and_which_look_ups_have_an_index() {
    let shown = supalint(&root(), &["schema", "--matrix", "fixtures/conversations"]);
    insta::assert_snapshot!("matrix", String::from_utf8_lossy(&shown.stdout));
    let history = b"create table public.notes (id int primary key, owner uuid references auth.users (id), body text);
alter table public.notes enable row level security;
revoke delete on public.notes from anon;
create policy own on public.notes for all to authenticated using (owner = auth.uid());
create policy seen on public.notes for select to anon using (true);
create policy never on public.notes for update to anon using (auth.uid() is not null);
create index on public.notes (owner);
";
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", history)]);
    let output = supalint(folder.path(), &["schema", "--matrix", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let cells: Vec<(String, Vec<u64>)> = value["access"][0]["cells"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|cell| {
            let lines = cell["because"].as_array().expect("a list").iter().filter_map(|reason| reason["at"]["line"].as_u64());
            (format!("{} {} {}", cell["role"], cell["command"], cell["access"]).replace('"', ""), lines.collect())
        })
        .collect();
    let told: Vec<(&str, &[u64])> = cells.iter().map(|(cell, lines)| (cell.as_str(), lines.as_slice())).collect();
    let expected: [(&str, &[u64]); 8] = [
        ("anon SELECT open", &[5]),
        ("anon INSERT denied", &[2]),
        ("anon UPDATE denied", &[6]),
        ("anon DELETE denied", &[3]),
        ("authenticated SELECT policy", &[4]),
        ("authenticated INSERT policy", &[4]),
        ("authenticated UPDATE policy", &[4]),
        ("authenticated DELETE policy", &[4]),
    ];
    assert_eq!(told, expected);
    let indexes = value["indexes"].as_array().expect("a list");
    let index = |at: usize| (indexes[at]["need"].as_str(), indexes[at]["index"].as_str(), indexes[at]["at"]["line"].as_u64());
    assert_eq!(index(0), (Some("foreign-key"), Some("notes_owner_idx"), Some(1)));
    assert_eq!(index(1), (Some("policy"), Some("notes_owner_idx"), Some(4)));
}

#[test]
fn what_fails_follows_the_version_of_postgresql() {
    let block = b"do $$ begin if to_regprocedure('public.f(public.gone)') is null then raise notice 'none'; end if; end $$;".as_slice();
    for (settings, fails) in [("postgres_version = 15", true), ("postgres_version = 17", false)] {
        let folder = project(&[("supabase/migrations/20250101000000_a.sql", block), ("supalint.toml", settings.as_bytes())]);
        let told = shown(&supalint(folder.path(), &["check"]));
        assert_eq!(told.contains("type \"public.gone\" does not exist"), fails, "{settings}: {told}");
    }
}

pub const TABLE: &[u8] = b"create table public.notes (id int primary key);";

#[test]
fn what_is_beside_the_migrations_is_not_one() {
    let folder =
        project(&[("supabase/migrations/20250101000000_a.sql", TABLE), ("supabase/seed.sql", TABLE), ("supabase/roles.sql", TABLE)]);
    let output = supalint(folder.path(), &["check", "supabase/seed.sql"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!("not_a_migration", told(&output));
}

#[test]
fn a_folder_named_twice_is_named_once() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", TABLE)]);
    let once = shown(&supalint(folder.path(), &["check", "."]));
    for paths in [&[".", "."], &["supabase/migrations", "."], &["supabase/migrations/20250101000000_a.sql", "."]] {
        assert_eq!(shown(&supalint(folder.path(), &[&["check"], &paths[..]].concat())), once, "{paths:?}");
    }
}

#[test]
fn a_project_without_migrations_cannot_be_checked() {
    let folder = project(&[("supabase/migrations/.keep", b"" as &[u8])]);
    let output = supalint(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!("empty", told(&output));
    std::fs::create_dir(folder.path().join("supabase/schemas")).expect("a folder can be made");
    std::fs::write(folder.path().join("supabase/schemas/a.sql"), TABLE).expect("a file can be written");
    insta::assert_snapshot!("empty_with_schemas", told(&supalint(folder.path(), &["check"])));
    std::fs::remove_dir_all(folder.path().join("supabase/migrations")).expect("a folder can be removed");
    let output = supalint(folder.path(), &["check"]);
    assert!(output.status.code() == Some(2) && told(&output).contains("supalint check supabase/schemas"), "{}", told(&output));
    assert_eq!(supalint(folder.path(), &["check", "supabase/schemas"]).status.code(), Some(1));
}

#[test]
fn a_word_for_fix_that_stands_apart_is_explained() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", TABLE)]);
    let output = supalint(folder.path(), &["check", "--fix", "review"]);
    assert_eq!(
        (output.status.code(), told(&output).as_str()),
        (Some(2), "error: `review` does not exist: write `--fix=review` to choose what --fix writes\n")
    );
}

#[test]
fn a_dash_is_standard_output() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", TABLE)]);
    let to_dash = supalint(folder.path(), &["check", "-o", "-", "--format", "json"]);
    assert_eq!(to_dash.stdout, supalint(folder.path(), &["check", "--format", "json"]).stdout);
    assert!(!folder.path().join("-").exists());
}

#[test]
fn a_script_that_is_printed_is_a_success() {
    for script in ["verify", "rollback"] {
        let output = supalint(&root(), &["check", "fixtures/conversations", "--fix=review", "--emit", script]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    }
    assert_eq!(supalint(&root(), &["check", "no/such/path", "--emit", "verify"]).status.code(), Some(2));
}

#[test]
fn statistics_count_what_each_rule_reports() {
    let output = supalint(&root(), &["check", "fixtures/conversations", "--statistics"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("statistics", shown(&output));
    let value = json(&root(), &["check", "fixtures/conversations", "--statistics"]);
    let whole = json(&root(), &["check", "fixtures/conversations"]);
    let counts = value["statistics"].as_array().expect("a list").iter().filter_map(|row| row["count"].as_u64());
    assert_eq!(counts.sum::<u64>() as usize, whole["findings"].as_array().expect("a list").len());
    assert_eq!(value["summary"], whole["summary"]);
    let sarif = supalint(&root(), &["check", "fixtures/conversations", "--statistics", "--format", "sarif"]);
    assert_eq!((sarif.status.code(), told(&sarif).contains("choose terminal or json")), (Some(2), true));
}

#[test]
fn exit_zero_and_severity_decide_how_a_run_ends() {
    let status = |arguments: &[&str]| supalint(&root(), &[&["check", "fixtures/conversations"], arguments].concat()).status.code();
    assert_eq!(status(&["--exit-zero"]), Some(0));
    assert_eq!(supalint(&root(), &["check", "no/such/path", "--exit-zero"]).status.code(), Some(2));
    let whole = json(&root(), &["check", "fixtures/conversations"]);
    for (severity, hidden) in [("error", &["warn", "info"] as &[&str]), ("warn", &["info"]), ("info", &[])] {
        let shown = json(&root(), &["check", "fixtures/conversations", "--severity", severity]);
        let number = |report: &serde_json::Value, severity: &str| report["summary"][severity].as_u64().expect("a number");
        assert!(hidden.iter().all(|hidden| number(&shown, hidden) == 0));
        assert_eq!(shown["left_out"]["less_severe"].as_u64(), Some(hidden.iter().map(|hidden| number(&whole, hidden)).sum()));
    }
    // hidden diagnostics do not fail a run
    let folder = project(&[(
        "supabase/migrations/20250101000000_a.sql",
        b"create table public.t (id int primary key);\nalter table public.t enable row level security;",
    )]);
    assert_eq!(supalint(folder.path(), &["check", "--fail-on", "info"]).status.code(), Some(1));
    let output = supalint(folder.path(), &["check", "--fail-on", "info", "--severity", "warn"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(shown(&output).starts_with("No problems in 1 migration (2 statements); "), "{}", shown(&output));
    assert!(shown(&output).contains(" less severe"));
    assert_eq!(supalint(folder.path(), &["check", "--severity", "loud"]).status.code(), Some(2));
}

#[test]
fn several_projects_are_checked_with_their_own_settings() {
    let folder = project(&[
        ("a/supabase/migrations/20250101000000_a.sql", TABLE),
        ("b/supabase/migrations/20250101000000_b.sql", TABLE),
        ("b/supalint.toml", b"ignore = [\"rls/disabled\"]"),
    ]);
    let report = json(folder.path(), &["check", "a", "b/supabase/migrations", "--select", "rls/disabled,schema"]);
    let files: Vec<_> = report["findings"].as_array().expect("a list").iter().map(|finding| &finding["location"]["file"]).collect();
    assert_eq!(files, ["a/supabase/migrations/20250101000000_a.sql"]);
    assert_eq!(report["summary"]["files"], 2);
    let terminal = supalint(folder.path(), &["check", "a", "b", "--select", "rls/disabled"]);
    assert_eq!(terminal.status.code(), Some(1));
    assert!(shown(&terminal).contains("╭─[a/supabase/migrations/20250101000000_a.sql:1:14]"), "{}", shown(&terminal));
    // from a sibling folder, and with single files
    let beside = json(&folder.path().join("b"), &["check", "../a/supabase/migrations/20250101000000_a.sql", "."]);
    assert_eq!(beside["findings"][0]["location"]["file"], "../a/supabase/migrations/20250101000000_a.sql");
    for format in FORMATS {
        assert_eq!(supalint(folder.path(), &["check", "a", "b", "--format", format]).status.code(), Some(1), "{format}");
    }
    let fix = supalint(folder.path(), &["check", "a", "b", "--fix"]);
    assert_eq!(fix.status.code(), Some(2));
    insta::assert_snapshot!("one_project", told(&fix));
}

#[test]
fn a_syntax_error_is_shown_once() {
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", b"create tabel public.notes (id int);\nselect 1;")]);
    let text = shown(&supalint(folder.path(), &["check"]));
    assert_eq!(text.matches("create tabel").count(), 1, "{text}");
    assert!(text.contains("; 1 statement not read"), "{text}");
    // with a separate summary if the rule does not run
    let text = shown(&supalint(folder.path(), &["check", "--ignore", "migration/syntax"]));
    assert!(text.contains("1 statement could not be parsed"), "{text}");
}

#[test]
fn tables_break_between_words() {
    let long =
        "create table public.a_table_with_a_rather_long_name_of_its_own (id int primary key, owner_of_the_row uuid references auth.users);";
    let folder = project(&[("supabase/migrations/20250101000000_a_migration_with_a_name.sql", long)]);
    let mut sources = supalint::history::sources();
    let project = supalint::disk::open(&[folder.path().to_path_buf()], None, &mut sources).expect("there is a project");
    let replay = supalint::history::replay(&mut sources, &project, &mut ());
    let mut text = Vec::new();
    let look = RenderOptions { width: 80, ..RenderOptions::PLAIN };
    matrix::of(&replay.catalog, &sources, &project, |matrix| schema::matrix::text(matrix, &sources, &look, &mut text))
        .expect("it is written");
    insta::assert_snapshot!("matrix_narrow", String::from_utf8_lossy(&text));
    let explained = shown(&supalint(folder.path(), &["explain", "rls/bare-auth-call", "--color", "always"]));
    assert!(!explained.contains("]("), "{explained}");
    let rules: serde_json::Value = serde_json::from_slice(&supalint(folder.path(), &["rules", "--format", "json"]).stdout).expect("JSON");
    let peers = rules.as_array().expect("a list").iter().flat_map(|rule| rule["peers"].as_array().expect("a list"));
    let peers: Vec<&str> = peers.map(|peer| peer.as_str().expect("text")).collect();
    assert!(peers.contains(&"Supabase advisor: auth_rls_initplan") && peers.contains(&"pgrls: PERF001"), "{peers:?}");
    assert!(peers.iter().all(|peer| !peer.contains(['[', '(', '`']) && peer.matches(": ").count() == 1), "{peers:?}");
}

#[test]
fn sqitch_deploys_in_the_order_of_its_plan() {
    let plan = "%syntax-version=1.0.0\n%project=app\n\nusers 2025-01-01T00:00:00Z A <a@b> # first\nnotes [users] 2025-01-02T00:00:00Z A <a@b> # second\n";
    let folder = project(&[
        ("sqitch.plan", plan),
        ("deploy/notes.sql", "begin;\ncreate table public.notes (id int primary key, owner int references public.users);\ncommit;\n"),
        ("deploy/users.sql", "begin;\ncreate table public.users (id int primary key);\ncommit;\n"),
        ("deploy/unplanned.sql", "create table public.notes (id int);\n"),
        ("revert/users.sql", "drop table public.users;\n"),
    ]);
    for path in [".", "deploy"] {
        let report = json(folder.path(), &["check", path, "--select", "migration"]);
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{report:#}");
        assert_eq!(report["summary"]["files"], 2);
    }
    let fix = supalint(folder.path(), &["check", "--fix=review"]);
    assert!(fix.status.code() == Some(2) && told(&fix).contains("sqitch add"), "{}", told(&fix));
}
