create table t (id int primary key, a int not null);
do $$ begin insert into t (id) values (1); end $$; -- 23502
do $$ begin insert into t (id, nothing) values (1, 2); end $$; -- 42703
create function f() returns void language plpgsql as $$ begin insert into t (id) values (1); end $$;
select f(); -- 23502
