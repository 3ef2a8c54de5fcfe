select * from public.search_vehicles(lat => :lat, lng => :lng, radius_m => 5000, starts_at => :starts_at, ends_at => :ends_at, kind => :kind, max_price => :max_price, page_size => 20, sort => 'total');
commit;
