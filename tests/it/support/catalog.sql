-- What a database holds: kind, name, the relation it is part of (a part of what the platform brings is not looked at; policies and
-- triggers are objects of their own), and what is compared, under the names of `supalint schema --format json`.
-- Left out: what PostgreSQL and extensions made, the schema public among it, and temporary relations.
with relation as (
  select c.*, format('%s.%s', n.nspname, c.relname) as name
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
),
api (role) as (values ('anon'), ('authenticated'), ('service_role'))

select 'table', name, null, jsonb_build_object(
  'rls_enabled', relrowsecurity,
  'rls_forced', relforcerowsecurity,
  'privileges', array(
    select format('%s %s', role, privilege)
    from api, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
    where has_table_privilege(role, relation.oid, privilege)
    order by 1))
from relation
where relkind in ('r', 'p', 'f')

union all
select 'column', format('%s.%s', name, attname), name, jsonb_build_object(
  'type', format_type(atttypid, atttypmod),
  'not_null', attnotnull,
  'default', atthasdef)
from relation
join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
where relkind in ('r', 'p', 'f')

union all
select 'view', name, null, jsonb_build_object(
  'kind', relkind,
  'security_invoker', coalesce((
    select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'security_invoker'), false),
  'columns', (
    select jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, atttypmod)) order by attnum)
    from pg_attribute where attrelid = relation.oid and attnum > 0 and not attisdropped),
  'privileges', array(
    select format('%s %s', role, privilege)
    from api, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
    where has_table_privilege(role, relation.oid, privilege)
    order by 1))
from relation
where relkind in ('v', 'm')

union all
select 'sequence', name, null, jsonb_build_object(
  'privileges', array(
    select format('%s %s', role, privilege)
    from api, unnest(array['SELECT', 'UPDATE', 'USAGE']) as privilege
    where has_sequence_privilege(role, relation.oid, privilege)
    order by 1))
from relation
where relkind = 'S'

union all
select 'policy', format('%s on %s', polname, name), null, jsonb_build_object(
  'permissive', case when polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
  'cmd', case polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end,
  'roles', array(select coalesce(rolname, 'public') from unnest(polroles) as role left join pg_roles on oid = role order by 1),
  'qual', polqual is not null,
  'with_check', polwithcheck is not null)
from relation
join pg_policy on polrelid = relation.oid

union all
select 'index', format('%s on %s', index.relname, relation.name), relation.name, jsonb_build_object(
  'columns', (
    select jsonb_agg(coalesce(attname, '<expr>') order by place)
    from unnest(indkey::int2[]) with ordinality as key (number, place)
    left join pg_attribute on attrelid = relation.oid and attnum = number and number > 0),
  'is_unique', indisunique,
  'is_primary', indisprimary,
  'method', amname,
  'predicate', indpred is not null)
from relation
join pg_index on indrelid = relation.oid
join pg_class as index on index.oid = indexrelid
join pg_am on pg_am.oid = index.relam

union all
select 'constraint', format('%s on %s', conname, relation.name), relation.name, jsonb_build_object(
  'type', contype,
  'columns', (
    -- a check names its columns in no order of its own
    select coalesce(jsonb_agg(attname order by case when contype = 'c' then attname end, place), '[]')
    from unnest(conkey) with ordinality as key (number, place)
    join pg_attribute on attrelid = conrelid and attnum = number),
  'ref_table', (
    select format('%s.%s', nspname, relname)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = confrelid and contype = 'f'),
  'ref_columns', (
    select jsonb_agg(attname order by place)
    from unnest(confkey) with ordinality as key (number, place)
    join pg_attribute on attrelid = confrelid and attnum = number),
  'on_delete', case when contype = 'f' then confdeltype end,
  'validated', convalidated)
from relation
join pg_constraint on conrelid = relation.oid
where contype in ('p', 'u', 'f', 'c', 'x')

union all
select 'function', format('%s.%s(%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)), null, jsonb_build_object(
  'result', pg_get_function_result(pg_proc.oid),
  'kind', prokind,
  'security_definer', prosecdef,
  'language', lanname,
  'volatility', provolatile,
  'search_path', (select setting from unnest(proconfig) as setting where setting like 'search\_path=%'),
  'privileges', array(select format('%s EXECUTE', role) from api where has_function_privilege(role, pg_proc.oid, 'EXECUTE') order by 1))
from pg_proc
join pg_namespace on pg_namespace.oid = pronamespace
join pg_language on pg_language.oid = prolang
where nspname !~ '^pg_' and nspname <> 'information_schema'
  and not exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = pg_proc.oid and d.deptype = 'e')

union all
select 'trigger', format('%s on %s', tgname, name), null, jsonb_build_object(
  'function', (
    select format('%s.%s', nspname, proname) from pg_proc join pg_namespace on pg_namespace.oid = pronamespace where pg_proc.oid = tgfoid),
  'enabled', tgenabled <> 'D')
from relation
join pg_trigger on tgrelid = relation.oid
where not tgisinternal

union all
select 'enum', format('%s.%s', nspname, typname), null, jsonb_build_object(
  'labels', array(select enumlabel from pg_enum where enumtypid = pg_type.oid order by enumsortorder))
from pg_type
join pg_namespace on pg_namespace.oid = typnamespace
where typtype = 'e'
  and not exists (select from pg_depend as d where d.classid = 'pg_type'::regclass and d.objid = pg_type.oid and d.deptype = 'e')

union all
select 'schema', nspname, null, jsonb_build_object(
  'privileges', array(
    select format('%s %s', role, privilege)
    from api, unnest(array['USAGE', 'CREATE']) as privilege
    where has_schema_privilege(role, pg_namespace.oid, privilege)
    order by 1))
from pg_namespace
where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')

union all
select 'extension', extname, null, jsonb_build_object('schema', nspname)
from pg_extension
join pg_namespace on pg_namespace.oid = extnamespace
where extname <> 'plpgsql'

union all
select 'published', format('%s.%s in %s', schemaname, tablename, pubname), null, '{}'
from pg_publication_tables

union all
select 'bucket', id, null, jsonb_build_object('name', name, 'public', public)
from storage.buckets
