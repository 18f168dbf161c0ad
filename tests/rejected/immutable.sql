create table t (id int, at timestamptz, d date, ts timestamp, txt text, js jsonb, tz timetz, i interval);
create index on t (date_trunc('day', at)); -- 42P17
create index on t (date_trunc('day', ts));
create index on t (to_char(at, 'YYYY')); -- 42P17
create index on t (at) where at > now(); -- 42P17
create index on t (at) where at > current_date; -- 42P17
create index on t ((at::date)); -- 42P17
create index on t ((at::text)); -- 42P17
create index on t ((d::text)); -- 42P17
create index on t ((txt::timestamptz)); -- 42P17
create index on t ((txt::date)); -- 42P17
create index on t (((js->>'x')::timestamptz)); -- 42P17
create index on t (((js->>'x')::date)); -- 42P17
create index on t (((js->>'x')::uuid));
create index on t (((js->>'x')::int));
create index on t (extract(year from at)); -- 42P17
create index on t (extract(year from d));
create index on t (extract(epoch from at)); -- 42P17
create index on t ((at at time zone 'UTC'));
create index on t (((at at time zone 'UTC')::date));
create index on t (to_tsvector(txt)); -- 42P17
create index on t using gin (to_tsvector('english', txt));
create index on t using gin (to_tsvector('english', txt || ' ' || coalesce(txt, '')));
create index on t using gin (to_tsvector('english', concat(txt, txt))); -- 42P17
create function st(x int) returns int language sql stable as 'select x';
create function im(x int) returns int language sql immutable as 'select x';
create index on t (st(id));
create index on t (im(id));
create index on t (age(at)); -- 42P17
create index on t ((ts + interval '1 day'));
create index on t ((d + 1));
create index on t (lower(txt));
create table g (id int, at timestamptz, n text, x date generated always as (at::date) stored); -- 42P17
create table g2 (id int, at timestamptz, n text, x text generated always as (n || id) stored);
create table g4 (id int, at timestamptz, n text, x text generated always as (concat(n, id)) stored); -- 42P17
create table g5 (id int, at timestamptz, n text, x text generated always as (id::text) stored);
create table g6 (id int, at timestamptz, x boolean generated always as (at < now()) stored); -- 42P17
create table g7 (id int, at timestamptz, x int generated always as ((select 1)) stored); -- 0A000
create table g8 (id int, y int generated always as (id + 1) stored, x int generated always as (y + 1) stored); -- 42P17
create table g9 (id int, y int generated always as (id + 1) stored default 3); -- 42601
create index on t (array_to_string(array[txt], ',')); -- 42P17
create index on t ((current_user || txt)); -- 42P17
create index on t ((to_timestamp(txt, 'YYYY'))); -- 42P17
create index on t (to_timestamp(id));
create index on t ((js::text));
create index on t ((id::text));
create index on t (md5(txt));
create index on t (gen_random_uuid()); -- 42P17
create index on t (count(*)); -- 42803
create index on t ((sum(id))); -- 42803
create index on t (id) where id in (select 1); -- 0A000
create index on t (id) where at > now() - interval '30 days'; -- 42P17
create index on t ((case when id = 1 then 0 end));
create index on t ((case when id = 1 then 0 else id end));
create index on t ((array[id]));
create index on t (((id + 1)::bigint));
create index on t (((id + 1)::numeric(5, 2)));
create index on t ((trim(txt)));
create index on t ((substring(txt from 1)));
create index on t ((extract(year from d)));
create index on t ((position('a' in txt)));
create index on t ((txt collate "C"));
create index on t ((greatest(id, 1)));
create index on t ((nullif(id, 1)));
create index on t ((id is null));
