alter table elsewhere add column a int; -- 42P01 afresh
create policy p on elsewhere using (true); -- 42P01 afresh
create view seen as select a from elsewhere; -- 42P01 afresh
create view beside as select a from seen; -- 42P01 afresh
create table own (id int);
create policy p on own using (elsewhere_too()); -- 42883 afresh
create policy q on own using (public.elsewhere_too()); -- 42883 afresh
create policy r on own to somebody using (true); -- 42704 afresh
create table typed (a mood_of_others); -- 42704 afresh
drop function if exists elsewhere_too();
drop table if exists elsewhere_three;
drop function elsewhere_too(); -- 42883 afresh
drop table elsewhere_three; -- 42P01 afresh
comment on function elsewhere_too() is 'x'; -- 42883 afresh
analyze elsewhere; -- 42P01 afresh
drop index elsewhere_idx; -- 42704 afresh
grant select on elsewhere to anon; -- 42P01 afresh
