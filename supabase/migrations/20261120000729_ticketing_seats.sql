-- Ticketing: seats of an event, and who has them.
-- Rule kept here: a seat has one live allocation, by a unique index; it belongs to one kind of ticket of its event; the
-- total of that kind is the number of its seats on sale.
-- Left out on purpose: how seats are chosen (ticketing_seat_choice); a plan with coordinates, which an app draws itself.

create table public.seat_rows (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null,
  class_id uuid not null,
  section text not null,
  row_label text not null,
  rank int not null,
  free int not null default 0,
  longest int not null default 0,
  changed_by xid8 not null default pg_current_xact_id(),
  constraint seat_rows_of_class unique (id, event_id, class_id),
  constraint seat_rows_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint seat_rows_once unique (event_id, section, row_label),
  constraint seat_rows_section_tidy check (private.is_tidy(section)),
  constraint seat_rows_section_length check (char_length(section) <= 60),
  constraint seat_rows_row_label_tidy check (private.is_tidy(row_label)),
  constraint seat_rows_row_label_length check (char_length(row_label) <= 20),
  constraint seat_rows_rank_range check (rank between 0 and 1000000),
  constraint seat_rows_free_range check (free >= 0 and longest between 0 and free)
) with (fillfactor = 50);
create index seat_rows_best_idx on public.seat_rows (class_id, rank, id);
comment on table public.seat_rows is 'The rows of seats of an event. Who takes or gives back a seat holds the lock of its row.';
comment on column public.seat_rows.rank is 'How good the row is: the smallest is sold first.';
comment on column public.seat_rows.free is 'How many of its seats are on sale and not taken.';
comment on column public.seat_rows.longest is 'How many of them, at most, are side by side.';
comment on column public.seat_rows.changed_by is 'The last transaction that changed a seat of it: so private.told_availability finds what was not told yet.';

create table public.seats (
  id uuid primary key default gen_random_uuid(),
  row_id uuid not null,
  event_id uuid not null,
  class_id uuid not null,
  number text not null,
  position int not null,
  kind text not null default 'standard',
  status text not null default 'open',
  constraint seats_of_event unique (id, event_id, class_id),
  constraint seats_row foreign key (row_id, event_id, class_id) references public.seat_rows (id, event_id, class_id) on delete restrict,
  constraint seats_number_once unique (row_id, number),
  constraint seats_position_once unique (row_id, position),
  constraint seats_number_tidy check (private.is_tidy(number)),
  constraint seats_number_length check (char_length(number) <= 20),
  constraint seats_position_range check (position between 1 and 500),
  constraint seats_kind_known check (kind in ('standard', 'accessible', 'companion')),
  constraint seats_status_known check (status in ('open', 'held', 'killed'))
);
comment on table public.seats is 'The seats of an event.';
comment on column public.seats.position is 'Where in its row it is: seats with positions that follow each other are side by side.';
comment on column public.seats.kind is 'standard, accessible (for a wheelchair) or companion (beside one). The last two are chosen for nobody who did not ask for them.';
comment on column public.seats.status is 'open (on sale), held (kept back by the organizer, for guests or artists) or killed (cannot be sat on, such as behind a camera). No state machine: the organizer says it.';

create table public.seat_allocations (
  seat_id uuid not null,
  event_id uuid not null,
  class_id uuid not null,
  order_id uuid not null,
  is_live boolean not null default true,
  held_until timestamptz,
  created_at timestamptz not null default now(),
  primary key (order_id, seat_id),
  constraint seat_allocations_seat foreign key (seat_id, event_id, class_id) references public.seats (id, event_id, class_id) on delete restrict,
  constraint seat_allocations_order foreign key (order_id, event_id) references public.orders (id, event_id) on delete restrict
);
create index seat_allocations_over_idx on public.seat_allocations (held_until) where is_live and held_until is not null;
create index seat_allocations_seat_idx on public.seat_allocations (seat_id);
create unique index seat_allocations_one_live on public.seat_allocations (seat_id) where is_live;
comment on table public.seat_allocations is 'Which order has which seat. A seat has one that is live.';
comment on column public.seat_allocations.is_live is 'The order holds the seat or has paid for it. A hold that is over is live until somebody needs the seat, or a job has run.';

comment on column public.seat_allocations.held_until is 'Until when the order holds the seat unpaid; over at that moment. Null once it is paid.';

alter table public.seat_rows enable row level security;
alter table public.seats enable row level security;
alter table public.seat_allocations enable row level security;
revoke all on public.seat_rows, public.seats, public.seat_allocations from anon, authenticated, service_role;
grant select on public.seat_allocations to authenticated, service_role;
grant select (id, event_id, class_id, section, row_label, rank, free, longest) on public.seat_rows to anon, authenticated;
grant select on public.seats to anon, authenticated, service_role;
grant select on public.seat_rows to service_role;
create policy select_public on public.seat_rows for select to anon using (event_id in (select private.public_event_ids()));
create policy select_public_or_team on public.seat_rows for select to authenticated
  using (event_id in (select private.public_event_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));
create policy select_public on public.seats for select to anon using (event_id in (select private.public_event_ids()));
create policy select_public_or_team on public.seats for select to authenticated
  using (event_id in (select private.public_event_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));
create policy select_buyer_or_team on public.seat_allocations for select to authenticated
  using (order_id in (select private.my_order_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.hold_no_persons('public.seat_rows', 'public.seats');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.seat_allocations', 'r.order_id in (select o.id from public.orders o where o.buyer_id = $1)', 'retain', null, 'Which seats an order has, for the organizer and the books.');

-- What of a row is free, and side by side, counted anew. Callers hold the lock of the row.
create function private.count_seat_row(p_row_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.seat_rows r
  set free = k.free, longest = k.longest, changed_by = pg_current_xact_id()
  from (
    select coalesce(sum(n), 0)::int as free, coalesce(max(n), 0)::int as longest
    from (
      -- seats side by side have one difference
      select count(*) as n
      from (
        select s.position - row_number() over (order by s.position) as run
        from public.seats s
        where s.row_id = p_row_id and s.status = 'open' and s.kind = 'standard'
          and not exists (select from public.seat_allocations a where a.seat_id = s.id and a.is_live)
      ) f group by f.run
    ) runs
  ) k
  where r.id = p_row_id;
end
$$;
