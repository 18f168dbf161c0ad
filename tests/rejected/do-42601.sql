do $$ begin for x in 1..2 loop null; end loop; end $$;
