create extension pg_trgm;
create extension citext;
create table t (id int, c citext);
drop extension citext; -- 2BP01
drop extension citext cascade;
create table t2 (id int, c citext); -- 42704 afresh
drop extension if exists citext;
create extension citext;
create table t3 (id int, c citext);
create view w as select similarity('a', 'b');
drop extension pg_trgm cascade;
