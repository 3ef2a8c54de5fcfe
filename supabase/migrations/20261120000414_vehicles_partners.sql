-- Vehicles: what a partner's API key may do with its owner's vehicles, and the lists that this needs.
-- Rule kept here: a list shows the caller's own rows and nothing else, and names what a command takes.
-- Left out on purpose: how a key is checked (identity_api_keys).

create function public.my_vehicles(after jsonb default null, page_size int default 20)
returns setof public.vehicles
language plpgsql stable set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_start private.page_start := private.read_page(after, 'created_at', page_size);
begin
  return query
    select v.*
    from public.vehicles v
    where v.host_id = v_host_id and (v_start.id is null or (v.created_at, v.id) < (v_start.at, v_start.id))
    order by v.created_at desc, v.id desc
    limit page_size;
end
$$;
comment on function public.my_vehicles is 'Lists the caller''s own vehicles in every state, newest first. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_vehicles(jsonb, int)', 'authenticated');

create function private.my_calendar(p_vehicle_id uuid, p_from timestamptz, p_to timestamptz)
returns setof public.calendar_entries
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
begin
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to)
     or p_to <= p_from or p_to > p_from + interval '400 days' then
    perform private.fail_input('to_at', 'must be after from_at, by at most 400 days');
  end if;
  if not exists (select from public.vehicles v where v.id = p_vehicle_id and v.host_id = v_host_id) then
    perform private.fail('vehicle_not_found');
  end if;
  return query
    select c.*
    from public.calendar_entries c
    where c.vehicle_id = p_vehicle_id and c.blocked && tstzrange(p_from, p_to) and (c.kind <> 'hold' or c.expires_at > now())
    order by lower(c.blocked);
end
$$;
create function public.my_calendar(vehicle_id uuid, from_at timestamptz, to_at timestamptz)
returns setof public.calendar_entries
language sql stable set search_path = ''
as $$ select * from private.my_calendar(vehicle_id, from_at, to_at) $$;
comment on function public.my_calendar is 'Host: lists what takes a vehicle of the caller between two times (at most 400 days apart), in order, with the ids that unblock_period takes. Holds whose time is over are left out. Errors: vehicle_not_found, invalid_input.';
select private.expose('my_calendar(uuid, timestamptz, timestamptz)', 'authenticated');

select private.register_scope('vehicles:read', 'See your vehicles', 'Xem xe của bạn', 'my_vehicles', 'vehicle_detail');
select private.register_scope('calendar:read', 'See the calendars of your vehicles', 'Xem lịch các xe của bạn', 'my_calendar');
select private.register_scope('calendar:write', 'Block and unblock times of your vehicles', 'Chặn và mở lại thời gian cho thuê các xe của bạn', 'block_period', 'unblock_period');
