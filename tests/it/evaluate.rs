//! Effects of DO blocks, functions and event triggers on the catalog, for histories in memory.

use supalint::catalog::object::{Certainty, Table};
use supalint::catalog::{SqlError, name::QName};
use supalint::interpret::Database;
use supalint::source::{Site, Sources};
use supalint::syntax::{parser, split::Splitter};

/// Result of a text that is the only migration of a project.
struct History {
    world: Database,
    sources: Sources,
    failed: Vec<(Site, SqlError)>,
}

fn fold(text: &str) -> History {
    let mut sources = supalint::history::sources();
    let file = sources.add("1_test.sql", text);
    let mut world = Database::default();
    world.bootstrap(&mut sources, true);
    let mut failed = Vec::new();
    for raw in Splitter::new(text) {
        let statement = parser::statement(text, &raw);
        let site = Site::new(file, statement.span);
        let outcome = world.run(&mut sources, file, statement, Certainty::Certain);
        failed.extend(outcome.failed.map(|reason| (site, reason)));
    }
    History { world, sources, failed }
}

impl History {
    fn table(&self, name: &str) -> Option<&Table> {
        self.world.catalog.table(&QName::new("public", name))
    }

    /// Returns the columns, policies and row level security of a table in one line.
    fn facts(&self, name: &str) -> String {
        let Some(table) = self.table(name) else { return "none".into() };
        let maybe = |certainty: Certainty| if certainty == Certainty::Maybe { "?" } else { "" };
        let columns: Vec<String> = table.columns.iter().map(|column| format!("{}{}", column.name, maybe(column.certainty))).collect();
        let policies: Vec<String> = table.policies.iter().map(|policy| format!("{}{}", policy.name, maybe(policy.certainty))).collect();
        let rls = if table.rls.value { format!(" rls{}", maybe(table.rls.certainty)) } else { String::new() };
        format!("{} [{}]{rls}", columns.join(","), policies.join(","))
    }
}

const TABLES: &str = "create table a (id int primary key, x text); create table b (id int);
    create policy p1 on a for select using (true); create policy p2 on a using (x = 'k') with check (true); ";

/// Checks the facts of table `a` after a body.
fn expect(body: &str, facts: &str) {
    let history = fold(&format!("{TABLES}do $do$ {body} $do$;"));
    assert_eq!(history.facts("a"), facts, "{body}\n{:?}", history.failed);
}

const UNTOUCHED: &str = "id,x [p1,p2]";
const DONE: &str = "id,x [p1,p2] rls";
const MAYBE: &str = "id,x [p1,p2] rls?";
const ENABLE: &str = "alter table a enable row level security;";

/// Checks whether a condition is true, false or undecided.
fn condition(condition: &str, facts: &str) {
    expect(&format!("begin if {condition} then {ENABLE} end if; end"), facts);
}

#[test]
fn loops_over_literals_and_catalogs_are_expanded() {
    for (body, facts) in [
        ("declare t text; begin foreach t in array array['a', 'b'] loop execute format('alter table %I enable row level security', t); end loop; end", DONE),
        ("declare r record; begin for r in select policyname, tablename from pg_policies where schemaname = 'public' and tablename = 'a'
            loop execute format('drop policy %I on %I', r.policyname, r.tablename); end loop; end", "id,x []"),
        ("declare t text; begin for t in select unnest(array['a']) loop execute 'alter table ' || quote_ident(t) || ' enable row level security'; end loop; end", DONE),
        ("declare t text; begin for t in select tablename from pg_tables where schemaname = 'public' order by 1 loop
            execute format('alter table public.%1$I enable row level security; alter table %1$I add column y int', t); end loop; end", "id,x,y [p1,p2] rls"),
        ("declare r record; begin for r in select * from (values ('a', 'n'), ('a', 'm')) as v(t, c) loop
            execute format('alter table %I add column %I int', r.t, r.c); end loop; end", "id,x,n,m [p1,p2]"),
        ("begin for i in 1..3 loop execute 'alter table a add column c' || i || ' int'; end loop; end", "id,x,c1,c2,c3 [p1,p2]"),
        ("begin for i in reverse 3..1 by 2 loop execute format('alter table a add column c%s int', i); end loop; end", "id,x,c3,c1 [p1,p2]"),
        ("declare i int := 0; begin while i < 2 loop i := i + 1; continue when i = 1; execute 'alter table a add column c' || i || ' int'; end loop; end", "id,x,c2 [p1,p2]"),
        ("declare i int := 0; begin <<l>> loop i := i + 1; exit l when i > 2; end loop; if i = 3 then alter table a enable row level security; end if; end", DONE),
        ("declare r record; begin for r in execute 'select relname as n from pg_class where relname = $1' using 'a' loop
            execute format('alter table %I enable row level security', r.n); end loop; end", DONE),
        ("declare n text; begin for n in select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace s on s.oid = c.relnamespace
            where s.nspname = 'public' and c.relname = 'a' and a.attnum > 0 and not a.attisdropped loop
            execute format('alter table b add column %I int', n || '_2'); end loop;
            if exists (select from information_schema.columns where table_name = 'b' and column_name = 'x_2') then alter table a enable row level security; end if; end", DONE),
        ("declare t text; ts text[] := '{b,a}'; begin foreach t in array ts loop if to_regclass('public.' || t) is null then continue; end if;
            execute format('alter table %s enable row level security', t::regclass); end loop; end", DONE),
    ] {
        expect(body, facts);
    }
}

#[test]
fn conditions_are_those_of_a_fresh_database() {
    for (text, facts) in [
        ("not exists (select 1 from pg_policies where tablename = 'a' and policyname = 'p3')", DONE),
        ("exists (select 1 from pg_policies where tablename = 'a' and policyname = 'p3')", UNTOUCHED),
        ("exists (select 1 from information_schema.tables where table_schema = 'public' and table_name = 'a')", DONE),
        ("not exists (select 1 from information_schema.columns where table_name = 'a' and column_name = 'x')", UNTOUCHED),
        ("(select count(*) from a) = 0", DONE),
        ("exists (select 1 from b join a on a.id = b.id)", UNTOUCHED),
        ("to_regclass('public.a') is not null and to_regclass('public.zz') is null", DONE),
        ("exists (select 1 from pg_constraint where conname = 'a_pkey' and conrelid = 'public.a'::regclass and contype = 'p')", DONE),
        ("(select pg_get_constraintdef(oid) from pg_constraint where conname = 'a_pkey') = 'PRIMARY KEY (id)'", DONE),
        (
            "exists (select 1 from pg_class c where c.relname = 'a' and c.relnamespace = 'public'::regnamespace and not c.relrowsecurity)",
            DONE,
        ),
        ("exists (select 1 from pg_roles where rolname = 'anon') and current_user = 'postgres'", DONE),
        ("exists (select 1 from pg_extension where extname = 'no_such')", UNTOUCHED),
        ("not exists (select 1 from pg_depend d where d.objid = 'public.a'::regclass and d.deptype = 'e')", DONE),
        (
            "exists (select from pg_depend d join pg_proc p on p.oid = d.objid where p.proname = 'uuid_generate_v4' and d.deptype = 'e')",
            DONE,
        ),
        ("exists (select 1 from pg_depend where objid = 'public.a'::regclass)", MAYBE),
        ("(select string_agg(policyname, ',' order by policyname) from pg_policies where tablename = 'a') = 'p1,p2'", DONE),
        ("(select array_agg(policyname::text order by 1) from pg_policies where tablename = 'a' and cmd in ('ALL')) = array['p2']", DONE),
        ("exists (select from pg_policies where tablename = 'a' and with_check is null and qual is not null)", DONE),
        ("exists (select from pg_policies where tablename = 'a' and roles @> array['public']::name[])", DONE),
        ("exists (select from pg_indexes where indexname = 'a_pkey' union select from pg_indexes where indexname = 'nope')", DONE),
        (
            "(select count(*) from pg_tables t left join pg_policies p on p.tablename = t.tablename where t.tablename = 'b' and p.policyname is null) = 1",
            DONE,
        ),
        (
            "(select data_type || is_nullable from information_schema.columns where table_name = 'a' and column_name = 'id') = 'integerNO'",
            DONE,
        ),
        ("'a' = any (array['b', 'a']) and 'abc' like 'a%' and not 'abc' ilike '_B' and 'a_b' ~ '^(x|a_b)$'", DONE),
        ("null or coalesce(nullif('', ''), 'q') = 'q' and 3 between 1 and 4 and (case when 1 = 2 then false else true end)", DONE),
        (
            "split_part('a.b', '.', 2) = 'b' and substring('abcd', 2, 2) = 'bc' and upper(left('abc', 1)) = 'A' and array_length(array[1,2], 1) = 2",
            DONE,
        ),
        ("has_table_privilege('anon', 'public.a', 'SELECT')", DONE),
        ("current_setting('server_version_num')::int >= 150000", MAYBE),
        ("exists (select 1 from pg_stat_user_tables)", MAYBE),
        ("not exists (select 1 from pg_stat_user_tables) and false", UNTOUCHED),
        ("current_setting('app.none', true) is null", DONE),
    ] {
        condition(text, facts);
    }
}

#[test]
fn loops_over_joins_of_catalogs_come_to_their_end() {
    let tables: String =
        (0..200).fold(String::new(), |text, n| text + &format!("create table t{n} (c1 text, c2 text check (c2 <> ''), c3 text);\n"));
    // for each column, the query reads the constraints of its table, which is the last condition
    let text = format!(
        "{tables} do $$ declare c record; k record; begin
           for c in select cols.table_name, cols.column_name from information_schema.columns cols
             join information_schema.tables t on t.table_schema = cols.table_schema and t.table_name = cols.table_name
             where cols.table_schema = 'public' and t.table_type = 'BASE TABLE' loop
             for k in select con.conname, at.attname from pg_constraint con join pg_attribute at on at.attnum = any (con.conkey)
               join pg_class cls on cls.oid = con.conrelid and cls.oid = at.attrelid join pg_namespace ns on ns.oid = cls.relnamespace
               where ns.nspname = 'public' and cls.relname = c.table_name and con.contype = 'c'
                 and at.attname = c.column_name and con.conname = format('%s_%s_check', c.table_name, c.column_name) loop
               execute format('alter table %I drop constraint %I', c.table_name, k.conname);
             end loop;
             execute format('alter table %I add constraint %I check (char_length(%I) < 9)', c.table_name, c.column_name || '_short', c.column_name);
           end loop; end $$;"
    );
    let history = fold(&text);
    assert!(history.world.bounded.is_empty() && history.failed.is_empty(), "{:?}", history.failed);
    for name in ["t0", "t199"] {
        let constraints: Vec<_> =
            history.table(name).into_iter().flat_map(|table| &table.constraints).map(|one| one.name.as_str()).collect();
        assert_eq!(constraints, ["c1_short", "c2_short", "c3_short"], "{name}");
    }
}

#[test]
fn joins_give_the_same_rows_in_whatever_order_they_are_made() {
    let columns = |query: &str| {
        let body =
            format!("declare r record; begin for r in {query} loop execute format('alter table a add column %I int', r.n); end loop; end");
        fold(&format!("{TABLES} do $do$ {body} $do$;")).facts("a")
    };
    for (query, facts) in [
        // columns of a star are in the order of the FROM clause
        (
            "select x.n from (select * from pg_class c, pg_namespace s where s.oid = c.relnamespace and s.nspname = 'public' and c.relname = 'b') x(o, n)",
            "id,x,b [p1,p2]",
        ),
        (
            "select s.nspname || c.relname as n from pg_class c left join pg_namespace s on s.oid = c.relnamespace join pg_policy p on p.polrelid = c.oid where p.polname = 'p1'",
            "id,x,publica [p1,p2]",
        ),
        (
            "select c.relname || coalesce(k.conname, '_none') as n from pg_class c left join pg_constraint k on k.conrelid = c.oid and k.contype = 'u' join pg_namespace s on s.oid = c.relnamespace where s.nspname = 'public' and c.relkind = 'r' order by 1",
            "id,x,a_none,b_none [p1,p2]",
        ),
        (
            "select v.n || t.relname as n from (values ('a'), ('b')) v(n), lateral (select relname from pg_class where relname = v.n) t join pg_namespace s on s.nspname = 'public' order by 1",
            "id,x,aa,bb [p1,p2]",
        ),
        (
            "select p.policyname || q.polname as n from pg_policies p, pg_policy q, pg_class c where c.relname = p.tablename and q.polrelid = c.oid and q.polname <> p.policyname order by 1",
            "id,x,p1p2,p2p1 [p1,p2]",
        ),
    ] {
        assert_eq!(columns(query), facts, "{query}");
    }
}

#[test]
fn a_query_in_an_expression_runs_once_where_it_looks_at_no_row_around_it() {
    // a second run would fail because the table exists
    let function = "create function made(t text) returns boolean language plpgsql as $$ begin execute format('create table %I ()', t);
        return true; end $$; create function first(t text) returns text language sql as $$ select min(policyname) from pg_policies where tablename = t $$; ";
    let after = |query: &str| {
        let body = format!("declare r record; begin for r in {query} loop {ENABLE} end loop; end");
        fold(&format!("{TABLES}{function}do $do$ {body} $do$;")).facts("a")
    };
    for (query, facts) in [
        ("select 1 from generate_series(1, 3) where (select made('c'))", DONE),
        ("select (select made('c')) from generate_series(1, 3)", DONE),
        ("select 1 from generate_series(1, 3) n where (select made('c' || n))", DONE),
        ("select 1 from generate_series(1, 3) n where (select made('c' || n / 3))", UNTOUCHED),
        // the row is that of the query or of an outer query
        (
            "select 1 from pg_policies p where p.policyname <> (select min(q.policyname) from pg_policies q where q.tablename = p.tablename)",
            DONE,
        ),
        (
            "select 1 from pg_policies p where p.policyname > (select max(q.policyname) from pg_policies q where q.tablename = p.tablename)",
            UNTOUCHED,
        ),
        (
            "select 1 from (values ('p1'), ('p2')) v(n) where exists (select 1 from pg_class where relname = 'a' and n = (select 'p2' where n <> 'p1'))",
            DONE,
        ),
        ("select 1 from (values ('b'), ('a')) v(t) where (select first(t)) = 'p1'", DONE),
    ] {
        assert_eq!(after(query), facts, "{query}");
    }
}

#[test]
fn what_enforces_foreign_keys_is_no_trigger_of_the_project() {
    let tables = "create table a (id int primary key); create table b (id int references a on delete cascade);
        create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger t before update on b for each row execute function touch(); ";
    let found = |query: &str| {
        let body =
            format!("declare r record; begin for r in {query} loop execute format('alter table a add column %I int', r.n); end loop; end");
        let history = fold(&format!("{tables}do $do$ {body} $do$;"));
        assert!(
            history.failed.is_empty() && history.world.catalog.unread.is_empty(),
            "{query}: not all rows are known\n{:?}",
            history.failed
        );
        history.facts("a")
    };
    let joined = "pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid";
    for (query, facts) in [
        (format!("select t.tgname || c.relname as n from {joined} where p.proname = 'touch'"), "id,tb []"),
        (
            format!("select c.relname || substr(p.proname, 9) as n from {joined} where t.tgisinternal and c.relnamespace = 'public'::regnamespace order by 1"),
            "id,acascade_del,anoaction_upd,bcheck_ins,bcheck_upd []",
        ),
        ("select relname as n from pg_class where oid in (select tgrelid from pg_trigger where not tgisinternal) and relnamespace = 'public'::regnamespace".into(), "id,b []"),
    ] {
        assert_eq!(found(&query), facts, "{query}");
    }
}

#[test]
fn definitions_of_functions_are_searched_as_they_are_written() {
    let functions = "create function f() returns bigint language sql as $$ select count(*) from public.a -- as long as it is there
        $$; create function g() returns int language sql as $$ select 1 $$; ";
    for (pattern, names) in [("%public.a%", "f"), ("%count(*)%", "f"), ("%SELECT%", "fg"), ("%private.a%", ""), ("%public.f%", "f")] {
        let body = format!(
            "declare r record; begin for r in select proname, oid from pg_proc p where p.pronamespace = 'public'::regnamespace
               and pg_get_functiondef(p.oid) ilike '{pattern}' order by 1 loop execute format('alter table b add column %I int', r.proname);
             end loop; end"
        );
        let history = fold(&format!("{TABLES}{functions}do $do$ {body} $do$;"));
        let columns = history.table("b").map(|table| table.columns.iter().skip(1).map(|column| column.name.as_str()).collect::<String>());
        assert_eq!(columns.as_deref(), Some(names), "{pattern}");
    }
}

#[test]
fn rows_that_the_history_inserts_are_counted_with() {
    let after = |insert: &str| {
        let text = format!("{TABLES} {insert}; do $$ begin if exists (select 1 from b) then {ENABLE} end if; end $$;");
        fold(&text).facts("a")
    };
    assert_eq!(after("insert into b values (1)"), MAYBE);
    assert_eq!(after("insert into b select id from a"), UNTOUCHED);
    assert_eq!(after("insert into a values (1)"), UNTOUCHED);
}

#[test]
fn rows_of_a_temporary_table_are_known() {
    let after = |fill: &str| {
        let text = format!(
            "{TABLES} create temp table work (name name, home regclass); {fill};
             do $$ declare r record; begin for r in select w.name, c.relname from work w join pg_class c on c.oid = w.home loop
               execute format('alter table %I add column %I int', r.relname, r.name); end loop; end $$;"
        );
        fold(&text).facts("a")
    };
    assert_eq!(after("insert into work values ('n', 'public.a'), ('m', 'a')"), "id,x,n,m [p1,p2]");
    assert_eq!(after("insert into work (home, name) select oid, relname || '_1' from pg_class where relname = 'a'"), "id,x,a_1 [p1,p2]");
    assert_eq!(after("insert into work values ('n', 'a'); update work set name = 'k'"), UNTOUCHED);
    assert_eq!(after("do $$ begin insert into work values ('n', 'a'); raise exception 'no'; end $$"), UNTOUCHED);
}

#[test]
fn values_go_from_queries_into_variables() {
    for (body, facts) in [
        ("declare n int; begin select count(*) into n from pg_policies where tablename = 'a'; if n = 2 then alter table a enable row level security; end if; end", DONE),
        ("declare p text; q text; begin select policyname, cmd into p, q from pg_policies where tablename = 'a' order by policyname limit 1;
            if p || q = 'p1SELECT' and found then alter table a enable row level security; end if; end", DONE),
        ("declare r record; begin select * into r from pg_policies where policyname = 'zz'; if not found and r.cmd is null then alter table a enable row level security; end if; end", DONE),
        ("declare v int; begin select id into v from a; if v is null then alter table a enable row level security; end if; end", DONE),
        ("declare n name; begin execute 'select relname from pg_class where relname = $1' into n using 'a'; if n = 'a' then alter table a enable row level security; end if; end", DONE),
        ("declare v int; begin select id into strict v from a; alter table a enable row level security; end", UNTOUCHED),
        ("declare tablename text := 'a'; begin if exists (select 1 from pg_tables where tablename = tablename) then null; end if; alter table a enable row level security; end", UNTOUCHED),
        ("declare n int; begin update a set x = 'y'; if not found then alter table a enable row level security; end if; end", DONE),
        ("declare n int := 1; begin case n when 1, 2 then alter table a enable row level security; else null; end case; end", DONE),
        ("declare n text; begin n := current_setting('server_version'); if n is not null then alter table a enable row level security; end if; end", MAYBE),
        ("declare v text := 'x'; begin if random() > 0.5 then v := 'y'; end if; if v = 'x' then alter table a enable row level security; end if; end", MAYBE),
        ("declare v text := 'x'; begin if random() > 0.5 then v := 'x'; end if; if v = 'x' then alter table a enable row level security; end if; end", DONE),
    ] {
        expect(body, facts);
    }
}

#[test]
fn a_block_that_fails_changes_nothing() {
    let history = fold(&format!("{TABLES} do $$ begin {ENABLE} alter table a add column id int; end $$;"));
    assert_eq!(history.facts("a"), UNTOUCHED);
    assert_eq!(history.failed.iter().map(|(_, reason)| reason.sqlstate).collect::<Vec<_>>(), ["42701"]);
    for (body, facts) in [
        (format!("begin {ENABLE} raise exception 'no %', 1; end"), UNTOUCHED),
        (format!("begin {ENABLE} raise notice 'yes'; end"), DONE),
        (format!("begin {ENABLE} return; drop table a; end"), DONE),
        (format!("begin {ENABLE} perform 'public.zz'::regclass; end"), UNTOUCHED),
        (format!("begin {ENABLE} raise notice '% %', 1; end"), UNTOUCHED),
        (format!("begin {ENABLE} for r in select 1 loop null; end loop; end"), UNTOUCHED),
        (format!("begin {ENABLE} if random() > 2 then raise exception 'never'; end if; end"), DONE),
        (format!("begin if random() > 2 then return; end if; {ENABLE} end"), MAYBE),
    ] {
        expect(&body, facts);
    }
}

#[test]
fn handlers_take_back_their_block_and_go_on() {
    for (body, facts) in [
        (
            "begin begin alter table a add column y int; create policy p1 on a using (true); exception when duplicate_object then alter table a enable row level security; end; end",
            DONE,
        ),
        (
            "begin begin alter table a add column x int; exception when duplicate_column or undefined_table then null; end; alter table a enable row level security; end",
            DONE,
        ),
        ("begin alter table a add column x int; exception when others then alter table a enable row level security; end", DONE),
        (
            "begin alter table a add column x int; exception when undefined_table then alter table a enable row level security; end",
            UNTOUCHED,
        ),
        (
            "begin raise exception 'x' using errcode = '23505'; exception when sqlstate '23505' then if sqlerrm = 'x' then alter table a enable row level security; end if; end",
            DONE,
        ),
        (
            "begin raise unique_violation; exception when integrity_constraint_violation then alter table a enable row level security; end",
            DONE,
        ),
        (
            "begin begin alter table a add column x int; exception when others then raise; end; exception when duplicate_column then alter table a enable row level security; end",
            DONE,
        ),
        ("begin drop policy zz on a; alter table a enable row level security; exception when undefined_object then null; end", UNTOUCHED),
    ] {
        expect(body, facts);
    }
}

#[test]
fn what_is_not_known_is_passed_over_or_tried() {
    for (body, facts) in [
        ("declare r record; begin for r in select * from pg_stat_user_tables loop drop table a; end loop; end", UNTOUCHED),
        (
            "declare r record; begin for r in select policyname from pg_policies where tablename = 'a' and md5(policyname) = 'x' loop execute format('drop policy %I on a', r.policyname); end loop; end",
            "id,x [p1?,p2?]",
        ),
        ("begin execute current_setting('x'); alter table a enable row level security; end", DONE),
        ("begin if random() > 0.5 then alter table a enable row level security; alter table a add column x int; end if; end", MAYBE),
        (
            "begin if random() > 0.5 then alter table a enable row level security; else alter table a add column y int; end if; end",
            "id,x,y? [p1,p2] rls?",
        ),
        (
            "declare n int := 0; begin loop n := n + 1; alter table a enable row level security; exit when random() > 0.5; end loop; alter table a add column y int; end",
            "id,x,y [p1,p2] rls",
        ),
    ] {
        expect(body, facts);
    }
}

#[test]
fn roles_are_asked_what_they_are_members_of() {
    let history = fold(
        "create table t ();
do $$ declare r name; begin
  for r in select rolname from pg_roles where rolname in ('postgres', 'anon', 'supabase_admin') and pg_has_role(rolname, 'member') loop
    execute format('create policy %I on t using (true)', r);
  end loop;
end $$;",
    );
    assert!(history.facts("t").contains("anon") && history.facts("t").contains("postgres"));
    assert!(!history.facts("t").contains("supabase_admin"), "{}", history.facts("t"));
}

#[test]
fn the_projects_own_functions_are_run() {
    for (text, facts) in [
        ("create function f(t text) returns void language plpgsql as $$ begin execute format('alter table %I enable row level security', t); end $$; select f('a');", DONE),
        ("create function f(t text default 'a') returns int language plpgsql as 'begin execute ''alter table '' || t || '' enable row level security''; return 1; end'; do $$ begin perform f(); end $$;", DONE),
        ("create procedure f(t text) language plpgsql as $$ begin execute format('alter table %I enable row level security', $1); end $$; call f(t => 'a');", DONE),
        ("create function f() returns setof text language sql as $$ select tablename::text from pg_tables where schemaname = 'public' $$;
          do $$ declare t text; begin for t in select * from f() loop execute format('alter table %I enable row level security', t); end loop; end $$;", DONE),
        ("create function f(p text) returns boolean language sql as $$ select exists (select 1 from pg_policies where policyname = p) $$;
          do $$ begin if f('p1') and not f('zz') then alter table a enable row level security; end if; end $$;", DONE),
        ("create function f() returns text language plpgsql as $$ begin if random() > 0.5 then return 'x'; end if; return 'y'; end $$;
          do $$ begin if f() = 'x' then alter table a enable row level security; end if; end $$;", MAYBE),
        ("create function f() returns trigger language plpgsql as $$ begin drop table a; return new; end $$; create trigger t after insert on a for each row execute function f();", UNTOUCHED),
        ("create function f() returns void language plpgsql as $$ begin alter table a enable row level security; raise exception 'no'; end $$; select f();", UNTOUCHED),
    ] {
        let history = fold(&format!("{TABLES}{text}"));
        assert_eq!(history.facts("a"), facts, "{text}\n{:?}", history.failed);
    }
}

#[test]
fn event_triggers_see_new_tables() {
    let history = fold(
        "create function f() returns event_trigger language plpgsql as $$ declare obj record; begin
           for obj in select * from pg_event_trigger_ddl_commands() where command_tag = 'CREATE TABLE' loop
             if obj.schema_name = 'public' then execute format('alter table %s enable row level security', obj.object_identity); end if;
           end loop; end $$;
         create table before (id int);
         create event trigger e on ddl_command_end when tag in ('CREATE TABLE') execute function f();
         create table a (id int); do $$ begin create table b (id int); end $$;",
    );
    assert_eq!(["before", "a", "b"].map(|name| history.facts(name)), ["id []", "id [] rls", "id [] rls"]);
}

#[test]
fn what_a_command_does_is_placed_at_its_execute() {
    let text = format!("{TABLES}do $$ begin execute format('alter table %I enable row level security', 'a'); end $$;");
    let history = fold(&text);
    let at = history.sources.resolve(history.table("a").unwrap().rls.at);
    assert_eq!(at.span.of(&text), "execute format('alter table %I enable row level security', 'a')");
}

#[test]
fn hostile_blocks_end_soon() {
    let deep = (0..9)
        .fold("null".to_string(), |inner, _| format!("execute {}", quoted(&format!("do {}", quoted(&format!("begin {inner}; end"))))));
    let blocks = [
        "begin loop null; end loop; end".to_string(),
        "begin while true loop perform 1; end loop; end".into(),
        "begin perform count(*) from generate_series(1, 1000000000); end".into(),
        "declare x text := 'x'; begin loop x := x || x; end loop; end".into(),
        "declare x text[] := array['x']; begin loop x := x || x; end loop; end".into(),
        "begin loop execute 'create table if not exists q (id int)'; end loop; end".into(),
        "begin for i in 1..1000000000 loop null; end loop; end".into(),
        "begin perform count(*) from pg_class a, pg_class b, pg_class c, pg_attribute d where a.relname || b.relname = c.relname || d.attname; end".into(),
        "begin perform repeat('x', 1000000000), lpad('x', 1000000000), format('%1000000000s', 'x'); end".into(),
        "begin perform recurse(1); end".into(),
        "begin perform many(); end".into(),
        format!("begin {deep}; end"),
        format!("begin perform {}1; end", "1 + ".repeat(900)),
    ];
    for body in blocks {
        let start = std::time::Instant::now();
        let history = fold(&format!(
            "{TABLES}
             create function recurse(n int) returns int language plpgsql as $$ begin return recurse(n + 1) + recurse(n + 2); end $$;
             create function many() returns void language plpgsql as $$ begin loop perform recurse(1); end loop; end $$;
             do $do$ {body} $do$; do $$ begin {ENABLE} end $$;"
        ));
        assert_eq!(history.facts("a"), DONE, "{}", &body[..body.len().min(200)]);
        assert!(start.elapsed().as_secs() < 20, "{}", &body[..body.len().min(200)]);
    }
    assert!(!fold("do $$ begin loop null; end loop; end $$").world.bounded.is_empty());
}

#[test]
fn what_was_cut_off_may_have_changed_what_it_speaks_of() {
    let after = |code: &str| {
        let text = format!("{TABLES} alter table a enable row level security; create index i on a (x); {code} create table late (id int);");
        let history = fold(&text);
        assert_eq!(history.world.bounded.len(), 1, "{code}");
        let index = history.table("a").and_then(|table| table.index("i")).map(|index| index.certainty);
        assert_eq!(history.facts("late"), "id []");
        (history.facts("a"), index == Some(Certainty::Certain))
    };
    let long = "for i in 1..1000000000 loop null; end loop;";
    for (code, facts, index) in [
        (format!("do $$ begin {long} execute 'drop ' || 'policy p1 on a'; end $$;"), "id,x [p1?,p2?] rls", true),
        (format!("do $$ begin {long} alter table a disable row level security; end $$;"), "id,x [p1,p2] rls?", true),
        (format!("do $$ begin {long} drop index i; end $$;"), "id,x [p1,p2] rls", false),
        (format!("do $$ begin {long} raise notice 'done'; end $$;"), "id,x [p1,p2] rls", true),
        (format!("do $$ declare c text; begin {long} execute c; end $$;"), "id?,x? [p1?,p2?] rls?", false),
        (
            format!(
                "create function f() returns void language plpgsql as $$ begin {long} perform g(); end $$;
                 create function g() returns void language plpgsql as $$ begin drop policy p1 on a; end $$; select f();"
            ),
            "id,x [p1?,p2?] rls",
            true,
        ),
    ] {
        assert_eq!(after(&code), (facts.to_string(), index), "{code}");
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns the roles with EXECUTE on a function. `?` marks uncertain grants.
fn callers(history: &History, name: &str) -> Vec<String> {
    let function = &history.world.catalog.functions.get(&QName::new("public", name)).expect("the function is there")[0];
    let maybe = |certainty: Certainty| if certainty == Certainty::Maybe { "?" } else { "" };
    let mut roles: Vec<String> = function.acl.grants.iter().map(|grant| format!("{}{}", grant.grantee, maybe(grant.certainty))).collect();
    roles.sort();
    roles
}

#[test]
fn access_control_lists_and_privileges_are_evaluated() {
    const FUNCTIONS: &str =
        "create function f() returns int language sql as 'select 1'; create function g() returns int language sql as 'select 1';
        revoke all on function g() from public, anon; ";
    let history = fold(&format!(
        "{FUNCTIONS} do $$ declare r record; begin
            for r in select p.oid::regprocedure as f from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname = 'public' and exists (select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                    where a.grantee = 0 and a.privilege_type = 'EXECUTE') loop
                execute format('revoke all on function %s from public', r.f);
            end loop;
        end $$;"
    ));
    assert_eq!(
        (callers(&history, "f"), callers(&history, "g")),
        (vec!["anon".into(), "authenticated".into(), "service_role".into()], vec!["authenticated".into(), "service_role".into()])
    );
    assert!(history.world.undecided.is_empty());
    for (holds, facts) in [
        ("has_function_privilege('anon', 'g()', 'execute')", UNTOUCHED),
        ("has_function_privilege('anon', 'f()', 'execute')", DONE),
        ("has_any_column_privilege('anon', 'a', 'select')", DONE),
        ("has_column_privilege('anon', 'a', 'x', 'update')", DONE),
        ("has_table_privilege(0, 'a', 'select')", UNTOUCHED),
        ("has_schema_privilege('anon', 'public'::regnamespace, 'usage')", DONE),
        (
            "exists (select 1 from pg_class c, aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
            where c.relname = 'a' and r.rolname = 'anon' and x.privilege_type = 'SELECT')",
            DONE,
        ),
        ("(select relacl::text like '%anon=%' from pg_class where relname = 'a')", DONE),
        (
            "exists (select 1 from pg_default_acl d, aclexplode(d.defaclacl) x where x.grantee = 'anon'::regrole and d.defaclobjtype = 'f')",
            DONE,
        ),
    ] {
        let body = format!("begin if {holds} then {ENABLE} end if; end");
        let history = fold(&format!("{TABLES}{FUNCTIONS}do $do$ {body} $do$;"));
        assert_eq!(history.facts("a"), facts, "{body}\n{:?}", history.failed);
    }
}

#[test]
fn what_is_passed_over_is_counted_and_doubted() {
    const DATA: &str = "create table settings (t text, how text); insert into settings select 'a', md5('x');
        create function f() returns int language sql as 'select 1'; ";
    for (body, facts, undecided) in [
        // rows of the project's own data
        ("declare r record; begin for r in select * from settings loop execute format('alter table %I disable row level security', r.t); end loop; end", "id,x [p1,p2] rls?", 1),
        ("declare r record; begin for r in select * from settings loop execute format('drop policy p1 on %I', r.t); end loop; end", "id,x [p1?,p2?] rls", 1),
        // the loop does not change the schema
        ("declare r record; begin for r in select * from settings loop update settings set how = r.t; end loop; end", "id,x [p1,p2] rls", 0),
        // the command contains the name of the table
        ("declare s text; begin select how into s from settings; execute 'alter table b drop constraint ' || s; end", "id,x [p1,p2] rls", 1),
        // the command was built before
        ("declare s text; begin select how into s from settings; s := 'drop policy p1 on a ' || s; execute s; end", "id,x [p1?,p2?] rls", 1),
        // an undecided condition on a known row
        ("declare r record; begin for r in select policyname, tablename from pg_policies where md5(policyname) > 'a' and policyname = 'p1' loop
            execute format('drop policy %I on %I', r.policyname, r.tablename); end loop; end", "id,x [p1?,p2?] rls", 1),
        ("declare r record; begin for r in select tablename as t from pg_tables where md5(tablename) > 'x' and tablename = 'a' loop
            execute format('alter table %I disable row level security', r.t); end loop; end", "id,x [p1,p2] rls?", 1),
    ] {
        let history = fold(&format!("{TABLES}{DATA}{ENABLE} do $do$ {body} $do$;"));
        assert_eq!(history.facts("a"), facts, "{body}\n{:?}", history.failed);
        assert_eq!(history.world.undecided.len(), undecided, "{body}");
    }
    let history = fold(&format!(
        "{DATA} do $$ declare r record; begin for r in select * from settings loop
        execute format('revoke execute on function %s from public', r.t); end loop; end $$;"
    ));
    assert!(callers(&history, "f").iter().all(|role| role.ends_with('?')), "{:?}", callers(&history, "f"));
}

#[test]
fn what_no_migration_makes_is_none_of_what_the_catalog_holds() {
    let body = "declare r record; begin for r in select policyname, tablename from pg_policies where policyname like 'old%' loop
        execute format('drop policy %I on %I', r.policyname, r.tablename); end loop; end";
    let history = fold(&format!("{TABLES} create policy p on elsewhere using (true); do $do$ {body} $do$;"));
    assert_eq!(history.facts("a"), UNTOUCHED);
}
