insert into bench.plain_places (event_id, user_id, number) values ((select event_id from bench.events where n = :room), bench.id('renter', :renter), :renter) returning *;
commit;
