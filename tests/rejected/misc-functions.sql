create table t (id int, a text);
create view v as select sum(a) from t; -- 42883
create view v2 as select * from t where count(*) > 1; -- 42803
create view v4 as select * from t order by nothing; -- 42703
create view v5 as select t.nothing from t; -- 42703
create view v6 as select x.id from t; -- 42P01
create view v10 as select * from t where a; -- 42804
create view v11 as select * from t where id = 'a'; -- 22P02
create view v12 as select * from t where id = a; -- 42883
create view v13 as select id + a from t; -- 42883
create view v14 as select uuid_generate_v4(); -- 42883 by search_path
create view v16 as select id from t where row_number() over () = 1; -- 42P20
create view v17 as select jsonb_build_object('a', id) -> 'a' from t;
create policy p2 on t using (auth.uid() = id); -- 42883
create policy p3 on t using (auth.uid() = a); -- 42883
create policy p4 on t using (auth.uid()::text = a);
create policy p5 on t using (auth.uid() in (select id from t)); -- 42883
create policy p7 on t using (auth.jwt() ->> 'x' = id); -- 42883
create policy p8 on t using (a = any(array['x']));
