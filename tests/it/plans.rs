//! Plans of `--fix`: terminal output, written files and edits in place.

use crate::cli::root;
use crate::support::command::{project, shown, supalint, told};
use std::path::Path;

/// Returns the names and texts of the migrations of a project.
pub fn migrations(folder: &Path) -> std::collections::BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder.join("supabase/migrations")).expect("there are migrations").flatten();
    let text = |path: &Path| std::fs::read_to_string(path).expect("a migration is text");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), text(&entry.path()))).collect()
}

/// Copies a fixture to a temporary folder, with settings.
pub fn copy(name: &str, settings: &str) -> tempfile::TempDir {
    let from = migrations(&root().join("fixtures").join(name));
    let files: Vec<(String, String)> = from.into_iter().map(|(name, text)| (format!("supabase/migrations/{name}"), text)).collect();
    let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    files.push(("supalint.toml", settings.as_bytes()));
    project(&files)
}

#[test]
fn a_plan_is_shown_before_it_is_written() {
    let folder = copy("conversations", "");
    let before = migrations(folder.path());
    for level in ["safe", "review"] {
        let arguments = ["check", &format!("--fix={level}"), "--dry-run"];
        let output = supalint(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        insta::assert_snapshot!(format!("plan_{level}"), format!("{}--- told\n{}", shown(&output), told(&output)));
        assert_eq!(supalint(folder.path(), &arguments).stdout, output.stdout);
    }
    for script in ["verify", "rollback"] {
        let output = supalint(folder.path(), &["check", "--fix=review", "--emit", script, "--quiet"]);
        insta::assert_snapshot!(format!("emit_{script}"), shown(&output));
        assert!(output.stderr.is_empty());
    }
    assert_eq!(migrations(folder.path()), before);
}

#[test]
fn what_was_shown_is_written_once() {
    let folder = copy("conversations", "");
    let before = migrations(folder.path());
    let plan = shown(&supalint(folder.path(), &["check", "--fix=review", "--dry-run"]));
    let written = supalint(folder.path(), &["check", "--fix=review"]);
    let after = migrations(folder.path());
    assert!(before.iter().all(|(name, text)| after.get(name) == Some(text)));
    let new: Vec<_> = after.iter().filter(|(name, _)| !before.contains_key(*name)).collect();
    assert!(new.len() > 3 && new.iter().all(|(name, _)| name.as_str() > before.keys().last().expect("there are some").as_str()));
    for (name, text) in new {
        assert!(told(&written).contains(&format!("wrote supabase/migrations/{name} (")), "{name}");
        assert!(plan.contains(text.trim_end()), "{name} is not what was shown");
    }
    let again = supalint(folder.path(), &["check", "--fix=review"]);
    assert!(told(&again).starts_with("nothing to write\n"), "{}", told(&again));
    assert_eq!(migrations(folder.path()), after);
    assert_eq!(shown(&again), shown(&written));
}

#[test]
fn what_is_found_behind_a_fix_decides_how_it_ends() {
    let text = b"create table public.notes (id int primary key, owner uuid not null);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (owner = auth.uid());
";
    let folder = project(&[("supabase/migrations/0007_a.sql", text)]);
    let fix = ["check", "--select", "rls/bare-auth-call", "--fix"];
    assert_eq!(supalint(folder.path(), &["check", "--select", "rls/bare-auth-call", "--fix", "--dry-run"]).status.code(), Some(1));
    let output = supalint(folder.path(), &fix);
    assert_eq!(
        (output.status.code(), told(&output).as_str()),
        (Some(0), "wrote supabase/migrations/0008_supalint_policies.sql (1 statement)\n")
    );
    assert_eq!(told(&supalint(folder.path(), &fix)), "nothing to write\n");
}

#[test]
fn indexes_take_the_form_that_the_settings_want() {
    let names = |setting: &str| -> Vec<(String, String)> {
        let folder = copy("conversations", setting);
        supalint(folder.path(), &["check", "--fix", "--select", "index"]);
        let new = migrations(folder.path()).into_iter().filter(|(name, _)| name.contains("_supalint_"));
        new.map(|(name, text)| (name.split_once("_supalint_").expect("a slug").1.to_string(), text)).collect()
    };
    let auto = names("");
    assert_eq!(auto.len(), 1);
    assert!(auto[0].0 == "indexes.sql" && auto[0].1.contains("Supabase CLI 2.109.0") && auto[0].1.contains("create index concurrently"));
    // a plan causes no diagnostics in its own file
    let folder = copy("conversations", "");
    supalint(folder.path(), &["check", "--fix", "--select", "index"]);
    let after = supalint(folder.path(), &["check", "--select", "migration,allow"]);
    assert_eq!((after.status.code(), shown(&after).matches("_supalint_").count()), (Some(0), 0), "{}", shown(&after));
    let each = names("index_concurrently = 'each'");
    assert!(each.len() > 5 && each.iter().all(|(_, text)| text.lines().filter(|line| line.starts_with("create ")).count() == 1));
    let off = names("index_concurrently = 'off'");
    assert!(off.len() == 1 && off[0].1.contains("create index if not exists") && !off[0].1.to_lowercase().contains("concurrently"));
}

#[test]
fn a_cure_that_cannot_be_proven_is_withheld_and_named() {
    let text = b"create table public.notes (id int primary key, body text);
create view public.all_notes as select id, body from public.notes;
";
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", text)]);
    let alone = supalint(folder.path(), &["check", "--select", "rls/disabled", "--fix=review"]);
    assert!(told(&alone).starts_with("nothing to write\nskipped rls/disabled: `public.notes`"), "{}", told(&alone));
    assert!(told(&alone).contains("because it would cause access/view-bypasses-rls"), "{}", told(&alone));
    assert_eq!(migrations(folder.path()).len(), 1);
    // the fix of the view removes the last problem that the plan would cause
    let both = supalint(folder.path(), &["check", "--fix=review"]);
    assert!(!told(&both).contains("skipped"), "{}", told(&both));
    assert_eq!(migrations(folder.path()).len(), 3);
}

#[test]
fn what_is_not_certain_is_not_written() {
    let text = b"create table public.notes (id int primary key, owner uuid not null);
alter table public.notes enable row level security;
do $$ begin if (select random() > 0.5) then
  create policy own on public.notes to authenticated using (owner = auth.uid());
end if; end $$;
";
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", text)]);
    let output = supalint(folder.path(), &["check", "--fix", "--select", "rls/bare-auth-call"]);
    assert_eq!(told(&output), "nothing to write\n1 more fix needs review: --fix=review\n");
    assert_eq!(migrations(folder.path()).len(), 1);
}

#[test]
fn edits_in_place_keep_every_other_byte() {
    let old = "-- caf\u{e9}\r\ncreate table public.notes (id int primary key,\towner uuid not null);\r\n\
               alter table public.notes enable row level security;\r\n\
               create policy own on public.notes to authenticated\r\n  using (owner=auth.uid()) ;  \r\n-- end";
    let other = b"create table public.tags (id int primary key, owner uuid not null);
alter table public.tags enable row level security;
create policy own on public.tags to authenticated using (owner = auth.uid());
";
    let (first, second) = ("supabase/migrations/20250101000000_a.sql", "supabase/migrations/20250102000000_b.sql");
    let folder = project(&[(first, old.as_bytes()), (second, other)]);
    let unnamed = supalint(folder.path(), &["check", "--fix=inline"]);
    assert_eq!(unnamed.status.code(), Some(2));
    assert!(told(&unnamed).contains("only files that are passed"));
    let arguments = ["check", first, "--select", "rls/bare-auth-call", "--fix=inline"];
    let dry = supalint(folder.path(), &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(
        shown(&dry).lines().filter(|line| line.starts_with(['-', '+'])).collect::<Vec<_>>(),
        ["-   using (owner=auth.uid()) ;  ", "+   using (owner=(select auth.uid())) ;  "]
    );
    let output = supalint(folder.path(), &arguments);
    assert_eq!(told(&output), format!("edited {first} (1 place)\n"));
    let after = migrations(folder.path());
    assert_eq!(after["20250101000000_a.sql"], old.replace("auth.uid()", "(select auth.uid())"));
    assert_eq!(after["20250102000000_b.sql"].as_bytes(), other);
    assert!(told(&supalint(folder.path(), &arguments)).starts_with("nothing to edit"));
}

#[test]
fn an_edit_in_place_is_proven_on_the_whole_file() {
    let text = b"create table public.notes (id int primary key, owner uuid not null);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
create schema last";
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", text)]);
    let arguments = ["check", "supabase/migrations/20250101000000_a.sql", "--fix=inline"];
    assert_eq!(told(&supalint(folder.path(), &arguments)), "edited supabase/migrations/20250101000000_a.sql (2 places)\n");
}
