select bench.bare_order('counter', bench.id('renter', :renter));
commit;
