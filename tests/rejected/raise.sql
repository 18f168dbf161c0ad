do $$ begin raise notice '50%% of %', 1; end $$;
do $$ begin raise exception 'fail' ; end $$; -- P0001
