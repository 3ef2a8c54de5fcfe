-- Ticketing: events and their configuration.
-- Rule kept here: an event moves along the machine `event` by any path; what the public sees was approved and published;
-- an event is over at its end, whether or not a job has written it.
-- Left out on purpose: the kinds of tickets (ticketing_classes) and the commands (ticketing_event_commands).

insert into private.transitions (machine, from_state, event, to_state) values
  ('event', 'initial', 'create', 'draft'),
  ('event', 'draft', 'configure', 'configured'),
  ('event', 'configured', 'approve', 'approved'),
  ('event', 'configured', 'reject', 'draft'),
  ('event', 'approved', 'revise', 'configured'),
  ('event', 'approved', 'publish', 'published'),
  ('event', 'published', 'end', 'ended'),
  ('event', 'draft', 'postpone', 'postponed'),
  ('event', 'configured', 'postpone', 'postponed'),
  ('event', 'approved', 'postpone', 'postponed'),
  ('event', 'published', 'postpone', 'postponed'),
  ('event', 'postponed', 'reschedule', 'published'),
  ('event', 'postponed', 'resume', 'configured'),
  ('event', 'draft', 'cancel', 'cancelled'),
  ('event', 'configured', 'cancel', 'cancelled'),
  ('event', 'approved', 'cancel', 'cancelled'),
  ('event', 'published', 'cancel', 'cancelled'),
  ('event', 'postponed', 'cancel', 'cancelled');

create table public.event_categories (
  category text primary key,
  name_en text not null,
  name_vi text not null,
  position int not null,
  constraint event_categories_category_form check (category ~ '^[a-z][a-z_]{1,39}$'),
  constraint event_categories_names_tidy check (private.is_tidy(name_en) and private.is_tidy(name_vi))
);
comment on table public.event_categories is 'What kinds of events there are, in the order in which apps list them. An operator adds rows.';
comment on column public.event_categories.position is 'Smaller comes first.';
insert into public.event_categories (category, name_en, name_vi, position) values
  ('music', 'Music', 'Âm nhạc', 1),
  ('theatre', 'Theatre and dance', 'Sân khấu và múa', 2),
  ('sports', 'Sports', 'Thể thao', 3),
  ('conference', 'Conferences', 'Hội thảo', 4),
  ('workshop', 'Workshops and courses', 'Lớp học và trải nghiệm', 5),
  ('festival', 'Festivals', 'Lễ hội', 6),
  ('exhibition', 'Exhibitions', 'Triển lãm', 7),
  ('family', 'Family and children', 'Gia đình và trẻ em', 8),
  ('other', 'Other', 'Khác', 100);

create table public.events (
  id uuid primary key default gen_random_uuid(),
  organizer_id uuid not null references public.organizers on delete restrict,
  category text not null references public.event_categories,
  title text not null,
  description text not null default '',
  venue text not null,
  address text not null,
  city text not null,
  location extensions.geography(point, 4326),
  time_zone text not null default 'Asia/Ho_Chi_Minh',
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  status text not null default 'draft',
  created_by uuid not null references public.profiles on delete restrict,
  published_at timestamptz,
  returns_until timestamptz,
  hidden_at timestamptz,
  search_text text not null generated always as (private.fold_text(title || ' ' || venue || ' ' || city)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint events_title_tidy check (private.is_tidy(title)),
  constraint events_title_length check (char_length(title) between 3 and 200),
  constraint events_description_tidy check (private.is_tidy_lines(description)),
  constraint events_description_length check (char_length(description) <= 20000),
  constraint events_venue_tidy check (private.is_tidy(venue)),
  constraint events_venue_length check (char_length(venue) <= 200),
  constraint events_address_tidy check (private.is_tidy(address)),
  constraint events_address_length check (char_length(address) <= 300),
  constraint events_city_tidy check (private.is_tidy(city)),
  constraint events_city_length check (char_length(city) <= 100),
  constraint events_time_zone_known foreign key (time_zone) references private.time_zones (name),
  constraint events_ends_at_order check (starts_at < ends_at and ends_at <= starts_at + interval '90 days'),
  constraint events_published_dated check (status not in ('published', 'ended') or published_at is not null),
  -- before, nobody but its team and staff sees it
  constraint events_hidden_after_publishing check (hidden_at is null or published_at is not null)
);
create index events_organizer_idx on public.events (organizer_id, created_at desc, id desc);
create index events_starts_idx on public.events (starts_at, id) where status = 'published';
create index events_ends_idx on public.events (ends_at) where status = 'published';
create index events_search_idx on public.events using gin (search_text extensions.gin_trgm_ops) where status = 'published';
create index events_location_idx on public.events using gist (location) where status = 'published';
comment on table public.events is 'What tickets are sold for.';
comment on column public.events.status is 'Machine event. draft, configured (waits for approval), approved, published (seen and sold), ended; postponed (nothing is sold until it has a new date), cancelled. A published event is over at ends_at, whether or not ended was written.';
comment on column public.events.location is 'Where the venue is. Null when the organizer gave no point.';
comment on column public.events.time_zone is 'IANA zone in which its times are shown.';
comment on column public.events.published_at is 'When it was first published. Null until then.';
comment on column public.events.returns_until is 'Until when holders may return tickets because it was put off to another date. Null when it was not. While it is postponed they may too.';
comment on column public.events.hidden_at is 'When staff hid it: only its team and its buyers see it, and no ticket of it is sold. Null for an event that is shown.';
comment on column public.events.search_text is 'Title, venue and city without diacritics, for search.';
select private.attach_state_machine('public.events', 'event');
create trigger touch before update on public.events for each row execute function private.touch();
create trigger canonical_time_zone before insert or update of time_zone on public.events
  for each row execute function private.set_canonical_time_zone();

create table public.event_configs (
  event_id uuid primary key references public.events on delete restrict,
  sale_starts_at timestamptz,
  sale_ends_at timestamptz,
  max_per_order int not null default 10,
  max_per_user int,
  visibility text not null default 'public',
  requires_approval boolean not null default true,
  waiting_room boolean not null default false,
  returns_hours int,
  transfers_allowed boolean not null default true,
  changes_until_hours int not null default 0,
  shows_left boolean not null default true,
  updated_at timestamptz not null default now(),
  constraint event_configs_sale_ends_at_order check (sale_starts_at < sale_ends_at),
  constraint event_configs_max_per_order_range check (max_per_order between 1 and 100),
  constraint event_configs_max_per_user_range check (max_per_user between 1 and 1000),
  constraint event_configs_visibility_known check (visibility in ('public', 'unlisted')),
  constraint event_configs_changes_until_hours_range check (changes_until_hours between 0 and 8760),
  constraint event_configs_returns_hours_range check (returns_hours between 0 and 8760)
);
comment on table public.event_configs is 'How an event is sold.';
comment on column public.event_configs.sale_starts_at is 'Nothing is sold before it. Null: from publishing on.';
comment on column public.event_configs.sale_ends_at is 'Nothing is sold from it on. Null: until the event starts.';
comment on column public.event_configs.max_per_order is 'Tickets in one order, of all kinds together.';
comment on column public.event_configs.max_per_user is 'Tickets that one person may have or hold, of all kinds together, over all orders. Null: as many as orders allow.';
comment on column public.event_configs.visibility is 'public (in search and lists) or unlisted (anybody who has its id).';
comment on column public.event_configs.requires_approval is 'Whether the platform approves it. False for an event that a verified organizer made.';
comment on column public.event_configs.waiting_room is 'Whether tickets are sold only to those whom its waiting room admits.';
comment on column public.event_configs.returns_hours is 'Until how many hours before the start a buyer may cancel tickets. Null: not at all, unless the event is postponed.';
comment on column public.event_configs.transfers_allowed is 'Whether holders may give their tickets to other people.';
comment on column public.event_configs.changes_until_hours is 'Until how many hours before the start tickets can be given to others and renamed.';
comment on column public.event_configs.shows_left is 'Whether anybody sees how many tickets are left. If not, the public sees only whether there are enough, few or none.';
create trigger touch before update on public.event_configs for each row execute function private.touch();

-- The state of now: an event is over at its end.
create function private.event_state(p_event public.events)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_event.status = 'published' and p_event.ends_at <= now() then 'ended' else p_event.status end;
end
$$;

-- Events that anybody may list.
create function private.public_event_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select e.id from public.events e join public.event_configs c on c.event_id = e.id
    where e.published_at is not null and e.hidden_at is null and c.visibility = 'public';
end
$$;
create function private.my_event_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select e.id from public.events e join public.organizer_members m on m.organizer_id = e.organizer_id
    where m.user_id = auth.uid() and m.role <> 'scanner';
end
$$;
grant execute on function private.public_event_ids() to anon, authenticated;
grant execute on function private.my_event_ids() to authenticated;

alter table public.event_categories enable row level security;
alter table public.events enable row level security;
alter table public.event_configs enable row level security;
revoke all on public.event_categories, public.events, public.event_configs from anon, authenticated, service_role;
grant select on public.event_categories, public.event_configs to anon, authenticated, service_role;
grant select (id, organizer_id, category, title, description, venue, address, city, location, time_zone, starts_at, ends_at, status, published_at, returns_until, hidden_at, created_at, updated_at)
  on public.events to anon, authenticated;
grant select on public.events to service_role;
create policy select_anybody on public.event_categories for select to anon, authenticated using (true);
create policy select_public on public.events for select to anon using (id in (select private.public_event_ids()));
create policy select_public_or_team on public.events for select to authenticated
  using (id in (select private.public_event_ids()) or organizer_id in (select private.my_organizer_ids()) or (select private.is_staff()));
create policy select_public on public.event_configs for select to anon using (event_id in (select private.public_event_ids()));
create policy select_public_or_team on public.event_configs for select to authenticated
  using (event_id in (select private.public_event_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.hold_no_persons('public.event_categories', 'public.event_configs');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.events', 'r.created_by = $1', 'retain', '{id,title,starts_at,ends_at,status,created_at}', 'An event is of its organizer and of those who bought tickets.');
select private.retain_columns('public.events', 'What the organizer tells the public about the event.', 'title', 'description', 'venue', 'address', 'city', 'location', 'time_zone');

-- What is still to come of an organizer needs its owner.
create function private.account_blocker_live_event(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select e.id from public.events e join public.organizers o on o.id = e.organizer_id
  where o.owner_id = p_user_id and e.status in ('published', 'postponed') and (e.status = 'postponed' or e.ends_at > now())
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('live_event', 'An event of your organizer is not over. Wait until it has ended, or cancel it.', 'Sự kiện của nhà tổ chức do bạn sở hữu chưa kết thúc. Vui lòng chờ sự kiện kết thúc hoặc hủy sự kiện.');
