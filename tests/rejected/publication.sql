create table t (id int);
alter publication supabase_realtime add table t;
alter publication supabase_realtime add table t; -- 42710
alter publication supabase_realtime drop table t;
alter publication supabase_realtime drop table t; -- 42704
create view v as select 1 as x;
create publication pa for all tables;
