create table t (id int primary key, tablename text);
create view v1 as select relname, indexrelname, idx_scan from pg_stat_user_indexes;
create view v2 as select tablename, idx_scan from pg_stat_user_indexes; -- 42703
create view v3 as select s.indexname from pg_stat_user_indexes s; -- 42703
create view v4 as select s.relname, t.tablename from pg_catalog.pg_stat_user_tables s join t on t.tablename = s.relname;
create view v5 as select relname from pg_stat_user_tables where tablename = 'a'; -- 42703
create function f0() returns bigint language sql as $$ select count(s.b) from (select * from pg_stat_user_tables) as s(a, b) $$;
create function f1() returns bigint language sql as $$ select count(*) from pg_stat_activity where state = 'active' $$;
create function f2() returns bigint language sql as $$ select count(*) from pg_stat_activity where status = 'active' $$; -- 42703
create view v8 as select query, mean_exec_time, stddev_exec_time, wal_bytes from extensions.pg_stat_statements;
create view v9 as select query, total_time from extensions.pg_stat_statements; -- 42703
create view v10 as select heap_blks_hit, heap_blks_read from pg_statio_user_tables;
create view v11 as select blks_hit from pg_statio_user_tables; -- 42703
create view v12 as select indexname from pg_stat_user_indexes, pg_indexes;
