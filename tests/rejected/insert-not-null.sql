create table t (id int primary key, a int not null, b int not null default 1, c text, g int generated always as identity, h int generated always as (1) stored);
insert into t (id) values (1); -- 23502
insert into t (id, a) values (1, 1);
insert into t (id, a) values (2, null); -- 23502
insert into t values (3); -- 23502
insert into t (id, a, g) values (4, 1, 4); -- 428C9
insert into t (id, a, h) values (5, 1, 4); -- 428C9
insert into t (id, a, g) overriding system value values (6, 1, 4);
insert into t (id, a, h) values (7, 1, default);
insert into t (id, a) values (8, 1, 2); -- 42601
insert into t (id, a, b) values (8, 1); -- 42601
insert into t (id, a) select 9; -- 42601
insert into t (id, a) select 9, 1, 1; -- 42601
insert into t values (1, 2, 3, 'x', 5, 6, 7); -- 42601
insert into t (id, a, id) values (10, 1, 2); -- 42701
insert into t (id, a, b) values (11, 1, null); -- 23502
update t set nothing = 1; -- 42703
update t set g = 3; -- 428C9
update t set h = 3; -- 428C9
delete from t where nothing = 1; -- 42703
insert into t (id, a) select nothing, 1 from t; -- 42703
insert into t (id, a) values (12, 'abc'); -- 22P02
insert into t (id, a) values ('abc', 1); -- 22P02
insert into t default values; -- 23502
insert into t (id, a) select 13, null; -- 23502
insert into t (id, a) select 14, null where false;
insert into t (id) select id from t where false;
insert into t (id, a) values (15, 1), (16, 1, 2); -- 42601
