//! Benchmark cases: for each form of advice of a rule, the schema before, the schema after and a statement.

use super::server::Database;

pub struct Case {
    pub rule: &'static str,
    pub what: &'static str,
    /// Statements that both schemas share.
    pub ground: &'static [&'static str],
    pub before: &'static [&'static str],
    pub after: &'static [&'static str],
    /// Claims of the caller's token, or `None` for the owner, to whom policies do not apply.
    pub caller: Option<&'static str>,
    /// Measured statement. `ROWS` stands for the number of rows.
    pub statement: &'static str,
}

impl Case {
    pub fn is_named(&self, word: &str) -> bool {
        self.rule.contains(word) || self.what.contains(word)
    }
}

/// User 1, `md5('user 1')`, who is a member of two organizations and an admin of one.
const CALLER: Option<&str> =
    Some(r#"{"sub": "bb9836f5-e2ce-756d-059b-9a4556283bc0", "role": "authenticated", "app_metadata": {"org_id": "org 1"}}"#);

/// Fills the tables. For each thousand rows of the measured table, there are 20 memberships, 10 channels, 10 organizations and 10 users,
/// with a small minimum. An organization, a channel and a user each have about 100 rows.
pub fn fill(database: &mut Database, rows: usize) {
    let few = (rows / 100).max(20);
    let members = (rows / 50).max(40);
    let sql = format!(
        "
create table public.orgs (id uuid primary key, owner_id uuid not null);
create table public.members (org_id uuid not null, user_id uuid not null, role text not null);
create table public.channels (id bigint primary key, org_id uuid not null);
create table public.notes (id bigint primary key, owner_id uuid not null, org_id uuid not null, channel_id bigint not null, org text not null,
  created_at timestamptz not null, body text not null);
create table public.parents (id bigint primary key);
create table public.children (id bigint primary key, parent_id bigint references public.parents on delete cascade, large_id bigint not null,
  created_at timestamptz not null, body text not null);
create function public.user_id(n bigint) returns uuid language sql immutable as $$ select md5('user ' || n)::uuid $$;
create function public.org_id(n bigint) returns uuid language sql immutable as $$ select md5('org ' || n)::uuid $$;
insert into public.orgs select public.org_id(n), public.user_id(n) from generate_series(1, {few}) as n;
insert into public.members select public.org_id(1 + n % {few}), public.user_id(1 + (n * 7 / {few} + n + {few} / 2) % {few}), case n / 3 % 2 when 0 then 'admin' else 'member' end
  from generate_series(0, {members}::bigint - 1) as n;
insert into public.channels select n, public.org_id(1 + n * 13 % {few}) from generate_series(1, {few}::bigint) as n;
insert into public.notes select n, public.user_id(1 + n * 7919 % {few}), public.org_id(1 + n * 104729 % {few}), 1 + n * 1299709 % {few},
    'org ' || 1 + n * 104729 % {few}, '2025-01-01'::timestamptz + n * 15485863 % 1000003 * interval '1 second', repeat('x', 100)
  from generate_series(1, {rows}::bigint) as n;
insert into public.parents select generate_series(1, {few});
insert into public.children select n, 1 + n * 7919 % {few}, n * 104729 % 20, '2025-01-01'::timestamptz + n * 15485863 % 1000003 * interval '1 second', repeat('x', 100)
  from generate_series(1, {rows}::bigint) as n;
create function public.me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$;
create function public.is_admin() returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select 1 from public.members where user_id = auth.uid() and role = 'admin') $$;
create function public.is_member_of(org uuid, who uuid) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select 1 from public.members where org_id = org and user_id = who) $$;
alter table public.notes enable row level security"
    );
    database.run(&sql).unwrap_or_else(|refusal| panic!("rows can be made: {refusal}"));
    database.run("vacuum analyze").expect("tables can be vacuumed");
}

macro_rules! policy {
    ($using:literal) => {
        &[concat!("create policy p on public.notes for select to authenticated using (", $using, ")")]
    };
}

const COUNT: &str = "select count(*) from public.notes";
const OWNER_INDEX: &[&str] = &["create index on public.notes (owner_id)"];
const MEMBER_KEY: &[&str] = &["create unique index on public.members (user_id, org_id)"];
const BY_ORG: &[&str] = &["create index on public.members (org_id, user_id)"];

const BARE: &str = "rls/bare-auth-call";
const CORRELATED: &str = "rls/correlated-subquery";
const KEY: &str = "index/foreign-key";
const SORT: &str = "index/foreign-key-sort";
const REDUNDANT: &str = "index/redundant";

pub fn all() -> Vec<Case> {
    let mut out = of_policies();
    out.extend(of_indexes());
    out.extend(of_queries());
    out
}

/// Returns cases for queries of application code.
fn of_queries() -> Vec<Case> {
    let query = |rule, what, before, after, statement| Case { rule, what, ground: &[], before, after, caller: None, statement };
    vec![
        query(
            "query/unindexed-filter",
            "rows of one value, index on the column",
            &[],
            &["create index on public.notes (org)"],
            "select id from public.notes where org = 'org 7'",
        ),
        query(
            "query/leading-wildcard",
            "text in the middle, trigram index",
            &["create extension pg_trgm"],
            &["create extension pg_trgm", "create index on public.notes using gin (org gin_trgm_ops)"],
            "select id from public.notes where org ilike '%rg 17%'",
        ),
    ]
}

/// Returns cases for SELECT policies on `notes`, as user 1.
fn of_policies() -> Vec<Case> {
    let policy = |rule, what, ground, before, after| Case { rule, what, ground, before, after, caller: CALLER, statement: COUNT };
    let bare = |what, ground, before, after| policy(BARE, what, ground, before, after);
    let correlated = |what, ground, before, after| policy(CORRELATED, what, ground, before, after);
    vec![
        bare("owner_id = auth.uid()", &[], policy!("owner_id = auth.uid()"), policy!("owner_id = (select auth.uid())")),
        bare("the same, indexed", OWNER_INDEX, policy!("owner_id = auth.uid()"), policy!("owner_id = (select auth.uid())")),
        Case {
            statement: "select * from public.notes order by id desc limit 20",
            ..bare(
                "the same, indexed, order by id desc limit 20",
                OWNER_INDEX,
                policy!("owner_id = auth.uid()"),
                policy!("owner_id = (select auth.uid())"),
            )
        },
        bare(
            "auth.role() = 'authenticated'",
            &[],
            policy!("auth.role() = 'authenticated'"),
            policy!("(select auth.role()) = 'authenticated'"),
        ),
        bare(
            "auth.jwt() -> 'app_metadata' ->> 'org_id' = org",
            &[],
            policy!("auth.jwt() -> 'app_metadata' ->> 'org_id' = org"),
            policy!("(select auth.jwt()) -> 'app_metadata' ->> 'org_id' = org"),
        ),
        bare(
            "owner_id = (current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid",
            &[],
            policy!("owner_id = (current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid"),
            policy!("owner_id = (select ((select current_setting('request.jwt.claims'))::jsonb ->> 'sub')::uuid)"),
        ),
        bare(
            "owner_id = nullif(current_setting('app.user_id', true), '')::uuid",
            &["set local app.user_id = 'bb9836f5-e2ce-756d-059b-9a4556283bc0'"],
            policy!("owner_id = nullif(current_setting('app.user_id', true), '')::uuid"),
            policy!("owner_id = (select nullif((select current_setting('app.user_id', true)), '')::uuid)"),
        ),
        bare("owner_id = me(), in PL/pgSQL", &[], policy!("owner_id = public.me()"), policy!("owner_id = (select public.me())")),
        bare("is_admin(), members indexed", MEMBER_KEY, policy!("public.is_admin()"), policy!("(select public.is_admin())")),
        bare("is_admin(), members not indexed", &[], policy!("public.is_admin()"), policy!("(select public.is_admin())")),
        bare(
            "org_id in (select org_id from members where user_id = auth.uid())",
            MEMBER_KEY,
            policy!("org_id in (select org_id from public.members where user_id = auth.uid())"),
            policy!("org_id in (select org_id from public.members where user_id = (select auth.uid()))"),
        ),
        bare(
            "the same, members not indexed",
            &[],
            policy!("org_id in (select org_id from public.members where user_id = auth.uid())"),
            policy!("org_id in (select org_id from public.members where user_id = (select auth.uid()))"),
        ),
        bare(
            "exists (select 1 from channels join members … where user_id = auth.uid())",
            MEMBER_KEY,
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id where c.id = channel_id and m.user_id = auth.uid())"
            ),
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id where c.id = channel_id and m.user_id = (select auth.uid()))"
            ),
        ),
        bare(
            "is_member_of(org_id, auth.uid())",
            BY_ORG,
            policy!("public.is_member_of(org_id, auth.uid())"),
            policy!("public.is_member_of(org_id, (select auth.uid()))"),
        ),
        Case {
            statement: "insert into public.notes select id + 1000000, 'bb9836f5-e2ce-756d-059b-9a4556283bc0', org_id, channel_id, org, created_at, body \
                from (select n as id, md5('x')::uuid as org_id, 1 as channel_id, '' as org, now() as created_at, '' as body from generate_series(1, 1000) as n) as new",
            ..bare(
                "with check (owner_id = auth.uid()), 1,000 rows inserted",
                &[],
                &["create policy p on public.notes for insert to authenticated with check (owner_id = auth.uid())"],
                &["create policy p on public.notes for insert to authenticated with check (owner_id = (select auth.uid()))"],
            )
        },
        correlated(
            "(select auth.uid()) in (select user_id … where members.org_id = notes.org_id)",
            &[],
            policy!("(select auth.uid()) in (select user_id from public.members where members.org_id = notes.org_id)"),
            policy!("exists (select 1 from public.members where members.org_id = notes.org_id and user_id = (select auth.uid()))"),
        ),
        correlated(
            "the same, members indexed",
            BY_ORG,
            policy!("(select auth.uid()) in (select user_id from public.members where members.org_id = notes.org_id)"),
            policy!("exists (select 1 from public.members where members.org_id = notes.org_id and user_id = (select auth.uid()))"),
        ),
        correlated(
            "exists (… join … on m.org_id = c.org_id and c.id = notes.channel_id …)",
            &[],
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id and c.id = notes.channel_id where m.user_id = (select auth.uid()))"
            ),
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id where m.user_id = (select auth.uid()) and c.id = notes.channel_id)"
            ),
        ),
        correlated(
            "the same, members indexed",
            MEMBER_KEY,
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id and c.id = notes.channel_id where m.user_id = (select auth.uid()))"
            ),
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id where m.user_id = (select auth.uid()) and c.id = notes.channel_id)"
            ),
        ),
        correlated(
            "channel_id in (select id from channels c where c.org_id = notes.org_id and …)",
            MEMBER_KEY,
            policy!(
                "channel_id in (select c.id from public.channels c where c.org_id = notes.org_id and c.org_id in (select org_id from public.members where user_id = (select auth.uid())))"
            ),
            policy!(
                "exists (select 1 from public.channels c where c.org_id = notes.org_id and c.org_id in (select org_id from public.members where user_id = (select auth.uid())) and c.id = notes.channel_id)"
            ),
        ),
        correlated(
            "(select owner_id from orgs where orgs.id = notes.org_id) = (select auth.uid())",
            &[],
            policy!("(select owner_id from public.orgs where orgs.id = notes.org_id) = (select auth.uid())"),
            policy!("exists (select 1 from public.orgs where orgs.id = notes.org_id and owner_id = (select auth.uid()))"),
        ),
        correlated(
            "(select count(*) from members where …) > 0",
            &[],
            policy!("(select count(*) from public.members m where m.org_id = notes.org_id and m.user_id = (select auth.uid())) > 0"),
            policy!("exists (select 1 from public.members m where m.org_id = notes.org_id and m.user_id = (select auth.uid()))"),
        ),
        correlated(
            "the same, members indexed",
            MEMBER_KEY,
            policy!("(select count(*) from public.members m where m.org_id = notes.org_id and m.user_id = (select auth.uid())) > 0"),
            policy!("exists (select 1 from public.members m where m.org_id = notes.org_id and m.user_id = (select auth.uid()))"),
        ),
        correlated(
            "a query inside the subquery names the row",
            &[],
            policy!(
                "(select auth.uid()) in (select user_id from public.members where org_id in (select org_id from public.channels where channels.id = notes.channel_id))"
            ),
            policy!(
                "channel_id in (select id from public.channels where org_id in (select org_id from public.members where user_id = (select auth.uid())))"
            ),
        ),
        // not reported, because PostgreSQL optimizes this form itself
        correlated(
            "(not reported) plain exists, as column in (select …)",
            MEMBER_KEY,
            policy!(
                "exists (select 1 from public.channels c join public.members m on m.org_id = c.org_id where c.id = notes.channel_id and m.user_id = (select auth.uid()))"
            ),
            policy!(
                "channel_id in (select c.id from public.channels c join public.members m on m.org_id = c.org_id where m.user_id = (select auth.uid()))"
            ),
        ),
    ]
}

/// Returns cases for missing and redundant indexes.
fn of_indexes() -> Vec<Case> {
    let index = |rule, what, before, after, statement| Case { rule, what, ground: &[], before, after, caller: None, statement };
    const PARENT: &[&str] = &["create index on public.children (parent_id)"];
    const LARGE: &[&str] = &["create index on public.children (large_id)"];
    const LARGE_TIME: &[&str] = &["create index on public.children (large_id, created_at desc)"];
    const INSERT: &str = "insert into public.written select md5(n::text)::uuid, n % 100, n from generate_series(1, ROWS) as n";
    const WRITTEN: &[&str] = &["create table public.written (id uuid, a int, b int)", "create index on public.written (id)"];
    vec![
        index(KEY, "delete a tenth of the parents, cascade", &[], PARENT, "delete from public.parents where id % 10 = 0"),
        index(KEY, "delete one parent, cascade", &[], PARENT, "delete from public.parents where id = 7"),
        Case {
            ground: &[
                "alter table public.children drop constraint children_parent_id_fkey",
                "alter table public.children add constraint k foreign key (parent_id) references public.parents",
                "insert into public.parents select generate_series(200001, 200100)",
            ],
            ..index(KEY, "delete 100 parents without children, no action", &[], PARENT, "delete from public.parents where id > 200000")
        },
        index(KEY, "children of one parent", &[], PARENT, "select * from public.children where parent_id = 7"),
        index(
            KEY,
            "children of ten parents, joined",
            &[],
            PARENT,
            "select * from public.parents p join public.children c on c.parent_id = p.id where p.id <= 10",
        ),
        index(
            KEY,
            "price: insert a tenth more rows",
            &[],
            PARENT,
            "insert into public.children select n + 1000000, 1 + n % 20, 1, now(), '' from generate_series(1, ROWS / 10) as n",
        ),
        index(
            SORT,
            "limit 50, about 100 rows of the parent",
            PARENT,
            &["create index on public.children (parent_id, created_at desc)"],
            "select * from public.children where parent_id = 7 order by created_at desc limit 50",
        ),
        index(
            SORT,
            "limit 50, a twentieth of all rows",
            LARGE,
            LARGE_TIME,
            "select * from public.children where large_id = 7 order by created_at desc limit 50",
        ),
        index(SORT, "max(created_at)", LARGE, LARGE_TIME, "select max(created_at) from public.children where large_id = 7"),
        index(
            SORT,
            "a stretch of time that holds a hundredth",
            LARGE,
            LARGE_TIME,
            "select count(*) from public.children where large_id = 7 and created_at > '2025-01-01'::timestamptz + interval '990000 seconds'",
        ),
        index(SORT, "all rows in order", LARGE, LARGE_TIME, "select * from public.children where large_id = 7 order by created_at"),
        index(
            SORT,
            "limit 50, an index on each column",
            &["create index on public.children (large_id)", "create index on public.children (created_at)"],
            LARGE_TIME,
            "select * from public.children where large_id = 7 order by created_at desc limit 50",
        ),
        Case {
            ground: WRITTEN,
            ..index(
                REDUNDANT,
                "insert as many rows, three equal indexes for one",
                &["create index on public.written (id)", "create index on public.written (id)"],
                &[],
                INSERT,
            )
        },
        Case {
            ground: WRITTEN,
            ..index(REDUNDANT, "insert as many rows, two equal indexes for one", &["create index on public.written (id)"], &[], INSERT)
        },
        Case {
            ground: &["create table public.written (id uuid, a int, b int)", "create index on public.written (id, a)"],
            ..index(REDUNDANT, "insert as many rows, (id) beside (id, a)", &["create index on public.written (id)"], &[], INSERT)
        },
        Case {
            ground: &[
                "create table public.written (id uuid primary key, a int, b int) with (fillfactor = 50)",
                "insert into public.written select md5(n::text)::uuid, n % 100, n from generate_series(1, 20000) as n",
                "create index on public.written (a, b)",
            ],
            ..index(
                REDUNDANT,
                "update 20,000 rows of an indexed column, (a) beside (a, b)",
                &["create index on public.written (a)"],
                &[],
                "update public.written set b = b + 1",
            )
        },
    ]
}
