-- Ticketing: scanning a code, with a connection and without.
-- Rule kept here: two devices that scan one ticket at once come one after the other, by the lock of the ticket.
-- Left out on purpose: checking the signature. Who knows the secret of a ticket has its code; a device without a
-- connection checks the signature, because it does not know secrets.

-- The claims of a code, or null when it is none.
create function private.read_ticket_code(p_code text)
returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
  v_body text := split_part(p_code, '.', 2);
  v_claims jsonb;
begin
  if p_code is null or char_length(p_code) > 1000 or p_code !~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$' then
    return null;
  end if;
  v_claims := convert_from(decode(rpad(translate(v_body, '-_', '+/'), (char_length(v_body) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb;
  return case when v_claims ->> 't' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and v_claims ->> 's' ~ '^[0-9a-f]{32}$'
    and private.is_whole(v_claims -> 'n', 1, 1000000) then v_claims end;
exception
  when data_exception then
    return null;
end
$$;

create function private.scan_shown(p_scan public.ticket_scans)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'client_scan_id', p_scan.client_scan_id, 'is_admitted', p_scan.is_admitted, 'result', p_scan.result, 'scanned_at', p_scan.scanned_at,
    'ticket', private.door_ticket(p_scan.ticket_id),
    'first', case when p_scan.result = 'already_admitted' then (
      select jsonb_build_object('scanned_at', f.scanned_at, 'gate', f.gate, 'scanner', (select p.display_name from public.profiles p where p.id = f.scanner_id))
      from public.ticket_scans f
      where f.list_id = p_scan.list_id and f.ticket_id = p_scan.ticket_id and f.is_admitted and f.result = 'ok'
    ) end
  );
end
$$;

-- What the door sees of a ticket.
create function private.door_ticket(p_ticket_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('ticket_id', t.id, 'number', o.code || '-' || t.number, 'class_id', t.class_id, 'class_name', c.name,
      'holder_name', coalesce(t.holder_name, p.display_name), 'seat', private.seat_label(t.seat_id))
    from public.tickets t
    join public.orders o on o.id = t.order_id
    join public.ticket_classes c on c.id = t.class_id
    join public.profiles p on p.id = t.holder_id
    where t.id = p_ticket_id
  );
end
$$;

create function private.seat_label(p_seat_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (select concat_ws(' ', r.section, r.row_label, s.number) from public.seats s join public.seat_rows r on r.id = s.row_id where s.id = p_seat_id);
end
$$;

-- One scan. p_admitted: what a device without a connection has done; null with a connection.
create function private.record_scan(
  p_list public.check_in_lists, p_code text, p_client_scan_id uuid, p_gate text, p_scanned_at timestamptz, p_admitted boolean
)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
  v_claims jsonb := private.read_ticket_code(p_code);
  v_custody int := (v_claims ->> 'n')::int;
  v_ticket public.tickets;
  v_scan public.ticket_scans;
  v_result text;
  v_gate text := nullif(private.tidy_text(left(p_gate, 60)), '');
begin
  select * into v_scan from public.ticket_scans where scanner_id = v_user_id and client_scan_id = p_client_scan_id;
  if found then
    return private.scan_shown(v_scan);
  end if;
  select * into v_ticket from public.tickets where id = (v_claims ->> 't')::uuid for no key update;
  -- who knows no secret has no code, and learns nothing of the ticket
  if v_ticket.id is null or coalesce(v_claims ->> 's' <> case when v_custody = v_ticket.custody then v_ticket.secret else (
    select k.secret from private.ticket_custody k where k.ticket_id = v_ticket.id and k.custody = v_custody) end, true) then
    return jsonb_build_object('client_scan_id', p_client_scan_id, 'is_admitted', coalesce(p_admitted, false), 'result', 'unknown', 'scanned_at', p_scanned_at);
  end if;
  v_result := case
    when v_ticket.event_id <> p_list.event_id then 'other_event'
    when v_custody <> v_ticket.custody then 'old_code'
    when v_ticket.status <> 'valid' or exists (select from public.events e where e.id = v_ticket.event_id and e.status = 'cancelled') then 'cancelled'
    when not p_list.all_classes and not exists (
      select from public.check_in_list_classes k where k.list_id = p_list.id and k.class_id = v_ticket.class_id) then 'other_list'
    when exists (select from public.ticket_scans s
      where s.list_id = p_list.id and s.ticket_id = v_ticket.id and s.is_admitted and s.result = 'ok') then 'already_admitted'
    else 'ok'
  end;
  insert into public.ticket_scans (list_id, event_id, ticket_id, custody, scanner_id, client_scan_id, gate, is_offline, is_admitted, result, scanned_at)
  values (p_list.id, p_list.event_id, v_ticket.id, v_custody, v_user_id, p_client_scan_id, v_gate, p_admitted is not null,
    coalesce(p_admitted, v_result = 'ok'), v_result, least(p_scanned_at, clock_timestamp()))
  returning * into v_scan;
  if v_scan.is_admitted then
    -- also when it was admitted elsewhere before: other devices of this list must hear of it
    update public.tickets set admitted_at = coalesce(admitted_at, v_scan.scanned_at) where id = v_ticket.id;
  end if;
  return private.scan_shown(v_scan);
end
$$;

create function private.require_scanner(p_list_id uuid)
returns public.check_in_lists
language plpgsql stable set search_path = ''
as $$
declare
  v_list public.check_in_lists;
  v_organizer_id uuid;
begin
  perform private.require_user();
  select l.* into v_list from public.check_in_lists l where l.id = p_list_id;
  select e.organizer_id into v_organizer_id from public.events e where e.id = v_list.event_id;
  if v_organizer_id is null or not (private.is_admin() or exists (
    select from public.organizer_members m where m.organizer_id = v_organizer_id and m.user_id = auth.uid() and m.role <> 'viewer')) then
    perform private.fail('check_in_list_not_found');
  end if;
  return v_list;
end
$$;

create function private.scan_ticket(p_list_id uuid, p_code text, p_client_scan_id uuid, p_gate text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.take_token('scan_ticket', private.require_user()::text);
  if p_client_scan_id is null then
    perform private.fail_input('client_scan_id', 'must be a UUID made by the device');
  end if;
  return private.record_scan(private.require_scanner(p_list_id), p_code, p_client_scan_id, p_gate, clock_timestamp(), null);
end
$$;
create function public.scan_ticket(list_id uuid, code text, client_scan_id uuid, gate text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.scan_ticket($1, $2, $3, $4) $$;
comment on function public.scan_ticket is 'Admin, editor or scanner of the organizer: scans a code on a list. Answers {client_scan_id, is_admitted, result, scanned_at, ticket {ticket_id, number, class_id, class_name, holder_name, seat}, first}. `result` is ok, already_admitted (`first` says when, at which gate and by whom), cancelled, old_code (the ticket was passed on), other_event, other_list, or unknown (no code of ours; then there is no `ticket`). `client_scan_id` is made by the device: the same scan sent again is one scan. Errors: check_in_list_not_found, invalid_input, rate_limited.';
select private.expose_limited('scan_ticket(uuid, text, uuid, text)', 'scan_ticket', 'auth.uid()', 'authenticated');

create function private.sync_scans(p_list_id uuid, p_scans jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_list public.check_in_lists;
  v_scan jsonb;
  v_answers jsonb := jsonb_build_array();
begin
  perform private.take_token('sync_scans', private.require_user()::text);
  if jsonb_typeof(p_scans) is distinct from 'array' or jsonb_array_length(p_scans) not between 1 and 200 then
    perform private.fail_input('scans', 'must be a list of 1 to 200 scans');
  end if;
  v_list := private.require_scanner(p_list_id);
  for v_scan in select s from jsonb_array_elements(p_scans) s loop
    if coalesce(v_scan ->> 'client_scan_id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' or jsonb_typeof(v_scan -> 'code') is distinct from 'string'
       or jsonb_typeof(v_scan -> 'is_admitted') is distinct from 'boolean'
       or private.instant_from(v_scan -> 'scanned_at') is null then
      perform private.fail_input('scans', 'must each have client_scan_id, code, is_admitted and scanned_at, and may have gate');
    end if;
  end loop;
  -- in the order of the tickets: two devices that report the same tickets must not wait for each other in a circle
  for v_scan in
    select s from jsonb_array_elements(p_scans) with ordinality k (s, i)
    order by private.read_ticket_code(s ->> 'code') ->> 't', private.instant_from(s -> 'scanned_at'), i
  loop
    v_answers := v_answers || private.record_scan(v_list, v_scan ->> 'code', (v_scan ->> 'client_scan_id')::uuid, v_scan ->> 'gate',
      private.instant_from(v_scan -> 'scanned_at'), (v_scan ->> 'is_admitted')::boolean);
  end loop;
  return v_answers;
end
$$;
create function public.sync_scans(list_id uuid, scans jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.sync_scans($1, $2) $$;
comment on function public.sync_scans is 'Admin, editor or scanner of the organizer: reports what a device did without a connection, 1 to 200 scans at once: [{client_scan_id, code, scanned_at, is_admitted, gate}]. Each is recorded as it happened and answered as scan_ticket answers; one that is admitted with another result than ok is a conflict for the organizer. A scan that is reported twice is one scan. Answers a list in no certain order. Errors: check_in_list_not_found, invalid_input, rate_limited.';
select private.expose_limited('sync_scans(uuid, jsonb)', 'sync_scans', 'auth.uid()', 'authenticated');

-- An instant in JSON, or null when it is none.
create function private.instant_from(p_value jsonb)
returns timestamptz
language plpgsql stable set search_path = ''
as $$
declare
  v_at timestamptz;
begin
  if jsonb_typeof(p_value) is distinct from 'string' or (p_value #>> '{}') !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d' then
    return null;
  end if;
  v_at := (p_value #>> '{}')::timestamptz;
  return case when v_at between '2000-01-01' and '2200-01-01' then v_at end;
exception
  when data_exception then
    return null;
end
$$;

-- For devices without a connection: what the tickets of a list are. as_of marks the list; given as `since` it asks for what
-- has changed, also by transactions that were open then.
create function private.door_tickets(p_list_id uuid, p_since text, p_after uuid, p_page_size int)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_list public.check_in_lists := private.require_scanner(p_list_id);
  v_since xid8;
  v_is_cancelled boolean;
begin
  if p_page_size is null or p_page_size not between 1 and 1000 then
    perform private.fail_input('page_size', 'must be 1 to 1000');
  end if;
  if p_since !~ '^[0-9]{1,18}$' then
    perform private.fail_input('since', 'must be the as_of of an earlier answer');
  end if;
  select e.status = 'cancelled' into strict v_is_cancelled from public.events e where e.id = v_list.event_id;
  -- with a cancelled event all tickets have changed at once
  v_since := case when not v_is_cancelled then p_since::xid8 end;
  return jsonb_build_object(
    'as_of', pg_snapshot_xmin(pg_current_snapshot())::text,
    'tickets', coalesce((
      select jsonb_agg(private.door_ticket(t.id) || jsonb_build_object('custody', t.custody, 'status', case when v_is_cancelled then 'cancelled' else t.status end,
        'is_in_list', v_list.all_classes or exists (select from public.check_in_list_classes k where k.list_id = v_list.id and k.class_id = t.class_id),
        'admitted_at', (select s.scanned_at from public.ticket_scans s where s.list_id = v_list.id and s.ticket_id = t.id and s.is_admitted and s.result = 'ok')) order by t.id)
      from (
        select * from public.tickets t
        where t.event_id = v_list.event_id and (v_since is null or t.changed_in >= v_since) and (p_after is null or t.id > p_after)
        order by t.id
        limit p_page_size
      ) t
    ), '[]')
  );
end
$$;
create function public.door_tickets(list_id uuid, since text default null, after uuid default null, page_size int default 1000)
returns jsonb
language sql stable set search_path = ''
as $$ select private.door_tickets($1, $2, $3, $4) $$;
comment on function public.door_tickets is 'Admin, editor or scanner of the organizer: what a device needs to scan without a connection. Answers {as_of, tickets: [{ticket_id, number, class_id, class_name, holder_name, seat, custody, status, is_in_list, admitted_at}]}, up to `page_size` (1–1000) by id; `after` takes the last id. `since` takes the as_of of the first page of an earlier reading and asks for what has changed. Errors: check_in_list_not_found, invalid_input.';
select private.expose('door_tickets(uuid, text, uuid, int)', 'authenticated');
