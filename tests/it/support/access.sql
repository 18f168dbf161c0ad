-- Who may do what with which row, asked of the server by trying. Everything stands in the schema `probe`, which goes before the
-- catalogs are compared.
create schema probe;

-- The rows of each table, by number, and rows that it does not hold and somebody may try to insert.
create table probe.held (relation regclass, part oid, at tid, number int, row jsonb);
create table probe.absent (relation regclass, number int, row jsonb);
create table probe.seen (who text, relation text, act text, result text);

-- The API's roles with what PostgREST tells of a request: claims, and a setting of the project's own.
create table probe.caller (who text, role text, claims text, team text);
insert into probe.caller values
  ('anon', 'anon', '{"role": "anon"}', ''),
  ('anon without claims', 'anon', '', ''),
  ('authenticated without sub', 'authenticated', '{"role": "authenticated"}', ''),
  ('service_role', 'service_role', '{"role": "service_role"}', '');
insert into probe.caller
select 'user ' || n, 'authenticated', jsonb_build_object(
    'sub', id, 'role', 'authenticated', 'email', format('u%s@example.org', n), 'is_admin', n = 1, 'user_role', (array['admin', 'member', 'owner', null])[n],
    'team_id', case when n < 3 then id end,
    'app_metadata', case when n < 4 then jsonb_build_object('team_id', id, 'org_id', id, 'role', (array['admin', 'member', 'owner'])[n], 'teams', jsonb_build_array(id)) end,
    'user_metadata', '{}'::jsonb)::text, id
from (select n, '00000000-0000-4000-8000-00000000000' || n as id from generate_series(1, 4) as n) as pool;

-- The same number for the same words, on every server.
create function probe.number(words text, below int) returns int language sql immutable as $$
  select ('x' || substr(md5(words), 1, 7))::bit(28)::int % below
$$;

-- A value of a type, from a pool so small that rows of different tables meet.
create function probe.value(type oid, literals text[], words text) returns text language plpgsql as $$
declare
  kind pg_type%rowtype;
  n int := probe.number(words, 1000000);
  words_of_its_own text[] := case when cardinality(literals) > 0 then literals else array['owner', 'admin', 'member', 'active', 'a', 'b',
    'u1@example.org', 'u2@example.org', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] end;
begin
  select * into kind from pg_type where oid = type;
  if kind.typbasetype <> 0 then
    return probe.value(kind.typbasetype, literals, words);
  elsif kind.typcategory = 'A' then
    return (select format('{%s}', string_agg(format('"%s"', replace(probe.value(kind.typelem, literals, words || i), '"', '\"')), ','))
      from generate_series(1, n % 3) as i);
  elsif kind.typtype = 'e' then
    return (select (array_agg(enumlabel order by enumsortorder))[1 + n % count(*)::int] from pg_enum where enumtypid = type);
  end if;
  return case kind.typname
    when 'uuid' then '00000000-0000-4000-8000-00000000000' || 1 + n % 5
    when 'bool' then (n % 5 < 3)::text
    when 'int2' then (1 + n % 9)::text
    when 'int4' then (1 + n % 9)::text
    when 'int8' then (1 + n % 30)::text
    when 'numeric' then (1 + n % 5)::text
    when 'float4' then (1 + n % 5)::text
    when 'float8' then (1 + n % 5)::text
    -- past or future on whatever day
    when 'timestamptz' then (array['2001-02-03', '2002-03-04', '2999-04-05'])[1 + n % 3]
    when 'timestamp' then (array['2001-02-03', '2002-03-04', '2999-04-05'])[1 + n % 3]
    when 'date' then (array['2001-02-03', '2002-03-04', '2999-04-05'])[1 + n % 3]
    when 'time' then '10:00'
    when 'interval' then '1 hour'
    when 'inet' then '10.0.0.1'
    when 'bytea' then '\x00'
    when 'json' then '{}'
    when 'jsonb' then (array['{}', '{"status": "active"}', format('{"role": "admin", "user_id": "00000000-0000-4000-8000-00000000000%s"}', 1 + n % 5)])[1 + n % 3]
    else words_of_its_own[1 + n % cardinality(words_of_its_own)]
  end;
end $$;

create view probe.relation as
select c.oid::regclass as relation, c.relkind as kind
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v') and not c.relispartition
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'probe', 'auth', 'extensions', 'graphql', 'graphql_public', 'pgbouncer', 'realtime',
    'storage', 'supabase_functions', 'supabase_migrations', 'vault')
  and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');

-- Columns that a statement may set.
create view probe.part as
select relation, attname as name, attnum as number, atttypid as type, attnotnull as not_null
from probe.relation
join pg_attribute on attrelid = relation and attnum > 0 and not attisdropped and attgenerated = '' and attidentity <> 'a'
where kind <> 'v';

-- Fills every table; of three rows one is taken out again, to be inserted by whoever may.
create procedure probe.fill(seed text, wanted int) language plpgsql as $$
declare
  table_ regclass;
  columns text;
  "values" text;
  made int;
begin
  set local session_replication_role = replica;
  -- names in full
  set local search_path = '';
  insert into auth.users (id, email) select ('00000000-0000-4000-8000-00000000000' || n)::uuid, format('u%s@example.org', n) from generate_series(1, 5) as n
    on conflict do nothing;
  for table_ in select relation from probe.relation where kind <> 'v' order by relation::text loop
    made := 0;
    for try in 1 .. wanted * 4 loop
      select string_agg(format('%I', name), ', ' order by number), string_agg(format('%L', value), ', ' order by number) into columns, "values"
      from (
        select name, number, case when not not_null and probe.number(words, 7) = 0 then null 
            -- more rows than ids that are referred to
            when type = 'uuid'::regtype and is_key then '00000000-0000-4000-8000-00000000000' || 1 + probe.number(words, 9)
            else probe.value(type, literals, words || '=') end as value
        from (
          select part.*, concat_ws('/', seed, table_, try, name) as words, array(
            select literal[1]
            from pg_constraint, regexp_matches(pg_get_constraintdef(oid), $re$'([^']*)'::$re$, 'g') as literal
            where conrelid = table_ and contype = 'c' and number = any (conkey)) as literals,
            exists (select from pg_constraint where conrelid = table_ and contype = 'p' and conkey = array[number]) as is_key
          from probe.part
          where relation = table_) as part) as part;
      begin
        execute case when columns is null then format('insert into %s default values', table_)
          else format('insert into %s (%s) values (%s)', table_, columns, "values") end;
        made := made + 1;
      exception when others then
        -- a value that a constraint does not let in
        null;
      end;
      exit when made >= wanted;
    end loop;
    execute format('insert into probe.held select %L::regclass, tableoid, ctid, row_number() over (order by tableoid, ctid), to_jsonb(t) from %s as t', table_, table_);
    insert into probe.absent select relation, number, row from probe.held where relation = table_ and number % 3 = 0;
    execute format('delete from %s where (tableoid, ctid) in (select part, at from probe.held where relation = %L::regclass and number %% 3 = 0)', table_, table_);
    delete from probe.held where relation = table_ and number % 3 = 0;
  end loop;
  set local session_replication_role = origin;
end $$;

-- What comes of an act: what it returns or how many rows it touches, and which rows are no longer as they were; else why not.
create function probe.attempt(caller probe.caller, act text, changed text) returns text language plpgsql as $$
declare
  result text;
  rows int;
begin
  begin
    -- so that a row that others refer to shows whether it may go
    perform set_config('session_replication_role', case when act like 'delete%' then 'replica' else 'origin' end, true);
    perform set_config('request.jwt.claims', caller.claims, true), set_config('app.team_id', caller.team, true),
      set_config('search_path', 'public, extensions', true), set_config('role', caller.role, true);
    if act like 'select%' then
      execute act into result;
    else
      execute act;
      get diagnostics rows = row_count;
      result := rows || ' rows';
    end if;
    perform set_config('role', 'none', true), set_config('search_path', '', true);
    if changed is not null then
      execute changed into act;
      result := concat_ws(': ', result, act);
    end if;
    raise exception using errcode = 'UND00';
  exception
    when sqlstate 'UND00' then return coalesce(result, '');
    when others then return format('%s (%s)', sqlerrm, sqlstate);
  end;
end $$;

-- Tries everything as everyone, and undoes it.
create procedure probe.look() language plpgsql as $$
declare
  every text;
begin
  set local search_path = '';
  truncate probe.seen;
  select string_agg(format('select relation, number from probe.held where relation = %L::regclass and not exists (select from %s as t where t.tableoid = part and t.ctid = at)', relation, relation), ' union all ')
    into every from probe.relation where kind <> 'v';
  every := format('select string_agg(relation || ''#'' || number, '' '' order by relation::text, number) from (%s) as changed', every);
  insert into probe.seen
  with act (relation, act, sql, changed) as (
    select relation::text, 'select', format('select string_agg(%s, '' '' order by tableoid, ctid) from %s', 'tableoid || ctid::text', relation), null
    from probe.relation where kind <> 'v'
    union all
    select relation::text, 'select', format('select md5(string_agg(t::text, ''|'' order by t::text)) || '' '' || count(*) from %s as t', relation), null
    from probe.relation where kind = 'v'
    union all
    select relation::text, 'delete', format('delete from %s', relation), every from probe.relation where kind <> 'v'
    union all
    -- to set a constant reads no row, and so asks no policy for reading
    select relation::text, 'update', format('update %s set %I = null', relation, name), every
    from (select distinct on (relation) * from probe.part where not not_null order by relation, number desc) as part
    union all
    select relation::text, 'update row ' || h.number, format('update %s set %I = %2$I where tableoid = %s and ctid = %L', relation, name, part, at), null
    from probe.held as h join (select distinct on (relation) relation, name from probe.part order by relation, number) as first using (relation)
    where h.number < 8
    union all
    -- to whom rows may be handed over
    select relation::text, format('update set %I to %s', name, n), format('update %s set %I = %L', relation, name,
        case when type = 'uuid'::regtype then '00000000-0000-4000-8000-00000000000' || n else (n = 2)::text end), every
    from probe.part, generate_series(2, 3) as n
    where type in ('uuid'::regtype, 'boolean'::regtype)
    union all
    select relation::text, format('update row %s set %I', h.number, name),
      format('update %s set %I = %L where tableoid = %s and ctid = %L', relation, name,
        case when type = 'uuid'::regtype then '00000000-0000-4000-8000-00000000000' || 1 + (h.number + p.number) % 5 else (h.number % 2 = 0)::text end, part, at), null
    from probe.held as h join probe.part as p using (relation)
    where p.type in ('uuid'::regtype, 'boolean'::regtype) and (h.number + p.number) % 3 = 0 and h.number < 8
    union all
    select relation::text, 'insert ' || number, format('insert into %s (%s) select %2$s from jsonb_populate_record(null::%1$s, %3$L)', relation, columns, row), null
    from probe.absent
    join (select relation, string_agg(format('%I', name), ', ' order by number) as columns from probe.part group by relation) as names using (relation)
    union all
    select f.oid::regprocedure::text, format('call %s', n),
      format('select string_agg(f::text, ''|'' order by f::text) from %s(%s) as f', f.oid::regproc,
        (select string_agg(format('%L::%s', probe.value(type, '{}', concat(f.proname, n, place)), format_type(type, null)), ', ' order by place)
         from unnest(f.proargtypes) with ordinality as argument (type, place))), every
    from pg_proc as f, generate_series(1, 2) as n
    where f.pronamespace in (select relnamespace from probe.relation join pg_class on oid = relation) and f.prokind = 'f'
      and f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype) and (f.pronargs > 0 or n = 1) and f.provariadic = 0
      and not exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
  )
  select who, relation, act, probe.attempt(caller, sql, changed) from act, probe.caller;
  -- rows by their numbers
  update probe.seen set result = coalesce((
    select string_agg('#' || number, ' ' order by number)
    from probe.held
    where relation = probe.seen.relation::regclass and ' ' || result || ' ' like '% ' || part || at::text || ' %'), '')
  where act = 'select' and result ~ '^\d+\(\d+,\d+\)';
end $$;
