select * from public.vehicle_facets(lat => :lat, lng => :lng, radius_m => 5000, starts_at => :starts_at, ends_at => :ends_at, kind => :kind, max_price => :max_price);
commit;
