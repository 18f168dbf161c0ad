create function add(a int, b int) returns int language sql immutable as 'select a + b';
create aggregate total (int) (sfunc = add, stype = int);
create aggregate total (int) (sfunc = add, stype = int); -- 42723
create table t (x int);
create view v as select total(x) from t;
drop aggregate total (int); -- 2BP01
drop aggregate total (int) cascade;
grant execute on function total(int) to anon; -- 42883
create or replace function total(a int) returns int language sql as 'select 1';
select jsonb_agg(x order by x limit 5) from generate_series(1, 9) as x; -- 42601
