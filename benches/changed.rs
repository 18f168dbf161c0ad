//! What `--changed` takes beside a run over all, where one file of 700 is new or edited, and what that takes beside parsing alone.
//!
//! Runs take turns, so that a machine that is slow for a while is slow for all of them; told is the median of what each took, and that of
//! its ratio to the run over all in the same round. The aim is 1, and for `sqlparser`, which has the texts in memory, at least 0.5.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILES: usize = 700;
const ROUNDS: usize = 30;
const FOLDER: &str = "supabase/migrations";

fn main() {
    let files: Vec<(String, String)> = (0..FILES).map(|n| (format!("{}_step.sql", 20250101000000u64 + n as u64), step(n))).collect();
    let name = |at: usize| files[at].0.clone();
    let changes = [
        ("a new file", "20990101000000_new.sql".to_string(), Place::Top),
        ("the last file edited", name(FILES - 1), Place::Top),
        ("one in the middle edited", name(FILES / 2), Place::Top),
        ("the first edited", name(0), Place::Top),
        ("the first made longer", name(0), Place::End),
        ("a table of the first changed", name(0), Place::Within),
    ];
    let all = committed(&files);
    let projects: Vec<(&str, TempDir)> = changes.iter().map(|(what, file, place)| (*what, changed(&files, file, *place))).collect();
    let mut runs: Vec<(String, &Path, Vec<&str>)> = vec![("all".into(), all.path(), vec![])];
    for (what, folder) in &projects {
        runs.push((what.to_string(), folder.path(), vec!["--changed"]));
        runs.push((format!("{what}, with a baseline"), folder.path(), vec!["--changed", "--baseline", "known.json"]));
    }
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); runs.len() + 1];
    for round in 0..=ROUNDS {
        let run = |at: usize| match runs.get(at) {
            Some((_, folder, arguments)) => check(folder, arguments),
            None => parse(&files),
        };
        for (at, took) in took.iter_mut().enumerate() {
            let start = Instant::now();
            run(at);
            // the first round warms up
            took.extend((round > 0).then(|| start.elapsed()));
        }
    }
    let names = runs.iter().map(|(what, ..)| what.as_str()).chain(["sqlparser alone"]);
    for (what, each) in names.zip(&took) {
        let ratios = each.iter().zip(&took[0]).map(|(one, all)| one.as_secs_f64() / all.as_secs_f64());
        let milliseconds = median(each.iter().map(|one| one.as_secs_f64() * 1e3));
        println!("{what:<45} {milliseconds:>6.0} ms   {:.2}", median(ratios));
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn parse(files: &[(String, String)]) {
    for (_, text) in files {
        black_box(Parser::parse_sql(&PostgreSqlDialect {}, text).expect("the history is plain SQL"));
    }
}

fn check(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supalint"));
    command.args(["check", "--quiet", "--fail-on", "never", "--format", "json"]).args(arguments).current_dir(folder);
    assert!(command.stdout(Stdio::null()).status().expect("supalint starts").success());
}

fn committed(files: &[(String, String)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::create_dir_all(folder.path().join(FOLDER)).expect("a folder can be made");
    for (name, text) in files {
        std::fs::write(folder.path().join(FOLDER).join(name), text).expect("a file can be written");
    }
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "all"]] {
        let user = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"];
        let status = Command::new("git").args(user).args(arguments).current_dir(folder.path()).status();
        assert!(status.expect("git starts").success());
    }
    folder
}

/// Where a file is edited: all that it makes moves with what comes before it.
#[derive(Clone, Copy)]
enum Place {
    Top,
    End,
    /// In the midst of a statement.
    Within,
}

/// The same with a further table or column in a file, and with a baseline of what was there before.
fn changed(files: &[(String, String)], name: &str, place: Place) -> TempDir {
    let folder = committed(files);
    check(folder.path(), &["--write-baseline", "known.json"]);
    let path = folder.path().join(FOLDER).join(name);
    let (old, table) = (std::fs::read_to_string(&path).unwrap_or_default(), "create table public.another (id int primary key);\n");
    let text = match place {
        Place::Top => format!("{table}{old}"),
        Place::End => format!("{old}{table}"),
        Place::Within => old.replacen("  title text", "  subtitle text,\n  title text", 1),
    };
    std::fs::write(path, text).expect("a file can be written");
    folder
}

/// A migration as most are: some tables with keys, policies, indexes, functions, and changes of what came before.
fn step(n: usize) -> String {
    let mut text = String::from("-- A step of the project's history.\n");
    let before = n.saturating_sub(1);
    let _ = write!(
        text,
        "
create table public.items_{n} (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  parent_id uuid references public.items_{before} (id) on delete cascade,
  title text not null check (length(title) > 0),
  status text default 'active',
  metadata jsonb default '{{}}'::jsonb,
  created_at timestamptz not null default now()
);
create index items_{n}_organization on public.items_{n} (organization_id);
alter table public.items_{n} enable row level security;
create policy \"members read items {n}\" on public.items_{n} for select to authenticated
  using (organization_id in (select m.organization_id from public.items_{before} m where m.id = auth.uid()));
create policy \"owners change items {n}\" on public.items_{n} for update to authenticated using (id = (select auth.uid()));
grant select, update on public.items_{n} to authenticated;

create or replace function public.touch_{n}() returns trigger language plpgsql as $$
begin
  update public.items_{n} set status = 'old' where id = new.parent_id;
  return new;
end;
$$;
create trigger touch_{n} after insert on public.items_{n} for each row execute function public.touch_{n}();

create view public.recent_{n} as select i.id, i.title, count(*) as children from public.items_{n} i group by i.id, i.title;
alter table public.items_{before} add column if not exists archived boolean not null default false;
drop policy if exists \"owners change items {before}\" on public.items_{before};
create policy \"owners change items {before}\" on public.items_{before} for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
"
    );
    text
}
