create table t (id int primary key, "user" uuid, value text, "order" int);
create table k1 (id int, order int); -- 42601
create table k2 (user uuid not null); -- 42601
create table k3 (authorization text); -- 42601
create table order (id int); -- 42601
create table left (id int); -- 42601
create table values (position int, time time, row text, name text, type text);
alter table t add column default int; -- 42601
alter table t add column "default" int;
alter table t rename column id to from; -- 42601
alter table t drop constraint check; -- 42601
create index order on t (id); -- 42601
create index on t (left(value, 1));
create view end as select 1; -- 42601
create schema grant; -- 42601
create role user; -- 42601
create policy for on t using (true); -- 42601
create type table as enum ('a'); -- 42601
create domain column as int; -- 42601
create function f1(user uuid) returns int language sql as 'select 1'; -- 42601
create function f1(position int) returns int language sql as 'select 1'; -- 42601
create function f1(left int) returns int language sql as 'select 1';
create function f2() returns table (id int, exists boolean) language sql as 'select 1, true'; -- 42601
create function f2() returns table (id int, "exists" boolean) language sql as 'select 1, true';
create function exists() returns int language sql as 'select 1'; -- 42601
grant select (id, to) on t to current_user; -- 42601
update t set order = 1; -- 42601
update t set "order" = 1;
insert into t (id, user) values (1, null); -- 42601
insert into t (id, "user") values (1, null);
select order from t; -- 42601
select t.order, value as order, current_date as "end" from t;
select user, current_user from t;
with from as (select 1) select 1; -- 42601
