select * from public.queue_entries where id = bench.id('place ' || (select n from bench.events where n = :room), :renter);
commit;
