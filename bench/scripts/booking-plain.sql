insert into bench.plain_bookings (quote_id, renter_id, total_amount) values (bench.id('quote', :quote), bench.id('renter', :renter), 1630000);
commit;
