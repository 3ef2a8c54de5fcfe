-- Ticketing: the availability of an event, live for every open page of it.
-- Rule kept here: at most one broadcast a second for each event, and none that repeats the last one. What changes something leaves
-- a row of the outbox that looks again when it has committed, or knows that there is one: in a rush one row serves all orders
-- of a second. An order never waits here: it skips a row that another has locked.
-- Left out on purpose: hidden kinds of tickets, which only their code shows; and changes that time alone makes (a hold that is
-- over, a sale that begins): the next read finds and broadcasts them.

alter table private.settings add constraint settings_few_left_percent check (key <> 'few_left_percent' or private.is_whole(value, 1, 100));
insert into private.settings (key, value, description) values
  ('few_left_percent', '10', 'Few tickets of a kind are left when at most this share of them is, in percent, 1 to 100.');

create table private.told_availability (
  event_id uuid primary key references public.events on delete restrict,
  seq bigint not null default 0,
  told jsonb,
  again_at timestamptz not null default '-infinity',
  looks_until timestamptz not null default '-infinity',
  seats_seen pg_snapshot,
  teller xid8,
  constraint told_availability_seq_counts check (seq >= 0 and (seq = 0) = (told is null))
) with (fillfactor = 20);
comment on table private.told_availability is 'What was broadcast last of each event that was ever published.';
comment on column private.told_availability.seq is 'Numbers the broadcasts of an event, so that a client sees when it missed one.';
comment on column private.told_availability.told is 'What it said: {status, classes} as event_availability answers them. Null until something was told.';
comment on column private.told_availability.again_at is 'Before it nothing is told.';
comment on column private.told_availability.looks_until is 'When the last row of the outbox that was ordered looks again. Who commits well before needs no row of its own.';
comment on column private.told_availability.seats_seen is 'Which transactions the last broadcast has seen: rows of seats that others changed are told next.';
comment on column private.told_availability.teller is 'The transaction that told, whose own changes it has seen too.';
alter table private.told_availability enable row level security;
select private.hold_no_persons('private.told_availability');

select private.register_topic('availability', 'event_id');
insert into private.broadcasts (topic, event, payload) values
  ('event:{event_id}', 'availability', '{seq, at, status, classes [{id, price, availability, left, sale}], rows [{id, free}]} of a published event, when something changed and at most once a second. seq has no gaps; classes are all that are not hidden, as event_availability answers them; rows are the rows of seats that changed, with 1 for each seat that is free and 0 for each other one, by position. rows is null when too many changed: read seat_map.');

-- The topic that is being joined, if it is of a published event. An unlisted one is for anybody who has its id.
create function private.readable_event_topic()
returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select 'event:' || e.id from public.events e
    where private.may_see_event(e, auth.uid()) and e.id = case when realtime.topic() ~ '^event:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then substr(realtime.topic(), 7)::uuid end
  );
end
$$;
grant execute on function private.readable_event_topic() to anon, authenticated;
create policy select_event on realtime.messages for select to anon, authenticated
  using (extension = 'broadcast' and topic = (select private.readable_event_topic()));

create function private.availability_of(p_total int, p_left bigint)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case
    when p_left <= 0 then 'sold_out'
    when p_left * 100 <= p_total::bigint * (select s.value::int from private.settings s where s.key = 'few_left_percent') then 'few_left'
    else 'available'
  end;
end
$$;

-- What anybody may know of an event and its tickets; who has a code or is of the team sees more kinds, and the team all numbers.
create function private.availability(p_event public.events, p_unlock_code text default null, p_team boolean default false)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_config public.event_configs;
begin
  select * into strict v_config from public.event_configs where event_id = p_event.id;
  return jsonb_build_object('status', private.event_state(p_event), 'classes', coalesce((
    select jsonb_agg(jsonb_build_object('id', c.id, 'price', c.price, 'availability', private.availability_of(c.total, k.free),
      'left', private.shown_left(v_config, k.free, p_team), 'sale', to_jsonb(private.sale_window(p_event, v_config, c))) order by c.position, c.name)
    from public.ticket_classes c cross join lateral (select private.tickets_on_sale(c) as free) k
    where c.event_id = p_event.id and (p_team or not c.is_hidden or c.unlock_code = upper(btrim(p_unlock_code)))), '[]'));
end
$$;

-- The rows of seats that changed since the last broadcast, and what this one has seen. Null for too many rows.
create function private.changed_seat_rows(p_told private.told_availability, out rows jsonb, out seen pg_snapshot)
language plpgsql stable set search_path = ''
as $$
declare
  -- some kilobytes
  v_most constant int := 100;
begin
  seen := pg_current_snapshot();
  -- numbers of transactions begin anew in a database that was restored from a dump
  if pg_snapshot_xmax(p_told.seats_seen) > pg_snapshot_xmax(seen) then
    p_told.seats_seen := null;
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('id', x.id, 'free', x.free) order by x.id), '[]') into rows
  from (
    select r.id, (
      select string_agg(case when s.status = 'open' and private.is_seat_free(s.id) then '1' else '0' end, '' order by s.position)
      from public.seats s where s.row_id = r.id) as free
    from public.seat_rows r
    where r.event_id = p_told.event_id and r.changed_by is distinct from p_told.teller
      and (r.changed_by < pg_snapshot_xmax(seen) or r.changed_by = pg_current_xact_id_if_assigned())
      and (p_told.seats_seen is null or not pg_visible_in_snapshot(r.changed_by, p_told.seats_seen))
    limit v_most + 1
  ) x;
  if jsonb_array_length(rows) > v_most then
    rows := null;
  end if;
end
$$;

-- Orders a look at the event. The caller has its row.
create function private.look_again(p_event_id uuid, p_key text, p_at timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update private.told_availability set looks_until = p_at where event_id = p_event_id;
  perform private.enqueue('availability', jsonb_build_object('event_id', p_event_id), p_event_id || ':' || p_key, p_at);
end
$$;

-- Tells what changed. Answers whether there was something to tell, or null when another transaction has just told or is telling.
-- After it somebody looks again, unless this was such a look (p_look) and there was nothing.
create function private.tell_event(p_event_id uuid, p_look boolean)
returns boolean
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_told private.told_availability;
  v_event public.events;
  v_now timestamptz;
  v_fresh jsonb;
  v_seats record;
begin
  if p_look then
    select * into v_told from private.told_availability t where t.event_id = p_event_id for no key update;
  else
    select * into v_told from private.told_availability t where t.event_id = p_event_id for no key update skip locked;
  end if;
  if not found then
    return null;
  end if;
  v_now := clock_timestamp();
  if v_told.again_at > v_now then
    if not p_look then
      -- of all who come in this second, one orders the look
      perform private.look_again(p_event_id, 'until ' || extract(epoch from v_now), v_now + interval '1.5 seconds');
    end if;
    return null;
  end if;
  select * into strict v_event from public.events where id = p_event_id;
  v_fresh := private.availability(v_event);
  v_seats := private.changed_seat_rows(v_told);
  if v_fresh = v_told.told and jsonb_array_length(v_seats.rows) = 0 then
    if not p_look then
      -- a crowd that changes nothing that anybody sees computes this once a second, and not with each order
      perform private.look_again(p_event_id, 'until ' || extract(epoch from v_now), v_now + interval '1.5 seconds');
    end if;
    return false;
  end if;
  -- DO NOT update the row twice: PostgreSQL would then look for the event anew and wait for who cancels it, who may wait for
  -- an inbox of this transaction
  update private.told_availability t
  set seq = t.seq + 1, told = v_fresh, again_at = v_now + interval '1 second', looks_until = v_now + interval '1 second', seats_seen = v_seats.seen,
      teller = pg_current_xact_id()
  where t.event_id = p_event_id;
  perform private.broadcast('event:' || p_event_id, 'availability',
    v_fresh || jsonb_build_object('seq', v_told.seq + 1, 'at', v_now, 'rows', v_seats.rows));
  perform private.enqueue('availability', jsonb_build_object('event_id', p_event_id), p_event_id || ':' || (v_told.seq + 1), v_now + interval '1 second');
  return true;
end
$$;

-- At commit of whatever changed something. In a rush nearly all return at the first question.
create function private.availability_changed(p_event_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_looks_until timestamptz;
begin
  select t.looks_until into v_looks_until from private.told_availability t where t.event_id = p_event_id;
  -- not published; or somebody looks again when this transaction is long committed
  if not found or v_looks_until > clock_timestamp() + interval '0.5 seconds' then
    return;
  end if;
  -- another has the row, and what it orders may not have been written yet. The key is its own: one that two share would make one
  -- wait for the other.
  if private.tell_event(p_event_id, false) is null and not exists (
    select from private.told_availability t where t.event_id = p_event_id and t.looks_until > clock_timestamp() + interval '0.5 seconds')
  then
    perform private.enqueue('availability', jsonb_build_object('event_id', p_event_id), p_event_id || ' by ' || pg_current_xact_id(), clock_timestamp() + interval '1 second');
  end if;
end
$$;

create function private.tell_of_stock()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.availability_changed(p.event_id) from private.capacity_pools p where p.id = new.pool_id;
  return null;
end
$$;
create constraint trigger tell_availability after update on private.stock_shards
  deferrable initially deferred for each row
  when (old.capacity - old.held - old.sold <> new.capacity - new.held - new.sold)
  execute function private.tell_of_stock();

create function private.tell_of_sale()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.availability_changed(new.event_id);
  return null;
end
$$;
create constraint trigger tell_availability after insert or update on public.ticket_classes
  deferrable initially deferred for each row execute function private.tell_of_sale();
create constraint trigger tell_availability after update on public.event_configs
  deferrable initially deferred for each row execute function private.tell_of_sale();

create function private.tell_of_event()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.published_at is not null then
    insert into private.told_availability (event_id) values (new.id) on conflict do nothing;
    perform private.availability_changed(new.id);
  end if;
  return null;
end
$$;
create constraint trigger tell_availability after insert or update of status, starts_at, ends_at, published_at, hidden_at on public.events
  deferrable initially deferred for each row execute function private.tell_of_event();

create function private.tell_availability(p_event_id uuid)
returns boolean
language sql volatile security definer set search_path = ''
as $$ select private.tell_event(p_event_id, true) $$;
create function public.tell_availability(event_id uuid)
returns boolean
language sql volatile set search_path = ''
as $$ select private.tell_availability(event_id) $$;
comment on function public.tell_availability is 'Broadcasts what can be had of an event, if that has changed since the last broadcast. Answers whether it did; null when another transaction has just done it, or the event was never published. Service only. Repeatable.';
select private.expose('tell_availability(uuid)', 'service_role');

create function private.event_availability(p_event_id uuid, p_unlock_code text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events;
  v_team boolean;
  v_told private.told_availability;
  v_now constant timestamptz := clock_timestamp();
  v_fresh jsonb;
begin
  select * into v_event from public.events where id = p_event_id;
  v_team := found and (private.is_staff() or v_event.organizer_id in (select private.my_organizer_ids()));
  if not found or not (v_team or private.may_see_event(v_event, auth.uid())) then
    perform private.fail('event_not_found');
  end if;
  select * into v_told from private.told_availability t where t.event_id = p_event_id;
  v_fresh := private.availability(v_event, p_unlock_code, v_team);
  if v_told.again_at <= v_now and not v_team and p_unlock_code is null and v_fresh <> v_told.told then
    perform private.tell_event(p_event_id, false);
  end if;
  return v_fresh || jsonb_build_object('event_id', p_event_id, 'seq', coalesce(v_told.seq, 0), 'at', v_now);
end
$$;
create function public.event_availability(event_id uuid, unlock_code text default null)
returns jsonb
-- plpgsql, because everybody who has the page open asks this: an SQL function with a SET clause is planned anew at each call
language plpgsql volatile set search_path = ''
as $$
begin
  return private.event_availability($1, $2);
end
$$;
comment on function public.event_availability is 'Answers what can be had of an event now: {event_id, seq, at, status, classes [{id, price (minor units), availability (available, few_left or sold_out), left (null where the organizer does not show it), sale {starts_at, ends_at, state}}]}. `unlock_code` shows hidden classes. The same is broadcast when it changes, to the topic event:{event_id}, numbered by seq without gaps; `at` says which of two answers is newer. Repeatable. Errors: event_not_found.';
select private.expose('event_availability(uuid, text)', 'anon', 'authenticated');
