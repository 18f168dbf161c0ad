//! What a team on an old project needs: to allow a finding with its reason, and findings that stay what they are while files change.

#[path = "support/command.rs"]
mod command;

use command::{json, migration, project, supalint, told};
use serde_json::Value;
use std::path::Path;

/// Rule and line of each finding in a part of the report.
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
    // where the table is made, where row level security is enabled, and for the file as a whole
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
    // by group, beside one that allows nothing, and one that is misspelt
    let both = report(&format!("-- supalint: allow(rls, index/redundant, rls/nopolicy) because only the server reads it\n{JOBS}"));
    assert_eq!(found(&both, "findings"), ["allow/unused:1", "allow/malformed:1"]);
    assert_eq!(found(&both, "suppressed").len(), 1);
    assert_eq!(both["findings"][1]["help"], "write `rls/no-policy`");
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
    assert!(shown.contains("1 statement could not be read") && shown.contains("; 1 allowed"), "{shown}");
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

/// Fingerprints of a project's findings, each with its rule.
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
    // the same statements fail here too, and count for themselves
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
