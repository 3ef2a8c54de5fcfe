select * from public.create_booking(bench.id('quote', :quote), gen_random_uuid());
commit;
