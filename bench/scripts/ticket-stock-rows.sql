select bench.bare_order('rows', bench.id('renter', :renter));
commit;
