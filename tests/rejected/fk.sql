create table t (id int, a int, b text, primary key (id));
create table u (x int references t (a)); -- 42830
create table u1 (x text references t); -- 42804
create table u2 (x text references t (id)); -- 42804
create table u3 (x uuid references t (id)); -- 42804
create table u4 (x bigint references t (id));
create table u5 (x int, y int, foreign key (x, y) references t); -- 42830
create table u6 (x int, y int, foreign key (x, y) references t (id)); -- 42830
create view v as select * from t;
create table u7 (x int references v); -- 42809
create table np (id int);
create table u8 (x int references np); -- 42704
create unique index on t (a) where a > 1;
create table u9 (x int references t (a)); -- 42830
create unique index on t (a);
create table u10 (x int references t (a));
create table u12 (x uuid references auth.users);
create table u13 (x text references auth.users (id)); -- 42804
create table u14 (x uuid references auth.users (nothing)); -- 42703
create temporary table tmp (id int primary key);
create table u16 (x int references tmp); -- 42P16
