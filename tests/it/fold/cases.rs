//! Small histories and their results. The name `elsewhere` stands for objects that no migration creates.

pub struct Case {
    pub name: &'static str,
    pub history: &'static str,
    /// `kind: text` for each object, in the format of `describe` of tests/it/fold.rs.
    pub expect: &'static [&'static str],
    /// `line: SQLSTATE`, in the order in which they are found.
    pub fails: &'static [&'static str],
}

pub const CASES: &[Case] = &[
    Case {
        name: "what only may be there gives way to what is made for certain",
        history: "create table t (id int primary key, s text check (s in ('a', 'b')), n text check (n in ('a', 'b')),
  u int constraint t_u unique);
do $$ declare c text; begin
  select conname into c from pg_constraint where conrelid = 't'::regclass and pg_get_constraintdef(oid) ilike '%s%''b''%';
  if c is not null then execute format('alter table t drop constraint %I', c); end if;
  select conname into c from pg_constraint where conrelid = 't'::regclass and pg_get_constraintdef(oid) ilike '%n = ANY%''b''%';
  if c is not null then execute format('alter table t drop constraint %I', c); end if;
  for c in select conname from pg_constraint where conrelid = 't'::regclass and md5(conname) <> 'x' and contype = 'u' loop
    execute format('alter table t drop constraint %I', c);
  end loop;
end $$;
alter table t add constraint t_u unique (u);
alter table t add constraint t_s_check check (s in ('a'));
alter table t add constraint t_n_check check (n in ('a'));",
        expect: &["constraints: t_n_check c n - - - true", "constraints: t_pkey p id - - - true", "constraints: t_s_check c s - - - true", "constraints: t_u u u - - - true"],
        fails: &[],
    },
    Case {
        name: "views, functions and tables that lead back to themselves go together",
        history: "create view v as select 1 as a;
create view w as select * from v;
create or replace view v as select * from w;
drop view w;
drop view w cascade;
create view x as select 1 as a;
create function f(x) returns int language sql as $$ select 1 $$;
create or replace view x as select f(null::x) as a;
drop view x cascade;
create table a (x int);
create table b () inherits (a);
alter table a inherit b;
alter table a inherit a;
alter table a add column z int;
drop table a;
create table p (id int) partition by range (id);
create table c partition of p for values from (1) to (2);
drop table p;",
        expect: &["column: a.x integer default -", "column: a.z integer default -", "column: b.x integer default -", "column: b.z integer default -"],
        fails: &["4: 2BP01", "12: 42P07", "13: 42P07", "15: 2BP01"],
    },
    Case {
        name: "of two parents with one constraint a child gets it once",
        history: "create table a (x int);
create table b () inherits (a);
create table c () inherits (a);
create table d () inherits (b, c);
alter table a add constraint positive check (x > 0);
alter table a drop column x;",
        expect: &[],
        fails: &[],
    },
    Case {
        name: "a function is replaced by one with another form of the same result",
        history: "create function a() returns setof uuid language sql as $$ select gen_random_uuid() $$;
create or replace function a() returns table (u uuid) language sql as $$ select gen_random_uuid() $$;
create or replace function a() returns uuid language sql as $$ select gen_random_uuid() $$;
create function b() returns uuid language sql as $$ select gen_random_uuid() $$;
create or replace function b(out u uuid) language sql as $$ select gen_random_uuid() $$;
create function c() returns table (a int, b int) language sql as $$ select 1, 2 $$;
create or replace function c(out a int, out b int) returns setof record language sql as $$ select 1, 2 $$;
create or replace function c(out a int, out d int) returns setof record language sql as $$ select 1, 2 $$;
drop function a(), b(), c();",
        expect: &[],
        fails: &["3: 42P13", "8: 42P13"],
    },
    Case {
        name: "what is looked up in a schema that is not there, and calls that two functions fit",
        history: "create table t (id int);
create trigger touch before update on t for each row execute function inner_api.touch();
grant execute on function inner_api.f() to anon;
create schema inner_api;
create function f(a int) returns int language sql as $$ select 1 $$;
create function f(a int, b int default 1) returns int language sql as $$ select 1 $$;
select public.f(1);
select public.f(1, 2);
drop function f(int), f(int, int);
drop table t;",
        expect: &[],
        fails: &["2: 3F000 afresh", "3: 3F000", "7: 42725"],
    },
    Case {
        name: "the types at both ends of a foreign key stay comparable",
        history: "create table kinds (code text primary key);
create table steps (kind text references kinds (code));
alter table steps alter column kind type int using kind::int;
alter table kinds alter column code type int using code::int;
alter table steps alter column kind type varchar(20);
drop table steps, kinds;",
        expect: &[],
        fails: &["3: 42804", "4: 42804"],
    },
    Case {
        name: "operators and functions that ask for the time zone are not immutable",
        history: "create table t (z timestamptz, s timestamp);
create index on t ((z + interval '1 day'));
create index on t ((z < s));
create index on t (date(z));
create index on t (date_trunc('day', z, 'UTC'));
create index on t (z) where z > s;
create table g (z timestamptz, later timestamptz generated always as (z + interval '1 day') stored);
create index t_day on t (date(s), (s + interval '1 day'));
drop table t;",
        expect: &[],
        fails: &["2: 42P17", "3: 42P17", "4: 42P17", "5: 42P17", "6: 42P17", "7: 42P17"],
    },
    Case {
        name: "an extension with a schema of its own is made nowhere else",
        history: "create extension pg_cron with schema extensions;
create extension if not exists pg_cron with schema pg_catalog; -- made elsewhere: the tests' server has none",
        expect: &[],
        fails: &["1: 0A000"],
    },
    Case {
        name: "actions of one ALTER TABLE see each other, in the order PostgreSQL takes them",
        history: "create table t (id int);
alter table t add constraint t_ab_check check (a < b), add column a int, add column b int not null, drop column id;",
        expect: &[
            "column: t.a integer default -",
            "column: t.b integer not null default -",
            "constraints: t_ab_check c a,b - - - true",
        ],
        fails: &[],
    },
    Case {
        name: "an ALTER TABLE that fails half way changes nothing",
        history: "create table t (id int);\nalter table t add column a int, drop column nothing;",
        expect: &["column: t.id integer default -"],
        fails: &["2: 42703"],
    },
    Case {
        name: "an index of a partitioned table is one of each partition, and goes with it",
        history: "create table r (d bigint, at timestamptz) partition by range (at);
create table r25 partition of r for values from ('2025-01-01') to ('2026-01-01');
create table r26 partition of r for values from ('2026-01-01') to ('2027-01-01');
create index r26_own on r26 (d);
create index r_d on r (d);
create index on only r (at);
drop index r25_d_idx;
drop index r26_own;
alter index r_d rename to r_by_d;
create table r27 (d bigint, at timestamptz);
alter table r attach partition r27 for values from ('2027-01-01') to ('2028-01-01');
create index r_both on r (d, at);
alter table r detach partition r26;
drop index r_by_d;",
        expect: &[
            "indexes: r26_own d false false",
            "indexes: r26_d_at_idx d,at false false",
            "indexes: r_at_idx at false false",
            "indexes: r_both d,at false false",
            "indexes: r25_d_at_idx d,at false false",
            "indexes: r27_d_at_idx d,at false false",
        ],
        fails: &["7: 2BP01", "8: 2BP01"],
    },
    Case {
        name: "constraints and NOT NULL of a partitioned table are those of its partitions, unless it is said ONLY of it",
        history: "create table q (d bigint, at timestamptz, n int, e int) partition by range (at);
create table q25 partition of q for values from ('2025-01-01') to ('2026-01-01');
alter table q add primary key (d, at), add constraint q_n check (n > 0);
alter table q alter column e set not null;
alter table only q alter column n set not null;",
        expect: &[
            "column: q25.d bigint not null default -",
            "column: q25.at timestamp with time zone not null default -",
            "column: q25.n integer default -",
            "column: q25.e integer not null default -",
            "constraints: q25_pkey p d,at - - - true",
        ],
        fails: &["5: 42P16"],
    },
    Case {
        name: "a key of a partitioned table takes the keys of its partitions with it",
        history: "create table k (a int not null, b int not null) partition by hash (a);
create table k0 partition of k for values with (modulus 1, remainder 0);
alter table only k add constraint k_pkey primary key (a);
alter table k0 add constraint k0_pkey primary key (a);
alter index k_pkey attach partition k0_pkey;
alter table k drop constraint k_pkey;
alter table k add primary key (a, b);",
        expect: &["constraints: k_pkey p a,b - - - true", "constraints: k0_pkey p a,b - - - true"],
        fails: &[],
    },
    Case {
        name: "a default that says NULL is none, unless it is fitted to a length",
        history: "create table t (a text default null, b varchar(3) default null, c int default 1);
alter table t alter c set default null::int;",
        expect: &[
            "column: t.a text default -",
            "column: t.b character varying(3) default null",
            "column: t.c integer default -",
        ],
        fails: &[],
    },
    Case {
        name: "names that PostgreSQL chooses",
        history: "create table t (id serial primary key, a int unique check (a > 0), b int references t, check (a < b), check (b > a));
create index on t (lower(a::text), b) include (id);
create index on t (b);
create index on t (b);",
        expect: &[
            "column: t.id integer not null default nextval('public.t_id_seq'::regclass)",
            "constraints: t_pkey p id - - - true",
            "constraints: t_a_key u a - - - true",
            "constraints: t_a_check c a - - - true",
            "constraints: t_check c a,b - - - true",
            "constraints: t_check1 c b,a - - - true",
            "constraints: t_b_fkey f b public.t id a true",
            "indexes: t_lower_b_id_idx <expr>,b,id false false",
            "indexes: t_b_idx b false false",
            "indexes: t_b_idx1 b false false",
        ],
        fails: &[],
    },
    Case {
        name: "two keys on the same columns become one; USING INDEX renames the index",
        history: "create table t (id uuid unique not null, a int not null, primary key (id));
create unique index t_a_idx on t (a);
alter table t add constraint t_a_uq unique using index t_a_idx;",
        expect: &["constraints: t_pkey p id - - - true", "constraints: t_a_uq u a - - - true", "indexes: t_a_uq a true false"],
        fails: &[],
    },
    Case {
        name: "SET SCHEMA moves an extension with its types and functions",
        history: "create extension citext with schema public;
create function f(name public.citext) returns text language sql as 'select 1::text';
alter extension citext set schema extensions;
create table t (name extensions.citext not null);",
        expect: &["column: t.name extensions.citext not null default -"],
        fails: &[],
    },
    Case {
        name: "exclusion constraints index their expressions",
        history: "create extension btree_gist;
create table t (room int, starts timestamptz, ends timestamptz, exclude using gist (room with =, tstzrange(starts, ends) with &&));",
        expect: &["indexes: t_room_tstzrange_excl room,<expr> false false", "constraints: t_room_tstzrange_excl x room - - - true"],
        fails: &[],
    },
    Case {
        name: "types as format_type prints them",
        history: "create type mood as enum ('a', 'c'); alter type mood add value 'b' before 'c';
create table t (a varchar(20)[], b timestamp(3) with time zone, c mood, d mood[], e decimal(10, 2), f int8);",
        expect: &[
            "column: t.a character varying(20)[] default -",
            "column: t.b timestamp(3) with time zone default -",
            "column: t.c public.mood default -",
            "column: t.d public.mood[] default -",
            "column: t.e numeric(10,2) default -",
            "column: t.f bigint default -",
            "enums: mood a,b,c",
        ],
        fails: &[],
    },
    Case {
        name: "functions by their identity arguments",
        history: "create function f(a int, inout b text default 'x', variadic c uuid[] default '{}') language plpgsql security definer set search_path = '' as $$ begin end $$;
create procedure p(a int) language plpgsql as $$ begin end $$;
revoke execute on function f(int, text, uuid[]) from public, anon;",
        expect: &[
            "functions: f a integer, INOUT b text, VARIADIC c uuid[] true v search_path=\"\" false",
            "functions: p IN a integer false v - true",
        ],
        fails: &[],
    },
    Case {
        name: "policies, their roles and who may use the table",
        history: "create table t (id int); alter table t enable row level security;
create policy \"one\" on t as restrictive for update to anon, authenticated using (id = 1) with check (true);
alter policy \"one\" on t to service_role; revoke insert, update on t from anon;",
        expect: &["table: t rls=true anon=true writes=DELETE", "policies: t one RESTRICTIVE UPDATE service_role id = 1 true"],
        fails: &[],
    },
    Case {
        name: "CASCADE takes what depends",
        history: "create table a (id int primary key); create table b (id int references a); create view v as select id from a;
drop table a;
drop table a cascade;",
        expect: &["table: b rls=false anon=true writes=DELETE,INSERT,UPDATE", "column: b.id integer default -"],
        fails: &["2: 2BP01"],
    },
    Case {
        name: "what comes too early or too late fails; what no migration makes is taken to exist",
        history: "create policy p on later for select using (true);
create table later (id int);
drop table later;
alter table later add column a int;
create policy q on elsewhere for select using (owner = auth.uid());
create policy r on elsewhere for insert with check (public.allowed(owner));
create function public.allowed(owner uuid) returns boolean language sql as 'select true';
create policy r on elsewhere for insert with check (public.allowed());
grant execute on function public.allowed(text) to anon;",
        expect: &["policies: elsewhere q PERMISSIVE SELECT public owner = auth.uid() -"],
        fails: &["1: 42P01", "4: 42P01", "5: 42P01 afresh", "6: 42883", "8: 42883", "9: 42883"],
    },
    Case {
        name: "bodies of SQL functions are read when they are made, those in PL/pgSQL when they run",
        history: "create function early() returns bigint language sql as $$ select count(*) from t $$;
create function late() returns bigint language plpgsql as $$ begin return (select count(*) from t); end $$;
create table t (id int, owner uuid);
create function wrong() returns int language sql as $$ select missing from t $$;
create function hidden() returns bigint language sql set search_path = '' as $$ select count(*) from t $$;
create function mine(id int) returns uuid language sql as $$ select t.owner from t where t.id = mine.id $$;
set check_function_bodies = off;
create function unread() returns int language sql as $$ select missing from t $$;",
        expect: &["functions: late  false v - true", "functions: mine id integer false v - true", "functions: unread  false v - true"],
        fails: &["1: 42P01", "4: 42703", "5: 42P01"],
    },
    Case {
        name: "rows are written to columns that exist, and conflicts are found by an index that exists",
        history: "create table t (id int primary key, a int, b int); create unique index on t (a) where b = 1;
insert into t (id, missing) values (1, 2);
insert into t (id, a) values (1, 2) on conflict (a) do nothing;
insert into t (id, a) values (1, 2) on conflict (id) do nothing;
update t set a = missing;",
        expect: &[],
        fails: &["2: 42703", "3: 42P10", "5: 42703"],
    },
    Case {
        name: "what an index or generated column computes must not change",
        history: "create table t (at timestamptz, on_day date);
create index on t (at) where at > now();
create index on t (date_trunc('day', at));
create index on t ((at::date));
create index on t (date_trunc('day', at at time zone 'UTC'));
alter table t add column day date generated always as (at::date) stored;",
        expect: &[],
        fails: &["2: 42P17", "3: 42P17", "4: 42P17", "6: 42P17"],
    },
    Case {
        name: "a call that two functions fit is ambiguous",
        history: "create function f() returns boolean language plpgsql as 'begin return true; end';
create function f(x int default 1) returns boolean language plpgsql as 'begin return true; end';
create table t (id int);
create policy p on t using (public.f());
create policy q on t using (public.f(2));",
        expect: &["policies: t q PERMISSIVE ALL public public.f(2) -"],
        fails: &["4: 42725"],
    },
    Case {
        name: "schemas of PostgreSQL itself are there",
        history: "create extension pg_cron with schema pg_catalog;
create function pg_temp.helper() returns int language sql as 'select 1';
delete from cron.job_run_details where end_time < now();",
        expect: &[],
        fails: &[],
    },
    Case {
        name: "queues of pgmq are tables",
        history: "create extension pgmq; select pgmq.create('Mails');",
        expect: &["constraints: q_mails_pkey p msg_id - - - true", "constraints: a_mails_pkey p msg_id - - - true"],
        fails: &[],
    },
    Case {
        name: "publications and buckets",
        history: "create table t (id int); alter publication supabase_realtime add table t;
insert into storage.buckets (id, name, public) values ('a', 'a', true), ('b', 'b', false);
update storage.buckets set public = false where id = 'a';",
        expect: &["publication_tables: supabase_realtime t", "buckets: a false", "buckets: b false"],
        fails: &[],
    },
    Case {
        name: "an operator of the project's own, with a schema, takes what no other does",
        history: "create table t (id int);
create view early as select id from t where id = 'x'::text;
create function f(int, text) returns boolean language sql immutable as 'select true';
create operator public.= (leftarg = int, rightarg = text, function = f);
create view v as select id from t where id = 'x'::text;",
        expect: &["views: v v false"],
        fails: &["2: 42883"],
    },
    Case {
        name: "what is seldom written is read",
        history: "create table t (a int, b text, x xml);
create index i on t (lower(b));
alter index i alter column 1 set statistics 5;
set names 'utf8';
set xml option document;
create default conversion c for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1;
create view v as select xmlelement(name foo, xmlattributes(a as b), 'x'), xmlelement(name foo) as y, xmlpi(name php, b),
  xmlserialize(content x as text) from t;
create view w as with recursive s(n) as (select 1 union all select n + 1 from s)
  search depth first by n set o cycle n set is_cycle using path select n from s;",
        expect: &["views: v v false", "views: w v false"],
        fails: &[],
    },
];
