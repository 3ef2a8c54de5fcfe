-- Ticketing: what holders and organizers see of tickets.
-- Rule kept here: a scanner sees no list of people; only the team reads attendees and sales.
-- Left out on purpose: the waiting room's figures, which its own module answers.

create function private.my_tickets(p_after jsonb, p_page_size int, p_upcoming boolean)
returns table (
  id uuid, number text, status text, holder_name text, event_id uuid, event_title text, event_status text, starts_at timestamptz, ends_at timestamptz,
  time_zone text, venue text, address text, class_name text, seat text, order_id uuid, is_buyer boolean, admitted_at timestamptz, offered boolean, created_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'starts_at', p_page_size);
begin
  return query
    select t.id, o.code || '-' || t.number, case when e.status = 'cancelled' then 'cancelled' else t.status end, t.holder_name, e.id, e.title, private.event_state(e), e.starts_at, e.ends_at,
      e.time_zone, e.venue, concat_ws(', ', e.address, e.city), c.name, private.seat_label(t.seat_id), o.id, o.buyer_id = v_user_id, t.admitted_at,
      exists (select from public.ticket_transfers f where f.ticket_id = t.id and f.status = 'offered' and f.expires_at > now()), t.created_at
    from public.tickets t
    join public.orders o on o.id = t.order_id
    join public.events e on e.id = t.event_id
    join public.ticket_classes c on c.id = t.class_id
    where t.holder_id = v_user_id
      and case when p_upcoming then t.status = 'valid' and e.status <> 'cancelled' and (e.ends_at > now() or e.status = 'postponed') else true end
      and (v_start.id is null or case when p_upcoming then (e.starts_at, t.id) > (v_start.at, v_start.id) else (e.starts_at, t.id) < (v_start.at, v_start.id) end)
    order by case when p_upcoming then e.starts_at end, case when p_upcoming then t.id end, e.starts_at desc, t.id desc
    limit p_page_size;
end
$$;
create function public.my_tickets(after jsonb default null, page_size int default 20, upcoming boolean default true)
returns table (
  id uuid, number text, status text, holder_name text, event_id uuid, event_title text, event_status text, starts_at timestamptz, ends_at timestamptz,
  time_zone text, venue text, address text, class_name text, seat text, order_id uuid, is_buyer boolean, admitted_at timestamptz, offered boolean, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_tickets(after, page_size, coalesce(upcoming, true)) $$;
comment on function public.my_tickets is 'Lists the tickets that the caller holds, with what their screen needs: those that are valid for events still to come, the next event first; or with `upcoming` false all of them, the latest event first. `offered` says whether it is offered to somebody. `after` takes {starts_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_tickets(jsonb, int, boolean)', 'authenticated');

create function private.my_ticket_offers()
returns table (
  id uuid, ticket_id uuid, number text, event_id uuid, event_title text, starts_at timestamptz, time_zone text, class_name text, seat text,
  from_id uuid, from_name text, expires_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
begin
  return query
    select f.id, t.id, o.code || '-' || t.number, e.id, e.title, e.starts_at, e.time_zone, c.name, private.seat_label(t.seat_id), f.from_id, p.display_name, f.expires_at
    from public.ticket_transfers f
    join public.tickets t on t.id = f.ticket_id
    join public.orders o on o.id = t.order_id
    join public.events e on e.id = t.event_id
    join public.ticket_classes c on c.id = t.class_id
    join public.profiles p on p.id = f.from_id
    where f.to_id = v_user_id and f.status = 'offered' and f.expires_at > now()
    order by f.expires_at, f.id
    limit 100;
end
$$;
create function public.my_ticket_offers()
returns table (
  id uuid, ticket_id uuid, number text, event_id uuid, event_title text, starts_at timestamptz, time_zone text, class_name text, seat text,
  from_id uuid, from_name text, expires_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_ticket_offers() $$;
comment on function public.my_ticket_offers is 'Lists the tickets that are offered to the caller, at most 100, the one that ends first first.';
select private.expose('my_ticket_offers()', 'authenticated');

-- For the team of an event: its organizer's members but scanners, and staff.
create function private.require_event_team(p_event_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  perform private.require_user();
  if not (p_event_id in (select private.my_event_ids()) or private.is_staff()) or not exists (select from public.events where id = p_event_id) then
    perform private.fail('event_not_found');
  end if;
end
$$;

create function private.event_attendees(p_event_id uuid, p_after uuid, p_page_size int)
returns table (
  ticket_id uuid, number text, status text, class_name text, seat text, holder_name text, order_code text, price bigint, currency text,
  ordered_at timestamptz, admitted_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  perform private.require_event_team(p_event_id);
  if p_page_size is null or p_page_size not between 1 and 1000 then
    perform private.fail_input('page_size', 'must be 1 to 1000');
  end if;
  return query
    select t.id, o.code || '-' || t.number, t.status, c.name, private.seat_label(t.seat_id), coalesce(t.holder_name, p.display_name), o.code,
      t.paid_amount, o.currency, o.created_at, t.admitted_at
    from public.tickets t
    join public.orders o on o.id = t.order_id
    join public.ticket_classes c on c.id = t.class_id
    join public.profiles p on p.id = t.holder_id
    where t.event_id = p_event_id and (p_after is null or t.id > p_after)
    order by t.id
    limit p_page_size;
end
$$;
create function public.event_attendees(event_id uuid, after uuid default null, page_size int default 100)
returns table (
  ticket_id uuid, number text, status text, class_name text, seat text, holder_name text, order_code text, price bigint, currency text,
  ordered_at timestamptz, admitted_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.event_attendees($1, $2, $3) $$;
comment on function public.event_attendees is 'Team of the organizer: lists the tickets of an event with their holders, 1–1000 a page; `after` takes the ticket_id of the last row. `price` is what was paid, in minor units. Errors: event_not_found, invalid_input.';
select private.expose('event_attendees(uuid, uuid, int)', 'authenticated');

create function private.scan_conflicts(p_event_id uuid, p_after jsonb, p_page_size int)
returns table (
  id uuid, list_id uuid, ticket_id uuid, number text, result text, gate text, scanner_id uuid, scanner_name text, scanned_at timestamptz, received_at timestamptz,
  first_scanned_at timestamptz, first_gate text, cancelled_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_start private.page_start := private.read_page(p_after, 'received_at', p_page_size);
begin
  perform private.require_event_team(p_event_id);
  return query
    select s.id, s.list_id, s.ticket_id, o.code || '-' || t.number, s.result, s.gate, s.scanner_id, p.display_name, s.scanned_at, s.received_at,
      f.scanned_at, f.gate, t.cancelled_at
    from public.ticket_scans s
    join public.tickets t on t.id = s.ticket_id
    join public.orders o on o.id = t.order_id
    join public.profiles p on p.id = s.scanner_id
    left join public.ticket_scans f on f.list_id = s.list_id and f.ticket_id = s.ticket_id and f.is_admitted and f.result = 'ok'
    where s.event_id = p_event_id and s.is_admitted and s.result <> 'ok'
      and (v_start.id is null or (s.received_at, s.id) < (v_start.at, v_start.id))
    order by s.received_at desc, s.id desc
    limit p_page_size;
end
$$;
create function public.scan_conflicts(event_id uuid, after jsonb default null, page_size int default 20)
returns table (
  id uuid, list_id uuid, ticket_id uuid, number text, result text, gate text, scanner_id uuid, scanner_name text, scanned_at timestamptz, received_at timestamptz,
  first_scanned_at timestamptz, first_gate text, cancelled_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.scan_conflicts($1, $2, $3) $$;
comment on function public.scan_conflicts is 'Team of the organizer: lists people whom a device without a connection let in although the ticket was used elsewhere (first_scanned_at, first_gate), cancelled (cancelled_at), passed on, or for another event or list; the last one that was reported first. `after` takes {received_at, id} of the last row. Errors: event_not_found, invalid_input.';
select private.expose('scan_conflicts(uuid, jsonb, int)', 'authenticated');

create function private.event_sales(p_event_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_event_team(p_event_id);
  return (
    select jsonb_build_object(
      'currency', 'VND',
      'classes', coalesce((
        select jsonb_agg(jsonb_build_object('class_id', c.id, 'name', c.name, 'total', c.total, 'left', private.tickets_left(c.id),
          'sold', coalesce(t.sold, 0), 'cancelled', coalesce(t.cancelled, 0), 'revenue', coalesce(t.revenue, 0), 'admitted', coalesce(t.admitted, 0)) order by c.position, c.name)
        from public.ticket_classes c
        left join (
          select class_id, count(*) filter (where status = 'valid') as sold, count(*) filter (where status <> 'valid') as cancelled,
            sum(paid_amount) filter (where status = 'valid') as revenue, count(admitted_at) as admitted
          from public.tickets where event_id = p_event_id group by class_id
        ) t on t.class_id = c.id
        where c.event_id = p_event_id), '[]'),
      'days', coalesce((
        select jsonb_agg(jsonb_build_object('day', d.day, 'tickets', d.tickets, 'revenue', d.revenue) order by d.day)
        from (
          select (t.created_at at time zone e.time_zone)::date as day, count(*) as tickets, sum(t.paid_amount) as revenue
          from public.tickets t where t.event_id = p_event_id and t.status = 'valid' group by 1
        ) d), '[]'),
      'orders', coalesce((select jsonb_object_agg(o.status, o.count) from (
        select case when status = 'pending_payment' and hold_expires_at <= now() then 'expired' else status end as status, count(*) as count
        from public.orders where event_id = p_event_id group by 1) o), '{}'),
      'scans', coalesce((
        select jsonb_agg(jsonb_build_object('list_id', l.id, 'name', l.name, 'admitted', s.admitted, 'refused', s.refused, 'conflicts', s.conflicts) order by l.created_at, l.id)
        from public.check_in_lists l
        cross join lateral (
          select count(*) filter (where is_admitted and result = 'ok') as admitted, count(*) filter (where not is_admitted) as refused,
            count(*) filter (where is_admitted and result <> 'ok') as conflicts
          from public.ticket_scans where list_id = l.id
        ) s
        where l.event_id = p_event_id), '[]')
    )
    from public.events e where e.id = p_event_id
  );
end
$$;
create function public.event_sales(event_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.event_sales($1) $$;
comment on function public.event_sales is 'Team of the organizer: the figures of an event in one call: {currency, classes: [{class_id, name, total, left, sold, cancelled, revenue, admitted}], days: [{day, tickets, revenue}] by the calendar of the event, orders: how many by state, scans: [{list_id, name, admitted, refused, conflicts}]}. Amounts are in minor units, of tickets that are valid. Errors: event_not_found.';
select private.expose('event_sales(uuid)', 'authenticated');
