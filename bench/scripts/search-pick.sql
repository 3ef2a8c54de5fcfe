\set query random(1, 1000)
\set renter random(0, :renters - 1)
select lat, lng, starts_at, ends_at, kind, max_price from bench.queries where id = :query \gset
