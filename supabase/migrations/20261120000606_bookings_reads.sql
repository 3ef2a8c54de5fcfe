-- Bookings: the reads for screens.
-- Rule kept here: one call shows a party everything of a trip, and nothing of anybody else's.
-- Left out on purpose: lists for admins; Studio reads the tables.

-- Each side sees its own money: the renter (and an admin) the payment, the host (and an admin) what the trip earns.
create function private.booking_money(p_booking public.bookings, p_side text)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'payment', case when p_side <> 'host' then (select to_jsonb(p) from public.payments p where p.payable_id = p_booking.id) end,
    'host_amount', case when p_side <> 'renter' then (
      select sum(q.host_amount)::bigint from public.quotes q
      where q.id = p_booking.quote_id
         or q.id in (select c.quote_id from public.booking_changes c where c.booking_id = p_booking.id and c.status = 'confirmed')) end
  );
end
$$;

create function private.booking_detail(p_booking_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_side text;
  v_state text;
begin
  select * into v_booking from public.bookings where id = p_booking_id;
  v_side := private.booking_side(v_booking);
  v_state := private.booking_state(v_booking);
  return private.booking_money(v_booking, v_side) || jsonb_build_object(
    'side', v_side,
    'booking', to_jsonb(v_booking) || jsonb_build_object('status', v_state),
    'lines', (select q.lines from public.quotes q where q.id = v_booking.quote_id),
    'vehicle', (
      select jsonb_build_object('id', v.id, 'title', v.title, 'kind', v.kind, 'brand', v.brand, 'model', v.model, 'year', v.year,
        'city', v.city, 'time_zone', v.time_zone,
        'images', coalesce((
          select jsonb_agg(jsonb_build_object('media_id', m.id, 'bucket', m.bucket, 'path', m.path, 'status', m.status, 'position', i.position) order by i.position)
          from public.vehicle_images i join public.media m on m.id = i.media_id where i.vehicle_id = v.id), '[]'))
      from public.vehicles v where v.id = v_booking.vehicle_id
    ),
    'location', case when v_side <> 'renter' or v_state in ('confirmed', 'in_progress') then (
      select jsonb_build_object('address', l.address, 'plate', l.plate,
        'lat', extensions.st_y(l.location::extensions.geometry), 'lng', extensions.st_x(l.location::extensions.geometry))
      from public.vehicle_locations l where l.vehicle_id = v_booking.vehicle_id) end,
    'renter', (select to_jsonb(p) from private.public_profile(v_booking.renter_id) p),
    'host', (select to_jsonb(p) from private.public_profile(v_booking.host_id) p),
    'refunds', coalesce((
      select jsonb_agg(private.refund_view(r.id) order by r.created_at) from public.refunds r
      where r.payable_id = p_booking_id or r.payable_id in (select c.id from public.booking_changes c where c.booking_id = p_booking_id)), '[]'),
    'changes', private.changes_of(v_booking, v_side),
    'drivers', private.drivers_of(v_booking),
    'no_show', private.no_show_of(p_booking_id),
    'inspections', coalesce((
      select jsonb_agg(to_jsonb(i) || jsonb_build_object(
        'status', case when exists (select from private.due_inspections d where d.id = i.id) then 'presumed' else i.status end,
        'photos', (
        select jsonb_agg(jsonb_build_object('angle', f.angle, 'media_id', f.media_id, 'bucket', m.bucket, 'path', m.path, 'status', m.status) order by f.angle)
        from public.inspection_photos f join public.media m on m.id = f.media_id where f.inspection_id = i.id)) order by i.recorded_at)
      from public.booking_inspections i where i.booking_id = p_booking_id), '[]'),
    'charges', coalesce((
      select jsonb_agg(private.charge_view(c) order by c.created_at, c.id) from public.booking_charges c where c.booking_id = p_booking_id), '[]'),
    'captures', coalesce((
      select jsonb_agg(to_jsonb(k) - 'booking_id' order by k.captured_at, k.id) from public.deposit_captures k where k.booking_id = p_booking_id), '[]'),
    'receipts', case when v_side <> 'host' then private.receipts_of_booking(p_booking_id) end,
    'inspections_sha256', private.inspections_sha256(p_booking_id),
    'history', coalesce((
      select jsonb_agg(jsonb_build_object('event', e.event, 'from_state', e.from_state, 'to_state', e.to_state,
        'cause', e.cause, 'reason', e.reason, 'occurred_at', e.occurred_at) order by e.id)
      from private.domain_events e where e.subject_id = p_booking_id and e.machine = 'booking'), '[]')
  );
end
$$;
create function public.booking_detail(booking_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.booking_detail(booking_id) $$;
comment on function public.booking_detail is 'Answers all that a party''s screen of a trip needs: {side, booking, lines, vehicle, location, renter, host, payment, host_amount, refunds, changes, drivers, no_show, inspections, charges, captures, receipts, inspections_sha256, history}. `changes` are its extensions, each {…, lines, payment, host_amount}. `drivers` are those besides the renter, each {id, user_id, status, created_at, person, may_drive}. `no_show` is the last report that one side did not come, or null. `charges` are as charges_of_booking answers them, in their state of now; `captures` are what was taken of the deposit [{id, amount, tax_amount, currency, cause, cause_id, code, captured_at}]; `receipts` are those of the booking, its extensions, its charges and its captures [{id, number, kind, source, source_id, payable_id, total, currency, issued_at}], null for the host. `inspections_sha256` is the hash of the last link of inspection_chain. The renter sees `location` only while the booking is confirmed or in progress. The host does not see `payment`, the renter does not see `host_amount`. Errors: booking_not_found.';
select private.expose('booking_detail(uuid)', 'authenticated');

create function private.my_bookings(p_role text, p_statuses text[], p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  if p_role is null or p_role not in ('renter', 'host') then
    perform private.fail_input('role', 'must be renter or host');
  end if;
  return query
    select to_jsonb(p.booking) || jsonb_build_object('status', p.state) || private.booking_money(p.booking, p_role)
    from (
      select b as booking, private.booking_state(b) as state
      from public.bookings b
      where case when p_role = 'renter' then b.renter_id = v_user_id else b.host_id = v_user_id end
        and (p_statuses is null or private.booking_state(b) = any (p_statuses))
        and (v_start.id is null or (b.created_at, b.id) < (v_start.at, v_start.id))
      order by b.created_at desc, b.id desc
      limit p_page_size
    ) p
    order by (p.booking).created_at desc, (p.booking).id desc;
end
$$;
create function public.my_bookings(role text default 'renter', statuses text[] default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.my_bookings(role, statuses, after, page_size) $$;
comment on function public.my_bookings is 'Lists the caller''s bookings as renter or host, newest first, in their state of now: each with `payment` (for the renter) and `host_amount` (for the host). `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_bookings(text, text[], jsonb, int)', 'authenticated');

-- What the cameras wrote into the photos, beside what the two sides recorded. A hint, because anything can be written into a
-- file; the sides do not see it, because it tells where a person was.
create function private.inspection_evidence(p_booking_id uuid)
returns table (
  kind text, angle text, media_id uuid, recorded_at timestamptz, captured_at timestamptz, minutes_before int, distance_m int,
  in_time boolean, nearby boolean
)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  if not exists (select from public.bookings b where b.id = p_booking_id) then
    perform private.fail('booking_not_found');
  end if;
  return query
    select i.kind, p.angle, p.media_id, i.recorded_at, t.taken, t.minutes, t.metres,
      t.minutes between -5 and private.setting('evidence_minutes')::int, t.metres <= private.setting('evidence_metres')::int
    from public.booking_inspections i
    join public.bookings b on b.id = i.booking_id
    join public.vehicles v on v.id = b.vehicle_id
    join public.vehicle_locations l on l.vehicle_id = v.id
    join public.inspection_photos p on p.inspection_id = i.id
    left join private.media_facts f on f.media_id = p.media_id
    -- a camera that does not write its time zone shows the time of the place
    cross join lateral (select coalesce(f.captured_at, f.captured_local at time zone v.time_zone) as taken) c
    cross join lateral (
      select c.taken,
        -- what a camera wrote may be any date
        case when c.taken is not null then round(greatest(least(extract(epoch from i.recorded_at - c.taken) / 60, 1e9), -1e9))::int end as minutes,
        round(extensions.st_distance(f.location, l.location))::int as metres
    ) t
    where i.booking_id = p_booking_id
    order by i.recorded_at, p.angle;
end
$$;
create function public.inspection_evidence(booking_id uuid)
returns table (
  kind text, angle text, media_id uuid, recorded_at timestamptz, captured_at timestamptz, minutes_before int, distance_m int,
  in_time boolean, nearby boolean
)
language sql stable set search_path = ''
as $$ select * from private.inspection_evidence($1) $$;
comment on function public.inspection_evidence is 'Admin: when and where each photo of the inspections of a trip was taken, as its camera wrote it: a hint, no proof. `minutes_before` is how long before the inspection was recorded (negative: after), and `distance_m` is in metres from where the vehicle is offered. `in_time` and `nearby` compare them with the settings evidence_minutes and evidence_metres. All five are null when the camera wrote nothing. Errors: forbidden, booking_not_found.';
select private.expose('inspection_evidence(uuid)', 'authenticated');
