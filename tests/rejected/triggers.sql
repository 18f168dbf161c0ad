create table t (id int, a int);
create function tr() returns trigger language plpgsql as 'begin return new; end';
create function nt() returns int language plpgsql as 'begin return 1; end';
create trigger a before insert or update of nothing on t for each row execute function tr(); -- 42703
create trigger b before insert on t for each row execute function nt(); -- 42P17
create trigger c instead of insert on t for each row execute function tr(); -- 42809
create view v as select * from t;
create trigger d before insert on v for each row execute function tr(); -- 42809
create trigger e instead of insert on v for each row execute function tr();
create trigger f before insert on t for each row when (old.a = 1) execute function tr(); -- 42P17
create trigger g before insert on t for each row when (new.nothing = 1) execute function tr(); -- 42703
create trigger h before delete on t for each row when (new.a = 1) execute function tr(); -- 42P17
create trigger i after insert on t for each statement when (new.a = 1) execute function tr(); -- 42P17
create trigger j before truncate on t for each row execute function tr(); -- 0A000
create trigger k instead of insert on v for each statement execute function tr(); -- 0A000
create trigger m after insert on t referencing new table as n for each row execute function tr();
create trigger n before insert on t for each row when (exists (select 1)) execute function tr(); -- 0A000
create trigger o before insert on t execute function tr(1);
create trigger p after update of a or insert on t for each row execute function tr();
alter trigger nothing on t rename to x; -- 42704
alter table t disable trigger nothing; -- 42704
drop trigger if exists x on nothing;
drop policy if exists x on nothing;
