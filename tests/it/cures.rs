//! Each fix runs on PostgreSQL, changes the schema, and is rolled back exactly. The test compares PostgreSQL's output for policies,
//! indexes, constraints, functions, views, triggers and privileges. The histories are small and contain unusual names.
//!
//! The test needs `initdb`. Without it, the test is skipped with a message, and fails in CI.

use crate::support::server::{Database, Server};
use std::collections::BTreeMap;
use supalint::finding::{Finding, Phase};
use supalint::{Options, check};

struct Case {
    name: &'static str,
    /// Migrations in order.
    files: &'static [&'static str],
    /// Rules with a fix in this case, once for each fix.
    cured: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "tables, columns, functions and policies that have been renamed",
        files: &[
            "create table public.notes (id bigint primary key, \"user\" uuid not null, team bigint);
             create table public.members (team bigint not null, person uuid not null, primary key (team, person));
             create function public.rank(p uuid) returns integer language plpgsql stable as $$ begin return 1; end $$;
             create schema app;
             alter table public.notes enable row level security;
             create policy old on public.notes to authenticated
               using (\"user\" = auth.uid() and rank(notes.\"user\") > 0 or team in (select m.team from public.members as m where m.person = auth.uid()))
               with check (public.rank(\"user\") > 0 and \"user\" = auth.uid());",
            "alter table public.notes rename column \"user\" to \"Owner\";
             alter table public.members rename column person to \"member of\";
             alter table public.members rename to \"Team members\";
             alter table public.notes rename to \"Notes\";
             alter function public.rank(uuid) rename to \"Rank\";
             alter function public.\"Rank\"(uuid) set schema app;
             alter policy old on public.\"Notes\" rename to \"It's \"\"theirs\"\"\";",
        ],
        cured: &["rls/bare-auth-call"],
    },
    Case {
        name: "names that are too long, and policies that a loop makes",
        files: &["create table public.a_table_whose_name_is_nearly_as_long_as_postgresql_lets_names_be (
               id bigint primary key, another_long_name_that_an_index_cannot_take uuid not null references auth.users on delete cascade);
             alter table public.a_table_whose_name_is_nearly_as_long_as_postgresql_lets_names_be enable row level security;
             do $do$
             declare t text;
             begin
               foreach t in array array['a_table_whose_name_is_nearly_as_long_as_postgresql_lets_names_be'] loop
                 execute format('create policy \"Only those who wrote a row may do anything with it, whatever it is\" on public.%I
                   using (another_long_name_that_an_index_cannot_take = auth.uid())', t);
               end loop;
             end
             $do$;"],
        cured: &["index/foreign-key", "rls/bare-auth-call"],
    },
    Case {
        name: "tables that a file finds along a path of its own",
        files: &["create schema app;
             set search_path = app, public;
             create table members (team bigint not null, person uuid not null, primary key (team, person));
             create table public.notes (id bigint primary key, team bigint not null);
             alter table public.notes enable row level security;
             create policy theirs on public.notes for select to authenticated
               using (exists (select 1 from members m join public.notes n on n.team = m.team where m.person = auth.uid() and m.team = notes.team));"],
        cured: &["rls/bare-auth-call"],
    },
    Case {
        name: "indexes with all that may stand in them",
        files: &["create table public.\"Items\" (id bigint primary key, \"Kind\" text, at timestamptz, done boolean, code text,
               constraint one_code unique nulls not distinct (code));
             alter table public.\"Items\" add constraint two_codes unique nulls not distinct (code) with (fillfactor = 80);
             alter table public.\"Items\" enable row level security;
             create index short on public.\"Items\" (\"Kind\" text_pattern_ops, at desc) include (done) with (fillfactor = 70) where not done;
             create index long on public.\"Items\" (\"Kind\" text_pattern_ops, at desc, id) include (done) where not done;
             create index by_lower on public.\"Items\" (lower(code), at desc nulls last);
             create index by_lower_too on public.\"Items\" using btree (lower(code), at desc nulls last);"],
        cured: &["index/redundant", "index/redundant", "index/redundant"],
    },
    Case {
        name: "views that are told to bypass, and columns that are granted one by one",
        files: &["create table public.notes (id bigint primary key, owner uuid not null, body text);
             create table public.secrets (id bigint primary key, owner uuid not null);
             create index on public.notes (owner);
             alter table public.notes enable row level security;
             alter table public.secrets enable row level security;
             revoke all on public.secrets from anon, authenticated;
             create policy theirs on public.notes for select using (owner = (select auth.uid()));
             create view public.open with (security_invoker = OFF) as select id from public.notes;
             create view public.plain as select id from public.notes;
             create view public.\"Parts\" as select id, owner from public.secrets;
             revoke all on public.\"Parts\" from anon, authenticated;
             grant select (id), update on public.\"Parts\" to anon;
             grant select on public.\"Parts\" to authenticated;"],
        cured: &["access/view-bypasses-rls", "access/view-bypasses-rls", "access/view-bypasses-rls"],
    },
    Case {
        name: "what was to be dropped under another name",
        files: &[
            "create table public.parents (id bigint primary key);
             create table public.notes (id bigint primary key, parent bigint constraint of_parent references public.parents on delete set null, owner uuid);
             alter table public.notes enable row level security;
             create index on public.notes (parent);
             create function public.touch() returns trigger language plpgsql as $$ begin return new; end $$;
             create trigger \"Touch notes\" before update of owner on public.notes for each row when (new.owner is not null) execute function public.touch('x');
             alter table public.notes disable trigger \"Touch notes\";
             create policy \"Users may read\" on public.notes as restrictive for select to anon, authenticated using (owner is not null);
             create function public.label(a integer) returns text language sql immutable as $$ select 'a' $$;
             revoke execute on function public.label(integer) from public, anon;",
            "alter table public.notes drop constraint if exists notes_parent_fkey;
             alter table public.notes add constraint notes_parent_fkey foreign key (parent) references public.parents on delete cascade;
             drop trigger if exists touch_notes on public.notes;
             create trigger on_touch before update on public.notes for each row execute function public.touch();
             drop policy if exists \"Users can read\" on public.notes;
             create policy \"Readers\" on public.notes as restrictive for select to anon, authenticated using (owner = (select auth.uid()));
             drop function if exists public.label(bigint);
             create function public.label(a integer, b integer default 1) returns text language sql immutable as $$ select 'b' $$;",
        ],
        cured: &["migration/no-effect", "migration/no-effect", "migration/no-effect", "migration/no-effect"],
    },
    Case {
        name: "functions that anybody may call",
        files: &["create table public.\"Bills\" (id bigint primary key, user_id uuid not null);
             create table public.members (org uuid, user_id uuid, primary key (org, user_id));
             create index on public.\"Bills\" (user_id);
             alter table public.\"Bills\" enable row level security;
             alter table public.members enable row level security;
             create function public.\"Bills of\"(p_user_id uuid, variadic kinds text[] default '{}') returns setof public.\"Bills\"
               language sql stable security definer as $$ select * from \"Bills\" where user_id = p_user_id $$;
             create function public.is_member(o uuid, p_user_id uuid) returns boolean language plpgsql stable security definer as $fn$
             begin
               return exists (select 1 from public.members m where m.org = o and m.user_id = is_member.p_user_id);
             end
             $fn$;
             create policy theirs on public.members for select using (public.is_member(org, (select auth.uid())));"],
        cured: &["access/definer-search-path", "access/definer-search-path", "access/definer-trusts-argument", "access/definer-trusts-argument"],
    },
    Case {
        name: "rows of no tenant, and structure that nothing holds",
        files: &["create table public.\"Orgs\" (id uuid primary key);
             create table public.members (org uuid references public.\"Orgs\", user_id uuid references auth.users, primary key (user_id, org));
             create table public.projects (id bigint primary key, org uuid not null references public.\"Orgs\");
             create table public.\"Tasks\" (id bigint primary key, project bigint not null references public.projects, org uuid references public.\"Orgs\", \"Extra\" jsonb,
               constraint \"Tasks_org_not_null\" check (id > 0));
             alter table public.\"Orgs\" enable row level security;
             alter table public.members enable row level security;
             alter table public.projects enable row level security;
             alter table public.\"Tasks\" enable row level security;
             create policy p on public.projects for select using (org in (select m.org from public.members m where m.user_id = (select auth.uid())));
             create policy t on public.\"Tasks\" for select using (org in (select m.org from public.members m where m.user_id = (select auth.uid()))
               and (\"Extra\" ->> 'it''s')::int > 1);"],
        cured: &["schema/jsonb-unvalidated", "schema/tenant-nullable"],
    },
    Case {
        name: "a table without row level security beside one with it",
        files: &["create table public.notes (id bigint primary key, \"Owner\" uuid not null references auth.users);
             create table public.\"Drafts\" (id bigint primary key, \"Owner\" uuid not null references auth.users);
             create index on public.notes (\"Owner\");
             create index on public.\"Drafts\" (\"Owner\");
             alter table public.notes enable row level security;
             create policy \"Read\" on public.notes for select to authenticated using (notes.\"Owner\" = auth.uid());
             create policy \"Add\" on public.notes for insert to authenticated with check (\"Owner\" = (select auth.uid()));
             create policy \"Edit\" on public.notes for update to authenticated using (\"Owner\" = (select auth.uid()));
             create policy \"Aal\" on public.notes as restrictive using ((select auth.jwt() ->> 'aal') = 'aal2');"],
        cured: &["rls/disabled", "rls/missing-command"],
    },
];

/// Query for PostgreSQL's output of each object, by kind and name.
const HELD: &str = "
    select 'policy', tablename || ' ' || policyname, concat_ws('|', permissive, roles, cmd, qual, with_check) from pg_policies
    union all select 'index', indexname, concat(indexdef, indisvalid, (select reloptions from pg_class where oid = indexrelid))
      from pg_indexes join pg_index on indexrelid = format('%I.%I', schemaname, indexname)::regclass where schemaname in ('public', 'app')
    union all select 'constraint', conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) || convalidated from pg_constraint where conrelid <> 0
    union all select 'column', attrelid::regclass || '.' || attname, concat(attnotnull, attacl) from pg_attribute where attrelid > 16000 and attnum > 0
    union all select 'trigger', tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid) || tgenabled::text from pg_trigger where not tgisinternal
    union all select 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid) || (
        select string_agg(concat(grantee::regrole, privilege_type), ' ' order by concat(grantee::regrole, privilege_type))
        from aclexplode(coalesce(proacl, acldefault('f', proowner))))
      from pg_proc as p where pronamespace in ('public'::regnamespace, to_regnamespace('app')) and prokind = 'f'
    union all select 'relation', c.oid::regclass::text, concat(reloptions, relrowsecurity, (
        select string_agg(concat(grantee::regrole, privilege_type), ' ' order by concat(grantee::regrole, privilege_type))
        from aclexplode(coalesce(relacl, acldefault('r', relowner)))))
      from pg_class as c where relkind in ('r', 'v') and relnamespace in ('public'::regnamespace, to_regnamespace('app'))";

type Held = BTreeMap<(String, String), String>;

fn held(database: &mut Database) -> Held {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    database.rows(HELD).iter().map(|row| ((text(&row[0]), text(&row[1])), text(&row[2]))).collect()
}

fn differences(before: &Held, after: &Held) -> Vec<String> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name:?}\n    before {:?}\n    after  {:?}", before.get(name), after.get(name)))
        .collect()
}

fn findings(case: &Case) -> Vec<Finding> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let migrations = folder.path().join("supabase/migrations");
    std::fs::create_dir_all(&migrations).expect("a folder can be made");
    for (at, text) in case.files.iter().enumerate() {
        std::fs::write(migrations.join(format!("2025010100000{at}_part.sql")), text).expect("a file can be written");
    }
    check(&Options { paths: vec![folder.path().to_path_buf()], ..Options::default() }).expect("a case is a project").report.findings
}

/// Returns problems of a fix on a database that has the problem to be fixed.
fn judge(database: &mut Database, finding: &Finding) -> Vec<String> {
    let steps = &finding.fix.as_ref().expect("it has a cure").steps;
    let before = held(database);
    let mut out = Vec::new();
    for step in steps {
        database.fresh_session();
        if let Err(refusal) = database.run(&step.sql) {
            return vec![format!("{refusal}\n{}", step.sql)];
        }
        if step.undo.is_none() && step.phase != Phase::Data {
            out.push(format!("nothing undoes\n{}", step.sql));
        }
    }
    if held(database) == before {
        out.push("changes nothing".into());
    }
    for undo in steps.iter().rev().filter_map(|step| step.undo.as_ref()) {
        database.fresh_session();
        if let Err(refusal) = database.run(undo) {
            out.push(format!("{refusal}\n{undo}"));
        }
    }
    out.extend(differences(&before, &held(database)));
    out
}

#[test]
fn cures_run_and_are_undone() {
    let Some(server) = Server::shared() else { return };
    let mut complaints = String::new();
    for case in CASES {
        let mut database = server.database();
        for file in case.files {
            database.run(file).unwrap_or_else(|refusal| panic!("{}: {refusal}\n{file}", case.name));
            database.fresh_session();
        }
        let findings = findings(case);
        let wanted = |finding: &&Finding| case.cured.contains(&finding.rule) && finding.fix.is_some();
        let mut cured: Vec<&str> = findings.iter().filter(wanted).map(|finding| finding.rule).collect();
        cured.sort_unstable();
        if cured != case.cured {
            complaints += &format!("\n{}: cures {cured:?} where {:?} were expected", case.name, case.cured);
        }
        for finding in findings.iter().filter(wanted) {
            for complaint in judge(&mut database, finding) {
                complaints += &format!("\n{}: {}: {complaint}", case.name, finding.rule);
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}
