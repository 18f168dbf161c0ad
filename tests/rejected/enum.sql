create type e as enum ('a');
alter type e add value 'b';
