select bench.bare_order('shards', bench.id('renter', :renter));
commit;
