create function f(a int) returns int language sql as 'select 1';
create or replace function f(b int) returns int language sql as 'select 1'; -- 42P13
create or replace function f(a int) returns text language sql as $$ select 'a' $$; -- 42P13
create or replace function f(a int, c text default 'x') returns int language sql as 'select 1';
create function g(a int default 1) returns int language sql as 'select 1';
create or replace function g(a int) returns int language sql as 'select 1'; -- 42P13
create function h() returns table (a int, b text) language sql as $$ select 1, 'x' $$;
create or replace function h() returns table (a int, c text) language sql as $$ select 1, 'x' $$; -- 42P13
create or replace function h() returns table (a int, b text, c int) language sql as $$ select 1, 'x', 2 $$; -- 42P13
create or replace function h() returns setof record language sql as $$ select 1, 'x' $$; -- 42P13
create function o(out a int, out b text) language sql as $$ select 1, 'x' $$;
create or replace function o(out a int, out c text) language sql as $$ select 1, 'x' $$; -- 42P13
create or replace procedure f(a int) language sql as 'select 1'; -- 42809
create function s() returns setof int language sql as 'select 1';
create or replace function s() returns int language sql as 'select 1'; -- 42P13
create function dd(a int default 1, b int) returns int language sql as 'select 1'; -- 42P13
create function nn(a int, a text) returns int language sql as 'select 1'; -- 42P13
create function ret4() returns void language sql as $$ select 1 $$;
create function noreturn() language sql as 'select 1'; -- 42P13
create function tr() returns trigger language sql as 'select 1'; -- 42P13
create function tr2(a int) returns trigger language plpgsql as 'begin return new; end'; -- 42P13
create function broken() returns void language plpgsql as $$ begin if true then end $$; -- 42601
set check_function_bodies = off;
create function broken() returns void language plpgsql as $$ begin if false then end $$;
drop function broken();
