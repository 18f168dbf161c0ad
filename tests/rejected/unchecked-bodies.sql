create table t (id int primary key);
create function f1() returns void language plpgsql as $$ begin if true then perform 2; end; $$; -- 42601
create function f1() returns int language sql as $$ select nothing from t $$; -- 42703
set check_function_bodies = off;
create function f1() returns void language plpgsql as $$ begin if true then perform 5; end; $$;
create function f2() returns void language plpgsql as $$ begin raise notice '% %', 1; end; $$;
create function f3() returns int language sql as $$ select nothing from t $$;
create function f4() returns int language sql as $$ selec 1 $$;
create function f5() returns int language sql begin atomic select nothing from t; end; -- 42703
do $$ begin if true then perform 10; end; $$; -- 42601
reset check_function_bodies;
create function f6() returns void language plpgsql as $$ begin if true then perform 12; end; $$; -- 42601
select pg_catalog.set_config('check_function_bodies', 'false', false);
create function f6() returns void language plpgsql as $$ begin if true then perform 14; end; $$;
do $$ begin perform set_config('check_function_bodies', 'on', false); end $$;
create function f7() returns void language plpgsql as $$ begin if true then perform 16; end; $$; -- 42601
do $$ begin perform set_config('check_function_bodies', 'off', false); end $$;
create function f7() returns void language plpgsql as $$ begin if true then perform 18; end; $$;
