create table b (id int, team uuid, teams uuid[], name text, tags text[], j jsonb);
select * from b where team = any ((select '[]'::jsonb)); -- 42883
select * from b where team = any ((select teams from b)); -- 42883
select * from b where team = any (select unnest(teams) from b);
select * from b where team = any ((select teams from b limit 1)::uuid[]);
select * from b where name = any ((select tags from b)); -- 42883
select * from b where name = any (array(select name from b));
select * from b where team = any (select 'x'); -- 42883
select * from b where name = any ((select 'x'));
select * from b where id = any ((select 1.5));
select * from b where team in (select j from b); -- 42883
select * from b where team = all ((select j from b)); -- 42883
select * from b where name like any (select name from b);
select * from b where tags = any ((select tags from b));
select * from b where j = any (select to_jsonb(id) from b);
