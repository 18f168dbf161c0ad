-- What a database holds, in PostgreSQL's own words: the name of each object and its whole definition, so that two states of one
-- database can be told apart. Left out: what PostgreSQL and extensions made.
with own (oid, name) as (
  select oid, nspname from pg_namespace where nspname !~ '^pg_(toast|temp)' and nspname not in ('pg_catalog', 'information_schema')
),
of_extension as (
  select classid, objid from pg_depend where deptype = 'e'
),
relation as (
  select c.*, format('%I.%I', own.name, relname) as name
  from pg_class as c
  join own on own.oid = relnamespace
  where relkind in ('r', 'p', 'v', 'm', 'S', 'f') and (c.tableoid, c.oid) not in (select * from of_extension)
),
held (name, definition) as (
  select 'schema ' || name, concat_ws(' ', array(select item::text from unnest(coalesce(nspacl, acldefault('n', nspowner))) as item order by 1))
  from pg_namespace join own using (oid)
  union all
  select 'relation ' || name, concat_ws(' ', relkind, relowner::regrole, relrowsecurity, relforcerowsecurity, reloptions, relreplident,
    array(select item::text from unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner))) as item order by 1),
    case when relkind in ('v', 'm') then pg_get_viewdef(oid) end, obj_description(oid, 'pg_class'))
  from relation
  union all
  select format('column %s.%I', name, attname), concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attacl,
    pg_get_expr(adbin, adrelid))
  from relation
  join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
  left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all
  select format('policy %I on %s', polname, name), concat_ws(' ', polcmd, polpermissive, polroles::regrole[], 'using', pg_get_expr(polqual, polrelid),
    'check', pg_get_expr(polwithcheck, polrelid))
  from relation join pg_policy on polrelid = relation.oid
  union all
  select 'index ' || indexrelid::regclass, concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisreplident, obj_description(indexrelid, 'pg_class'))
  from relation join pg_index on indrelid = relation.oid
  union all
  select format('constraint %I on %s', conname, name), concat_ws(' ', pg_get_constraintdef(pg_constraint.oid), convalidated, condeferrable)
  from relation join pg_constraint on conrelid = relation.oid
  union all
  select format('trigger %I on %s', tgname, name), concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
  from relation join pg_trigger on tgrelid = relation.oid and not tgisinternal
  union all
  select 'function ' || pg_proc.oid::regprocedure, concat_ws(' ', proowner::regrole,
    array(select item::text from unnest(coalesce(proacl, acldefault('f', proowner))) as item order by 1),
    case when prokind in ('f', 'p') then pg_get_functiondef(pg_proc.oid) end)
  from pg_proc join own on own.oid = pronamespace
  where (pg_proc.tableoid, pg_proc.oid) not in (select * from of_extension)
  union all
  select 'type ' || pg_type.oid::regtype, concat_ws(' ', typtype, array(select enumlabel from pg_enum where enumtypid = pg_type.oid order by enumsortorder))
  from pg_type join own on own.oid = typnamespace
  where typtype in ('e', 'd') and (pg_type.tableoid, pg_type.oid) not in (select * from of_extension)
  union all
  select format('default privileges %s %s %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype),
    array(select item::text from unnest(defaclacl) as item order by 1)::text
  from pg_default_acl
  union all
  select format('published %I.%I in %I', schemaname, tablename, pubname), '' from pg_publication_tables
  union all
  select 'extension ' || extname, extnamespace::regnamespace::text from pg_extension
  union all
  select 'bucket ' || id, public::text from storage.buckets
)
select name, definition from held order by 1, 2
