begin;
create type e as enum ('a');
alter type e add value 'b';
commit;
begin;
alter type e add value 'c';
create table u (x e default 'c'); -- 55P04
create table u1 (x e default 'a');
create function fp() returns e language plpgsql as $$ begin return 'c'::e; end $$;
commit;
create table u (x e default 'c', y int);
alter type e add value 'c'; -- 42710
alter type e add value if not exists 'c';
alter type e add value 'd' before 'zz'; -- 22023
alter type e rename value 'zz' to 'y'; -- 22023
alter type e rename value 'a' to 'b'; -- 42710
insert into u values ('zz'); -- 22P02
create table bad (x e default 'zz'); -- 22P02
select 'zz'::e; -- 22P02
create policy p2 on u using (x = 'zz'); -- 22P02
create policy p3 on u using (x in ('a', 'zz')); -- 22P02
update u set x = 'zz'; -- 22P02
create function fz() returns e language sql as $$ select 'zz'::e $$; -- 22P02
create view vz as select * from u where x = 'zz'; -- 22P02
