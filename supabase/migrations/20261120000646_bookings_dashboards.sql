-- Bookings: what the home screens of a host and of a renter show, each in one call.
-- Rule kept here: one snapshot answers a whole screen, and only of the caller's own bookings, in their state of now.
-- Left out on purpose: payouts, which are a list of their own; here are the sums that the ledger and the bookings say.

create function private.host_dashboard(p_days int)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_since timestamptz;
begin
  if p_days is null or p_days not between 1 and 366 then
    perform private.fail_input('days', 'must be 1 to 366');
  end if;
  v_since := now() - make_interval(days => p_days);
  return (
    with mine as materialized (
      select b, v.title, v.time_zone, private.booking_state(b) as state
      from public.bookings b
      join public.vehicles v on v.id = b.vehicle_id
      where b.host_id = v_host_id
        and (b.status in ('requested', 'pending_payment', 'confirmed', 'in_progress') or upper(b.period) > v_since)
    ),
    shown as (
      select m.state, (m.b).starts_at as starts_at, (m.b).ends_at as ends_at, (m.b).checked_out_at as back_at, jsonb_build_object(
        'id', (m.b).id, 'code', (m.b).code, 'status', m.state, 'starts_at', (m.b).starts_at, 'ends_at', (m.b).ends_at,
        'answer_by', (m.b).answer_by, 'vehicle_id', (m.b).vehicle_id, 'vehicle', m.title, 'time_zone', m.time_zone,
        'renter', (select p.display_name from public.profiles p where p.id = (m.b).renter_id)) as item,
        -- today, in the calendar of the vehicle
        date_trunc('day', now() at time zone m.time_zone) at time zone m.time_zone as today,
        (date_trunc('day', now() at time zone m.time_zone) + interval '1 day') at time zone m.time_zone as tomorrow
      from mine m
    )
    select jsonb_build_object(
      'currency', 'VND',
      'requests', coalesce((select jsonb_agg(s.item order by s.item ->> 'answer_by') from shown s where s.state = 'requested'), '[]'),
      'extensions', coalesce((
        select jsonb_agg(jsonb_build_object('id', c.id, 'booking_id', c.booking_id, 'code', (m.b).code, 'vehicle', m.title, 'time_zone', m.time_zone,
          'previous_ends_at', c.previous_ends_at, 'ends_at', c.ends_at, 'answer_by', c.answer_by) order by c.answer_by, c.id)
        from mine m join public.booking_changes c on c.booking_id = (m.b).id
        where private.change_state(c) = 'requested'), '[]'),
      'hand_overs', coalesce((select jsonb_agg(s.item order by s.starts_at) from shown s where s.state = 'confirmed' and s.starts_at < s.tomorrow and s.ends_at > now()), '[]'),
      'returns', coalesce((select jsonb_agg(s.item order by s.ends_at) from shown s where s.state = 'in_progress' and s.back_at is null and s.ends_at < s.tomorrow), '[]'),
      'under_way', (select count(*) from shown s where s.state = 'in_progress'),
      'upcoming', (select count(*) from shown s where s.state = 'confirmed' and s.starts_at > now()),
      'occupancy_bps', (
        -- hours of trips among all hours of the listings that are offered, in the days that are past
        select case when o.offered > 0 then least(10000, round(10000 * coalesce(o.driven, 0) / o.offered))::int else 0 end
        from (
          select
            (select sum(extract(epoch from now() - greatest(v_since, v.published_at))) from public.vehicles v
             where v.host_id = v_host_id and v.status in ('published', 'suspended') and v.published_at < now()) as offered,
            (select sum(extract(epoch from least(now(), (m.b).ends_at) - greatest(v_since, (m.b).starts_at))) from mine m
             where m.state in ('confirmed', 'in_progress', 'completed') and (m.b).starts_at < now() and (m.b).ends_at > v_since) as driven
        ) o),
      'earned_amount', (
        select coalesce(sum(-e.amount), 0)::bigint
        from private.ledger_accounts a
        join private.ledger_entries e on e.account_id = a.id
        join private.ledger_transactions t on t.id = e.transaction_id
        where a.kind = 'host_payable' and a.owner = v_host_id::text and t.payable_id is not null and t.posted_at > v_since),
      -- what is earned and in no payout, whether or not it can be paid out yet
      'unpaid_amount', (
        select coalesce(-sum(e.amount), 0)::bigint
        from private.ledger_accounts a join private.ledger_entries e on e.account_id = a.id
        where a.kind = 'host_payable' and a.owner = v_host_id::text),
      'expected_amount', (
        select coalesce(sum((private.booking_money(m.b, 'host') ->> 'host_amount')::bigint), 0)::bigint
        from mine m where m.state in ('confirmed', 'in_progress')),
      'rating_average', p.rating_average, 'rating_count', p.rating_count, 'credit_score', p.credit_score,
      'response_minutes', private.response_minutes(v_host_id))
    from public.profiles p where p.id = v_host_id
  );
end
$$;
create function public.host_dashboard(days int default 30)
returns jsonb
language sql stable set search_path = ''
as $$ select private.host_dashboard(days) $$;
comment on function public.host_dashboard is 'Answers the home screen of a host, for the last 1 to 366 days where it counts them: {currency, requests and extensions that wait for an answer, hand_overs and returns of today or overdue, under_way, upcoming, occupancy_bps (hours driven among hours offered), earned_amount in those days, unpaid_amount (earned, and in no payout), expected_amount of paid trips that are not over, rating_average, rating_count, credit_score, response_minutes}. Amounts are in minor units. Errors: invalid_input.';
select private.expose('host_dashboard(int)', 'authenticated');

create function private.renter_history(p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select jsonb_build_object(
      'id', b.id, 'code', b.code, 'status', private.booking_state(b), 'starts_at', b.starts_at, 'ends_at', b.ends_at, 'created_at', b.created_at,
      'currency', b.currency, 'total_amount', b.total_amount, 'deposit_amount', b.deposit_amount, 'deposit_status', b.deposit_status,
      'hold_expires_at', b.hold_expires_at,
      'extended_amount', (select coalesce(sum(c.total_amount), 0)::bigint from public.booking_changes c where c.booking_id = b.id and c.status = 'confirmed'),
      'refunded_amount', (
        select coalesce(sum(r.amount), 0)::bigint from public.refunds r
        where r.payable_id = b.id or r.payable_id in (select c.id from public.booking_changes c where c.booking_id = b.id)),
      'payment', (select to_jsonb(p) from public.payments p where p.payable_id = b.id),
      'vehicle', jsonb_build_object('id', v.id, 'title', v.title, 'kind', v.kind, 'city', v.city, 'time_zone', v.time_zone,
        'image', (
          select jsonb_build_object('media_id', m.id, 'bucket', m.bucket, 'path', m.path, 'status', m.status)
          from public.vehicle_images i join public.media m on m.id = i.media_id where i.vehicle_id = v.id order by i.position limit 1)),
      'host', (select to_jsonb(p) from private.public_profile(b.host_id) p))
    from public.bookings b
    join public.vehicles v on v.id = b.vehicle_id
    where b.renter_id = v_user_id and (v_start.id is null or (b.created_at, b.id) < (v_start.at, v_start.id))
    order by b.created_at desc, b.id desc
    limit p_page_size;
end
$$;
create function public.renter_history(after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.renter_history(after, page_size) $$;
comment on function public.renter_history is 'Lists the caller''s trips as a renter with all that a list of trips shows, newest first: {id, code, status, starts_at, ends_at, created_at, currency, total_amount, deposit_amount, deposit_status, hold_expires_at, extended_amount, refunded_amount, payment, vehicle {id, title, kind, city, time_zone, image}, host}. Amounts are in minor units. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('renter_history(jsonb, int)', 'authenticated');
