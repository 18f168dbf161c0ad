create table a (x int default 'abc'); -- 22P02
create table b (x int default 'abc'::text); -- 42804
create table c (x uuid default gen_random_uuid()::text); -- 42804
create table d (x text default gen_random_uuid());
create table e (x boolean default 'yes');
create table f (x boolean default 1); -- 42804
create table g (x timestamptz default 'now');
create table h (x jsonb default '{}');
create table i (x jsonb default '{'); -- 22P02
create table j (x text[] default '{}');
create table k (x text[] default 'a'); -- 22P02
create table m (x text[] default array[]::text[]);
create table n (x int default (select 1)); -- 0A000
create table o (x int default y, y int); -- 0A000
create type en as enum ('a', 'b');
create table p (x en default 'c'); -- 22P02
create table q (x en default 'a'::text); -- 42804
create table r (x numeric(3) default 1000);
create table s (x date default now());
create table t (x int default now()); -- 42804
create table u (x uuid default 'abc'); -- 22P02
create table v (x uuid default auth.uid());
create table w (x int default 1.5);
create table y (x timestamptz default 'notadate'); -- 22007
alter table a add column q int default 'abc'; -- 42P01
create table a (x int);
alter table a alter column x set default 'abc'; -- 22P02
alter table a alter column x set default now(); -- 42804
alter table a add column r en default 'zz'; -- 22P02
create table aa (x text default 1);
create table bb (x date default 5); -- 42804
create table cc (x int default true); -- 42804
create table dd (x boolean default 'maybe'); -- 22P02
create table ee (x text default now());
create table ff (x int default count(*)); -- 42803
create table hh (x int check (x > 'a')); -- 22P02
create table ii (x text check (x > 1)); -- 42883
create table jj (x text check (x in (1, 2))); -- 42883
create table kk (x int check (x in ('a', 'b'))); -- 22P02
create table ll (x en check (x in ('a', 'z'))); -- 22P02
create table mm (x boolean check (x = 1)); -- 42883
create table nn (x uuid check (x = 1)); -- 42883
create table oo (x int check (y > 1)); -- 42703
create table pp (x int check (x in (select 1))); -- 0A000
create table qq (x int check (count(*) > 1)); -- 42803
create table rr (x int check (x)); -- 42804
create table ss (x text check (x::int)); -- 42804
