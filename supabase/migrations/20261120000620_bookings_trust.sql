-- Bookings: which trips earn or cost trust.
-- Rule kept here: the moves of a booking are rows of trust_rules, so an edit in a table editor counts as well.
-- Left out on purpose: claims for damage, which do not exist yet.

alter table private.settings
  add constraint settings_late_return_minutes check (key <> 'late_return_minutes' or private.is_whole(value, 0, 1440)),
  add constraint settings_late_cancel_hours check (key <> 'late_cancel_hours' or private.is_whole(value, 0, 720));
insert into private.settings (key, value, description) values
  ('late_return_minutes', '30', 'Minutes after the booked end from which a return costs the renter trust.'),
  ('late_cancel_hours', '24', 'Hours before the start from which a renter''s cancellation of a paid booking costs trust.');

create function private.trust_facts(p_booking public.bookings)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'late', coalesce(p_booking.checked_out_at > p_booking.ends_at + make_interval(mins => private.setting('late_return_minutes')::int), false),
    'cancelled_by', p_booking.cancelled_by,
    'no_show_by', p_booking.no_show_by,
    -- what the policy gives back in full harms nobody, and one whose host is suspended has to cancel
    'near_start', coalesce(p_booking.refund_bps < 10000 and p_booking.cancelled_at > p_booking.starts_at - make_interval(hours => private.setting('late_cancel_hours')::int), false)
  );
end
$$;

insert into private.trust_kinds (kind, points, cap, reason_en, reason_vi) values
  ('host_no_show', -60, 300, 'You did not hand over a booked vehicle.', 'Bạn đã không giao xe cho đơn đã đặt.');
insert into private.trust_rules (machine, event, from_state, audience, kind, only_if) values
  ('booking', 'complete', null, 'renter', 'trip_completed', '{"late": false}'),
  ('booking', 'complete', null, 'renter', 'returned_late', '{"late": true}'),
  ('booking', 'complete', null, 'host', 'trip_hosted', '{}'),
  ('booking', 'cancel', 'confirmed', 'renter', 'cancelled_late', '{"cancelled_by": "renter", "near_start": true}'),
  ('booking', 'cancel', 'confirmed', 'host', 'host_cancelled', '{"cancelled_by": "host"}'),
  ('booking', 'no_show', null, 'renter', 'no_show', '{"no_show_by": "renter"}'),
  ('booking', 'no_show', null, 'host', 'host_no_show', '{"no_show_by": "host"}');
