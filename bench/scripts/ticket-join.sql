select * from public.join_queue((select event_id from bench.events where n = :room));
commit;
