create table t (id int);
do $$ begin create index concurrently i on t (id); end $$; -- 25001
do $$ begin execute 'create index concurrently i on t (id)'; end $$; -- 25001
do $$ begin execute 'vacuum t'; end $$; -- 25001
create function f() returns void language plpgsql as $$ begin create index concurrently i on t (id); end $$;
select f(); -- 25001
do $$ begin execute 'drop index concurrently i'; end $$; -- 25001
do $$ begin execute 'reindex table concurrently t'; end $$; -- 25001
do $$ begin execute 'alter system set work_mem = 1000'; end $$; -- 25001
do $$ begin commit; end $$;
do $$ begin begin create index concurrently i on t (id); exception when others then null; end; end $$;
create function g() returns void language sql as $$ create index concurrently i on t (id) $$;
create function h() returns void language sql as $$ vacuum t $$;
