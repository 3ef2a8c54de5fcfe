-- Who reads what in the measurement of row policies: a renter and a host with a trip of theirs, and a role that reads
-- the same tables without policies.
-- Rule kept here: both roles have the same privileges, so that policies are the only difference.

create table bench.readers as
select row_number() over (order by b.id) - 1 as n, b.renter_id as renter, b.host_id as host, b.id as booking,
  b.vehicle_id as vehicle, (select m.media_id from public.vehicle_images m where m.vehicle_id = b.vehicle_id limit 1) as media
from (
  select distinct on (renter_id) * from public.bookings
  where exists (select from public.booking_inspections i where i.booking_id = bookings.id)
  order by renter_id, id
) b;
alter table bench.readers add primary key (n);

create role bench_reader nologin bypassrls;
grant bench_reader to authenticator;
grant usage on schema public, private, extensions, auth to bench_reader;
grant select on all tables in schema public to bench_reader;
grant execute on all functions in schema public, private, auth to bench_reader;
grant usage on schema bench to authenticator;
grant select on bench.readers to authenticator;
analyze bench.readers;
