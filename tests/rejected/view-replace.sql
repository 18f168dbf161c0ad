create table t (id int, a text, b int);
create view v as select id, a from t;
create or replace view v as select id from t; -- 42P16
create or replace view v as select a, id from t; -- 42P16
create or replace view v as select id, a, b from t;
create or replace view v as select id, a as c, b from t; -- 42P16
create or replace view v as select id, a::varchar, b from t; -- 42P16
create or replace view v as select id::bigint as id, a, b from t; -- 42P16
create or replace view v as select t.*, 1 as z from t;
create or replace view v as select id, a, b, 2 as z, 'x' as y from t;
create or replace view t as select 1 as x; -- 42809
create view w as select id, id from t; -- 42701
create view w (a, b) as select id from t; -- 42601
create view w (a, b, c) as select id, a from t; -- 42601
create view dup as select a.*, b.* from t a join t b on true; -- 42701
create view w2 as select null as x;
create or replace view w2 as select 1 as x; -- 42P16
create view agg as select count(*) as n, sum(b) as s, avg(b) as g, max(a) as m, array_agg(a) as aa from t;
create or replace view agg as select count(*)::int as n, sum(b) as s, avg(b) as g, max(a) as m, array_agg(a) as aa from t; -- 42P16
create or replace view agg as select count(*) as n, sum(b)::int as s, avg(b) as g, max(a) as m, array_agg(a) as aa from t; -- 42P16
create or replace view agg as select count(*) as n, sum(b) as s, avg(b)::float as g, max(a) as m, array_agg(a) as aa from t; -- 42P16
create or replace view agg as select count(*) as n, sum(b) as s, round(avg(b), 2) as g, max(a) as m, array_agg(a) as aa from t;
create view e as select id + 1 as x, b * 1.5 as y, a || 'x' as z, now() as w, coalesce(a, '') as c, case when true then 1 else 2 end as k from t;
create or replace view e as select id as x, b * 1.5 as y, a || 'x' as z, now() as w, coalesce(a, '') as c, case when true then 1 else 2 end as k from t;
create or replace view e as select id + 1 as x, b::numeric as y, a || 'x' as z, now() as w, coalesce(a, '') as c, case when true then 1 else 2 end as k from t;
create or replace view e as select id + 1 as x, b * 1.5 as y, a as z, current_timestamp as w, a as c, 3 as k from t;
create or replace view e as select id + 1 as x, b * 1.5 as y, a as z, current_timestamp as w, a as c, 3::bigint as k from t; -- 42P16
