-- Bookings: trips that nobody checked in, and trips whose end nobody recorded.
-- Rule kept here: a paid trip that nobody checked in is completed as driven at a stated time after its booked end, when
-- nothing speaks against it. A trip under way is never completed while the vehicle may be out: an admin settles it.
-- Left out on purpose: no-shows (bookings_no_shows). A report freezes the money, so no trip is completed while one is open.

-- Paid trips that are over and that nobody checked in. `problem` says why they need a person; null when they need none.
create view private.unattended_trips with (security_invoker = true) as
select b.id, b.renter_id, b.host_id, b.ends_at,
  b.ends_at + make_interval(hours => (select value::int from private.settings where key = 'unattended_hours')) as settles_at,
  case
    -- a recorded check-in would count by the booked end at the latest: this one was contested or rejected
    when exists (select from public.booking_inspections i where i.booking_id = b.id) then 'check-in disputed'
    when exists (
      select from public.bookings o
      where o.vehicle_id = b.vehicle_id and o.id <> b.id
        and o.checked_in_at < b.ends_at and coalesce(o.checked_out_at, now()) > b.starts_at
    ) then 'another renter had the vehicle'
    else private.trip_problem(b)
  end as problem
from public.bookings b
-- found by the index bookings_not_back_idx
where b.status = 'confirmed' and b.checked_out_at is null and b.ends_at <= now() and private.booking_state(b) = 'confirmed'
  and not exists (select from private.payable_freezes f where f.payable_id = b.id and f.ended_at is null);
comment on view private.unattended_trips is 'Paid trips whose booked end has passed without a check-in, and whose money is not frozen; when each is completed as driven, or why an admin must decide.';

-- Tells both sides once when such a trip is over, so that they can say that it did not take place.
create function private.tell_of_unattended_trips()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_trip record;
  v_count int := 0;
begin
  for v_trip in
    select u.*, b as booking, v.time_zone
    from private.unattended_trips u
    join public.bookings b on b.id = u.id
    join public.vehicles v on v.id = b.vehicle_id
    where u.problem is null and u.settles_at > now()
      and not exists (
        select from public.notifications n
        where n.user_id = u.renter_id and n.dedupe_key = 'booking_unattended_renter:unattended ' || u.id
      )
    order by u.id
    limit 200
  loop
    perform private.notify_each(
      array[v_trip.renter_id, v_trip.host_id], '{booking_unattended_renter,booking_unattended_host}',
      private.notification_data(v_trip.booking) || jsonb_build_object('deadline', private.time_value(v_trip.settles_at, v_trip.time_zone)),
      'unattended ' || v_trip.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

create function private.settle_unattended_trips(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking_id uuid;
  v_booking public.bookings;
  v_count int := 0;
begin
  for v_booking_id in
    select id from private.unattended_trips where problem is null and settles_at <= now() order by id limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      v_booking := private.lock_trip(v_booking_id);
      -- it may have been cancelled or frozen a moment ago
      if exists (select from private.unattended_trips u where u.id = v_booking_id and u.problem is null) then
        perform private.set_audit_context('deadline', 'nobody checked in');
        perform private.complete_trip(v_booking, null, now());
        v_count := v_count + 1;
      end if;
    exception
      when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT409' then
        raise warning 'booking %, which nobody checked in, could not be settled: %', v_booking_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_unattended', 'Tells both sides of a paid trip that ended without a check-in, and completes it as driven at its deadline.',
  '* * * * *', '15 minutes', 'select private.tell_of_unattended_trips(), private.settle_unattended_trips()');

create function private.settle_trip(p_booking_id uuid, p_reason text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
begin
  perform private.require_admin();
  v_stored := private.begin_command('settle_trip', p_idempotency_key, jsonb_build_object('booking_id', p_booking_id, 'reason', p_reason));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = p_booking_id;
    return v_booking;
  end if;
  perform private.require_reason(p_reason);
  v_booking := private.lock_trip(p_booking_id);
  if v_booking.id is null then
    perform private.fail('booking_not_found');
  end if;
  if v_booking.status not in ('confirmed', 'in_progress') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'completed'));
  end if;
  if now() < v_booking.ends_at then
    perform private.fail('too_early', jsonb_build_object('from', v_booking.ends_at));
  end if;
  if private.is_frozen(p_booking_id) then
    perform private.fail('money_frozen');
  end if;
  perform private.check_none_open(p_booking_id);
  perform private.set_audit_context('admin', p_reason);
  -- the vehicle of a trip under way is back by the admin's word
  v_booking := private.complete_trip(v_booking, case when v_booking.status = 'in_progress' then now() end, now());
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.settle_trip(booking_id uuid, reason text, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.settle_trip(booking_id, reason, idempotency_key) $$;
comment on function public.settle_trip is 'Admin: completes a trip after its booked end as driven: one that nobody checked in, or one whose return nobody recorded and whose vehicle is back. The host has earned the rent, and the claim window begins. One that did not take place is called off with cancel_payable instead. Errors: forbidden, booking_not_found, illegal_transition, too_early, money_frozen, inspection_open (a return waits for an answer and counts by itself), invalid_input.';
select private.expose('settle_trip(uuid, text, uuid)', 'authenticated');

create function private.invariant_trip_undecided()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select u.id::text, u.problem
  from private.unattended_trips u
  where u.problem is not null and u.settles_at < now()
  union all
  select b.id::text, 'nobody recorded the return'
  from public.bookings b
  where b.status = 'in_progress' and b.ends_at < now() - interval '72 hours'
    and not exists (
      select from public.booking_inspections i
      where i.booking_id = b.id and i.kind = 'check_out' and i.status in ('recorded', 'contested')
    )
$$;

create function private.invariant_unattended_trip()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select u.id::text, 'to be settled at ' || u.settles_at
  from private.unattended_trips u
  where u.problem is null and u.settles_at < now() - interval '15 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('trip_undecided', 'warning', 'A trip is long over and cannot be completed by itself: its check-in is disputed, another renter had the vehicle, the vehicle was suspended, or nobody recorded the return within 72 hours.',
    'Ask both sides. When it took place and the vehicle is back, call `settle_trip` (`admin.bookings.settle`); when it did not take place, `cancel_payable` (`admin.payables.cancel`) gives everything back.'),
  ('unattended_trip', 'warning', 'The time at which a paid trip that nobody checked in is completed passed over 15 minutes ago.',
    'The job journey_unattended does not run, or cannot handle this booking: the database log says why.');

create function private.count_trips_undecided()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from private.invariant_trip_undecided()
$$;
insert into private.health_counts (name, description) values
  ('trips_undecided', 'Trips that are long over and that an admin must settle or call off.');
