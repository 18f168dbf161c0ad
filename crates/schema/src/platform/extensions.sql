-- What CREATE EXTENSION brings, as far as migrations use it: schemas, main tables, types, functions.
-- A block begins with the line `-- extension: name`, followed by `schema: s` where the extension's control file
-- fixes its schema; otherwise unqualified objects go to the schema that CREATE EXTENSION names, or to the first of
-- the search path. Argument names, types and volatility are those of the extension; bodies stand for compiled code
-- and must not be run: called on a server, they return garbage. An extension without a block brings nothing that
-- migrations name (operators, index support).

-- extension: uuid-ossp
create function uuid_nil() returns uuid language internal immutable strict as 'now';
create function uuid_ns_dns() returns uuid language internal immutable strict as 'now';
create function uuid_ns_url() returns uuid language internal immutable strict as 'now';
create function uuid_generate_v1() returns uuid language internal volatile strict as 'now';
create function uuid_generate_v1mc() returns uuid language internal volatile strict as 'now';
create function uuid_generate_v3(namespace uuid, name text) returns uuid language internal immutable strict as 'now';
create function uuid_generate_v4() returns uuid language internal volatile strict as 'now';
create function uuid_generate_v5(namespace uuid, name text) returns uuid language internal immutable strict as 'now';

-- extension: pgcrypto
create function digest(text, text) returns bytea language internal immutable strict as 'now';
create function digest(bytea, text) returns bytea language internal immutable strict as 'now';
create function hmac(text, text, text) returns bytea language internal immutable strict as 'now';
create function hmac(bytea, bytea, text) returns bytea language internal immutable strict as 'now';
create function crypt(text, text) returns text language internal immutable strict as 'now';
create function gen_salt(text) returns text language internal volatile strict as 'now';
create function gen_salt(text, integer) returns text language internal volatile strict as 'now';
create function gen_random_bytes(integer) returns bytea language internal volatile strict as 'now';
create function gen_random_uuid() returns uuid language internal volatile as 'now';
create function encrypt(bytea, bytea, text) returns bytea language internal immutable strict as 'now';
create function decrypt(bytea, bytea, text) returns bytea language internal immutable strict as 'now';
create function encrypt_iv(bytea, bytea, bytea, text) returns bytea language internal immutable strict as 'now';
create function decrypt_iv(bytea, bytea, bytea, text) returns bytea language internal immutable strict as 'now';
create function pgp_sym_encrypt(text, text) returns bytea language internal volatile strict as 'now';
create function pgp_sym_encrypt(text, text, text) returns bytea language internal volatile strict as 'now';
create function pgp_sym_decrypt(bytea, text) returns text language internal immutable strict as 'now';
create function pgp_sym_decrypt(bytea, text, text) returns text language internal immutable strict as 'now';
create function pgp_sym_encrypt_bytea(bytea, text) returns bytea language internal volatile strict as 'now';
create function pgp_sym_decrypt_bytea(bytea, text) returns bytea language internal immutable strict as 'now';
create function pgp_pub_encrypt(text, bytea) returns bytea language internal volatile strict as 'now';
create function pgp_pub_decrypt(bytea, bytea) returns text language internal immutable strict as 'now';
create function armor(bytea) returns text language internal immutable strict as 'now';
create function dearmor(text) returns bytea language internal immutable strict as 'now';

-- extension: pg_stat_statements
create view pg_stat_statements as
  select null::oid as userid, null::oid as dbid, null::boolean as toplevel, null::bigint as queryid, null::text as query, null::bigint as
    plans, null::double precision as total_plan_time, null::double precision as min_plan_time, null::double precision as max_plan_time,
    null::double precision as mean_plan_time, null::double precision as stddev_plan_time, null::bigint as calls, null::double precision as
    total_exec_time, null::double precision as min_exec_time, null::double precision as max_exec_time, null::double precision as
    mean_exec_time, null::double precision as stddev_exec_time, null::bigint as rows, null::bigint as shared_blks_hit, null::bigint as
    shared_blks_read, null::bigint as shared_blks_dirtied, null::bigint as shared_blks_written, null::bigint as local_blks_hit, null::bigint
    as local_blks_read, null::bigint as local_blks_dirtied, null::bigint as local_blks_written, null::bigint as temp_blks_read, null::bigint
    as temp_blks_written, null::double precision as blk_read_time, null::double precision as blk_write_time, null::double precision as
    temp_blk_read_time, null::double precision as temp_blk_write_time, null::bigint as wal_records, null::bigint as wal_fpi, null::numeric
    as wal_bytes, null::bigint as jit_functions, null::double precision as jit_generation_time, null::bigint as jit_inlining_count,
    null::double precision as jit_inlining_time, null::bigint as jit_optimization_count, null::double precision as jit_optimization_time,
    null::bigint as jit_emission_count, null::double precision as jit_emission_time;
create function pg_stat_statements_reset(userid oid default 0, dbid oid default 0, queryid bigint default 0)
  returns void language internal volatile strict as 'now';

-- extension: pg_trgm
create function similarity(text, text) returns real language internal immutable strict as 'now';
create function word_similarity(text, text) returns real language internal immutable strict as 'now';
create function strict_word_similarity(text, text) returns real language internal immutable strict as 'now';
create function similarity_op(text, text) returns boolean language internal stable strict as 'now';
create function similarity_dist(text, text) returns real language internal immutable strict as 'now';
create function show_trgm(text) returns text[] language internal immutable strict as 'now';
create function show_limit() returns real language internal stable strict as 'now';
create function set_limit(real) returns real language internal volatile strict as 'now';

-- Stable, not immutable: its dictionary can change. An index on unaccent(…) is refused with 42P17.
-- extension: unaccent
create function unaccent(text) returns text language internal stable strict as 'now';
create function unaccent(regdictionary, text) returns text language internal stable strict as 'now';

-- extension: fuzzystrmatch
create function levenshtein(text, text) returns integer language internal immutable strict as 'now';
create function levenshtein(text, text, integer, integer, integer) returns integer language internal immutable strict as 'now';
create function levenshtein_less_equal(text, text, integer) returns integer language internal immutable strict as 'now';
create function metaphone(text, integer) returns text language internal immutable strict as 'now';
create function dmetaphone(text) returns text language internal immutable strict as 'now';
create function dmetaphone_alt(text) returns text language internal immutable strict as 'now';
create function soundex(text) returns text language internal immutable strict as 'now';
create function difference(text, text) returns integer language internal immutable strict as 'now';

-- extension: citext
create type citext;

-- extension: hstore
create type hstore;
create function hstore(text, text) returns hstore language internal immutable as 'now';
create function hstore(text[]) returns hstore language internal immutable strict as 'now';
create function hstore(text[], text[]) returns hstore language internal immutable as 'now';
create function hstore(record) returns hstore language internal immutable as 'now';
create function akeys(hstore) returns text[] language internal immutable strict as 'now';
create function avals(hstore) returns text[] language internal immutable strict as 'now';
create function hstore_to_json(hstore) returns json language internal immutable strict as 'now';
create function hstore_to_jsonb(hstore) returns jsonb language internal immutable strict as 'now';

-- extension: ltree
create type ltree;
create type lquery;
create type ltxtquery;
create function nlevel(ltree) returns integer language internal immutable strict as 'now';
create function subltree(ltree, integer, integer) returns ltree language internal immutable strict as 'now';
create function subpath(ltree, integer, integer) returns ltree language internal immutable strict as 'now';
create function subpath(ltree, integer) returns ltree language internal immutable strict as 'now';
create function text2ltree(text) returns ltree language internal immutable strict as 'now';
create function ltree2text(ltree) returns text language internal immutable strict as 'now';

-- extension: cube
create type cube;
create function cube(double precision) returns cube language internal immutable strict as 'now';
create function cube(double precision[]) returns cube language internal immutable strict as 'now';

-- Brings cube with CASCADE.
-- extension: earthdistance
create type cube;
create domain earth as text;
create function earth() returns double precision language internal immutable as 'now';
create function ll_to_earth(double precision, double precision) returns earth language internal immutable strict as 'now';
create function earth_distance(earth, earth) returns double precision language internal immutable strict as 'now';
create function latitude(earth) returns double precision language internal immutable strict as 'now';
create function longitude(earth) returns double precision language internal immutable strict as 'now';

-- extension: intarray
create type query_int;
create function icount(integer[]) returns integer language internal immutable strict as 'now';
create function sort(integer[]) returns integer[] language internal immutable strict as 'now';
create function uniq(integer[]) returns integer[] language internal immutable strict as 'now';

-- extension: tablefunc
create function crosstab(text) returns setof record language internal stable strict as 'now';
create function crosstab(text, text) returns setof record language internal stable strict as 'now';
create function normal_rand(integer, double precision, double precision) returns setof double precision
  language internal volatile strict as 'now';

-- extension: moddatetime
create function moddatetime() returns trigger language internal volatile as 'now';

-- extension: insert_username
create function insert_username() returns trigger language internal volatile as 'now';

-- extension: autoinc
create function autoinc() returns trigger language internal volatile as 'now';

-- extension: tcn
create function triggered_change_notification() returns trigger language internal volatile as 'now';

-- extension: dblink
create function dblink(text) returns setof record language internal volatile strict as 'now';
create function dblink(text, text) returns setof record language internal volatile strict as 'now';
create function dblink_connect(text) returns text language internal volatile strict as 'now';
create function dblink_connect(text, text) returns text language internal volatile strict as 'now';
create function dblink_disconnect(text) returns text language internal volatile strict as 'now';
create function dblink_exec(text) returns text language internal volatile strict as 'now';
create function dblink_exec(text, text) returns text language internal volatile strict as 'now';

-- extension: postgres_fdw
create function postgres_fdw_handler() returns fdw_handler language internal volatile strict as 'now';
create function postgres_fdw_validator(text[], oid) returns void language internal volatile strict as 'now';
create foreign data wrapper postgres_fdw handler postgres_fdw_handler validator postgres_fdw_validator;

-- extension: hypopg
create function hypopg_create_index(sql_order text, out indexrelid oid, out indexname text) returns setof record
  language internal volatile strict as 'now';
create function hypopg_reset() returns void language internal volatile as 'now';

-- spatial_ref_sys belongs to supabase_admin: a migration can't enable row level security on it.
-- extension: postgis
create type geometry;
create type geography;
create type box2d;
create type box3d;
create table spatial_ref_sys (
  srid integer not null primary key,
  auth_name varchar(256),
  auth_srid integer,
  srtext varchar(2048),
  proj4text varchar(2048)
);
create view geography_columns as
  select null::name as f_table_catalog, null::name as f_table_schema, null::name as f_table_name, null::name as f_geography_column,
    null::integer as coord_dimension, null::integer as srid, null::text as type;
create view geometry_columns as
  select null::varchar(256) as f_table_catalog, null::name as f_table_schema, null::name as f_table_name,
    null::name as f_geometry_column, null::integer as coord_dimension, null::integer as srid, null::varchar(30) as type;
create function st_point(double precision, double precision) returns geometry language internal immutable strict as 'now';
create function st_point(double precision, double precision, srid integer) returns geometry language internal immutable strict as 'now';
create function st_makepoint(double precision, double precision) returns geometry language internal immutable strict as 'now';
create function st_setsrid(geom geometry, srid integer) returns geometry language internal immutable strict as 'now';
create function st_srid(geom geometry) returns integer language internal immutable strict as 'now';
create function st_x(geometry) returns double precision language internal immutable strict as 'now';
create function st_y(geometry) returns double precision language internal immutable strict as 'now';
create function st_geomfromtext(text) returns geometry language internal immutable strict as 'now';
create function st_geomfromtext(text, integer) returns geometry language internal immutable strict as 'now';
create function st_geogfromtext(text) returns geography language internal immutable strict as 'now';
create function st_geomfromgeojson(text) returns geometry language internal immutable strict as 'now';
create function st_asgeojson(geom geometry, maxdecimaldigits integer default 9, options integer default 8) returns text
  language internal immutable strict as 'now';
create function st_astext(geometry) returns text language internal immutable strict as 'now';
create function st_distance(geom1 geometry, geom2 geometry) returns double precision language internal immutable strict as 'now';
create function st_distance(geog1 geography, geog2 geography, use_spheroid boolean default true) returns double precision
  language internal immutable strict as 'now';
create function st_dwithin(geom1 geometry, geom2 geometry, double precision) returns boolean language internal immutable strict as 'now';
create function st_dwithin(geog1 geography, geog2 geography, tolerance double precision, use_spheroid boolean default true)
  returns boolean language internal immutable strict as 'now';
create function st_contains(geom1 geometry, geom2 geometry) returns boolean language internal immutable strict as 'now';
create function st_within(geom1 geometry, geom2 geometry) returns boolean language internal immutable strict as 'now';
create function st_intersects(geom1 geometry, geom2 geometry) returns boolean language internal immutable strict as 'now';
create function st_makeenvelope(double precision, double precision, double precision, double precision, integer default 0)
  returns geometry language internal immutable strict as 'now';
create function st_transform(geometry, integer) returns geometry language internal immutable strict as 'now';
create function st_centroid(geometry) returns geometry language internal immutable strict as 'now';
create function st_area(geometry) returns double precision language internal immutable strict as 'now';
create function postgis_version() returns text language internal immutable as 'now';

-- extension: vector
create type vector;
create type halfvec;
create type sparsevec;
create function cosine_distance(vector, vector) returns double precision language internal immutable strict as 'now';
create function l2_distance(vector, vector) returns double precision language internal immutable strict as 'now';
create function l1_distance(vector, vector) returns double precision language internal immutable strict as 'now';
create function inner_product(vector, vector) returns double precision language internal immutable strict as 'now';
create function vector_dims(vector) returns integer language internal immutable strict as 'now';
create function vector_norm(vector) returns double precision language internal immutable strict as 'now';
create function l2_normalize(vector) returns vector language internal immutable strict as 'now';

-- The privileges are those that Supabase gives when a project enables it: postgres reads cron.job and changes it
-- through the functions only.
-- extension: pg_cron schema: pg_catalog
create schema cron;
create table cron.job (
  jobid bigserial primary key,
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default inet_server_port(),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);
create table cron.job_run_details (
  jobid bigint,
  runid bigserial primary key,
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
alter table cron.job enable row level security;
alter table cron.job_run_details enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);
create function cron.schedule(schedule text, command text) returns bigint language internal volatile strict as 'now';
create function cron.schedule(job_name text, schedule text, command text) returns bigint language internal volatile as 'now';
create function cron.schedule_in_database(job_name text, schedule text, command text, database text,
  username text default null, active boolean default true) returns bigint language internal volatile as 'now';
create function cron.unschedule(job_id bigint) returns boolean language internal volatile strict as 'now';
create function cron.unschedule(job_name text) returns boolean language internal volatile strict as 'now';
create function cron.alter_job(job_id bigint, schedule text default null, command text default null,
  database text default null, username text default null, active boolean default null) returns void language internal volatile as 'now';

-- Not relocatable, but its schema is made by its own script.
-- extension: pg_net
create schema net;
create table net.http_request_queue (
  id bigserial,
  method text not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds integer not null
);
create table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);
create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds integer default 5000) returns bigint language internal volatile strict as 'now';
create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds integer default 5000)
  returns bigint language internal volatile as 'now';
create function net.http_delete(url text, params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds integer default 5000, body jsonb default null) returns bigint language internal volatile as 'now';
grant usage on schema net to anon, authenticated, service_role;

-- extension: http
create domain http_method as text;
create type http_header as (field varchar, value varchar);
create type http_response as (status integer, content_type varchar, headers http_header[], content varchar);
create type http_request as (method http_method, uri varchar, headers http_header[], content_type varchar, content varchar);
create function http(request http_request) returns http_response language internal volatile as 'now';
create function http_header(field varchar, value varchar) returns http_header language internal volatile as 'now';
create function http_get(uri varchar) returns http_response language internal volatile as 'now';
create function http_get(uri varchar, data jsonb) returns http_response language internal volatile as 'now';
create function http_post(uri varchar, content varchar, content_type varchar) returns http_response language internal volatile as 'now';
create function http_post(uri varchar, data jsonb) returns http_response language internal volatile as 'now';
create function http_put(uri varchar, content varchar, content_type varchar) returns http_response language internal volatile as 'now';
create function http_patch(uri varchar, content varchar, content_type varchar) returns http_response language internal volatile as 'now';
create function http_delete(uri varchar) returns http_response language internal volatile as 'now';
create function http_set_curlopt(curlopt varchar, value varchar) returns boolean language internal volatile as 'now';
create function http_reset_curlopt() returns boolean language internal volatile as 'now';
create function urlencode(string varchar) returns text language internal immutable strict as 'now';

-- Each queue is a pair of tables, pgmq.q_<name> and pgmq.a_<name>, that pgmq.create makes.
-- extension: pgmq schema: pgmq
create type pgmq.message_record as (msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb);
create type pgmq.queue_record as (queue_name varchar, is_partitioned boolean, is_unlogged boolean, created_at timestamptz);
create type pgmq.metrics_result as (queue_name text, queue_length bigint, newest_msg_age_sec integer,
  oldest_msg_age_sec integer, total_messages bigint, scrape_time timestamptz);
create table pgmq.meta (
  queue_name varchar not null unique,
  is_partitioned boolean not null,
  is_unlogged boolean not null,
  created_at timestamptz not null default now()
);
create function pgmq.create(queue_name text) returns void language internal volatile as 'now';
create function pgmq.create_non_partitioned(queue_name text) returns void language internal volatile as 'now';
create function pgmq.create_unlogged(queue_name text) returns void language internal volatile as 'now';
create function pgmq.drop_queue(queue_name text) returns boolean language internal volatile as 'now';
create function pgmq.purge_queue(queue_name text) returns bigint language internal volatile as 'now';
create function pgmq.send(queue_name text, msg jsonb) returns setof bigint language internal volatile as 'now';
create function pgmq.send(queue_name text, msg jsonb, delay integer) returns setof bigint language internal volatile as 'now';
create function pgmq.send_batch(queue_name text, msgs jsonb[]) returns setof bigint language internal volatile as 'now';
create function pgmq.send_batch(queue_name text, msgs jsonb[], delay integer) returns setof bigint language internal volatile as 'now';
create function pgmq.read(queue_name text, vt integer, qty integer, conditional jsonb default '{}')
  returns setof pgmq.message_record language internal volatile as 'now';
create function pgmq.pop(queue_name text) returns setof pgmq.message_record language internal volatile as 'now';
create function pgmq.archive(queue_name text, msg_id bigint) returns boolean language internal volatile as 'now';
create function pgmq.archive(queue_name text, msg_ids bigint[]) returns setof bigint language internal volatile as 'now';
create function pgmq.delete(queue_name text, msg_id bigint) returns boolean language internal volatile as 'now';
create function pgmq.delete(queue_name text, msg_ids bigint[]) returns setof bigint language internal volatile as 'now';
create function pgmq.set_vt(queue_name text, msg_id bigint, vt integer) returns setof pgmq.message_record language internal volatile as 'now';
create function pgmq.list_queues() returns setof pgmq.queue_record language internal volatile as 'now';
create function pgmq.metrics(queue_name text) returns pgmq.metrics_result language internal volatile as 'now';
create function pgmq.metrics_all() returns setof pgmq.metrics_result language internal volatile as 'now';

-- A block named by a function is what a call of it makes.
-- extension: pgmq.create(queue)
create table if not exists pgmq."q_{queue}" (msg_id bigint primary key generated always as identity, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb);
create table if not exists pgmq."a_{queue}" (msg_id bigint primary key, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), archived_at timestamptz not null default now(), vt timestamptz not null, message jsonb);

-- extension: pgmq.create_non_partitioned(queue)
create table if not exists pgmq."q_{queue}" (msg_id bigint primary key generated always as identity, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb);
create table if not exists pgmq."a_{queue}" (msg_id bigint primary key, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), archived_at timestamptz not null default now(), vt timestamptz not null, message jsonb);

-- extension: pg_graphql schema: graphql
create function graphql.resolve(query text, variables jsonb default '{}', "operationName" text default null,
  extensions jsonb default null) returns jsonb language internal volatile as 'now';

-- extension: pgjwt
create function url_encode(data bytea) returns text language internal immutable as 'now';
create function url_decode(data text) returns bytea language internal immutable as 'now';
create function algorithm_sign(signables text, secret text, algorithm text) returns text language internal immutable as 'now';
create function sign(payload json, secret text, algorithm text default 'HS256') returns text language internal immutable as 'now';
create function verify(token text, secret text, algorithm text default 'HS256')
  returns table (header json, payload json, valid boolean) language internal immutable as 'now';

-- extension: pg_jsonschema
create function json_matches_schema(schema json, instance json) returns boolean language internal immutable strict as 'now';
create function jsonb_matches_schema(schema json, instance jsonb) returns boolean language internal immutable strict as 'now';
create function jsonschema_is_valid(schema json) returns boolean language internal immutable strict as 'now';

-- extension: pg_hashids
create function id_encode(bigint) returns text language internal immutable strict as 'now';
create function id_encode(bigint, text) returns text language internal immutable strict as 'now';
create function id_encode(bigint, text, integer) returns text language internal immutable strict as 'now';
create function id_decode(text) returns bigint[] language internal immutable strict as 'now';

-- extension: supabase_vault schema: vault

-- extension: pgsodium schema: pgsodium
create table pgsodium.key (
  id uuid primary key default gen_random_uuid(),
  name text unique,
  created timestamptz not null default current_timestamp
);
create function pgsodium.randombytes_buf(size integer) returns bytea language internal volatile as 'now';
create function pgsodium.crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)
  returns bytea language internal volatile as 'now';
create function pgsodium.crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)
  returns bytea language internal volatile as 'now';

-- extension: index_advisor
create function index_advisor(query text) returns table (startup_cost_before jsonb, startup_cost_after jsonb,
  total_cost_before jsonb, total_cost_after jsonb, index_statements text[], errors text[]) language internal volatile as 'now';

-- extension: pg_tle schema: pgtle
create function pgtle.install_extension(name text, version text, description text, ext text, requires text[] default null)
  returns boolean language internal volatile as 'now';
create function pgtle.uninstall_extension(extname text) returns boolean language internal volatile as 'now';
create function pgtle.uninstall_extension_if_exists(extname text) returns boolean language internal volatile as 'now';

-- extension: wrappers
create function stripe_fdw_handler() returns fdw_handler language internal volatile strict as 'now';
create function stripe_fdw_validator(options text[], catalog oid) returns void language internal volatile as 'now';
create function s3_fdw_handler() returns fdw_handler language internal volatile strict as 'now';
create function s3_fdw_validator(options text[], catalog oid) returns void language internal volatile as 'now';
create function wasm_fdw_handler() returns fdw_handler language internal volatile strict as 'now';
create function wasm_fdw_validator(options text[], catalog oid) returns void language internal volatile as 'now';
create function iceberg_fdw_handler() returns fdw_handler language internal volatile strict as 'now';
create function iceberg_fdw_validator(options text[], catalog oid) returns void language internal volatile as 'now';
