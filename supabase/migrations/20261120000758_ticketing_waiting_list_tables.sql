-- Ticketing: waiting lists for kinds of tickets that are sold out.
-- Rule kept here: a person has one living place for each kind of ticket; places are served by number; what an offer reserves
-- is counted in the stock like the hold of an order, under the id of the place.
-- Left out on purpose: waiting rooms, which queue people before a sale that has tickets.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('not_sold_out', 409, false, 'There are tickets of this kind, so nobody needs to wait. Order them; details.left says how many are left, where the organizer shows it.', 'Hạng vé này vẫn còn nên không cần xếp hàng chờ. Vui lòng đặt vé; chi tiết nêu số vé còn lại nếu ban tổ chức công bố.'),
  ('already_waiting', 409, false, 'You have a place on this list for another number of tickets. Leave it first; a new place is behind the others.', 'Bạn đã có chỗ trong danh sách chờ này với số vé khác. Hãy rời danh sách trước; chỗ mới sẽ xếp sau những người khác.'),
  ('not_on_waiting_list', 404, false, 'You have no place on this waiting list. Reload your places.', 'Bạn không có chỗ trong danh sách chờ này. Vui lòng tải lại.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('join_waiting_list', 20, 5),
  -- looking serves what time alone has freed
  ('my_waiting_places', 60, 60);
alter table private.settings
  add constraint settings_waiting_list_offer_minutes check (key <> 'waiting_list_offer_minutes' or private.is_whole(value, 5, 2880));
insert into private.settings (key, value, description) values
  ('waiting_list_offer_minutes', '120', 'Minutes: how long tickets are kept for somebody whose turn it is on a waiting list.');

insert into private.transitions (machine, from_state, event, to_state) values
  ('waiting_list_entry', 'initial', 'join', 'waiting'),
  ('waiting_list_entry', 'waiting', 'offer', 'offered'),
  ('waiting_list_entry', 'waiting', 'leave', 'left'),
  ('waiting_list_entry', 'waiting', 'close', 'closed'),
  ('waiting_list_entry', 'offered', 'accept', 'accepted'),
  ('waiting_list_entry', 'offered', 'decline', 'declined'),
  ('waiting_list_entry', 'offered', 'lapse', 'lapsed'),
  ('waiting_list_entry', 'offered', 'close', 'closed');

create table public.waiting_list_entries (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity,
  event_id uuid not null,
  class_id uuid not null,
  user_id uuid not null references public.profiles on delete restrict,
  quantity int not null,
  status text not null default 'waiting',
  offer_expires_at timestamptz,
  order_id uuid references public.orders on delete restrict deferrable initially deferred,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint waiting_list_entries_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint waiting_list_entries_quantity_range check (quantity between 1 and 100),
  constraint waiting_list_entries_offered_until check (status not in ('offered', 'accepted', 'declined', 'lapsed') or offer_expires_at is not null),
  constraint waiting_list_entries_accepted_by_order check ((status = 'accepted') = (order_id is not null)),
  constraint waiting_list_entries_ended_dated check ((status in ('waiting', 'offered')) = (ended_at is null))
);
create unique index waiting_list_entries_one_place on public.waiting_list_entries (user_id, class_id) where status in ('waiting', 'offered');
create unique index waiting_list_entries_order_once on public.waiting_list_entries (order_id) where order_id is not null;
create index waiting_list_entries_next_idx on public.waiting_list_entries (class_id, number) where status = 'waiting';
create index waiting_list_entries_offers_idx on public.waiting_list_entries (event_id, offer_expires_at) where status = 'offered';
create index waiting_list_entries_event_idx on public.waiting_list_entries (event_id) where status in ('waiting', 'offered');
create index waiting_list_entries_user_idx on public.waiting_list_entries (user_id, created_at desc);
comment on table public.waiting_list_entries is 'Places of people on waiting lists for kinds of tickets that are sold out.';
comment on column public.waiting_list_entries.number is 'Places of one kind are served by number. The first one that asks for no more than there is gets the offer.';
comment on column public.waiting_list_entries.quantity is 'How many tickets are asked for: all of them or none are offered.';
comment on column public.waiting_list_entries.status is 'Machine waiting_list_entry. waiting, offered (an order takes the tickets until offer_expires_at; over at that moment), then accepted, declined, lapsed (nobody ordered in time), left or closed (the sale was over).';
comment on column public.waiting_list_entries.offer_expires_at is 'Until when its tickets are kept; then anybody who looks passes them on to the next. Null before an offer.';
comment on column public.waiting_list_entries.order_id is 'The order that took the offer. Null unless accepted.';
select private.attach_state_machine('public.waiting_list_entries', 'waiting_list_entry', 'order_id');
-- while somebody waits, nobody else can buy
create constraint trigger tell_availability after insert or update of status on public.waiting_list_entries
  deferrable initially deferred for each row execute function private.tell_of_sale();
create trigger note_waiting after insert or update of status on public.waiting_list_entries
  for each row when (new.status in ('waiting', 'left')) execute function private.note_waiting();
create trigger never_removed before truncate on public.waiting_list_entries
  for each statement execute function private.forbid_change();

alter table public.waiting_list_entries enable row level security;
revoke all on public.waiting_list_entries from anon, authenticated, service_role;
grant select on public.waiting_list_entries to authenticated, service_role;
create policy select_own on public.waiting_list_entries for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_staff()));

select private.only_live_persons('public.waiting_list_entries', 'user_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.waiting_list_entries', 'r.user_id = $1', 'retain', null, 'Says who was offered which tickets in which order, for those who waited as well.');
create function private.account_blocker_waiting_place(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select w.id from public.waiting_list_entries w join public.events e on e.id = w.event_id
  where w.user_id = p_user_id and w.status in ('waiting', 'offered') and e.status in ('published', 'postponed') and (e.status = 'postponed' or e.starts_at > now()) $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('waiting_place', 'You are on a waiting list for tickets. Leave it first.', 'Bạn đang có chỗ trong danh sách chờ mua vé. Vui lòng rời danh sách trước.');

-- A hold is of an order, or of a place on a waiting list. No foreign key can point to either.
create function private.check_hold_owner()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if not exists (select from public.orders where id = new.order_id) and not exists (select from public.waiting_list_entries where id = new.order_id) then
    raise exception 'hold % is of no order and of no place on a waiting list', new.order_id using errcode = '23503', constraint = 'ticket_holds_of_somebody';
  end if;
  return null;
end
$$;
create trigger of_somebody after insert or update of order_id on private.ticket_holds
  for each row execute function private.check_hold_owner();
