select * from bench.write_booking(bench.id('quote', :quote), bench.id('renter', :renter), gen_random_uuid());
commit;
