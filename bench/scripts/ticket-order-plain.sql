insert into bench.plain_orders (event_id, buyer_id, quantity) values ((select event_id from bench.events where n = 0), bench.id('renter', :renter), 1) returning *;
commit;
