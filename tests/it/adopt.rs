//! Adoption in an existing project: suppressions with a reason, baselines, and fingerprints that are stable when files change.

use crate::support::command::{self, json, migration, project, supalint, told};
use serde_json::Value;
use std::path::Path;

/// Returns rule and line of each diagnostic in a part of the report.
fn found(report: &Value, part: &str) -> Vec<String> {
    let entries = report[part].as_array().expect("a list").iter();
    let line = |entry: &Value| format!("{}:{}", entry["rule"].as_str().expect("an id"), entry["location"]["line"]);
    entries.map(line).collect()
}

const JOBS: &str = "create table public.jobs (id int primary key);\nalter table public.jobs enable row level security;\n";

#[test]
fn a_comment_allows_what_any_label_points_to() {
    let report = |text: &str| {
        let folder = project(&[("supabase/migrations/20250101000000_a.sql", text)]);
        json(folder.path(), &["check", "--select", "rls,index,allow"])
    };
    assert_eq!(found(&report(JOBS), "findings"), ["rls/no-policy:2"]);
    // at the statement that creates the table, at the one that enables row level security, and for the whole file
    let comment = "-- supalint: allow(rls/no-policy) because only the server reads it\n";
    let (made, enabled) = JOBS.split_at(JOBS.find("alter").expect("two statements"));
    for text in
        [format!("{comment}{JOBS}"), format!("{made}{comment}{enabled}"), format!("{}{JOBS}", comment.replace("allow", "allow-file"))]
    {
        let report = report(&text);
        assert_eq!(found(&report, "findings"), [""; 0], "{text}");
        assert_eq!(report["suppressed"][0]["rule"], "rls/no-policy");
        assert_eq!(report["suppressed"][0]["reason"], "only the server reads it");
    }
    // by group, next to an unused rule and a misspelled rule
    let both = report(&format!("-- supalint: allow(rls, index/redundant, rls/nopolicy) because only the server reads it\n{JOBS}"));
    assert_eq!(found(&both, "findings"), ["allow/unused:1", "allow/malformed:1"]);
    assert_eq!(found(&both, "suppressed").len(), 1);
    assert_eq!(both["findings"][1]["help"], "Write `rls/no-policy`.");
}

#[test]
fn a_comment_in_a_body_allows_what_its_line_is_found_to_do() {
    let body = |comment: &str| {
        let text = format!(
            "create table public.shops (id int primary key);
create table public.notes (id int primary key, shop_id int references public.shops, made timestamptz not null);
create function public.latest(shop int) returns setof public.notes language sql stable as $$
  {comment}
  select * from public.notes where shop_id = shop order by made desc limit 10;
$$;
"
        );
        let folder = project(&[("supabase/migrations/20250101000000_a.sql", &text)]);
        json(folder.path(), &["check", "--select", "index/foreign-key,allow"])
    };
    assert_eq!(found(&body(""), "findings"), ["index/foreign-key:2"]);
    let allowed = body("-- supalint: allow(index/foreign-key) because it runs once a night");
    assert_eq!((found(&allowed, "findings").len(), found(&allowed, "suppressed").len()), (0, 1), "{allowed:#}");
    let elsewhere = body("-- supalint: allow(index/foreign-key) because it runs once a night\n  select 1;");
    assert_eq!(found(&elsewhere, "findings"), ["index/foreign-key:2", "allow/unused:4"]);
}

#[test]
fn an_unused_allow_is_told_only_where_its_rules_were_run() {
    let text = format!("-- supalint: allow(index) because of old habits\n{JOBS}");
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", &text)]);
    let of = |arguments: &[&str]| found(&json(folder.path(), &[&["check"], arguments].concat()), "findings");
    assert!(of(&[]).contains(&"allow/unused:1".to_string()));
    assert!(of(&["--select", "index,allow"]).contains(&"allow/unused:1".to_string()));
    assert!(of(&["--select", "allow"]).is_empty());
    assert!(!of(&["--ignore", "index/redundant"]).contains(&"allow/unused:1".to_string()));
    assert!(!of(&["--ignore", "allow"]).contains(&"allow/unused:1".to_string()));
}

#[test]
fn what_nobody_can_read_stays_counted_though_it_is_allowed() {
    let text = "-- supalint: allow(migration/syntax) because it is a template that is filled in later\ncreate tabel {{name}};\n";
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", text)]);
    let report = json(folder.path(), &["check"]);
    assert_eq!((found(&report, "findings").len(), found(&report, "suppressed")), (0, vec!["migration/syntax:2".to_string()]));
    assert_eq!(report["statements"]["unread"], 1);
    let shown = supalint(folder.path(), &["check"]);
    assert_eq!(shown.status.code(), Some(0));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("1 statement could not be parsed") && shown.contains("; 1 allowed"), "{shown}");
}

#[test]
fn a_fix_leaves_alone_what_is_allowed() {
    let policy = "create policy own on public.notes to authenticated using (owner = auth.uid());\n";
    let table =
        "create table public.notes (id int primary key, owner uuid not null);\nalter table public.notes enable row level security;\n";
    let allow = "-- supalint: allow(rls/bare-auth-call) because the table is small\n";
    let name = "supabase/migrations/20250101000000_a.sql";
    let folder = project(&[(name, &format!("{table}{allow}{policy}"))]);
    for fix in [&["--fix"][..], &[name, "--fix=inline"]] {
        let output = supalint(folder.path(), &[&["check", "--select", "rls/bare-auth-call"], fix].concat());
        assert!(told(&output).starts_with("nothing to "), "{}", told(&output));
    }
    assert_eq!(std::fs::read_dir(folder.path().join("supabase/migrations")).expect("a folder").count(), 1);
}

/// Returns the rule and fingerprint of each diagnostic of a project.
fn prints(folder: &Path) -> Vec<(String, String)> {
    let report = json(folder, &["check"]);
    let text = |value: &Value| value.as_str().expect("text").to_string();
    let mut prints: Vec<_> =
        report["findings"].as_array().expect("a list").iter().map(|entry| (text(&entry["rule"]), text(&entry["fingerprint"]))).collect();
    prints.sort();
    prints
}

#[test]
fn fingerprints_outlive_edits_elsewhere_other_white_space_and_new_names() {
    let first = "\u{feff}create table public.notes (id int primary key, owner uuid not null, parent int references public.notes);
create policy own on public.notes to authenticated using (owner = auth.uid());
create tabel x;
drop policy gone on public.notes;
create function public.f() returns int language plpgsql security definer as $$ begin return (select count(*) from public.notes); end $$;
";
    // the second file fails at the same statements, and its diagnostics are separate
    let second = "create tabel x;\ndrop policy gone on public.notes;\nalter role postgres superuser;\n";
    let names = ["supabase/migrations/20250101000000_first.sql", "supabase/migrations/20250102000000_second.sql"];
    let of = |names: [&str; 2], first: &str, second: &str| prints(project(&[(names[0], first), (names[1], second)]).path());
    let before = of(names, first, second);
    let rules: Vec<&str> = before.iter().map(|(rule, _)| rule.as_str()).collect();
    for rule in ["migration/encoding", "migration/platform-refuses", "rls/bare-auth-call", "rls/policy-without-rls", "index/foreign-key"] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
    for rule in ["migration/syntax", "migration/would-fail"] {
        assert_eq!(rules.iter().filter(|known| **known == rule).count(), 2, "{rules:?}");
    }
    let lines = first.replacen("create table", "-- more\n\ncreate schema other;\ncreate table", 1);
    assert_eq!(of(names, &lines, second), before, "lines above");
    let spaced = first
        .replace(" using (", "\n    using ( ")
        .replace("create tabel x", "CREATE  tabel\n  x")
        .replace("drop policy gone", "DROP POLICY /* now */ gone");
    assert_eq!(
        of(names, &spaced.replace("auth.uid())", "auth.uid() )").replace("begin return", "begin\n  return"), second),
        before,
        "white space"
    );
    let renamed = ["supabase/migrations/20250103000000_first.sql", "supabase/migrations/20250104000000_second.sql"];
    assert_eq!(of(renamed, first, second), before, "new names");
}

#[test]
fn settings_allow_by_object_until_a_day() {
    let tables = "create table public.a_list (id int primary key);\ncreate table public.\"B list\" (id int primary key);\n";
    let settings = "[[allow]]
rule = 'rls/disabled'
object = 'public.*_list'
because = 'looked at by nobody'
until = '2026-06-30'

[[allow]]
rule = 'rls'
object = 'public.\"B *\"'
because = 'public on purpose'

[[allow]]
rule = 'index'
object = 'public.gone'
because = 'it was small'
";
    let folder = project(&[migration(1, tables), ("supalint.toml".to_string(), settings.to_string())]);
    let on = |day: &str, arguments: &[&str]| {
        let output = command::command(folder.path())
            .env("SOURCE_DATE_EPOCH", day)
            .args([&["check", "--select", "rls,index,allow", "--format", "json"], arguments].concat())
            .output()
            .expect("supalint starts");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
    };
    // last second of that day, and first second of the next day
    let (last, next) = ("1782863999", "1782864000");
    let report = on(last, &[]);
    assert_eq!((found(&report, "findings"), found(&report, "suppressed").len()), (vec!["allow/unused:13".to_string()], 2), "{report:#}");
    assert_eq!(report["findings"][0]["location"]["file"], "supalint.toml");
    let report = on(next, &[]);
    assert_eq!(found(&report, "findings"), ["rls/disabled:1", "allow/unused:2", "allow/unused:13"]);
    assert_eq!(
        report["findings"][1]["message"],
        "`rls/disabled` was allowed for `public.*_list` until 2026-06-30, and this date has passed"
    );
    let output = command::command(folder.path()).env("SOURCE_DATE_EPOCH", "today").arg("check").output().expect("supalint starts");
    assert_eq!(
        (output.status.code(), told(&output).as_str()),
        (Some(2), "error: SOURCE_DATE_EPOCH is `today`: set it to seconds since 1970, or unset it\n")
    );
    command::put(folder.path(), "supalint.toml", "[[allow]]\nrule = 'rls/disabeld'\nobject = '*'\nbecause = 'x'\n");
    let output = supalint(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("no rule or group `rls/disabeld`; did you mean `rls/disabled`?"), "{}", told(&output));
}

#[test]
fn ignored_files_say_nothing_and_still_count() {
    let folder = project(&[
        migration(1, "create table public.a (id int primary key);\ncreate table public.b (id int primary key);\n"),
        migration(2, "alter table public.a enable row level security;\ncreate table public.c (id int primary key);\n"),
        ("supalint.toml".to_string(), "ignored_paths = ['20250102*']".to_string()),
    ]);
    let report = json(folder.path(), &["check", "--select", "rls/disabled"]);
    // statements in an ignored file still change the schema
    assert_eq!((found(&report, "findings"), &report["left_out"]["ignored"]), (vec!["rls/disabled:2".to_string()], &1.into()));
    assert!(shown_last(folder.path()).contains("; 1 in ignored files"));
}

/// Returns the summary line of the terminal output.
fn shown_last(folder: &Path) -> String {
    let shown = command::shown(&supalint(folder, &["check", "--select", "rls/disabled"]));
    shown.lines().rev().find(|line| line.contains(" migration")).unwrap_or_default().to_string()
}

#[test]
fn all_is_told_in_the_terminal_too() {
    let folder = project(&[
        migration(
            1,
            "-- supalint: allow-file(rls/disabled) because the first tables are read by the server alone\ncreate table public.a (id int primary key);\n",
        ),
        migration(2, "-- supalint: allow(rls/disabled)\ncreate table public.b (id int primary key);\n"),
    ]);
    let output = supalint(folder.path(), &["check", "--verbose", "--select", "rls,allow"]);
    insta::assert_snapshot!("allowed", command::shown(&output));
}

/// Returns standard output, standard error and the exit status.
fn ran(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = supalint(folder, arguments);
    (command::shown(&output), told(&output), output.status.code())
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let folder = project(&[
        migration(1, "create table public.a (id int primary key);\n"),
        migration(2, "create table public.b (id int primary key);\n"),
    ]);
    let check = |arguments: &[&str]| ran(folder.path(), &[&["check", "--select", "rls"], arguments].concat());
    let (shown, said, status) = check(&["--write-baseline", "known.json"]);
    assert_eq!((said.as_str(), status), ("2 problems written to known.json\n", Some(0)));
    assert_eq!(shown, "No problems in 2 migrations (2 statements); 2 in the baseline");
    let text = std::fs::read_to_string(folder.path().join("known.json")).expect("a baseline");
    insta::assert_snapshot!("baseline", text);
    // writing the baseline again does not change it, not even from another folder
    supalint(&folder.path().join("supabase"), &["check", "--select", "rls", "--write-baseline", "../known.json"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("known.json")).expect("a baseline"), text);
    assert_eq!(check(&["--baseline", "known.json"]).2, Some(0));
    assert_eq!(check(&[]).2, Some(1));
    // a new table fails the check, and a fixed table is reported
    let (name, text) = migration(3, "create table public.c (id int primary key);\nalter table public.a enable row level security;\n");
    command::put(folder.path(), name, text);
    let (shown, said, status) = check(&["--baseline", "known.json"]);
    assert_eq!((said.as_str(), status), ("1 problem of the baseline no longer exists: --write-baseline removes it\n", Some(1)));
    assert!(shown.contains("public.c") && !shown.contains("`public.b`") && shown.contains("; 1 in the baseline\n"), "{shown}");
    // the baseline loses the fixed problem and gains none
    let (_, said, status) = check(&["--baseline", "known.json", "--write-baseline", "known.json"]);
    assert_eq!((said.as_str(), status), ("1 problem written to known.json\n", Some(1)));
    let known = std::fs::read_to_string(folder.path().join("known.json")).expect("a baseline");
    assert!(known.contains("public.b") && !known.contains("public.a") && !known.contains("public.c"), "{known}");
    // writes all problems of the rules in the settings
    command::put(folder.path(), "supalint.toml", "baseline = 'known.json'\nselect = ['rls']");
    let inside = folder.path().join("supabase/migrations");
    assert_eq!(supalint(&inside, &["check", "--write-baseline", "../../known.json"]).status.code(), Some(0));
    assert_eq!(supalint(&inside, &["check"]).status.code(), Some(0));
    assert_eq!(supalint(&inside, &["check", "--no-baseline"]).status.code(), Some(1));
}

#[test]
fn a_baseline_keeps_what_was_not_looked_at() {
    let folder = project(&[migration(
        1,
        "create table public.a (id int primary key);\ncreate table public.b (id int primary key, a_id int references public.a on delete cascade);\n",
    )]);
    let entries = |arguments: &[&str]| {
        supalint(folder.path(), &[&["check", "--write-baseline", "known.json"], arguments].concat());
        let text = std::fs::read_to_string(folder.path().join("known.json")).expect("a baseline");
        serde_json::from_str::<Value>(&text).expect("JSON")["findings"].as_array().expect("a list").len()
    };
    assert_eq!((entries(&["--select", "rls/disabled"]), entries(&["--select", "index"])), (2, 3));
    let (_, said, _) = ran(folder.path(), &["check", "--select", "index", "--baseline", "known.json"]);
    assert_eq!(said, "");
    // a suppressed problem is no longer in the baseline
    command::put(folder.path(), "supalint.toml", "[[allow]]\nrule = 'rls/disabled'\nobject = 'public.a'\nbecause = 'it is public'\n");
    let (_, said, status) = ran(folder.path(), &["check", "--select", "rls/disabled,index", "--baseline", "known.json"]);
    assert_eq!((said.as_str(), status), ("1 problem of the baseline no longer exists: --write-baseline removes it\n", Some(0)));
    assert_eq!(entries(&["--select", "rls/disabled"]), 2);
}

#[test]
fn a_baseline_that_is_no_baseline_stops_the_run() {
    let folder = project(&[migration(1, "create schema a;")]);
    command::put(folder.path(), "other.json", "{\"version\": 2, \"findings\": []}");
    command::put(folder.path(), "broken.json", "{\"version\": 1, \"findings\": [");
    for (arguments, message) in [
        (
            &["--baseline", "no.json"] as &[&str],
            "the baseline `no.json` does not exist: write it with --write-baseline, or run with --no-baseline",
        ),
        (&["--baseline", "other.json"], "the baseline `other.json` is not usable (it has version 2, but this supalint reads version 1)"),
        (&["--baseline", "broken.json"], "the baseline `broken.json` is not usable (EOF while parsing a list"),
        (&["--write-baseline", "broken.json"], "the baseline `broken.json` is not usable"),
        (&["--write-baseline", "no/such/place.json"], "cannot write `no/such/place.json`"),
    ] {
        let (shown, said, status) = ran(folder.path(), &[&["check"], arguments].concat());
        assert!(said.starts_with(&format!("error: {message}")), "{said}");
        assert_eq!((shown.as_str(), status), ("", Some(2)));
    }
}

#[test]
fn a_version_to_begin_at_leaves_what_older_files_bring() {
    let first = "create table public.a (id int primary key);\ncreate table public.b (id int primary key);\nalter table public.b enable row level security;\n";
    let later = "create table public.c (id int primary key);\nalter table public.b disable row level security;\n";
    let folder =
        project(&[migration(1, first), migration(2, later), ("supalint.toml".to_string(), "since_version = 20250101000000".to_string())]);
    let report = json(folder.path(), &["check", "--select", "rls/disabled"]);
    let (findings, earlier) = (report["findings"].as_array().expect("a list"), &report["left_out"]["earlier"]);
    let names: Vec<&str> = findings.iter().filter_map(|finding| finding["subject"]["name"].as_str()).collect();
    assert_eq!((names, earlier), (vec!["c", "b"], &1.into()));
    command::put(folder.path(), "supalint.toml", "since_version = '20250102000000'");
    assert_eq!(found(&json(folder.path(), &["check", "--select", "rls/disabled"]), "findings"), [""; 0]);
    command::put(folder.path(), "supalint.toml", "since_version = '0'");
    assert_eq!(found(&json(folder.path(), &["check", "--select", "rls/disabled"]), "findings").len(), 3);
}

#[test]
fn a_file_that_is_named_is_what_is_asked_about() {
    let (first, second) =
        (migration(1, "create table public.a (id int primary key);\n"), migration(2, "create table public.b (id int primary key);\n"));
    let folder = project(&[first.clone(), second.clone()]);
    for (name, table) in [(&first.0, "a"), (&second.0, "b")] {
        let report = json(folder.path(), &["check", name, "--select", "rls/disabled"]);
        assert_eq!((found(&report, "findings").len(), &report["findings"][0]["subject"]["name"]), (1, &table.into()));
        assert_eq!(report["summary"]["files"], 2);
    }
}
