-- Bookings: what webhooks tell of trips.
-- Rule kept here: the host hears of the trips with the own vehicles, in ids, times and sums.
-- Left out on purpose: names and telephone numbers, which the host's server reads with an API key as long as the host may see them.

create function private.webhook_owner_ids(p_booking public.bookings)
returns uuid[]
language sql immutable set search_path = ''
as $$ select array[p_booking.host_id] $$;
select private.attach_webhooks('public.bookings', 'booking', '{user}', 'code', 'vehicle_id', 'host_id', 'renter_id', 'starts_at', 'ends_at', 'currency',
  'total_amount', 'deposit_amount', 'answer_by', 'hold_expires_at', 'confirmed_at', 'cancelled_by', 'no_show_by', 'created_at');

create function private.webhook_owner_ids(p_change public.booking_changes)
returns uuid[]
language sql stable set search_path = ''
as $$ select array[(select b.host_id from public.bookings b where b.id = p_change.booking_id)] $$;
select private.attach_webhooks('public.booking_changes', 'booking_change', '{user}', 'booking_id', 'previous_ends_at', 'ends_at', 'currency', 'total_amount', 'answer_by', 'created_at');

create function private.webhook_owner_ids(p_charge public.booking_charges)
returns uuid[]
language sql stable set search_path = ''
as $$ select array[(select b.host_id from public.bookings b where b.id = p_charge.booking_id)] $$;
select private.attach_webhooks('public.booking_charges', 'charge', '{user}', 'booking_id', 'kind', 'amount', 'currency', 'owed_amount', 'captured_amount', 'answer_by', 'pay_by', 'created_at');

create function private.webhook_owner_ids(p_inspection public.booking_inspections)
returns uuid[]
language sql stable set search_path = ''
as $$ select array[(select b.host_id from public.bookings b where b.id = p_inspection.booking_id)] $$;
select private.attach_webhooks('public.booking_inspections', 'inspection', '{user}', 'booking_id', 'kind', 'odometer_km', 'fuel_percent', 'recorded_at', 'counts_at');
