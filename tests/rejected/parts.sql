create type pair as (x int, y text);
create table t (id int, c int[], p pair, x xml, n text);
insert into t (c[1], c[2]) values (1, 2);
insert into t (p.x, p.y) values (1, 'a');
insert into t (c, c) values (array[1], array[2]); -- 42701
update t set c[1] = 3, n = 'a', c[2:3] = array[1, 2], p.x = 3;
update t set c = 3; -- 42804
select * from only (t), only t u join only (t) w on true;
select collation for (n), xmlparse(document '<a/>'), xmlexists('//a' passing by value x) from t;
create view v as select xmlexists('//a' passing x by ref) e from t;
alter table t drop column x; -- 2BP01
