-- Waiting rooms: a queue before the sale of an event, and the slots of those who are buying.
-- Rule kept here: a person has one place in a queue; a slot is a row that one person holds, so that the cap is exact.
-- A place that waits, a slot and the figures of a room change under the lock of the room's row (private.run_queue), but
-- for joining, which locks nothing that two people share.
-- Left out on purpose: a foreign key from a place to its room, which would lock that one row at each join. Rooms are never
-- removed, and join_queue() reads the room.

insert into private.transitions (machine, from_state, event, to_state) values
  ('waiting_room', 'initial', 'create', 'off'),
  ('waiting_room', 'off', 'open', 'open'),
  ('waiting_room', 'open', 'pause', 'paused'),
  ('waiting_room', 'paused', 'resume', 'open'),
  ('waiting_room', 'open', 'sell_out', 'closed'),
  ('waiting_room', 'paused', 'sell_out', 'closed'),
  ('waiting_room', 'closed', 'reopen', 'open'),
  ('waiting_room', 'open', 'turn_off', 'off'),
  ('waiting_room', 'paused', 'turn_off', 'off'),
  ('waiting_room', 'closed', 'turn_off', 'off'),
  ('queue_entry', 'initial', 'join', 'waiting'),
  ('queue_entry', 'waiting', 'admit', 'admitted'),
  ('queue_entry', 'waiting', 'leave', 'left'),
  ('queue_entry', 'waiting', 'expire', 'expired'),
  ('queue_entry', 'admitted', 'complete', 'completed'),
  ('queue_entry', 'admitted', 'leave', 'left'),
  ('queue_entry', 'admitted', 'lapse', 'expired'),
  -- the order was paid after its person had lost the slot
  ('queue_entry', 'expired', 'complete_late', 'completed'),
  ('queue_entry', 'left', 'complete_late', 'completed'),
  ('queue_entry', 'left', 'rejoin', 'waiting'),
  ('queue_entry', 'expired', 'rejoin', 'waiting'),
  ('queue_entry', 'completed', 'rejoin', 'waiting');

create table public.waiting_rooms (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events on delete restrict,
  status text not null default 'off',
  capacity int not null default 100,
  admissions_per_minute int,
  opens_at timestamptz,
  opened_at timestamptz,
  seed_hash text not null,
  seed text,
  serving_number bigint not null default 0,
  admitted_count bigint not null default 0,
  per_minute numeric,
  updated_at timestamptz not null default now(),
  -- what commands alone read
  numbers regclass not null,
  shuffle_count bigint,
  shuffled_count bigint not null default 0,
  is_shuffled boolean not null default false,
  gone bigint[] not null default array_fill(0::bigint, array[64]),
  gone_width bigint not null default 64,
  gone_count bigint not null default 0,
  tokens numeric not null default 0,
  refilled_at timestamptz not null default now(),
  due_at timestamptz not null default 'infinity',
  told_at timestamptz not null default '-infinity',
  is_told boolean not null default true,
  resumes boolean not null default false,
  left_waiting_count bigint not null default 0,
  expired_waiting_count bigint not null default 0,
  lapsed_count bigint not null default 0,
  completed_count bigint not null default 0,
  constraint waiting_rooms_one_per_event unique (event_id),
  constraint waiting_rooms_status_known check (status in ('off', 'open', 'paused', 'closed')),
  constraint waiting_rooms_resumes_when_paused check (not resumes or status = 'paused'),
  constraint waiting_rooms_capacity_range check (capacity between 1 and 10000),
  constraint waiting_rooms_admissions_per_minute_range check (admissions_per_minute between 1 and 100000),
  constraint waiting_rooms_opens_at_form check (isfinite(opens_at)),
  constraint waiting_rooms_seed_hash_form check (seed_hash ~ '^[0-9a-f]{64}$'),
  constraint waiting_rooms_seed_form check (seed ~ '^[0-9a-f]{64}$'),
  -- the seed that is shown is the one that was promised, and it is not shown before the shuffle
  constraint waiting_rooms_seed_is_promised check (seed is null or seed_hash = encode(sha256(decode(seed, 'hex')), 'hex')),
  constraint waiting_rooms_seed_after_opening check (seed is null or opened_at is not null),
  constraint waiting_rooms_shuffle_counted check ((shuffle_count is null) = (opened_at is null) and shuffled_count <= coalesce(shuffle_count, 0)),
  constraint waiting_rooms_gone_form check (array_length(gone, 1) = 64 and gone_width > 0 and gone_count >= 0)
) with (fillfactor = 20);
comment on table public.waiting_rooms is 'The waiting room of an event. Anybody may read how far it is. Written by commands.';
comment on column public.waiting_rooms.status is 'Machine waiting_room. off (orders need no admission), open, paused (nobody is admitted), closed (sold out; orders need no admission).';
comment on column public.waiting_rooms.capacity is 'How many people may buy at the same time.';
comment on column public.waiting_rooms.admissions_per_minute is 'At most so many people are admitted each minute. Null for as many as there are slots.';
comment on column public.waiting_rooms.opens_at is 'Who joins before is shuffled at this moment; who joins later comes after them, by number. Null for a room without a pre-queue.';
comment on column public.waiting_rooms.opened_at is 'When the pre-queue was shuffled. Null until then; joining gives no number yet.';
comment on column public.waiting_rooms.seed_hash is 'SHA-256 of the seed of the shuffle, as hex: promised before anybody joins.';
comment on column public.waiting_rooms.seed is 'The seed, as hex, once the room has opened: hmac-sha256(seed, id of the place) sorts the pre-queue.';
comment on column public.waiting_rooms.serving_number is 'The highest number that was admitted.';
comment on column public.waiting_rooms.admitted_count is 'How many people were admitted so far.';
comment on column public.waiting_rooms.per_minute is 'How many people were admitted each minute lately. Null when nobody was.';
comment on column public.waiting_rooms.numbers is 'The sequence that numbers those who join after the opening: drawing from it makes nobody wait.';
comment on column public.waiting_rooms.gone is 'How many numbers went without being admitted, in 64 buckets of gone_width numbers. A position is the number of the place, less those admitted, less those gone before it.';
comment on column public.waiting_rooms.due_at is 'When time alone will free something for those who wait. -infinity: a slot is free for anybody who comes.';
comment on column public.waiting_rooms.resumes is 'Paused because staff hid the event: it opens by itself when the event is shown again.';
comment on column public.waiting_rooms.tokens is 'Admissions that admissions_per_minute allowed at refilled_at and that were not used.';
select private.attach_state_machine('public.waiting_rooms', 'waiting_room', 'capacity', 'admissions_per_minute');
create trigger touch before update on public.waiting_rooms for each row execute function private.touch();
create trigger never_removed before delete or truncate on public.waiting_rooms
  for each statement execute function private.forbid_change();

create table private.queue_seeds (
  event_id uuid primary key references public.waiting_rooms (event_id) on delete restrict,
  seed bytea not null default extensions.gen_random_bytes(32),
  constraint queue_seeds_long check (octet_length(seed) = 32)
);
comment on table private.queue_seeds is 'The seed of each shuffle, which nobody may read before the room has opened.';
create trigger append_only before update or delete or truncate on private.queue_seeds
  for each statement execute function private.forbid_change();

create table public.queue_entries (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null,
  user_id uuid not null references public.profiles on delete restrict,
  status text not null default 'waiting',
  number bigint,
  shuffle_number bigint,
  shuffle_key bytea,
  joined_at timestamptz not null default clock_timestamp(),
  joined_xid xid8 not null default pg_current_xact_id(),
  seen_at timestamptz not null default clock_timestamp(),
  admission_id uuid,
  admitted_at timestamptz,
  admission_round bigint,
  admission_expires_at timestamptz,
  order_id uuid,
  checkout_expires_at timestamptz,
  ended_at timestamptz,
  end_reason text,
  constraint queue_entries_one_place unique (user_id, event_id),
  constraint queue_entries_status_known check (status in ('waiting', 'admitted', 'completed', 'expired', 'left')),
  constraint queue_entries_number_positive check (number > 0 and shuffle_number > 0),
  -- without a number only in the pre-queue
  constraint queue_entries_numbered check (number is not null or (shuffle_key is not null and status in ('waiting', 'left', 'expired'))),
  constraint queue_entries_admission_whole check (
    num_nulls(admission_id, admitted_at, admission_round, admission_expires_at) in (0, 4)
    and (status not in ('admitted', 'completed') or admission_id is not null) and (status <> 'waiting' or admission_id is null)
  ),
  constraint queue_entries_spent_whole check ((order_id is null) = (checkout_expires_at is null) and (order_id is null or admission_id is not null)),
  constraint queue_entries_end_whole check ((status in ('waiting', 'admitted')) = (ended_at is null) and (ended_at is null) = (end_reason is null)),
  constraint queue_entries_end_reason_known check (end_reason in ('completed', 'left', 'silent', 'late', 'failed', 'sold_out', 'closed'))
) with (fillfactor = 80);
create unique index queue_entries_waiting_numbers on public.queue_entries (event_id, number) where status = 'waiting' and number is not null;
create index queue_entries_prequeue_idx on public.queue_entries (event_id, shuffle_key, id) where status = 'waiting' and number is null;
create unique index queue_entries_shuffle_numbers on public.queue_entries (event_id, shuffle_number) where shuffle_number is not null;
create unique index queue_entries_admission_once on public.queue_entries (admission_id) where admission_id is not null;
create unique index queue_entries_order_once on public.queue_entries (order_id) where order_id is not null;
comment on table public.queue_entries is 'The place of a person in the queue of an event, one for each. Joining again after it ended uses the same row with a new number.';
comment on column public.queue_entries.status is 'Machine queue_entry. waiting, admitted (may order until admission_expires_at), then completed, expired or left. In a room that is closed, waiting is over as well.';
comment on column public.queue_entries.number is 'Admitted in the order of numbers. Null in the pre-queue, until it is shuffled.';
comment on column public.queue_entries.shuffle_number is 'The place that the shuffle of the pre-queue gave. Null for who joined later.';
comment on column public.queue_entries.shuffle_key is 'hmac-sha256(seed, id): by it the pre-queue is sorted. Nobody may read it before the opening.';
comment on column public.queue_entries.joined_xid is 'The transaction that joined. With the snapshot of each round of admissions it proves who was there: a number may be drawn before a lower one is committed.';
comment on column public.queue_entries.seen_at is 'The last sign of life. Written at most every half minute.';
comment on column public.queue_entries.admission_id is 'The right to one order. Null until admitted.';
comment on column public.queue_entries.admission_expires_at is 'Until when the order must begin; over at that moment.';
comment on column public.queue_entries.order_id is 'The order that spent the admission.';
comment on column public.queue_entries.checkout_expires_at is 'Until when the order keeps the slot; an open payment attempt keeps it longer. Null until the admission is spent.';
comment on column public.queue_entries.end_reason is 'completed, left, silent (no sign of life), late (no order in time), failed (the order ended unpaid), sold_out or closed (the room was turned off).';
-- Not attach_state_machine(): a join is one insert and writes no row of the log, which would double its cost. The place
-- says itself when it began; every move after that is logged.
create trigger transition_on_insert after insert on public.queue_entries
  for each row when (new.status <> 'waiting') execute function private.record_transition('queue_entry');
create trigger transition_on_update after update of status on public.queue_entries
  for each row when (old.status is distinct from new.status) execute function private.record_transition('queue_entry', 'number', 'order_id', 'end_reason');
create trigger never_removed before delete or truncate on public.queue_entries
  for each statement execute function private.forbid_change();

create table private.checkout_slots (
  event_id uuid not null references public.waiting_rooms (event_id) on delete restrict,
  slot int not null,
  entry_id uuid references public.queue_entries on delete restrict,
  primary key (event_id, slot),
  constraint checkout_slots_one_each unique (entry_id),
  constraint checkout_slots_positive check (slot > 0)
) with (fillfactor = 50);
create index checkout_slots_free_idx on private.checkout_slots (event_id, slot) where entry_id is null;
comment on table private.checkout_slots is 'The slots of each room: as many rows as people may buy at the same time. Who is admitted holds one.';
comment on column private.checkout_slots.entry_id is 'Who holds the slot. Null when it is free.';

create table private.admission_rounds (
  id bigint generated always as identity primary key,
  event_id uuid not null references public.waiting_rooms (event_id) on delete restrict,
  at timestamptz not null default clock_timestamp(),
  snapshot pg_snapshot not null,
  admitted int not null,
  last_number bigint not null,
  constraint admission_rounds_admitted check (admitted > 0)
);
create index admission_rounds_event_idx on private.admission_rounds (event_id, at);
comment on table private.admission_rounds is 'Each time people were admitted together, and which transactions the choice could see: the proof that nobody was passed over.';
create trigger append_only before update or delete or truncate on private.admission_rounds
  for each statement execute function private.forbid_change();

alter table public.waiting_rooms enable row level security;
alter table public.queue_entries enable row level security;
revoke all on public.waiting_rooms, public.queue_entries from anon, authenticated, service_role;
grant select (id, event_id, status, capacity, admissions_per_minute, opens_at, opened_at, seed_hash, seed, serving_number, admitted_count, per_minute, updated_at)
  on public.waiting_rooms to anon, authenticated;
grant select (id, event_id, user_id, status, number, shuffle_number, joined_at, seen_at, admission_id, admitted_at, admission_expires_at, order_id, checkout_expires_at, ended_at, end_reason)
  on public.queue_entries to authenticated;
create policy select_anybody on public.waiting_rooms for select to anon, authenticated using (true);
create policy select_own on public.queue_entries for select to authenticated using (user_id = (select auth.uid()));

-- One topic for each event says how far its queue is; that is no secret.
create policy select_queue on realtime.messages for select to authenticated
  using (extension = 'broadcast' and topic like 'queue:%');
insert into private.broadcasts (topic, event, payload) values
  ('queue:{event_id}', 'progress', '{status, serving_number, admitted_count, waiting, per_minute, at} of a waiting room, at most once a second: somebody with a number computes position and waiting time from it.');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.queue_entries', 'r.user_id = $1', 'retain', null, 'Proves to everybody else that the queue was fair. It names its person by id.');
select private.retain_columns('public.queue_entries', 'Which queue, which admission and which order.', 'event_id', 'admission_id', 'order_id');
select private.retain_columns('public.queue_entries', 'Made from the id of the place, and needed to prove the shuffle.', 'shuffle_key');
select private.retain_columns('public.queue_entries', 'Why the place ended.', 'end_reason');
select private.hold_no_persons('public.waiting_rooms', 'private.queue_seeds', 'private.admission_rounds');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.checkout_slots', 'exists (select from public.queue_entries e where e.id = r.entry_id and e.user_id = $1)', 'retain', '{}', 'Belongs to the room. Who holds it is said by the place.');
