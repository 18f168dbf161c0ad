create table t (id int);
create sequence q;
grant foo on t to anon; -- 42601
grant execute on t to anon; -- 0LP01
grant select on sequence q to anon;
grant insert on sequence q to anon; -- 0LP01
grant select (nothing) on t to anon; -- 42703
grant select (id) on t to anon;
grant all on all tables in schema nothing to anon; -- 3F000
grant select on schema public to anon; -- 0LP01
grant select on t to public;
