create table t (id int primary key, a int);
create table u (id int references t);
create view v as select id, a from t;
create function f() returns int language sql as 'select 1';
create policy p on u using (f() = 1);
create type e as enum ('a');
create table w (x e);
create function ff(x e) returns int language sql as 'select 1';
create function tr() returns trigger language plpgsql as 'begin return new; end';
create trigger g before insert on t for each row execute function tr();
create view vv as select * from v;
create sequence q;
create table k (id int default nextval('q'));
create table kk (id int default f());
create domain d as text;
create table dd (x d);
create schema s; 
create table s.t (id int);
drop table t; -- 2BP01
drop view v; -- 2BP01
drop function f(); -- 2BP01
drop type e; -- 2BP01
drop function tr(); -- 2BP01
drop sequence q; -- 2BP01
drop domain d; -- 2BP01
drop schema s; -- 2BP01
alter table t drop column a; -- 2BP01
alter table t drop constraint t_pkey; -- 2BP01
drop index t_pkey; -- 2BP01
alter table t alter column a type bigint; -- 0A000
create function srf() returns setof t language sql as 'select * from t';
drop view vv, v;
drop table u;
create table pol (id int, org int);
create table mem (org int, uid uuid);
create policy p on pol using (exists (select 1 from mem where mem.org = pol.org));
drop table mem; -- 2BP01
alter table mem drop column uid;
alter table mem drop column org; -- 2BP01
create table chk (id int check (f() > 0));
drop function f; -- 2BP01
