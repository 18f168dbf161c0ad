//! Safe fixes do not change access. The test generates projects and rows at random on a private PostgreSQL server. Every role and user
//! tries all operations on each row, before and after the safe steps.
//!
//! `SUPALINT_CASES=500 cargo test --test it fixes` sets the number of projects. Requirements are those of `tests/it/postgres.rs`.

use crate::docs::page::Page;
use crate::docs::run::{Example, Outcome};
use crate::support::access::Access;
use crate::support::catalog::{Definitions, Objects, changes, definitions};
use crate::support::random::{Random, project};
use crate::support::server::{self, Database, Refusal, Server};
use crate::support::{apply, plan};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use supalint::finding::{Finding, Safety};
use supalint::fix::{Level, Plan, emit};
use supalint::report::Report;
use supalint::rules::ALL;

/// Number of projects, unless `SUPALINT_CASES` sets it.
const CASES: u64 = 12;
/// Number of rows of a table. A third of them is left for INSERT.
const ROWS: usize = 24;
/// Number of projects that are tested in parallel.
const WORKERS: u64 = 2;

/// A project with the access of all roles and users.
struct Trial {
    database: Database,
    /// Definitions of all objects before the fix.
    start: Definitions,
    before: Access,
}

impl Trial {
    /// Creates the project in `folder` and applies it.
    fn new(server: &Arc<Server>, example: &Example, folder: &Path, seed: &str) -> Result<Trial, Vec<String>> {
        let mut database = server.database();
        example.write(folder);
        let complaints = apply::history(&mut database, folder);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let start = definitions(&mut database);
        Access::prepare(&mut database, seed, ROWS);
        let before = Access::of(&mut database);
        Ok(Trial { database, start, before })
    }

    /// Runs SQL as the runner runs a file.
    fn apply(&mut self, sql: &str) -> Result<(), Refusal> {
        let result = self.database.run(sql);
        self.database.fresh_session();
        result
    }

    /// Returns the differences in access, and the rows that they concern.
    fn differences(&mut self) -> Vec<String> {
        let after = Access::of(&mut self.database);
        let mut out = self.before.differences(&after);
        if !out.is_empty() {
            out.extend(Access::rows(&mut self.database));
        }
        out
    }
}

/// Results of one project.
#[derive(Default)]
struct Verdict {
    complaints: Vec<String>,
    /// Rules whose safe steps were applied.
    rules: BTreeSet<&'static str>,
    steps: usize,
    withheld: usize,
    tries: usize,
    grants: usize,
}

fn judge(server: &Arc<Server>, birth: &Objects, number: u64) -> Verdict {
    let text = project(&mut Random::new(number));
    let example = Example::new(&text);
    let seed = format!("project {number}");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [history, fixed] = ["history", "fixed"].map(|name| folder.path().join(name));
    let mut trial = match Trial::new(server, &example, &history, &seed) {
        Ok(trial) => trial,
        Err(complaints) => return Verdict { complaints, ..Verdict::default() },
    };
    let plan = plan::of(&history, None, Level::Safe).expect("there is room for more");
    example.and(&plan.files).write(&fixed);
    let mut out = Verdict {
        complaints: Vec::new(),
        rules: cured(&Outcome::of(&example).report, &plan),
        steps: plan.files.iter().map(|planned| planned.statements.len()).sum(),
        withheld: plan.skipped.len(),
        tries: trial.before.tries(),
        grants: trial.before.grants(),
    };
    for message in plan.files.iter().flat_map(plan::messages) {
        out.complaints.extend(trial.apply(message).err().map(|refusal| format!("PostgreSQL: {refusal}\n    {message}")));
    }
    let differences = trial.differences();
    if !differences.is_empty() {
        out.complaints.extend(blame(server, &example, folder.path(), &seed, &plan));
        out.complaints.extend(differences);
    }
    Access::finish(&mut trial.database);
    out.complaints.extend(Objects::of_server(&mut trial.database).since(birth).differences(&apply::fold(&fixed)));
    let second = plan::of(&fixed, None, Level::Safe).expect("there was room before");
    out.complaints.extend(second.files.into_iter().map(|planned| format!("a second run writes\n{}", planned.text)));
    out.complaints
        .extend(apply::script(&mut trial.database, &emit::verify(&plan)).err().map(|error| format!("what is promised is not so: {error}")));
    trial.database.fresh_session();
    out.complaints.extend(apply::script(&mut trial.database, &emit::rollback(&plan)).err().map(|error| format!("taking back: {error}")));
    out.complaints.extend(changes(&trial.start, &definitions(&mut trial.database)).into_iter().map(|line| format!("taken back, {line}")));
    if !out.complaints.is_empty() {
        out.complaints.push(format!("the project:\n{text}"));
    }
    out
}

fn is_safe(finding: &&Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe && !fix.steps.is_empty())
}

/// Returns the rules whose diagnostics a plan fixes.
fn cured(before: &Report, plan: &Plan) -> BTreeSet<&'static str> {
    let stays = |was: &&Finding| plan.report.findings.iter().any(|is| is.fingerprint == was.fingerprint);
    before.findings.iter().filter(is_safe).filter(|finding| !stays(finding)).map(|finding| finding.rule).collect()
}

/// Returns the first statement that changes access, after all statements before it.
fn blame(server: &Arc<Server>, example: &Example, folder: &Path, seed: &str, plan: &Plan) -> Option<String> {
    let mut trial = Trial::new(server, example, &folder.join("blame"), seed).ok()?;
    plan.files.iter().flat_map(|planned| &planned.statements).find_map(|planned| {
        let sql = &planned.statement.sql;
        trial.apply(sql).ok()?;
        (!trial.differences().is_empty()).then(|| format!("the step that changes access:\n    {}", sql.replace('\n', "\n    ")))
    })
}

fn cases() -> u64 {
    std::env::var("SUPALINT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

/// Runs `work` for each number, several in parallel. The results are in the order of the numbers.
fn for_each<T: Send>(count: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let work = &work;
    let mut out: Vec<(u64, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|first| scope.spawn(move || (first..count).step_by(WORKERS as usize).map(|at| (at, work(at))).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn safe_steps_change_nobodys_access() {
    let Some(server) = Server::shared() else { return };
    let birth = Objects::of_server(&mut server.database());
    let verdicts = for_each(cases(), |number| judge(&server, &birth, number));
    let sum = |of: fn(&Verdict) -> usize| verdicts.iter().map(of).sum::<usize>();
    server::say(&format!(
        "{} projects, {} tries of which {} succeed, {} steps, {} cures withheld",
        verdicts.len(),
        sum(|verdict| verdict.tries),
        sum(|verdict| verdict.grants),
        sum(|verdict| verdict.steps),
        sum(|verdict| verdict.withheld)
    ));
    let mut complaints = String::new();
    for (number, verdict) in verdicts.iter().enumerate() {
        verdict.complaints.iter().for_each(|complaint| complaints += &format!("project {number}: {complaint}\n"));
    }
    assert!(complaints.is_empty(), "{complaints}");
    let fired: BTreeSet<&str> = verdicts.iter().flat_map(|verdict| verdict.rules.iter().copied()).collect();
    let silent: Vec<&str> = rules_with_safe_steps().into_iter().filter(|rule| !fired.contains(rule)).collect();
    assert!(silent.is_empty(), "no project brings about what {silent:?} cure: tests/it/support/random.rs has to make such");
}

/// A project on which each wrong step below changes access.
const GUARDED: &str = "
create table public.members (team_id uuid, user_id uuid, primary key (team_id, user_id));
create table public.notes (id bigint primary key, team_id uuid, owner_id uuid, is_public boolean);
alter table public.members enable row level security;
alter table public.notes enable row level security;
create function public.is_member(team uuid) returns boolean language sql stable security definer
  as $$ select exists (select 1 from members where team_id = team and user_id = auth.uid()) $$;
create policy \"Members read\" on public.notes for select to authenticated using (public.is_member(team_id));
create policy \"Anyone reads\" on public.notes for select to anon using (is_public);
create policy \"Owners insert\" on public.notes for insert to authenticated with check (owner_id = auth.uid());
create policy \"Owners update\" on public.notes for update to authenticated using (owner_id = auth.uid());
create policy \"Owners delete\" on public.notes for delete to authenticated using (owner_id = auth.uid());
create policy \"Not those of nobody\" on public.notes as restrictive for select using (team_id is not null);
";

const WRONG: [&str; 16] = [
    "drop policy \"Members read\" on public.notes",
    "drop policy \"Anyone reads\" on public.notes",
    "drop policy \"Owners insert\" on public.notes",
    "drop policy \"Owners update\" on public.notes",
    "drop policy \"Owners delete\" on public.notes",
    "drop policy \"Not those of nobody\" on public.notes",
    "alter policy \"Members read\" on public.notes using (true)",
    "alter policy \"Members read\" on public.notes using ((select public.is_member(owner_id)))",
    "alter policy \"Owners update\" on public.notes with check (true)",
    "alter policy \"Owners delete\" on public.notes using (owner_id is not distinct from (select auth.uid()) or is_public)",
    "alter policy \"Owners insert\" on public.notes to anon",
    "alter table public.notes disable row level security",
    "revoke select on public.notes from authenticated",
    "revoke execute on function public.is_member(uuid) from public, authenticated",
    "alter function public.is_member(uuid) security invoker",
    // names in the function are not found with an empty search_path
    "alter function public.is_member(uuid) set search_path = ''",
];

const RIGHT: [&str; 4] = [
    "alter policy \"Owners delete\" on public.notes using (owner_id = (select auth.uid()))",
    "alter function public.is_member(uuid) set search_path = public, pg_temp",
    "create index on public.notes (team_id)",
    "revoke select on public.members from anon; grant select on public.members to anon",
];

#[test]
fn a_step_that_changes_access_is_seen() {
    let Some(server) = Server::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut trial = Trial::new(&server, &Example::new(GUARDED), folder.path(), "guarded").expect("the project applies");
    let mut seen = |step: &str| {
        let Trial { database, before, .. } = &mut trial;
        database.undone(|database| {
            database.run(step).unwrap_or_else(|refusal| panic!("{refusal}: {step}"));
            !before.differences(&Access::of(database)).is_empty()
        })
    };
    let passed: Vec<&str> = WRONG.into_iter().filter(|step| !seen(step)).collect();
    assert!(passed.is_empty(), "nobody sees what these change: {passed:#?}");
    let blamed: Vec<&str> = RIGHT.into_iter().filter(|step| seen(step)).collect();
    assert!(blamed.is_empty(), "these change nothing, and are blamed: {blamed:#?}");
}

/// For most policies of a random project, the random rows show a difference if the policy is dropped.
#[test]
fn rows_made_by_chance_show_what_a_policy_does() {
    let Some(server) = Server::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let text = project(&mut Random::new(1));
    let mut trial = Trial::new(&server, &Example::new(&text), folder.path(), "dropped").expect("the project applies");
    let policies = trial
        .database
        .rows("select format('drop policy %I on %I.%I', policyname, schemaname, tablename) from pg_policies where schemaname = 'public'");
    let drops: Vec<String> = policies.into_iter().flatten().flatten().collect();
    let Trial { database, before, .. } = &mut trial;
    let (seen, unseen): (Vec<&String>, Vec<&String>) = drops.iter().partition(|drop| {
        database.undone(|database| {
            database.run(drop).expect("a policy can be dropped");
            !before.differences(&Access::of(database)).is_empty()
        })
    });
    assert!(seen.len() > unseen.len(), "nobody sees\n{unseen:#?}\nof\n{text}");
}

/// Returns the rules whose pages contain a safe fix.
fn rules_with_safe_steps() -> Vec<&'static str> {
    let shows = |rule: &&&supalint::rules::Rule| {
        let page = Page::read(rule.page);
        page.bad().into_iter().any(|at| {
            let outcome = Outcome::of(&Example::new(&page.example(at)));
            outcome.of_rule(rule).iter().any(is_safe)
        })
    };
    ALL.iter().filter(shows).map(|rule| rule.id).collect()
}

/// Two rules that contradict each other would write new files on each run.
#[test]
fn a_fix_that_another_rule_would_take_back_is_withheld() {
    const TABLES: &str = "create table public.members (org_id uuid, user_id uuid, primary key (user_id, org_id));
        create table public.events (id bigint primary key, org_id uuid not null);
        alter table public.events enable row level security;
        create policy \"Members read\" on public.events for select to authenticated using (
          (select auth.uid()) in (select user_id from public.members where members.org_id = events.org_id));\n";
    const CLOSED: &str = "alter table public.members enable row level security; create policy closed on public.members using (false);\n";
    for closed in ["", CLOSED] {
        let folder = tempfile::tempdir().unwrap();
        let migrations = folder.path().join("supabase/migrations");
        std::fs::create_dir_all(&migrations).unwrap();
        let text = format!("{TABLES}{closed}grant select on public.members, public.events to authenticated;\n");
        std::fs::write(migrations.join("20250101000000_a.sql"), text).unwrap();
        let write = || {
            let plan = plan::of(folder.path(), None, Level::Review).unwrap();
            for planned in &plan.files {
                std::fs::write(migrations.join(&planned.name), &planned.text).unwrap();
            }
            let withheld: Vec<String> = plan.skipped.iter().map(|held| format!("{}: {}", held.rule, held.reason)).collect();
            (plan.files.len(), withheld.join("; "))
        };
        write();
        let (files, withheld) = write();
        assert_eq!(files, 0, "a second run finds nothing to do: {withheld}");
    }
}
