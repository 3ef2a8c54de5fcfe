select * from bench.plain_search(:lat, :lng, 5000, :starts_at, :ends_at, :kind, :max_price);
commit;
