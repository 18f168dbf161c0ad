create table t (id int);
begin;
alter table t add column a int;
create table u (id int);
rollback;
alter table t drop column a; -- 42703
drop table u; -- 42P01
begin;
create table u (id int);
savepoint s;
create table w (id int);
rollback to s;
create table w (id text);
create table u2 (id int);
commit;
drop table u, w;
drop table u2;
begin;
create table x (id int);
commit;
drop table x;
commit;
rollback to savepoint nothing; -- 25P01
savepoint q; -- 25P01
begin;
release savepoint nothing; -- 3B001
commit;
