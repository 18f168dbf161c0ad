create table t (id int);
create policy a on t for insert using (true); -- 42601
create policy b on t for select with check (true); -- 42601
create policy c on t for delete with check (true); -- 42601
create policy e on t for insert with check (true);
alter policy e on t using (true); -- 42601
create policy f on t for select using (true);
alter policy f on t with check (true); -- 42601
create policy i on t for insert;
create policy j on t for delete using (true);
alter policy j on t with check (true); -- 42601
create policy k on t using (id); -- 42804
create policy l on t using (count(*) > 1); -- 42803
create policy n on t for insert with check (old.id = 1); -- 42P01
create policy o on t for update using (new.id = 1); -- 42P01
