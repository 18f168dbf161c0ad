create table beats (id bigint not null, device uuid not null, at timestamptz not null, day date, kind text, n int, primary key (id, at)) partition by range (at);
create table beats_25 partition of beats for values from ('2025-01-01') to ('2026-01-01');
create table beats_26 partition of beats for values from ('2026-01-01') to ('2027-01-01');
create table beats_rest partition of beats default;
create table beats_mid partition of beats for values from ('2025-06-01') to ('2026-06-01'); -- 42P17
create table beats_in partition of beats for values from ('2025-06-01 00:00:00+02') to ('2025-07-01 12:00:00Z'); -- 42P17
create table beats_list partition of beats for values in ('x'); -- 42P16
create table beats_hash partition of beats for values with (modulus 4, remainder 0); -- 42P16
create table beats_rest_2 partition of beats default; -- 42P17
create table beats_empty partition of beats for values from ('2028-01-01') to ('2028-01-01'); -- 42P17
create table beats_back partition of beats for values from ('2029-01-01') to ('2028-01-01'); -- 42P17
create table beats_two partition of beats for values from ('2028-01-01', 1) to ('2029-01-01', 2); -- 42P16
create table beats_zone partition of beats for values from ('2027-01-01 00:00:00+00') to ('2027-01-01 01:00:00+00');
create table beats_zone_2 partition of beats for values from ('2027-01-01 02:00:00+02') to ('2027-01-01 03:30:00+02'); -- 42P17
create table beats_old partition of beats for values from (minvalue) to ('2025-01-01');
create table beats_older partition of beats for values from (minvalue) to ('2020-01-01'); -- 42P17
create table beats_new partition of beats for values from ('2030-01-01') to (maxvalue);
create table beats_null partition of beats for values from (null) to ('2020-01-01'); -- 42P17
alter table beats add constraint beats_device unique (device); -- 0A000
alter table beats add unique (device, at);
alter table beats add column code text unique; -- 0A000
create unique index beats_n on beats (n); -- 0A000
create unique index beats_n_at on beats (n, at);
create unique index beats_n_in on beats (n) include (at); -- 0A000
create unique index beats_trunc on beats (date_trunc('day', at at time zone 'utc')); -- 0A000
create index beats_any on beats (n);
alter table beats drop column at; -- 42P16
alter table beats alter column at type date; -- 42P16
alter table beats rename column at to seen;
alter table beats add unique (kind, seen);
alter table beats add unique (kind, n); -- 0A000
create table p1 (id uuid primary key, at timestamptz not null) partition by range (at); -- 0A000
create table p2 (id uuid not null unique, at timestamptz not null) partition by range (at); -- 0A000
create table p3 (id uuid, at timestamptz, unique (id)) partition by range (at); -- 0A000
create table p4 (id uuid, at timestamptz, unique (at, id)) partition by range (at);
create table p5 (id uuid, at timestamptz) partition by range (nope); -- 42703
create table p6 (id uuid, at timestamptz) partition by list (id, at); -- 42P17
create table p7 (id uuid, at timestamptz) partition by color (id); -- 22023
create table p8 (id uuid, at timestamptz, unique (id)) partition by range (date_trunc('day', at at time zone 'utc')); -- 0A000
create table p9 (id uuid, at timestamptz) partition by range (date_trunc('day', at at time zone 'utc'), id);
create table p10 (id uuid, at timestamptz) partition by range (date_trunc('day', at)); -- 42P17
create table p11 (id uuid, twice int generated always as (2) stored) partition by list (twice); -- 42P17
create table l (kind text not null, n int) partition by list (kind);
create table l_a partition of l for values in ('a', 'b');
create table l_b partition of l for values in ('c', 'b'); -- 42P17
create table l_c partition of l for values in ('c', 'c');
create table l_n partition of l for values in (null);
create table l_n2 partition of l for values in ('z', null); -- 42P17
create table l_r partition of l for values from ('a') to ('b'); -- 42P16
create table l_d partition of l default;
create table l_upper partition of l for values in ('A');
create table h (id bigint not null, n int) partition by hash (id);
create table h_0 partition of h for values with (modulus 4, remainder 0);
create table h_1 partition of h for values with (modulus 4, remainder 1);
create table h_1b partition of h for values with (modulus 4, remainder 1); -- 42P17
create table h_2 partition of h for values with (modulus 8, remainder 2);
create table h_2b partition of h for values with (modulus 4, remainder 2); -- 42P17
create table h_6 partition of h for values with (modulus 8, remainder 6);
create table h_x partition of h for values with (modulus 6, remainder 3); -- 42P17
create table h_y partition of h for values with (modulus 4, remainder 4); -- 42P16
create table h_z partition of h for values with (modulus 0, remainder 0); -- 42P16
create table h_d partition of h default; -- 42P16
create table r (a int, b int) partition by range (a, b);
create table r_1 partition of r for values from (1, 1) to (1, 10);
create table r_2 partition of r for values from (1, 10) to (2, minvalue);
create table r_3 partition of r for values from (2, minvalue) to (2, maxvalue);
create table r_4 partition of r for values from (2, 5) to (3, 0); -- 42P17
create table r_5 partition of r for values from (3, 5) to (3, 4); -- 42P17
create table r_6 partition of r for values from (minvalue, 0) to (0, 0); -- 42804
create table r_7 partition of r for values from (10, 0) to (9 + 11, 0);
create table r_9 partition of r for values from ('30', 0) to ('40', 0);
create table r_10 partition of r for values from (31, 0) to (32, 0); -- 42P17
create table plain (a int, b int);
create table plain_p partition of plain for values in (1); -- 42P17
alter table plain attach partition r_1 for values in (1); -- 42P17
create table loose (a int, b int);
alter table r attach partition loose for values from (1, 2) to (1, 3); -- 42P17
alter table r attach partition loose for values from (100, 0) to (101, 0);
create table r_11 partition of r for values from (100, 5) to (100, 6); -- 42P17
alter table r detach partition loose;
create table r_12 partition of r for values from (100, 5) to (100, 6);
alter table r attach partition loose for values from (100, 0) to (100, 5);
alter table r attach partition loose for values from (200, 0) to (201, 0); -- 42809
drop table r_12;
create table sub partition of l for values in ('s') partition by range (n);
create table sub_1 partition of sub for values from (1) to (2);
create table sub_2 partition of sub for values from (1) to (3); -- 42P17
alter table l add primary key (kind); -- 0A000
create table sub_3 partition of beats for values from ('2040-01-01') to ('2041-01-01') partition by list (kind); -- 42P17
create table sub_4 partition of l for values in ('t') partition by range (nope); -- 42703
create table alone (a int, b int, c int, primary key (a, b));
create unique index alone_c on alone (c);
alter table plain add column c int unique;
create table days (d date) partition by range (d);
create table days_1 partition of days for values from ('2025-01-01') to ('2025-02-01');
create table days_2 partition of days for values from ('20250115') to ('2025-03-01'); -- 42P17
create table days_3 partition of days for values from (date '2025-01-15') to (date '2025-03-01'); -- 42P17
create table days_4 partition of days for values from ('2025-01-15'::date) to ('2025-03-01'::date); -- 42P17
create table days_5 partition of days for values from ('2025-02-01'::date) to ('infinity');
create table days_6 partition of days for values from ('2025-04-01') to ('2025-05-01'); -- 42P17
