select public.send_message(bench.id('group', 0), 'Who drives on Saturday?', gen_random_uuid());
commit;
