-- Bookings: the chain of hashes over the inspections of a trip.
-- Rule kept here: whatever becomes of an inspection (recorded, answered, decided) is a link: a text with all that the
-- inspection says by then, the SHA-256 of the bytes of its photos, and the SHA-256 of the link before. A link never
-- changes. An inspection, a photo or a link that was changed later does not fit the chain any more.
-- Left out on purpose: counts_at, which an extension moves; and signatures: the log, the booking's detail and the record of
-- a complaint repeat the hash of the last link, so a person who has seen a hash can find it in the chain, or sees that it is gone.

create table private.inspection_links (
  booking_id uuid not null references public.bookings on delete restrict,
  number int not null,
  inspection_id uuid not null references public.booking_inspections on delete restrict,
  record text not null,
  sha256 text not null,
  written_at timestamptz not null default now(),
  primary key (booking_id, number),
  constraint inspection_links_number_positive check (number > 0),
  constraint inspection_links_hash check (sha256 = private.sha256_hex(record))
);
create index inspection_links_inspection_idx on private.inspection_links (inspection_id);
comment on table private.inspection_links is 'What became of the inspections of a trip, link by link. Never changed.';
comment on column private.inspection_links.number is '1 for the first link of the booking, without gaps.';
comment on column private.inspection_links.record is 'JSON in the canonical form of RFC 8785: {version, booking_id, number, previous (sha256 of the link before, null in the first), written_at, booked_start, cause, reason, inspection {…, photos}}.';
comment on column private.inspection_links.sha256 is 'SHA-256 of the UTF-8 bytes of `record`, in lower-case hex. It is also in the log of events.';
create trigger immutable before update or delete or truncate on private.inspection_links
  for each statement execute function private.forbid_change();
alter table private.inspection_links enable row level security;
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.inspection_links', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', '{record,sha256}',
    'Evidence of the state of the vehicle, for both parties; its hash would no longer fit.');
select private.retain_columns('private.inspection_links', 'Evidence of the state of the vehicle.', 'record', 'sha256');

create view private.inspection_photo_facts with (security_invoker = true) as
  select f.inspection_id, f.angle,
    jsonb_build_object('angle', f.angle, 'media_id', f.media_id, 'sha256', m.sha256, 'mime_type', m.mime_type, 'byte_size', m.byte_size) as fact
  from public.inspection_photos f join public.media m on m.id = f.media_id;
comment on view private.inspection_photo_facts is 'What a link says of each photo of an inspection.';

-- All that an inspection says now. Its photos are given: the proof of all chains reads them at once.
create function private.inspection_facts(p_inspection public.booking_inspections, p_photos jsonb)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'id', p_inspection.id, 'kind', p_inspection.kind, 'status', p_inspection.status,
    'odometer_km', p_inspection.odometer_km, 'fuel_percent', p_inspection.fuel_percent, 'note', p_inspection.note,
    'recorded_by', p_inspection.recorded_by, 'recorded_at', private.record_time(p_inspection.recorded_at),
    'acknowledged_by', p_inspection.acknowledged_by, 'acknowledged_at', private.record_time(p_inspection.acknowledged_at),
    'contested_at', private.record_time(p_inspection.contested_at), 'objection', p_inspection.objection,
    'photos', coalesce(p_photos, '[]'));
end
$$;

-- Writes the next link. The caller holds the lock of the booking; of two that do not, the key refuses one.
create function private.link_inspection(p_inspection public.booking_inspections)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_last private.inspection_links;
  v_number int;
  v_record text;
  v_hash text;
begin
  select * into v_last from private.inspection_links where booking_id = p_inspection.booking_id order by number desc limit 1;
  v_number := coalesce(v_last.number, 0) + 1;
  v_record := private.canonical_json(jsonb_build_object(
    'version', 1, 'booking_id', p_inspection.booking_id, 'number', v_number, 'previous', v_last.sha256, 'written_at', private.record_time(now()),
    'booked_start', (select private.record_time(b.starts_at) from public.bookings b where b.id = p_inspection.booking_id),
    'cause', private.audit_cause(), 'reason', private.audit_reason(), 'inspection', private.inspection_facts(p_inspection, (
      select jsonb_agg(f.fact order by f.angle collate "C") from private.inspection_photo_facts f where f.inspection_id = p_inspection.id))));
  v_hash := private.sha256_hex(v_record);
  insert into private.inspection_links (booking_id, number, inspection_id, record, sha256)
  values (p_inspection.booking_id, v_number, p_inspection.id, v_record, v_hash);
  perform private.record_event('inspection.linked', p_inspection.booking_id,
    jsonb_build_object('number', v_number, 'inspection_id', p_inspection.id, 'sha256', v_hash));
end
$$;

-- The first link is written by private.record_inspection(), after the photos; these are the answers and decisions.
create function private.link_answer()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.link_inspection(new);
  return null;
end
$$;
create trigger link_answer after update of status on public.booking_inspections
  for each row when (old.status <> new.status) execute function private.link_answer();

-- Where a chain, or every chain, is not what was written: text (a link whose text does not give its hash), order (it does
-- not follow the one before), log (the log has another), inspection (it, its photos or its times say something else now),
-- missing (a link that only the log has; or, without a number, an inspection that has no link or a trip that has no inspection).
create function private.inspection_chain_problems(p_booking_id uuid default null)
returns table (booking_id uuid, number int, problem text)
-- plpgsql, because it plans with the value of p_booking_id
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with links as (
    select l.booking_id, l.number, l.inspection_id, l.sha256,
      -- what does not fit its hash is not read
      case when l.sha256 = private.sha256_hex(l.record) then l.record::jsonb end as said,
      row_number() over chain as place, lag(l.sha256) over chain as before,
      l.number = max(l.number) over (partition by l.inspection_id) as is_last
    from private.inspection_links l
    where p_booking_id is null or l.booking_id = p_booking_id
    window chain as (partition by l.booking_id order by l.number)
  ), photos as (
    select f.inspection_id, jsonb_agg(f.fact order by f.angle collate "C") as facts
    from private.inspection_photo_facts f
    where p_booking_id is null or f.inspection_id in (select k.inspection_id from links k)
    group by f.inspection_id
  )
  select k.booking_id, k.number, 'text' from links k where k.said is null
  union all
  select k.booking_id, k.number, 'order' from links k
  where k.said is not null and (k.number <> k.place
    or (k.said ->> 'previous', k.said -> 'number', k.said ->> 'booking_id') is distinct from (k.before, to_jsonb(k.number), k.booking_id::text))
  union all
  select k.booking_id, k.number, 'log' from links k
  where not exists (
    select from private.domain_events e
    where e.subject_id = k.booking_id and e.type = 'inspection.linked' and (e.data -> 'number', e.data ->> 'sha256') = (to_jsonb(k.number), k.sha256))
  union all
  select k.booking_id, k.number, 'inspection'
  from links k
  join public.booking_inspections i on i.id = k.inspection_id
  join public.bookings b on b.id = i.booking_id
  left join photos f on f.inspection_id = i.id
  where k.is_last and k.said is not null and (
    (k.said -> 'inspection') - 'recorded_at' <> private.inspection_facts(i, f.facts) - 'recorded_at'
    or b.id <> k.booking_id
    -- the start that was booked never moves, so how far a time is from it tells whether either was changed
    or (k.said #>> '{inspection,recorded_at}')::timestamptz - (k.said ->> 'booked_start')::timestamptz <> i.recorded_at - b.starts_at)
  union all
  select i.booking_id, null, 'missing'
  from public.booking_inspections i
  where (p_booking_id is null or i.booking_id = p_booking_id)
    and not exists (select from private.inspection_links l where l.inspection_id = i.id)
  union all
  select e.subject_id, (e.data ->> 'number')::int, 'missing'
  from (select distinct k.booking_id from links k) h
  join private.domain_events e on e.subject_id = h.booking_id and e.type = 'inspection.linked'
  where not exists (select from links k where k.booking_id = e.subject_id and k.number = (e.data ->> 'number')::int)
  union all
  select b.id, null, 'missing'
  from public.bookings b
  where b.checked_in_at is not null and (p_booking_id is null or b.id = p_booking_id)
    and not exists (select from public.booking_inspections i where i.booking_id = b.id);
end
$$;

create function private.inspections_sha256(p_booking_id uuid)
returns text
language sql stable set search_path = ''
as $$ select l.sha256 from private.inspection_links l where l.booking_id = p_booking_id order by l.number desc limit 1 $$;

create function private.inspection_chain(p_booking_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_problems jsonb;
begin
  if not private.is_staff() then
    perform private.booking_side(b) from (select (select b from public.bookings b where b.id = p_booking_id) as b) s;
  elsif not exists (select from public.bookings b where b.id = p_booking_id) then
    perform private.fail('booking_not_found');
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('number', p.number, 'problem', p.problem) order by p.number, p.problem), '[]') into v_problems
  from private.inspection_chain_problems(p_booking_id) p;
  return jsonb_build_object(
    'booking_id', p_booking_id,
    'links', coalesce((
      select jsonb_agg(jsonb_build_object('number', l.number, 'inspection_id', l.inspection_id, 'written_at', l.written_at, 'record', l.record, 'sha256', l.sha256) order by l.number)
      from private.inspection_links l where l.booking_id = p_booking_id), '[]'),
    'sha256', private.inspections_sha256(p_booking_id),
    'is_intact', v_problems = '[]', 'problems', v_problems);
end
$$;
create function public.inspection_chain(booking_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.inspection_chain(booking_id) $$;
comment on function public.inspection_chain is 'Party of a booking or staff: the chain of hashes over its inspections {booking_id, links [{number, inspection_id, written_at, record, sha256}], sha256 (of the last link, or null), is_intact, problems [{number, problem}]}. `record` is canonical JSON (RFC 8785) {version, booking_id, number, previous, written_at, booked_start, cause, reason, inspection {id, kind, status, odometer_km, fuel_percent, note, recorded_by, recorded_at, acknowledged_by, acknowledged_at, contested_at, objection, photos [{angle, media_id, sha256, mime_type, byte_size}]}}, and `sha256` the lower-case hex hash of its UTF-8 bytes: compute it yourself to check it. `is_intact` says that the server has done so just now, and has compared links, log, inspections and photos; a problem is text, order, log, inspection or missing. Errors: booking_not_found.';
select private.expose('inspection_chain(uuid)', 'authenticated');

create function private.invariant_inspection_chain_broken()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.booking_id::text, p.problem || coalesce(' of link ' || p.number, ' link')
  from private.inspection_chain_problems() p
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('inspection_chain_broken', 'critical', 'An inspection of a trip, one of its photos, or a link of the chain over them is not what it was.',
    'Somebody changed rows with triggers switched off. inspection_chain says where; the log (private.domain_events, type inspection.linked), a backup and what the parties have seen have the hashes. Decide nothing by this inspection.');
