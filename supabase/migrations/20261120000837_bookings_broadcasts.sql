-- Bookings: what a broadcast may ask about renters.
-- Rule kept here: a renter is who had a booking confirmed, whatever became of it.

insert into private.broadcast_conditions (name, takes, condition, description) values
  ('renters', 'true', 'exists (select from public.bookings b where b.renter_id = p.id and b.confirmed_at is not null)', 'People who had a booking confirmed.'),
  ('rented_in', 'texts', 'exists (select from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.renter_id = p.id and b.confirmed_at is not null and private.fold_text(v.city) in (select private.fold_text(c) from jsonb_array_elements_text({value}) c))',
    'People who rented in one of these cities; diacritics and case do not matter.');
