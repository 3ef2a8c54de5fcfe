-- Ticketing: at the door: lists, scans, and what devices without a connection report later.
-- Rule kept here: on one list a ticket admits once, by a unique index. A scan is a fact and is never changed: it says
-- whether somebody was let in, and what was wrong with that. What a device did without a connection is recorded as it
-- happened, also when the ticket had been cancelled, passed on or used elsewhere.
-- Left out on purpose: leaving and coming back.

create table public.check_in_lists (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events on delete restrict,
  name text not null,
  all_classes boolean not null default true,
  created_at timestamptz not null default now(),
  constraint check_in_lists_of_event unique (id, event_id),
  constraint check_in_lists_name_once unique (event_id, name),
  constraint check_in_lists_name_tidy check (private.is_tidy(name)),
  constraint check_in_lists_name_length check (char_length(name) between 1 and 120)
);
comment on table public.check_in_lists is 'Where tickets are scanned: an entrance, a day, a VIP area. Each event begins with one for all its tickets. A ticket is admitted once on each list.';
comment on column public.check_in_lists.all_classes is 'Whether it admits every kind of ticket, or those of check_in_list_classes.';

create table public.check_in_list_classes (
  list_id uuid not null,
  event_id uuid not null,
  class_id uuid not null,
  primary key (list_id, class_id),
  constraint check_in_list_classes_list foreign key (list_id, event_id) references public.check_in_lists (id, event_id) on delete cascade,
  constraint check_in_list_classes_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict
);
create index check_in_list_classes_class_idx on public.check_in_list_classes (class_id);
comment on table public.check_in_list_classes is 'Which kinds of tickets a list admits, when not all.';

create table public.ticket_scans (
  id uuid primary key default gen_random_uuid(),
  list_id uuid not null references public.check_in_lists on delete restrict,
  event_id uuid not null references public.events on delete restrict,
  ticket_id uuid not null references public.tickets on delete restrict,
  custody int not null,
  scanner_id uuid not null references public.profiles on delete restrict,
  client_scan_id uuid not null,
  gate text,
  is_offline boolean not null,
  is_admitted boolean not null,
  result text not null,
  scanned_at timestamptz not null,
  received_at timestamptz not null default clock_timestamp(),
  constraint ticket_scans_once unique (scanner_id, client_scan_id),
  constraint ticket_scans_gate_tidy check (private.is_tidy(gate)),
  constraint ticket_scans_gate_length check (char_length(gate) <= 60),
  constraint ticket_scans_result_known check (result in ('ok', 'already_admitted', 'cancelled', 'old_code', 'other_event', 'other_list')),
  -- with a connection the platform decides, and lets in exactly those whose ticket is good
  constraint ticket_scans_decided_by_result check (is_offline or is_admitted = (result = 'ok')),
  constraint ticket_scans_scanned_before_received check (scanned_at <= received_at)
);
create unique index ticket_scans_admits_once on public.ticket_scans (list_id, ticket_id) where is_admitted and result = 'ok';
create index ticket_scans_event_idx on public.ticket_scans (event_id, received_at desc, id desc);
create index ticket_scans_conflicts_idx on public.ticket_scans (event_id, received_at desc, id desc) where is_admitted and result <> 'ok';
create index ticket_scans_ticket_idx on public.ticket_scans (ticket_id);
comment on table public.ticket_scans is 'Append-only: what happened at the door.';
comment on column public.ticket_scans.custody is 'Of which holder the scanned code was.';
comment on column public.ticket_scans.client_scan_id is 'Made by the device, so that a scan that is reported twice is one scan.';
comment on column public.ticket_scans.gate is 'Where, as the device says. Null when it does not say.';
comment on column public.ticket_scans.is_offline is 'Whether the device decided without a connection and reported it later.';
comment on column public.ticket_scans.is_admitted is 'Whether the person was let in.';
comment on column public.ticket_scans.result is 'ok, or what was wrong as far as the platform knows now: already_admitted, cancelled, old_code (passed on since), other_event, other_list. A scan that is admitted and not ok is a conflict. No state machine.';
comment on column public.ticket_scans.scanned_at is 'On the clock of the device when offline, and never after received_at.';
create trigger append_only before update or delete or truncate on public.ticket_scans
  for each statement execute function private.forbid_change();

-- Every event has a list from the start.
create function private.add_first_list()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into public.check_in_lists (event_id, name)
  select new.id, case p.locale when 'vi' then 'Cổng vào' else 'Entrance' end from public.profiles p where p.id = new.created_by;
  return null;
end
$$;
create trigger add_first_list after insert on public.events for each row execute function private.add_first_list();

-- Events of which the caller may scan tickets.
create function private.my_scanned_event_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select e.id from public.events e join public.organizer_members m on m.organizer_id = e.organizer_id
    where m.user_id = auth.uid();
end
$$;
grant execute on function private.my_scanned_event_ids() to authenticated;

alter table public.check_in_lists enable row level security;
alter table public.check_in_list_classes enable row level security;
alter table public.ticket_scans enable row level security;
revoke all on public.check_in_lists, public.check_in_list_classes, public.ticket_scans from anon, authenticated, service_role;
grant select on public.check_in_lists, public.check_in_list_classes, public.ticket_scans to authenticated, service_role;
create policy select_team on public.check_in_lists for select to authenticated
  using (event_id in (select private.my_scanned_event_ids()) or (select private.is_staff()));
create policy select_team on public.check_in_list_classes for select to authenticated
  using (event_id in (select private.my_scanned_event_ids()) or (select private.is_staff()));
create policy select_team on public.ticket_scans for select to authenticated
  using (scanner_id = (select auth.uid()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.hold_no_persons('public.check_in_lists', 'public.check_in_list_classes');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.ticket_scans', 'r.scanner_id = $1', 'retain', '{id,list_id,event_id,gate,is_admitted,result,scanned_at}', 'Says who let somebody in, for disputes at the door.');
select private.retain_columns('public.ticket_scans', 'What a device said of the gate.', 'gate', 'client_scan_id');

create function private.save_check_in_list(p_event_id uuid, p_name text, p_class_ids uuid[], p_list_id uuid)
returns public.check_in_lists
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_organizer_id uuid := (select organizer_id from public.events where id = p_event_id);
  v_list public.check_in_lists;
  v_name text := private.tidy_text(p_name);
begin
  if v_organizer_id is null then
    perform private.fail('event_not_found');
  end if;
  perform private.require_organizer_role(v_organizer_id, 'admin', 'editor');
  if v_name is null or not private.shows_something(v_name) or char_length(v_name) > 120 then
    perform private.fail_input('name', 'must have 1 to 120 characters');
  end if;
  if cardinality(p_class_ids) = 0 or cardinality(p_class_ids) > 100 then
    perform private.fail_input('class_ids', 'must have 1 to 100 ids, or be null for every kind of ticket');
  end if;
  if p_list_id is null then
    -- an event with thousands of lists is a mistake
    if (select count(*) from public.check_in_lists where event_id = p_event_id) >= 100 then
      perform private.fail_input('event_id', 'has 100 lists already');
    end if;
    insert into public.check_in_lists (event_id, name, all_classes) values (p_event_id, v_name, p_class_ids is null) returning * into v_list;
  else
    update public.check_in_lists set name = v_name, all_classes = p_class_ids is null
    where id = p_list_id and event_id = p_event_id
    returning * into v_list;
    if not found then
      perform private.fail('check_in_list_not_found');
    end if;
    delete from public.check_in_list_classes where list_id = p_list_id;
  end if;
  insert into public.check_in_list_classes (list_id, event_id, class_id)
  select v_list.id, p_event_id, c from unnest(p_class_ids) c group by c;
  return v_list;
exception
  when unique_violation then
    perform private.fail_input('name', 'is the name of another list of this event');
    return null;
  when foreign_key_violation or not_null_violation then
    perform private.fail('ticket_class_not_found');
    return null;
end
$$;
create function public.save_check_in_list(event_id uuid, name text, class_ids uuid[] default null, list_id uuid default null)
returns public.check_in_lists
language sql volatile set search_path = ''
as $$ select private.save_check_in_list($1, $2, $3, $4) $$;
comment on function public.save_check_in_list is 'Admin or editor of the organizer: makes a list where tickets are scanned, or with `list_id` changes it. `class_ids` are the kinds of tickets that it admits; null for all. Errors: event_not_found, organizer_not_found, forbidden, check_in_list_not_found, ticket_class_not_found, invalid_input.';
select private.expose('save_check_in_list(uuid, text, uuid[], uuid)', 'authenticated');
