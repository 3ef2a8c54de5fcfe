select * from public.queue_status((select event_id from bench.events where n = :room));
commit;
