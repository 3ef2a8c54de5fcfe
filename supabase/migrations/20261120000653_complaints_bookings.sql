-- Complaints: about bookings.
-- Rule kept here: a side complains from the booked start on, because a freeze before it would keep the other side from
-- cancelling; and no longer than complaint_days after the end.
-- Left out on purpose: complaints about a part of a booking, such as a charge: they are about the booking, whose freeze is one
-- of its parts too, and whose record has them.

-- Also writes down what is over by now: a deposit whose time has passed is on its way back and is frozen no more.
create function private.lock_booking_complaint(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings := private.lock_trip(p_payable_id);
begin
  if v_booking.status = 'completed' and v_booking.deposit_status = 'held' and v_booking.claim_until <= now() and not private.is_frozen(p_payable_id) then
    perform private.set_audit_context('deadline');
    perform private.return_deposit(v_booking);
  end if;
end
$$;

create function private.booking_complaint_parties(p_payable_id uuid)
returns setof private.complaint_party
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select k.user_id, k.side
    from public.bookings b cross join lateral (values (b.renter_id, 'renter'), (b.host_id, 'host')) k (user_id, side)
    where b.id = p_payable_id;
end
$$;

create function private.booking_complaint_window(p_payable_id uuid)
returns tstzrange
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select tstzrange(coalesce(b.cancelled_at, b.starts_at), case
      when b.status in ('confirmed', 'in_progress') then 'infinity'
      else coalesce(b.cancelled_at, greatest(b.ends_at, b.checked_out_at)) + make_interval(days => (private.setting('complaint_days'))::int) end)
    from public.bookings b where b.id = p_payable_id and b.confirmed_at is not null
  );
end
$$;

create function private.booking_complaint_record(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'code', b.code, 'status', b.status, 'vehicle_id', b.vehicle_id, 'renter_id', b.renter_id, 'host_id', b.host_id,
      'starts_at', private.record_time(b.starts_at), 'ends_at', private.record_time(b.ends_at),
      'checked_in_at', private.record_time(b.checked_in_at), 'checked_out_at', private.record_time(b.checked_out_at),
      'cancelled_at', private.record_time(b.cancelled_at), 'cancelled_by', b.cancelled_by, 'claim_until', private.record_time(b.claim_until),
      'deposit_amount', b.deposit_amount, 'deposit_status', b.deposit_status, 'cancellation_policy', b.cancellation_policy,
      'lines', (select q.lines from public.quotes q where q.id = b.quote_id),
      'deposit_captured', b.deposit_captured, 'deposit_returned', b.deposit_returned,
      'extensions', coalesce((
        select jsonb_agg(jsonb_build_object('id', c.id, 'status', c.status, 'previous_ends_at', private.record_time(c.previous_ends_at),
          'ends_at', private.record_time(c.ends_at), 'total_amount', c.total_amount, 'tax_amount', c.tax_amount) order by c.created_at, c.id)
        from public.booking_changes c where c.booking_id = b.id), '[]'),
      'charges', coalesce((
        select jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'status', private.charge_state(c), 'amount', c.amount, 'tax_amount', c.tax_amount,
          'owed_amount', c.owed_amount, 'captured_amount', c.captured_amount, 'note', c.note, 'objection', c.objection, 'decision', c.decision,
          'evidence', coalesce((
            select jsonb_agg(jsonb_build_object('media_id', m.id, 'sha256', m.sha256) order by m.id)
            from public.charge_evidence e join public.media m on m.id = e.media_id where e.charge_id = c.id), '[]')) order by c.created_at, c.id)
        from public.booking_charges c where c.booking_id = b.id), '[]'),
      'captures', coalesce((
        select jsonb_agg(jsonb_build_object('id', k.id, 'amount', k.amount, 'tax_amount', k.tax_amount, 'cause', k.cause, 'cause_id', k.cause_id,
          'code', k.code, 'captured_at', private.record_time(k.captured_at)) order by k.captured_at, k.id)
        from public.deposit_captures k where k.booking_id = b.id), '[]'),
      'inspections_sha256', private.inspections_sha256(b.id),
      'inspections', coalesce((
        select jsonb_agg(jsonb_build_object(
          'id', i.id, 'kind', i.kind, 'status', i.status, 'recorded_by', i.recorded_by, 'recorded_at', private.record_time(i.recorded_at),
          'odometer_km', i.odometer_km, 'fuel_percent', i.fuel_percent, 'note', i.note, 'objection', i.objection,
          'photos', (
            select jsonb_agg(jsonb_build_object('angle', f.angle, 'media_id', f.media_id, 'sha256', m.sha256) order by f.angle)
            from public.inspection_photos f join public.media m on m.id = f.media_id where f.inspection_id = i.id)) order by i.recorded_at, i.kind, i.id)
        from public.booking_inspections i where i.booking_id = b.id), '[]'))
    from public.bookings b where b.id = p_payable_id
  );
end
$$;

insert into private.complaint_kinds (kind, lock_function, parties_function, window_function, record_function) values
  ('booking', 'lock_booking_complaint', 'booking_complaint_parties', 'booking_complaint_window', 'booking_complaint_record');
