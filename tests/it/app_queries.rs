//! Queries of application code against a schema: which fail, and with which message. The errors of PostgreSQL are those of a server.

use crate::docs::run::{Example, Outcome};
#[cfg(unix)]
use crate::support::server::Server;
use supalint::rules::ALL;

const SCHEMA: &str = "
create type public.state as enum ('draft', 'published');
create table public.users (id uuid primary key references auth.users, name text, settings jsonb);
create table public.posts (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null references public.users,
  parent_id uuid references public.posts,
  slug text not null unique,
  state public.state not null default 'draft',
  states public.state[],
  title text not null,
  words integer generated always as (length(title)) stored,
  filled text not null,
  deleted_at timestamptz
);
create table public.tags (id bigint generated always as identity primary key, label text not null);
create table public.post_tags (post_id uuid references public.posts, tag_id bigint references public.tags, primary key (post_id, tag_id));
create table public.reviews (
  id bigserial primary key,
  post_id uuid not null references public.posts,
  reviewer_id uuid references public.users,
  second_reviewer_id uuid references public.users,
  login_id uuid references auth.users
);
create table public.details (post_id uuid primary key references public.posts, note text);
create unique index reviews_active_idx on public.reviews (post_id, reviewer_id) where login_id is null;
create view public.published_posts as select p.id, p.author_id, p.title as headline from public.posts p where p.state = 'published';
create view public.post_counts as select author_id, count(*) as posts from public.posts group by author_id
  union all select id, 0 from public.users;
create function public.fill() returns trigger language plpgsql as $$ begin new.filled := 'x'; return new; end $$;
create trigger fill before insert on public.posts for each row execute function public.fill();
create function public.shout(post public.posts) returns text language sql stable as 'select upper(post.title)';
create function public.editors(post public.posts) returns setof public.users language sql stable as 'select * from public.users';
create function public.search(query text, max_rows integer default 10) returns setof public.posts language sql stable as
  'select * from public.posts where title = query limit max_rows';
create function public.stats(day date) returns table (views bigint, visitors bigint) language sql stable as 'select 1::bigint, 2::bigint where day is not null';
create function public.import(jsonb) returns void language sql as 'select';
create function public.set_state(post uuid, new_state public.state) returns void language sql as 'select';
create table public.old_name (id bigint primary key);
alter table public.old_name rename to new_name;
do $$ begin if exists (select from pg_tables where tablename = 'elsewhere') then alter table elsewhere enable row level security; end if; end $$;
";

const CLIENT: &str = "import { createClient } from '@supabase/supabase-js'
const supabase = createClient(process.env.URL!, process.env.SUPABASE_SERVICE_ROLE_KEY!)
";

/// Returns the rules and messages of one query, without what the messages say of the consequence.
fn found(query: &str) -> Vec<String> {
    let outcome = Outcome::of(&Example::new(&format!("{SCHEMA}// src/app.ts\n{CLIENT}export const run = (x: any) => {query}\n")));
    let group = ["unknown", "conflict", "missing-value", "unserved"];
    let rules =
        ALL.iter().filter(|rule| rule.id.strip_prefix("query/").is_some_and(|name| group.iter().any(|word| name.starts_with(word))));
    let mut all: Vec<String> = rules
        .flat_map(|rule| outcome.of_rule(rule))
        .map(|finding| format!("{}: {}", &finding.rule[6..], finding.message.split(": ").next().unwrap_or_default()))
        .collect();
    all.sort();
    all
}

#[test]
fn queries_that_run_are_not_reported() {
    for query in [
        // relationships in both directions, by column, by constraint, through a junction, computed, and of views
        "supabase.from('posts').select('id, users(name)')",
        "supabase.from('posts').select('id, author:author_id(name)')",
        "supabase.from('posts').select('id, author:posts_author_id_fkey(name)')",
        "supabase.from('users').select('name, posts(title, reviews(id))')",
        "supabase.from('posts').select('title, tags(label), post_tags(tag_id)')",
        "supabase.from('posts').select('title, parent:parent_id(title), children:posts!parent_id(title)')",
        "supabase.from('posts').select('title, editors(name), shout')",
        "supabase.from('posts').select('title, details(note)').order('details(note)')",
        "supabase.from('published_posts').select('headline, users(name), reviews(id)')",
        "supabase.from('post_counts').select('posts, users(name)')",
        "supabase.from('reviews').select('id, users!reviews_reviewer_id_fkey(name), second:users!second_reviewer_id(name)')",
        "supabase.from('posts').select('...users(author:name), title')",
        // columns
        "supabase.from('posts').select('id, reviews(count)')",
        "supabase.from('users').select('settings->theme->>color').eq('settings->>size', 'x')",
        "supabase.from('posts').select('id, users!inner(name)').eq('users.name', x).not('users', 'is', null)",
        "supabase.from('posts').select('id, u:users(name)').eq('u.name', x).or('name.eq.a,name.eq.b', { referencedTable: 'u' })",
        "supabase.from('users').select('name, posts(title, reviews(id))').order('id', { referencedTable: 'posts.reviews' })",
        "supabase.from('posts').select('id, heading:title').order('title')",
        "supabase.from(x).select('anything')",
        "supabase.from('posts').select(x)",
        // tables
        "supabase.from('new_name').select('id')",
        "supabase.from('elsewhere').select('id')",
        "supabase.storage.from('bucket').list()",
        // writes
        "supabase.from('posts').insert({ author_id: x, slug: x, title: x })",
        "supabase.from('posts').insert({ ...x, title: x })",
        "supabase.from('posts').upsert({ author_id: x, slug: x, title: x }, { onConflict: 'slug' })",
        "supabase.from('tags').insert([{ label: 'a' }, { label: x }])",
        "supabase.from('post_tags').upsert({ tag_id: x, post_id: x }, { onConflict: 'tag_id,post_id' })",
        "supabase.from('posts').update({ deleted_at: null, state: 'published', states: ['draft'] }).in('state', ['draft'])",
        // functions
        "supabase.rpc('search', { query: x }).select('title, users(name)').eq('slug', x)",
        "supabase.rpc('search', { query: x, max_rows: 5 })",
        "supabase.rpc('stats', { day: x }).select('views').order('visitors')",
        "supabase.rpc('import', { anything: x })",
        "supabase.rpc('search', x)",
        "supabase.rpc('set_state', { post: x, new_state: 'draft' })",
    ] {
        assert_eq!(found(query), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn queries_that_fail_are_reported() {
    for (query, expected) in [
        ("supabase.from('poosts').select('id')", "unknown-table: table `public.poosts` does not exist"),
        ("supabase.from('old_name').select('id')", "unknown-table: table `public.old_name` does not exist"),
        ("supabase.schema('private').from('posts').select('id')", "unserved-schema: schema `private` is not served by the API"),
        ("supabase.from('posts').select('id, headline')", "unknown-column: column `headline` does not exist in `public.posts`"),
        ("supabase.from('published_posts').select('title')", "unknown-column: column `title` does not exist in `public.published_posts`"),
        ("supabase.from('posts').select('id, users(email)')", "unknown-column: column `email` does not exist in `public.users`"),
        ("supabase.from('posts').select().or('slug.eq.a,sluk.eq.b')", "unknown-column: column `sluk` does not exist in `public.posts`"),
        (
            "supabase.from('posts').select('id, heading:title').order('heading')",
            "unknown-column: column `heading` does not exist in `public.posts`",
        ),
        ("supabase.from('posts').update({ shout: x }).eq('id', x)", "unknown-column: column `shout` does not exist in `public.posts`"),
        (
            "supabase.rpc('stats', { day: x }).select('clicks')",
            "unknown-column: column `clicks` does not exist in the result of `public.stats(date)`",
        ),
        ("supabase.from('posts').select('id, comments(body)')", "unknown-relationship: `public.posts` has no relationship to `comments`"),
        ("supabase.from('tags').select('id, users(name)')", "unknown-relationship: `public.tags` has no relationship to `users`"),
        ("supabase.from('reviews').select('id, users(name)')", "unknown-relationship: `public.reviews` has 2 relationships to `users`"),
        (
            "supabase.from('reviews').select('id, users!reviews_login_id_fkey(name)')",
            "unknown-relationship: `reviews_login_id_fkey` is no relationship from `public.reviews` to `users`",
        ),
        (
            "supabase.from('posts').select('id').eq('users.name', x)",
            "unknown-relationship: `users` is not embedded in the `select` list of `public.posts`",
        ),
        (
            "supabase.from('reviews').upsert({ post_id: x, reviewer_id: x }, { onConflict: 'post_id,reviewer_id' })",
            "conflict-target: no unique key of `public.reviews` has exactly the columns `post_id` and `reviewer_id`",
        ),
        (
            "supabase.from('posts').insert({ title: x })",
            "missing-value: columns `author_id` and `slug` of `public.posts` are NOT NULL without a default, but the insert leaves them out",
        ),
        (
            "supabase.from('posts').update({ title: null }).eq('id', x)",
            "missing-value: column `title` of `public.posts` is NOT NULL, but the query sets it to null",
        ),
        (
            "supabase.from('posts').select('id').eq('state', 'Draft')",
            "unknown-enum-value: value `Draft` does not exist in enum `public.state` of column `state` of `public.posts`",
        ),
        (
            "supabase.from('posts').update({ states: ['draft', 'gone'] }).eq('id', x)",
            "unknown-enum-value: value `gone` does not exist in enum `public.state` of column `states` of `public.posts`",
        ),
        (
            "supabase.rpc('set_state', { post: x, new_state: 'gone' })",
            "unknown-enum-value: value `gone` does not exist in enum `public.state` of argument `new_state` of `public.set_state`",
        ),
        ("supabase.rpc('serch', { query: x })", "unknown-function: function `public.serch` does not exist"),
        ("supabase.rpc('search', { text: x })", "unknown-function: function `public.search(text, integer)` has no argument `text`"),
        ("supabase.rpc('search')", "unknown-function: function `public.search(text, integer)` requires `query`, which the call leaves out"),
        ("supabase.rpc('fill')", "unknown-function: function `public.fill()` cannot be called through the API"),
    ] {
        assert_eq!(found(query), [expected], "{query}");
    }
}

/// The SQL that PostgREST sends for a query, with the SQLSTATE with which PostgreSQL rejects it. An empty SQLSTATE means that it runs.
/// Source: PostgREST's modules `SqlFragment` and `QueryBuilder`.
#[cfg(unix)]
const SENT: [(&str, &str); 17] = [
    (r#"select "public"."posts"."headline" from "public"."posts""#, "42703"),
    (r#"select "public"."posts"."shout" from "public"."posts""#, ""),
    (r#"select "public"."posts"."count" from "public"."posts""#, ""),
    (r#"select "public"."posts"."title" as "heading" from "public"."posts" order by "public"."posts"."heading""#, "42703"),
    (r#"select "public"."published_posts"."title" from "public"."published_posts""#, "42703"),
    (r#"select * from "public"."posts" where "public"."posts"."sluk" = 'a'"#, "42703"),
    (r#"select to_jsonb("public"."posts"."title")->'a' from "public"."posts""#, ""),
    (r#"select * from "public"."posts" where "public"."posts"."state" = 'Draft'"#, "22P02"),
    (r#"update "public"."posts" set "states" = '{draft,gone}'"#, "22P02"),
    (
        r#"insert into "public"."reviews" ("post_id", "reviewer_id") select null, null where false on conflict ("post_id", "reviewer_id") do nothing"#,
        "42P10",
    ),
    (
        r#"insert into "public"."post_tags" ("tag_id", "post_id") select null, null where false on conflict ("tag_id", "post_id") do nothing"#,
        "",
    ),
    (r#"insert into "public"."posts" ("title") values ('a')"#, "23502"),
    (r#"insert into "public"."posts" ("author_id", "slug", "title") values ('00000000-0000-0000-0000-000000000001', 'a', 'a')"#, ""),
    (
        r#"insert into "public"."posts" ("author_id", "slug", "title") values (null, 'a', 'a') on conflict ("slug") do update set "title" = 'b'"#,
        "23502",
    ),
    (r#"update "public"."posts" set "title" = null"#, "23502"),
    (r#"insert into "public"."tags" ("label") values ('a')"#, ""),
    (r#"select * from "public"."stats"("day" := '2025-01-01') as s where "s"."clicks" = 1"#, "42703"),
];

#[cfg(unix)]
#[test]
fn postgresql_rejects_what_is_reported() {
    let Some(server) = Server::shared() else { return };
    let mut database = server.database();
    database.run(SCHEMA).expect("the schema is valid");
    let rows = "insert into auth.users (id) values ('00000000-0000-0000-0000-000000000001');
        insert into public.users (id) values ('00000000-0000-0000-0000-000000000001');
        insert into public.posts (author_id, slug, title) values ('00000000-0000-0000-0000-000000000001', 'first', 'first')";
    database.run(rows).expect("the rows are valid");
    for (sql, expected) in SENT {
        let sqlstate = database.undone(|database| database.run(sql).err().map(|refusal| refusal.sqlstate).unwrap_or_default());
        assert_eq!(sqlstate, expected, "{sql}");
    }
}

/// Code whose queries need an index, with the statements that PostgREST sends for them.
const UNINDEXED: &str = "-- 20250101000000_a.sql
create table public.sites (id bigint primary key, owner_id bigint not null references public.owners, hostname text not null, created_at timestamptz not null);
create index sites_owner_id_idx on public.sites (owner_id);
";
const LOOKUPS: [(&str, &str); 2] = [
    ("supabase.from('sites').select('id').eq('hostname', x).limit(1)", "select id from public.sites where hostname = 'host 7' limit 1"),
    (
        "supabase.from('sites').select('id').eq('owner_id', x).order('created_at', { ascending: false }).limit(20)",
        "select id from public.sites where owner_id = 7 order by created_at desc limit 20",
    ),
];

/// On 100,000 rows, PostgreSQL uses each index that is proposed for a query.
#[cfg(unix)]
#[test]
fn proposed_indexes_are_used() {
    let Some(server) = Server::shared() else { return };
    let owners = "create table public.owners (id bigint primary key);\n";
    let rows = "insert into public.owners select generate_series(1, 100);
        insert into public.sites select n, 1 + n % 100, 'host ' || n, '2025-01-01'::timestamptz + n * interval '1 second' from generate_series(1, 100000) as n;";
    for (query, sent) in LOOKUPS {
        let schema = UNINDEXED.replacen('\n', &format!("\n{owners}"), 1);
        let code = format!("// src/app.ts\n{CLIENT}export const run = (x: any) => {query}\n");
        let outcome = Outcome::of(&Example::new(&format!("{schema}{code}")));
        let rules = ALL.iter().filter(|rule| ["query/unindexed-filter", "index/foreign-key-sort"].contains(&rule.id));
        let fixes: Vec<String> = rules.filter_map(|rule| outcome.fix(rule)).map(|cure| cure.text).collect();
        let [fix] = fixes.as_slice() else { panic!("one index for {query}, not {fixes:?}") };
        let mut database = server.database();
        for statement in [&schema, rows, fix, "analyze public.sites"] {
            database.run(statement).unwrap_or_else(|refusal| panic!("{statement}: {}", refusal.sqlstate));
        }
        let name = fix.split("not exists ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a statement that creates an index");
        let plan: Vec<String> = database.rows(&format!("explain {sent}")).into_iter().flatten().flatten().collect();
        assert!(plan.iter().any(|line| line.contains(name)), "{name} is not used:\n{}", plan.join("\n"));
    }
}
