create table t (id int, a int);
create index concurrently i on t (id); -- 25001 in a batch
drop index concurrently i; -- 25001 in a batch
vacuum t; -- 25001 in a batch
reindex table concurrently t; -- 25001 in a batch
create type e as enum ('a');
alter type e add value 'b';
create table u (x e default 'b');
