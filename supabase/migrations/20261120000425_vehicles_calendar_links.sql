-- Vehicles: an address at which other calendars read when a vehicle is taken.
-- Rule kept here: who has the address sees times, and neither people nor reasons. Only a hash of its token is stored, and a
-- new address ends the earlier one.
-- Left out on purpose: times that came from other calendars: they would come back to those as taken for ever.

insert into private.rate_limits (action, capacity, per_minute) values
  ('create_calendar_link', 20, 1);

create table private.calendar_links (
  vehicle_id uuid primary key references public.vehicles on delete cascade,
  token_hash bytea not null unique,
  created_at timestamptz not null default now()
);
comment on table private.calendar_links is 'The address of the calendar of a vehicle, by a hash of its token.';
alter table private.calendar_links enable row level security;
select private.hold_no_persons('private.calendar_links');

create function private.create_calendar_link(p_vehicle_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_token text := translate(encode(extensions.gen_random_bytes(24), 'base64'), '+/', '-_');
begin
  perform private.take_token('create_calendar_link', v_vehicle.host_id::text);
  insert into private.calendar_links (vehicle_id, token_hash) values (p_vehicle_id, private.keyed_hash('calendar:' || v_token))
  on conflict (vehicle_id) do update set token_hash = excluded.token_hash, created_at = now();
  return jsonb_build_object('token', v_token, 'path', '/functions/v1/calendar/' || v_token || '.ics');
end
$$;
create function public.create_calendar_link(vehicle_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.create_calendar_link(vehicle_id) $$;
comment on function public.create_calendar_link is 'Host: makes the address at which other calendars read when a vehicle of the caller is taken, as {token, path}. Who has it sees times only. It is shown this once, and ends the earlier one. Errors: vehicle_not_found, rate_limited.';
select private.expose_limited('create_calendar_link(uuid)', 'create_calendar_link', 'auth.uid()', 'authenticated');

create function private.delete_calendar_link(p_vehicle_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.own_vehicle(p_vehicle_id);
  delete from private.calendar_links where vehicle_id = p_vehicle_id;
end
$$;
create function public.delete_calendar_link(vehicle_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_calendar_link(vehicle_id) $$;
comment on function public.delete_calendar_link is 'Host: ends the address of the calendar of a vehicle of the caller. Repeatable. Errors: vehicle_not_found.';
select private.expose('delete_calendar_link(uuid)', 'authenticated');

create function private.calendar_feed(p_token text)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('vehicle_id', v.id, 'periods', (
      select coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'starts_at', lower(e.blocked), 'ends_at', upper(e.blocked), 'created_at', e.created_at) order by lower(e.blocked)), '[]')
      from public.calendar_entries e
      where e.vehicle_id = v.id and e.kind <> 'external' and (e.kind <> 'hold' or e.expires_at > now())
        and e.blocked && tstzrange(now() - interval '30 days', now() + interval '800 days')))
    from private.calendar_links l
    join public.vehicles v on v.id = l.vehicle_id and v.status <> 'archived'
    where l.token_hash = private.keyed_hash('calendar:' || left(p_token, 100))
  );
end
$$;
create function public.calendar_feed(token text)
returns jsonb
language sql stable set search_path = ''
as $$ select private.calendar_feed(token) $$;
comment on function public.calendar_feed is 'Answers the times at which the vehicle of an address is taken, {vehicle_id, periods: [{id, starts_at, ends_at, created_at}]}, or null for a token that is not right. Service only.';
select private.expose('calendar_feed(text)', 'service_role');
