create table a (id int, x int, constraint c check (x > 0), constraint c check (id > 0)); -- 42710
create table a (id int, x int, constraint c check (x > 0));
create table b (id int, x int, constraint c check (x > 0));
create table d (id int, constraint k unique (id));
create table e (id int, constraint k unique (id)); -- 42P07
create table f (id int, constraint k primary key (id)); -- 42P07
create index k on a (x); -- 42P07
create table k (id int); -- 42P07
create schema s;
create table s.t (id int, constraint k unique (id));
alter table b add constraint c unique (id); -- 42710
create table g (id int, constraint c2 foreign key (id) references d (id));
create table h (id int, constraint c2 foreign key (id) references d (id));
create type a as (x int); -- 42710
create view a as select 1; -- 42P07
create sequence a; -- 42P07
create table i (id int primary key primary key); -- 42P16
create table j (id int primary key, x int primary key); -- 42P16
create table l (id int, id text); -- 42701
create table m (id int primary key, constraint z primary key (id)); -- 42P16
create table n (id int not null null); -- 42601
create table p (id serial default 1); -- 42601
create table r (a int, unique (b)); -- 42703
create table s4 (a int, index i (a)); -- 42704
create table s7 (a int, unique (a, a)); -- 42701
