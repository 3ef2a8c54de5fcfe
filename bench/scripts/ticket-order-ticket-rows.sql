select ticket_rows.create_order((select event_id from bench.events where n = 0), jsonb_build_array(jsonb_build_object('class_id', (select class_id from bench.events where n = 0), 'quantity', 1)), gen_random_uuid());
commit;
