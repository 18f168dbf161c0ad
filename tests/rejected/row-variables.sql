create table t (id int primary key);
create type pair as (a int, b int);
create function f1() returns void language plpgsql as $$ declare x later%rowtype; begin end $$; -- 42P01
create function f2() returns void language plpgsql as $$ begin declare x public.later%RowType; begin end; end $$; -- 42P01
create function f3() returns void language plpgsql as 'declare x later%rowtype; begin end'; -- 42P01
create procedure f4() language plpgsql as $$ declare x later%rowtype; begin end $$; -- 42P01
create function f5() returns void language plpgsql as $$ declare x nothing.later%rowtype; begin end $$; -- 3F000
do $$ declare x later%rowtype; begin end $$; -- 42P01
create function f6() returns void language plpgsql as $$ declare x t%rowtype; y public.t%rowtype; z pair%rowtype; begin end $$;
create function f7() returns void language plpgsql as $$ begin raise notice '% later%%rowtype', 1; end $$;
comment on function f1() is 'x'; -- 42883
create schema other;
create table other.own (id int);
create function f8() returns void language plpgsql set search_path = other as $$ declare x own%rowtype; begin end $$;
create function f9() returns void language plpgsql as $$ declare x own%rowtype; begin end $$; -- 42P01
set check_function_bodies = off;
create function f10() returns void language plpgsql as $$ declare x later%rowtype; begin end $$;
reset check_function_bodies;
create table later (id int);
create function f11() returns void language plpgsql as $$ declare x later%rowtype; begin end $$;
create function f12() returns void language plpgsql as $$ declare x pg_catalog.pg_class%rowtype; y pg_class%rowtype; z information_schema.tables%rowtype; begin end $$;
