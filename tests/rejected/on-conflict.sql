create table t (id int primary key, a int, b int, c text);
create unique index on t (a, b);
create unique index on t (lower(c));
insert into t values (1) on conflict (a) do nothing; -- 42P10
insert into t values (2) on conflict (b, a) do nothing;
insert into t values (3) on conflict (lower(c)) do nothing;
insert into t values (4) on conflict (c) do nothing; -- 42P10
insert into t values (5) on conflict on constraint nothing do nothing; -- 42704
insert into t values (6) on conflict on constraint t_pkey do nothing;
insert into t values (7) on conflict on constraint t_a_b_idx do nothing; -- 42704
insert into t values (8) on conflict do update set a = 1; -- 42601
insert into t values (9) on conflict do nothing;
insert into t values (10) on conflict (id) do update set nothing = 1; -- 42703
insert into t values (11) on conflict (nothing) do nothing; -- 42703
insert into t values (12) on conflict (id) do update set a = excluded.nothing; -- 42703
insert into t values (13) on conflict (id) do update set a = excluded.a;
insert into t values (14) on conflict (id, a) do nothing; -- 42P10
insert into t values (15) on conflict (id) where id > 1 do nothing;
create unique index on t (c) where a > 1;
insert into t values (16) on conflict (c) do nothing; -- 42P10
insert into t values (17) on conflict (c) where a > 1 do nothing;
do $$ begin insert into t values (18) on conflict (b) do nothing; end $$; -- 42P10
