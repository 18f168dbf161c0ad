create table t (id int, name text);
create table u (id int, name text);
insert t (name) values ('x'); -- 42601
delete t where id = 1; -- 42601
update t join u on true set name = 'x'; -- 42601
update t a left join u on true set name = 'x'; -- 42601
select [name] from t; -- 42601
select array[[1, 2], [3, 4]], (array[1])[1], name from t;
create index if not exists on t (name); -- 42601
create index on t (name);
create function f(a int default 1) returns int language sql as 'select 1';
drop function f(a int default 1); -- 42601
drop function if exists f(int = 1); -- 42601
drop function f(int);
alter policy if exists p on t using (false); -- 42601
create foreign data wrapper w handler h(); -- 42601
create foreign data wrapper w;
create server s foreign data wrapper w options (host = 'x'); -- 42601
create server s foreign data wrapper w options (a.b 'x'); -- 42601
create server s type 'a' version 'b' foreign data wrapper w options (host 'x', "a.b" 'y');
create user mapping for current_user server s options (user 'x', pass.word 'y'); -- 42601
create user mapping for current_user server s options (user 'x', password 'y');
