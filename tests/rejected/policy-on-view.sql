create table t (id int);
create view v as select * from t;
create materialized view m as select * from t;
create policy p on v using (true); -- 42809
alter table v enable row level security; -- 42809
create policy p on m using (true); -- 42809
alter table m enable row level security; -- 42809
create trigger g after insert on v for each row execute function tr(); -- 42809
alter view v enable row level security; -- 42809
drop table v; -- 42809
drop view t; -- 42809
drop view m; -- 42809
alter table v add column x int; -- 42809
create index on v (id); -- 42809
