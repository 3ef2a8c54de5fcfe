-- Ticketing: tickets, one row for each that was sold.
-- Rule kept here: a ticket says what was paid for it, and the tickets of an order item add up to the item; a ticket moves
-- along the machine `ticket`.
-- Left out on purpose: codes, transfers and scans.

insert into private.transitions (machine, from_state, event, to_state) values
  ('ticket', 'initial', 'issue', 'valid'),
  ('ticket', 'valid', 'cancel', 'cancelled');

create table public.tickets (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null,
  order_item_id uuid not null references public.order_items on delete restrict,
  event_id uuid not null,
  class_id uuid not null,
  seat_id uuid,
  holder_id uuid not null references public.profiles on delete restrict,
  number int not null,
  status text not null default 'valid',
  paid_amount bigint not null,
  tax_amount bigint not null,
  custody int not null default 1,
  secret text not null default encode(extensions.gen_random_bytes(16), 'hex'),
  holder_name text,
  admitted_at timestamptz,
  cancelled_at timestamptz,
  changed_in xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tickets_order foreign key (order_id, event_id) references public.orders (id, event_id) on delete restrict,
  constraint tickets_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint tickets_seat foreign key (seat_id, event_id, class_id) references public.seats (id, event_id, class_id) on delete restrict,
  constraint tickets_number_once unique (order_id, number),
  constraint tickets_number_range check (number between 1 and 100),
  constraint tickets_holder_name_tidy check (private.is_tidy(holder_name)),
  constraint tickets_holder_name_length check (char_length(holder_name) <= 120),
  constraint tickets_tax_within_amount check (tax_amount between 0 and paid_amount),
  constraint tickets_cancelled_dated check ((status = 'cancelled') = (cancelled_at is not null))
);
create index tickets_holder_idx on public.tickets (holder_id, created_at desc, id desc);
create index tickets_event_idx on public.tickets (event_id, class_id);
create unique index tickets_one_per_seat on public.tickets (seat_id) where status <> 'cancelled';
create index tickets_order_item_idx on public.tickets (order_item_id);
create index tickets_changes_idx on public.tickets (event_id, changed_in);
comment on table public.tickets is 'Tickets. Each was issued when its order was completed.';
comment on column public.tickets.status is 'Machine ticket. valid, or cancelled.';
comment on column public.tickets.holder_id is 'Who may enter with it: first the buyer.';
comment on column public.tickets.number is 'Which ticket of its order it is, from 1 on.';
comment on column public.tickets.seat_id is 'Its seat. Null for a class without seats.';
comment on column public.tickets.paid_amount is 'What was paid for it, tax included: its part of the order item after discounts. Minor units of the order''s currency. This is what cancelling it gives back.';
comment on column public.tickets.tax_amount is 'The tax within paid_amount.';
comment on column public.tickets.custody is 'Counts its holders from 1 on: a code says for which of them it was made.';
comment on column public.tickets.secret is 'What the code of the present holder proves. No client reads it.';
comment on column public.tickets.holder_name is 'Who will come with it, as the holder says. Null: the holder.';
comment on column public.tickets.admitted_at is 'When it was first used at a door. Null before.';
comment on column public.tickets.changed_in is 'The transaction that changed it last, for devices that ask what is new.';
select private.attach_state_machine('public.tickets', 'ticket');
create trigger touch before update on public.tickets for each row execute function private.touch();
create trigger immutable before update on public.tickets for each row
  when ((old.id, old.order_id, old.order_item_id, old.event_id, old.class_id, old.number, old.paid_amount, old.tax_amount)
    is distinct from (new.id, new.order_id, new.order_item_id, new.event_id, new.class_id, new.number, new.paid_amount, new.tax_amount))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.tickets
  for each statement execute function private.forbid_change();

alter table public.tickets enable row level security;
revoke all on public.tickets from anon, authenticated, service_role;
grant select (id, order_id, order_item_id, event_id, class_id, seat_id, holder_id, number, status, paid_amount, tax_amount, custody, holder_name, admitted_at, cancelled_at, created_at, updated_at)
  on public.tickets to authenticated;
grant select on public.tickets to service_role;
create policy select_holder_or_team on public.tickets for select to authenticated
  using (holder_id = (select auth.uid()) or order_id in (select private.my_order_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.only_live_persons('public.tickets', 'holder_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.tickets', 'r.holder_id = $1', 'retain', '{id,order_id,event_id,class_id,number,status,paid_amount,holder_name,admitted_at,cancelled_at,created_at}', 'Says who could enter an event, for the organizer and the books.');
select private.retain_columns('public.tickets', 'Who came to an event, and what proves a code.', 'holder_name', 'secret');

create function private.account_blocker_valid_ticket(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select t.id from public.tickets t join public.events e on e.id = t.event_id
  where t.holder_id = p_user_id and t.status = 'valid' and e.status in ('published', 'postponed') and (e.status = 'postponed' or e.ends_at > now())
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('valid_ticket', 'You have a ticket to an event that is not over. Wait until it is, or cancel the ticket.', 'Bạn còn vé của sự kiện chưa diễn ra xong. Vui lòng chờ sự kiện kết thúc hoặc hủy vé.');
