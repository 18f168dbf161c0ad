//! Random projects in the forms of real ones: owners and tenants, memberships, many forms of policies, SECURITY DEFINER functions, and
//! foreign keys without indexes.
//!
//! Promises: equal seeds give equal projects. The SQL is valid, but a policy may allow no access.

use std::fmt::Write;

/// SplitMix64, a small generator of pseudo-random numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A table with the properties that policies can use.
struct Table {
    /// Name in the SQL.
    name: &'static str,
    /// Name of the parent table, written after `public.`.
    parent: Option<&'static str>,
    team_is_null: bool,
}

const NAMES: [&str; 6] = ["docs", "notes", "messages", "\"Order Items\"", "invoices", "comments"];

/// Returns the migrations of a project, each after a line with its name.
pub fn project(random: &mut Random) -> String {
    let mut made = ObjectClass { random, out: String::new(), tables: Vec::new() };
    made.file("20250101000000_teams");
    made.teams();
    made.file("20250102000000_functions");
    made.functions();
    made.file("20250103000000_contents");
    for _ in 0..2 + made.random.below(2) {
        made.table();
    }
    made.file("20250104000000_calls");
    made.calls();
    made.file("20250105000000_policies");
    made.policies();
    made.out
}

struct ObjectClass<'r> {
    random: &'r mut Random,
    out: String,
    tables: Vec<Table>,
}

impl ObjectClass<'_> {
    fn file(&mut self, name: &str) {
        let _ = writeln!(self.out, "-- {name}.sql");
    }

    fn say(&mut self, sql: &str) {
        self.out.push_str(sql);
        self.out.push('\n');
    }

    fn teams(&mut self) {
        let role = match self.random.percent(40) {
            true => "public.member_role",
            false => "text",
        };
        self.say("create type public.member_role as enum ('owner', 'admin', 'member');");
        let index = self.random.pick(&["", "create index on public.members (user_id);", "create index on public.members (team_id);"]);
        let key = self.random.pick(&["primary key (team_id, user_id)", "unique (user_id, team_id)", "check (true)"]);
        let refers = self.random.pick(&["references public.teams on delete cascade", "references public.teams", ""]);
        self.say(&format!(
            "create table public.teams (id uuid primary key, owner_id uuid references auth.users on delete set null, name text, is_open boolean);
create table public.members (
  team_id uuid {refers}, user_id uuid references auth.users on delete cascade, role {role}, is_active boolean, {key}
);
{index}"
        ));
        for table in ["teams", "members"] {
            if self.random.percent(80) {
                self.say(&format!("alter table public.{table} enable row level security;"));
            }
        }
    }

    /// Returns an expression for the id of the caller, of type uuid.
    fn me(&mut self) -> String {
        let own = "auth.uid()";
        let forms = [
            "AUTH.UID()",
            "auth . uid ( )",
            "\"auth\".\"uid\"()",
            "(auth.uid())",
            "auth.uid()::uuid",
            "/* who asks */ auth.uid()",
            "(select auth.uid())",
            "( SELECT auth.uid() AS uid)",
            "(auth.jwt() ->> 'sub')::uuid",
            "((select auth.jwt()) ->> 'sub')::uuid",
            "(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')::uuid",
            "public.me()",
            "public.\"Me\"()",
            "(select public.me())",
            "coalesce(auth.uid(), '00000000-0000-4000-8000-000000000005')",
            "nullif(auth.uid(), '00000000-0000-4000-8000-000000000003')",
            "case when auth.role() = 'anon' then null else auth.uid() end",
            "case auth.role() when 'authenticated' then auth.uid() end",
        ];
        if self.random.percent(50) { own.into() } else { self.random.pick(&forms).into() }
    }

    fn my_team(&mut self) -> &'static str {
        self.random.pick(&[
            "(auth.jwt() ->> 'team_id')::uuid",
            "(auth.jwt() -> 'app_metadata' ->> 'team_id')::uuid",
            "((select auth.jwt()) -> 'app_metadata' ->> 'team_id')::uuid",
            "(auth.jwt()::jsonb #>> '{app_metadata,team_id}')::uuid",
            "cast(auth.jwt() ->> 'team_id' as uuid)",
            "nullif(current_setting('app.team_id', true), '')::uuid",
            "(current_setting('request.jwt.claims', true)::jsonb ->> 'team_id')::uuid",
            "public.current_team()",
            "public.claimed_team()",
            "(select public.current_team())",
        ])
    }

    /// Returns a condition that does not depend on the row.
    fn of_caller(&mut self) -> String {
        match self.random.below(12) {
            0 => format!("exists (select 1 from public.members where user_id = {} and role = 'admin')", self.me()),
            1 => format!("{} in (select user_id from public.members where is_active)", self.me()),
            2 => format!("{} is not null", self.me()),
            3 => format!("(select count(*) from public.members m where m.user_id = {}) > 1", self.me()),
            _ => self
                .random
                .pick(&[
                    "auth.role() = 'authenticated'",
                    "auth.role() in ('authenticated', 'service_role')",
                    "(select auth.role()) = 'authenticated'",
                    "auth.email() like 'u1@%'",
                    "public.my_email() = 'u2@example.org'",
                    "(auth.jwt() ->> 'is_admin')::boolean",
                    "coalesce(auth.jwt() ->> 'user_role', '') = 'admin'",
                    "auth.jwt() -> 'app_metadata' ->> 'role' = any (array['admin', 'owner'])",
                    "auth.jwt() is not null",
                    "public.is_admin()",
                    "(select public.is_admin())",
                    "not public.is_admin()",
                    "true",
                ])
                .into(),
        }
    }

    /// Returns a simple condition on a row. `row` is the name of the table as a qualifier.
    fn atom(&mut self, row: &str, parent: Option<&str>) -> String {
        let me = self.me();
        let team = self.my_team();
        match self.random.below(44) {
            0..6 => format!("owner_id = {me}"),
            6 => format!("{me} = owner_id"),
            7 => format!("{row}.owner_id = {me}"),
            8 => format!("owner_id is not distinct from {me}"),
            9 => format!("owner_id::text = {me}::text"),
            10 => format!("{me} in (owner_id, reviewer_id)"),
            11 => format!("{me} = any (shared_with)"),
            12 => format!("shared_with @> array[{me}]"),
            13 => format!("coalesce(owner_id, reviewer_id) = {me}"),
            14 => format!("case when is_public then true else owner_id = {me} end"),
            15 => format!("owner_id <> {me}"),
            16 => format!("{me} = any (array[owner_id, reviewer_id])"),
            17 => format!("team_id = {team}"),
            18 => format!("team_id is not distinct from {team}"),
            19..22 => format!("team_id in (select team_id from public.members where user_id = {me})"),
            22 => format!("team_id in (select m.team_id from public.members m where m.user_id = {me} and m.role in ('owner', 'admin'))"),
            23 => format!("team_id not in (select team_id from public.members where user_id = {me} and team_id is not null)"),
            24 => format!("team_id = any (array(select team_id from public.members where user_id = {me}))"),
            25 => format!("team_id = any (select m.team_id from public.members as m where m.user_id = {me} and m.is_active)"),
            26 => {
                format!(
                    "exists (select 1 from public.members m join public.teams t on t.id = m.team_id where m.team_id = {row}.team_id and m.user_id = {me})"
                )
            }
            27 => format!("exists (select from public.members where members.team_id = {row}.team_id and members.user_id = {me})"),
            28 => format!(
                "exists (select 1 from public.teams t where t.id = {row}.team_id and (t.owner_id = {me} or t.is_open and {}))",
                self.of_caller()
            ),
            29 => format!("not exists (select 1 from public.members m where m.team_id = {row}.team_id and m.user_id <> {me})"),
            30 => format!("{me} in (select user_id from public.members where members.team_id = {row}.team_id)"),
            31 => format!("(select count(*) from public.members m where m.team_id = {row}.team_id and m.user_id = {me}) > 0"),
            32 => format!("(select t.owner_id from public.teams t where t.id = {row}.team_id) = {me}"),
            33 => format!("(owner_id, team_id) in (select user_id, team_id from public.members where user_id = {me})"),
            34 => format!("({me}, team_id) in (select user_id, team_id from public.members)"),
            35 => format!(
                "team_id in (with mine as (select team_id from public.members where user_id = {me}) select team_id from mine union select id from public.teams where owner_id = {me})"
            ),
            36 => format!("public.is_member_of(team_id, {me})"),
            37 => self.random.pick(&["public.is_member(team_id)", "public.is_member(who => auth.uid(), team => team_id)"]).into(),
            38 => self
                .random
                .pick(&[
                    "team_id in (select public.my_teams())",
                    "team_id = any (public.my_team_ids())",
                    "team_id in (select unnest(public.my_team_ids()))",
                    "public.team_role(team_id) = 'owner'",
                ])
                .into(),
            39 => self
                .random
                .pick(&[
                    "is_public",
                    "is_public is not true",
                    "status = 'active'",
                    "note is null",
                    "created_at < now()",
                    "is_public and status <> 'draft'",
                ])
                .into(),
            40 => match parent {
                Some(parent) => format!("parent_id in (select id from public.{parent} where owner_id = {me})"),
                None => format!("is_public = ({me} is not null)"),
            },
            41 => match parent {
                Some(parent) => format!("exists (select 1 from public.{parent} p where p.id = {row}.parent_id and p.team_id = {team})"),
                None => format!("(owner_id = {me}) is not false"),
            },
            _ => self.of_caller(),
        }
    }

    fn clause(&mut self, row: &str, parent: Option<&str>, depth: usize) -> String {
        if depth == 0 || self.random.percent(45) {
            return self.atom(row, parent);
        }
        let left = self.clause(row, parent, depth - 1);
        let right = self.clause(row, parent, depth - 1);
        match self.random.below(10) {
            0..4 => format!("{left} or {right}"),
            4..7 => format!("({left}) and ({right})"),
            7 => format!("not ({left})"),
            8 => format!("coalesce({left}, {right})"),
            _ => format!("({left}) -- first, it's cheap\n    OR ({right})"),
        }
    }

    fn functions(&mut self) {
        let member = self.random.pick(&["'admin'", "'admin'::member_role::text", "'admin'::public.member_role::text"]);
        let is_qualified = self.random.percent(50);
        let members = if is_qualified { "public.members" } else { "members" };
        let bare_type = member.contains("::m");
        let all: [(&str, &str, String); 11] = [
            ("me()", "uuid", "select auth.uid()".into()),
            ("\"Me\"()", "uuid", "select (auth.jwt() ->> 'sub')::uuid".into()),
            ("my_email()", "text", "select auth.jwt() ->> 'email'".into()),
            ("claimed_team()", "uuid", "select nullif(current_setting('app.team_id', true), '')::uuid".into()),
            ("current_team()", "uuid", format!("select team_id from {members} where user_id = auth.uid() order by team_id limit 1")),
            ("my_teams()", "setof uuid", format!("select team_id from {members} where user_id = auth.uid()")),
            ("my_team_ids()", "uuid[]", format!("select array_agg(team_id order by team_id) from {members} where user_id = auth.uid()")),
            (
                "is_admin()",
                "boolean",
                format!("select exists (select 1 from {members} where user_id = auth.uid() and role::text = {member})"),
            ),
            (
                "is_member(team uuid, who uuid default auth.uid())",
                "boolean",
                format!("select exists (select 1 from {members} m where m.team_id = team and m.user_id = who)"),
            ),
            (
                "is_member_of(team uuid, who uuid)",
                "boolean",
                format!(
                    "select exists (select 1 from {members} m where m.team_id = team and m.user_id = who and (m.is_active or m.role::text = {member}))"
                ),
            ),
            (
                "team_role(team uuid)",
                "text",
                format!("select max(m.role::text) from {members} m where m.team_id = team and m.user_id = auth.uid()"),
            ),
        ];
        for (head, returns, query) in all {
            let qualified = (is_qualified || !query.contains(members)) && !(bare_type && query.contains(member));
            self.function(head, returns, &query, qualified);
        }
    }

    /// Adds a function with a query, in one of its possible forms.
    fn function(&mut self, head: &str, returns: &str, query: &str, qualified: bool) {
        let volatility = self.random.pick(&["stable", "stable", "STABLE", ""]);
        let definer = self.random.pick(&["security definer", "SECURITY DEFINER", "", "security definer parallel safe"]);
        let path = self.random.pick(match qualified {
            true => &["", "", "", "set search_path = ''", "set search_path to public"],
            false => &["", "", "", "set search_path = public, pg_temp"],
        });
        let words = format!("{volatility} {definer} {path}");
        let sql = match (self.random.percent(65), returns.starts_with("setof")) {
            (true, _) => format!("create function public.{head} returns {returns} language sql {words} as $$ {query} $$;"),
            (_, true) => {
                format!(
                    "create function public.{head} returns {returns} language plpgsql {words} as $$ begin return query {query}; end $$;"
                )
            }
            _ => format!(
                "create or replace function public.{head} returns {returns} as $$\nbegin\n  return ({query});\nend;\n$$ language plpgsql {words};"
            ),
        };
        self.say(&sql);
    }

    fn table(&mut self) {
        let free: Vec<&'static str> = NAMES.into_iter().filter(|name| self.tables.iter().all(|table| table.name != *name)).collect();
        let name = self.random.pick(&free);
        let parent = self.tables.last().map(|table| table.name).filter(|_| self.random.percent(70));
        let rule = |random: &mut Random| random.pick(&["on delete cascade", "on delete set null", "", ""]);
        let mut columns = vec!["id bigint primary key".to_string()];
        columns.push(format!(
            "owner_id uuid {}",
            self.random.pick(&["references auth.users on delete cascade", "not null", "default auth.uid()"])
        ));
        let team_is_null = self.random.percent(60);
        let null = if team_is_null { "" } else { "not null" };
        columns.push(format!("team_id uuid {null} references public.teams {}", rule(self.random)));
        if let Some(parent) = parent {
            columns.push(format!("parent_id bigint references public.{parent} {}", rule(self.random)));
        }
        columns.extend(
            [
                "reviewer_id uuid",
                "shared_with uuid[]",
                "is_public boolean",
                "status text check (status in ('active', 'draft'))",
                "note text",
                "created_at timestamptz",
            ]
            .map(String::from),
        );
        self.say(&format!("create table public.{name} (\n  {}\n);", columns.join(",\n  ")));
        for key in ["owner_id", "team_id", "team_id, created_at"] {
            if self.random.percent(35) {
                self.say(&format!("create index on public.{name} ({key});"));
            }
        }
        if self.random.percent(96) {
            self.say(&format!("alter table public.{name} enable row level security;"));
        }
        self.tables.push(Table { name, parent, team_is_null });
    }

    /// Adds functions for clients, views and a trigger.
    fn calls(&mut self) {
        let table = self.tables[self.random.below(self.tables.len())].name;
        let of = match self.random.percent(50) {
            true => format!("public.{table}"),
            false => table.to_string(),
        };
        let qualified = of.starts_with("public.");
        for at in 0..self.tables.len() {
            let name = self.tables[at].name;
            let of = if qualified { format!("public.{name}") } else { name.to_string() };
            let query = match self.random.below(3) {
                0 => format!("select max(created_at) from {of} where team_id = team"),
                1 => format!("select d.created_at from {of} d where d.team_id = team order by d.created_at desc limit 1"),
                _ => format!("select min(d.created_at) from {of} as d where d.team_id = team and d.owner_id = auth.uid()"),
            };
            self.function(&format!("latest_{at}(team uuid)"), "timestamptz", &query, qualified);
        }
        self.function("digest_of(team uuid)", "text", "select encode(extensions.digest(team::text, 'sha256'), 'hex')", true);
        let definer = self.random.pick(&["security definer", "security definer", ""]);
        self.say(&format!(
            "create function public.archive(team uuid) returns integer language plpgsql {definer} as $$
declare
  changed integer;
  one {of}%rowtype;
begin
  update {of} set note = 'archived' where team_id = team and owner_id = auth.uid();
  get diagnostics changed = row_count;
  select * into one from {of} order by id limit 1;
  return changed + coalesce(one.id, 0);
end $$;"
        ));
        if self.random.percent(50) {
            self.say(&format!(
                "create function public.own() returns trigger language plpgsql {definer} as $$
begin
  new.owner_id := coalesce(new.owner_id, auth.uid());
  if tg_op = 'UPDATE' and not exists (select 1 from {} where user_id = auth.uid()) then
    new.note := old.note;
  end if;
  return new;
end $$;
create trigger own before insert or update on public.{table} for each row execute function public.own();",
                if qualified { "public.members" } else { "members" }
            ));
        }
        let invoker = self.random.pick(&["", "with (security_invoker = true)"]);
        self.say(&format!("create view public.listed {invoker} as select id, team_id, status from public.{table} where is_public;"));
    }

    fn policies(&mut self) {
        let mut number = 0;
        let own = self.me();
        for (table, clause) in [("members", format!("user_id = {own}")), ("teams", format!("is_open or owner_id = {own}"))] {
            let clause = if self.random.percent(30) { "true".into() } else { clause };
            if self.random.percent(80) {
                let to = self.random.pick(&["", "to authenticated", "to anon, authenticated"]);
                self.say(&format!("create policy \"Read {table}\" on public.{table} for select {to} using ({clause});"));
            }
            if self.random.percent(40) {
                self.policy(&mut number, table, &clause, &clause, true);
            }
        }
        if self.random.percent(50) {
            let clause = format!("id in (select team_id from public.members where user_id = {})", self.me());
            self.policy(&mut number, "teams", &clause, "owner_id is not null", true);
        }
        for at in 0..self.tables.len() {
            let Table { name, parent, team_is_null } = self.tables[at];
            for nth in 0..1 + self.random.below(4) {
                let using = self.clause(name, parent, 2);
                let check = if self.random.percent(40) { using.clone() } else { self.clause(name, parent, 1) };
                let permissive = nth == 0 || self.random.percent(80);
                self.policy(&mut number, name, &using, &check, permissive);
            }
            if team_is_null && self.random.percent(20) {
                self.say(&format!("revoke insert, update on public.{name} from anon;"));
            }
        }
    }

    fn policy(&mut self, number: &mut usize, table: &str, using: &str, check: &str, permissive: bool) {
        *number += 1;
        let name = self.random.pick(&["Own", "it's theirs", "read_own", "Say \"\"hello\"\"", "Über alles"]);
        let kind = if permissive { "" } else { " as restrictive" };
        let to = self.random.pick(&["", "", "to authenticated", "to authenticated", "to anon", "to anon, authenticated", "TO public"]);
        let head = format!("create policy \"{name} {number}\" on public.{table}{kind}");
        let using = format!("using ({using})");
        let check = format!("with check ({check})");
        let sql = match self.random.below(9) {
            0..2 => format!("{head} {to} {using};"),
            2 => format!("{head} for all {to} {using} {check};"),
            3..5 => format!("{head} for select {to}\n  {using};"),
            5 => format!("{head} for insert {to}\n  {check};"),
            6 => format!("{head} for update {to} {using};"),
            7 => format!("{head} for update {to}\n  {using}\n  {check};"),
            _ => format!("{head} for delete {to} {using};"),
        };
        self.say(&sql);
    }
}
