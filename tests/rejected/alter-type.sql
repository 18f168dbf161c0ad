create table t (id int, a text, b int default 1, c boolean default true, d text default 'x', e uuid, f jsonb, g timestamptz);
create type en as enum ('a');
alter table t alter column a type int; -- 42804
alter table t alter column a type int using a::int;
alter table t alter column e type int; -- 42804
alter table t alter column e type text;
alter table t alter column b type boolean; -- 42804
alter table t alter column c type int; -- 42804
alter table t alter column d type en using d::en; -- 42804
alter table t alter column f type text;
alter table t alter column g type date;
alter table t alter column g type timestamp;
alter table t alter column f type text[]; -- 42804
alter table t alter column nothing type text; -- 42703
alter table t alter column id type uuid; -- 42804
