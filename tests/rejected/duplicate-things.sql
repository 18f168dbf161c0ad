create table t (id int primary key, a int);
create table t (id int); -- 42P07
create schema s;
create schema s; -- 42P06
create type e as enum ('a');
create type e as enum ('b'); -- 42710
create function f(a int) returns int language sql as 'select 1';
create function f(b int) returns int language sql as 'select 1'; -- 42723
create index i on t (a);
create index i on t (id); -- 42P07
alter table t add constraint c check (a > 0);
alter table t add constraint c check (a > 1); -- 42710
create policy p on t using (true);
create policy p on t using (true); -- 42710
create function tr() returns trigger language plpgsql as 'begin return new; end';
create trigger g before insert on t for each row execute function tr();
create trigger g before insert on t for each row execute function tr(); -- 42710
create role r1_wf;
create role anon; -- 42710
create view v as select 1 as x;
create view v as select 1 as x; -- 42P07
create sequence q;
create sequence q; -- 42P07
create domain d as text;
create domain d as text; -- 42710
create extension pg_trgm;
create extension pg_trgm; -- 42710
create publication pu;
create publication pu; -- 42710
drop role r1_wf;
