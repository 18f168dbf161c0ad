//! A history that goes beside another, as the past does beside the present, comes to what it comes to alone, and so does what is found in it.

use crate::cases::CASES;
use crate::replay;
use std::path::{Path, PathBuf};
use supalint::engine::{self, Choice, Scope, Since};
use supalint::finding::Finding;
use supalint::history::{self, Beside, Fate, Fold, Parting, Replay, Visitor};
use supalint::output::schema;
use supalint::project::{self, Migration, Past, Project};
use supalint::rules::ALL;
use supalint::source::Sources;
use supalint::syntax::split::Splitter;

/// Where the two differ in what no object shows.
const HISTORIES: [&str; 8] = [
    // in rows
    "create table t (id int); insert into t values (1);
     do $$ begin if not exists (select 1 from t) then create table made (id int); end if; end $$;",
    // in what is not there any more
    "do $$ begin create table gone (id int); drop table gone; end $$; alter table gone add column x int;",
    // in what nobody can read
    "create table t (oops oops oops); create table t (id int); drop table if exists t; alter table t add column x int;",
    "create table a (id int); create table t (oops oops oops); alter table t add column x int;",
    // in when a transaction began
    "create table t (id int); create type e as enum ('a'); begin; alter type e add value 'b'; create table u (x e default 'b'); commit;
     create table v (x e default 'b');",
    "create type e as enum ('a'); create table t (id int); alter table t add column x e; alter type e add value 'b';
     commit; alter table t alter column x set default 'b'; alter table t alter column x set default 'a'; create temporary table v as select 1 as id;
     create table w (id int); alter table w add column v int;",
    // in where names are looked up
    "create schema other; create table flag (id int);
     do $$ begin if to_regclass('public.flag') is not null then perform set_config('search_path', 'other', false); end if; end $$;
     create table x (id int); alter table x add column y int;",
    // in what types can do
    "create table t (id int); alter table t add column x int;
     create operator public.= (leftarg = int, rightarg = text, function = public.f);
     create view v as select id from t where id = 'x'::text;",
];

/// Files of which an edit brings something elsewhere, or of which something is told that was there before.
const PROJECTS: [&[&str]; 6] = [
    // a function that asked who calls does not any more
    &[
        "create table public.notes (id uuid primary key, user_id uuid not null);
         create function public.me() returns uuid language sql stable as $$ select auth.uid() $$;",
        "create function public.notes_of(p_user_id uuid) returns setof public.notes language sql security definer set search_path = ''
         as $$ select * from public.notes where user_id = p_user_id and public.me() is not null $$;",
        "create or replace function public.me() returns uuid language sql stable as $$ select null::uuid $$;",
    ],
    // what a policy reads comes to hold who belongs to whom
    &[
        "create table public.clubs (id uuid primary key);
         create table public.seats (club_id uuid references public.clubs, user_id uuid references auth.users);
         create table public.docs (id uuid primary key, club_id uuid references public.clubs);
         alter table public.docs enable row level security;",
        "create policy seen on public.docs for select to authenticated
         using (club_id in (select s.club_id from public.seats s where s.user_id = (select auth.uid())));",
        "alter table public.seats add unique (club_id, user_id);",
    ],
    // words point to the beginning of a file that was made longer
    &[
        "create table public.notes (id uuid primary key, owner uuid); alter table public.notes enable row level security;
         -- a long way from here to what was put behind it, so that the half of it holds all of the table
         create table public.another (id uuid primary key, owner uuid not null, title text not null, body text not null);",
        "create policy seen on public.notes for select to authenticated using (owner = auth.uid());",
        "create view public.seen as select * from public.notes;",
    ],
    // each of two edits leaves out its own
    &[
        "create table public.one (id int); alter table public.one enable row level security;
         create table public.two (id int, title text not null, body text not null, created_at timestamptz not null);",
        "create table public.three (id int);",
    ],
    // a later statement comes to fail
    &["create table public.t (id int);", "drop table public.t;", "alter table public.t add column x int;"],
    // a comment comes to allow nothing
    &[
        "-- supalint: allow(rls/disabled) because everybody may read it
         create table public.t (id int);",
        "alter table public.t enable row level security;",
        "create policy all_rows on public.t for select using (true);",
    ],
];

/// Keeps the past beside the present.
struct Both<'a> {
    past: &'a Project,
    parting: Option<Parting>,
    beside: Option<Beside>,
    end: Option<Replay>,
    taken_over: usize,
    ran: usize,
}

impl Both<'_> {
    fn part(&mut self, fold: &mut Fold, sources: &Sources, is_here: impl Fn(Parting, &Fold) -> bool) {
        if let Some(parting) = self.parting.take_if(|parting| is_here(*parting, fold)) {
            self.beside = Beside::of(fold, self.past, parting, sources);
        }
    }
}

impl Visitor for Both<'_> {
    fn open(&mut self, fold: &mut Fold, migration: &Migration, sources: &mut Sources) {
        self.part(fold, sources, Parting::is_before);
        if let Some(beside) = &mut self.beside {
            beside.open(fold, migration, self.past, sources, &mut ());
        }
    }

    fn reach(&mut self, fold: &mut Fold, next: u32, sources: &mut Sources) {
        self.part(fold, sources, |parting, fold| parting.is_within(fold, next));
        if let Some(beside) = &mut self.beside {
            beside.arrive(fold, next, self.past, sources, &mut ());
            match beside.reach(fold, next, self.past, sources, &mut ()) {
                Fate::Open => {}
                Fate::TakenOver => self.taken_over += 1,
                Fate::Ran => self.ran += 1,
            }
        }
    }

    fn close(&mut self, fold: &mut Fold) {
        if let Some(beside) = &mut self.beside {
            beside.close(fold);
        }
    }

    fn end(&mut self, fold: &mut Fold, sources: &mut Sources) {
        self.part(fold, sources, Parting::is_before);
        self.end = self.beside.take().map(|beside| beside.end(fold, self.past, sources, &mut ()).0);
    }
}

/// All that a history comes to, with the place of every fact.
fn told(replay: &Replay, sources: &Sources) -> String {
    let mut out = Vec::new();
    schema::json(&replay.catalog, sources, &mut out).expect("a catalog can be told");
    let rejected: Vec<_> =
        replay.catalog.rejected.iter().map(|rejected| (replay::told(rejected, sources), sources.resolve(rejected.site))).collect();
    let unread: Vec<_> = replay.unread.iter().map(|unread| (sources.resolve(unread.site), &unread.reason)).collect();
    let bounded: Vec<_> = replay.bounded.iter().map(|site| sources.resolve(*site)).collect();
    let rest = (&replay.catalog.unread, &replay.catalog.session, replay.catalog.now, replay.statements);
    format!("{}{rejected:?}{unread:?}{bounded:?}{rest:?}", String::from_utf8_lossy(&out))
}

/// What was otherwise in a file: it was not there, held the beginning of it, what another holds, all but its first statement, that of
/// another in place of its second one, or before its first.
const PASTS: usize = 6;

fn pasts(files: &[(PathBuf, String)], at: usize) -> [Past; PASTS] {
    let (name, text) = &files[at];
    let held = |text: &str| Past { texts: [(name.clone(), text.as_bytes().to_vec())].into(), ..Past::default() };
    let half = (text.len() / 2..).find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let other = &files[(at + 1) % files.len()].1;
    let ends = |text: &str, most: usize| -> Vec<usize> {
        let mut splitter = Splitter::new(text);
        let mut ends = vec![0];
        ends.extend((0..most).map_while(|_| splitter.next().map(|_| splitter.position())));
        ends
    };
    let own = ends(text, 2);
    let (first, second) = (own[1.min(own.len() - 1)], own[own.len() - 1]);
    let others = &other[..*ends(other, 1).last().unwrap_or(&0)];
    let (amid, before) = (format!("{}\n{others};{}", &text[..first], &text[second..]), format!("{others};{text}"));
    [
        Past { absent: [name.clone()].into(), ..Past::default() },
        held(&text[..half]),
        held(other),
        held(&text[first..]),
        held(&amid),
        held(&before),
    ]
}

/// How often something was taken over and how often it ran twice, over all edits of one file.
fn compare(name: &str, folder: &Path, files: &[(PathBuf, String)]) -> (usize, usize) {
    let mut sources = history::sources();
    let present = project::open(&[folder.to_path_buf()], None, &mut sources).expect("there are migrations");
    let mut counts = (0, 0);
    for (at, (file, _)) in files.iter().enumerate() {
        for (nth, past) in pasts(files, at).iter().enumerate() {
            let mut sources = sources.clone();
            let past = present.as_it_was(past, &mut sources).expect("the past can be read");
            let mut both =
                Both { past: &past, parting: Some(Parting::of(&present, &past, &sources)), beside: None, end: None, taken_over: 0, ran: 0 };
            history::replay(&mut sources, &present, &mut both);
            counts = (counts.0 + both.taken_over, counts.1 + both.ran);
            // what comes later may say that the past would have gone otherwise from its beginning
            let Some(beside) = both.end else { continue };
            let alone = history::replay(&mut sources, &past, &mut ());
            let (beside, alone) = (told(&beside, &sources), told(&alone, &sources));
            let first = beside.bytes().zip(alone.bytes()).take_while(|(one, other)| one == other).count().saturating_sub(100);
            let near = |text: &str| {
                String::from_utf8_lossy(text.as_bytes().get(first..).unwrap_or_default()).chars().take(300).collect::<String>()
            };
            assert!(beside == alone, "{name}: {}, {nth}:\n{}\nalone:\n{}", file.display(), near(&beside), near(&alone));
        }
    }
    counts
}

/// What is found in a project, if pasts of it are left out.
fn found(sources: &Sources, present: &Project, pasts: &[Since]) -> Vec<Finding> {
    let since = pasts.iter().map(|Since { new, before }| Since { new: new.clone(), before: before.clone() });
    let scope = Scope { since: since.collect(), ..Scope::default() };
    engine::run_within(sources.clone(), present, &Choice::default(), &scope).0.findings
}

/// Of what is found in the present, that is left out which is found in the past alone and points to no file that is new. How much is? Each
/// file once held one thing of so many.
fn judge(name: &str, folder: &Path, files: &[(PathBuf, String)], things: usize) -> usize {
    let mut sources = history::sources();
    let present = project::open(&[folder.to_path_buf()], None, &mut sources).expect("there are migrations");
    let all = found(&sources, &present, &[]);
    let mut left_out = 0;
    for (at, (file, _)) in files.iter().enumerate() {
        for nth in ((at + all.len()) % things..PASTS).step_by(things) {
            let mut sources = sources.clone();
            // a second one is looked at alone
            let ways = [(at, nth), ((at + 1) % files.len(), (nth + 1) % PASTS)].into_iter().take(if at == 0 { 2 } else { 1 });
            let mut since = |(at, nth): (usize, usize)| {
                let past = present.as_it_was(&pasts(files, at)[nth], &mut sources).expect("the past can be read");
                Since { new: [present.migrations[at].file].into(), before: Some(past) }
            };
            let ways: Vec<Since> = ways.map(&mut since).collect();
            let before: Vec<_> = ways.iter().map(|since| since.before.as_ref().map(|past| found(&sources, past, &[]))).collect();
            let is_new = |finding: &Finding, (before, since): (&Option<Vec<Finding>>, &Since)| {
                let mut labels = std::iter::once(&finding.primary).chain(&finding.related);
                labels.any(|label| since.new.contains(&sources.resolve(label.site).file))
                    || !before.iter().flatten().any(|known| known.fingerprint == finding.fingerprint)
            };
            for count in 1..=ways.len() {
                let wanted: Vec<&Finding> =
                    all.iter().filter(|finding| before.iter().zip(&ways[..count]).all(|way| is_new(finding, way))).collect();
                left_out += all.len() - wanted.len();
                let told = found(&sources, &present, &ways[..count]);
                assert_eq!(told.iter().collect::<Vec<_>>(), wanted, "{name}: {}, {nth}, {count}", file.display());
            }
        }
    }
    left_out
}

/// One file for so many statements.
fn apart(history: &str, each: usize) -> (tempfile::TempDir, Vec<(PathBuf, String)>) {
    let statements: Vec<&str> = Splitter::new(history).map(|raw| raw.span().of(history)).collect();
    files(statements.chunks(each).map(|some| some.join(";\n")))
}

fn files(texts: impl Iterator<Item = impl ToString>) -> (tempfile::TempDir, Vec<(PathBuf, String)>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let migrations = folder.path().join("supabase/migrations");
    std::fs::create_dir_all(&migrations).expect("a folder can be made");
    let files: Vec<(PathBuf, String)> =
        texts.enumerate().map(|(nth, text)| (format!("202501010000{nth:02}_step.sql").into(), text.to_string())).collect();
    files.iter().for_each(|(name, text)| std::fs::write(migrations.join(name), text).expect("a file can be written"));
    (folder, files)
}

#[test]
fn whatever_a_file_held_before() {
    let mut counts = (0, 0);
    let cases = CASES.iter().enumerate().map(|(nth, case)| (case.history, 1 + nth % 3));
    for (history, each) in cases.chain(HISTORIES.into_iter().flat_map(|history| (1..=3).map(move |each| (history, each)))) {
        let (folder, files) = apart(history, each);
        let (taken_over, ran) = compare(history, folder.path(), &files);
        counts = (counts.0 + taken_over, counts.1 + ran);
    }
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?}");
}

/// Examples of the rules' pages too, in which something is found.
#[test]
fn whatever_is_found_in_both() {
    for texts in PROJECTS {
        let (folder, files) = files(texts.iter().copied());
        judge(texts[0], folder.path(), &files, 1);
    }
    let mut left_out = 0;
    for rule in ALL {
        for example in rule.page.split("```sql bad\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let each = 1 + left_out % 3;
            let (folder, files) = apart(example, each);
            left_out += judge(example, folder.path(), &files, if rule.id == "migration/no-effect" { 2 } else { PASTS });
        }
    }
    assert!(left_out > 100, "{left_out}");
}

#[test]
fn in_a_project_too() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations");
    let migrations = folder.join("supabase/migrations");
    let names = std::fs::read_dir(&migrations).expect("a folder").map(|entry| PathBuf::from(entry.expect("an entry").file_name()));
    let mut files: Vec<(PathBuf, String)> =
        names.map(|name| (name.clone(), std::fs::read_to_string(migrations.join(name)).expect("a file"))).collect();
    files.sort();
    let (taken_over, _) = compare("conversations", &folder, &files);
    assert!(taken_over > 0 && judge("conversations", &folder, &files, 1) > 0);
}
