create table t (id int primary key, a int);
alter table t drop constraint nothing; -- 42704
alter table t drop column nothing; -- 42703
drop policy nothing on t; -- 42704
drop trigger nothing on t; -- 42704
drop schema nothing; -- 3F000
create table nothing.t (id int); -- 3F000
comment on constraint nothing on t is 'x'; -- 42704
comment on schema nothing is 'x'; -- 3F000
select nothing from t; -- 42703
create index on t (nothing); -- 42703
alter table t validate constraint nothing; -- 42704
alter table t enable trigger nothing; -- 42704
alter table t add foreign key (a) references t (nothing); -- 42703
alter table t add foreign key (nothing) references t; -- 42703
create view v as select nothing from t; -- 42703
grant usage on schema nothing to anon; -- 3F000
alter table t rename column nothing to x; -- 42703
alter table t rename constraint nothing to x; -- 42704
alter default privileges in schema nothing grant select on tables to anon; -- 3F000
alter table t add constraint k unique using index nothing; -- 42704
alter schema nothing rename to x; -- 3F000
