-- Payments: what is owed, tried, received and given back.
-- Rule kept here: a payment never goes backwards; every message of a provider is a row before anything
-- else happens, and what anybody may send is kept in numbers that are bounded; money that fits no payment is a
-- row with a reason, never a log line.
-- Left out on purpose: signatures and wire formats, which are each provider's wrapper.

insert into private.transitions (machine, from_state, event, to_state) values
  ('payment', 'initial', 'create', 'pending'),
  ('payment', 'pending', 'start', 'processing'),
  ('payment', 'pending', 'expire', 'expired'),
  ('payment', 'pending', 'cancel', 'cancelled'),
  ('payment', 'processing', 'succeed', 'succeeded'),
  ('payment', 'processing', 'expire', 'expired'),
  ('payment', 'processing', 'cancel', 'cancelled'),
  ('payment', 'expired', 'succeed_late', 'succeeded'),
  ('payment', 'cancelled', 'succeed_late', 'succeeded'),
  ('payment', 'succeeded', 'refund_part', 'partially_refunded'),
  ('payment', 'succeeded', 'refund', 'refunded'),
  ('payment', 'partially_refunded', 'refund', 'refunded'),
  ('payment_attempt', 'initial', 'create', 'created'),
  ('payment_attempt', 'created', 'offer', 'pending'),
  ('payment_attempt', 'created', 'succeed', 'succeeded'),
  ('payment_attempt', 'created', 'fail', 'failed'),
  ('payment_attempt', 'created', 'expire', 'expired'),
  ('payment_attempt', 'pending', 'succeed', 'succeeded'),
  ('payment_attempt', 'pending', 'fail', 'failed'),
  ('payment_attempt', 'pending', 'expire', 'expired'),
  ('payment_attempt', 'failed', 'succeed_late', 'succeeded'),
  ('payment_attempt', 'expired', 'succeed_late', 'succeeded'),
  ('refund', 'initial', 'order', 'pending'),
  ('refund', 'pending', 'accept', 'processing'),
  ('refund', 'pending', 'succeed', 'succeeded'),
  ('refund', 'pending', 'fail', 'failed'),
  ('refund', 'processing', 'succeed', 'succeeded'),
  ('refund', 'processing', 'fail', 'failed'),
  ('refund', 'failed', 'succeed_late', 'succeeded'),
  ('refund', 'initial', 'await_account', 'awaiting_account'),
  ('refund', 'awaiting_account', 'resume', 'pending'),
  ('refund', 'pending', 'recall', 'awaiting_account'),
  ('refund', 'failed', 'await_account', 'awaiting_account'),
  ('refund', 'awaiting_account', 'succeed', 'succeeded'),
  ('refund', 'failed', 'retry', 'pending');

create table private.payment_providers (
  provider text primary key,
  currency text not null default 'VND',
  min_amount bigint not null,
  max_amount bigint not null,
  -- several transfers may pay one attempt, and the payer chooses their amounts
  in_parts boolean not null,
  refunds_by text not null,
  can_cancel boolean not null,
  -- money can come that names no attempt, so all that came in is read; and up to where it was
  has_feed boolean not null default false,
  feed_cursor text,
  feed_read_at timestamptz,
  enabled boolean not null default true,
  constraint payment_providers_range check (0 < min_amount and min_amount <= max_amount),
  constraint payment_providers_refunds_known check (refunds_by in ('provider', 'transfer')),
  -- nobody claims what the code of a rail (_shared/payments) cannot do
  constraint payment_providers_can_refund check (refunds_by = 'transfer' or provider in ('vnpay', 'momo', 'zalopay', 'stripe')),
  constraint payment_providers_can_be_cancelled check (not can_cancel or provider in ('payos', 'stripe')),
  constraint payment_providers_can_take_parts check (not in_parts or provider in ('payos', 'vietqr')),
  constraint payment_providers_can_read_feed check (not has_feed or provider = 'vietqr')
);
comment on table private.payment_providers is 'What each rail can carry, in minor units (a NAPAS 247 transfer stays below 500 million), and how it gives money back: by itself, or by a bank transfer of ours. An operator switches one off with `enabled`.';
insert into private.payment_providers (provider, min_amount, max_amount, in_parts, refunds_by, can_cancel, has_feed) values
  ('vnpay', 5000, 999999999, false, 'provider', false, false),
  ('momo', 1000, 50000000, false, 'provider', false, false),
  ('zalopay', 1000, 999999999, false, 'provider', false, false),
  ('payos', 2000, 499999999, true, 'transfer', true, false),
  ('stripe', 15000, 99999999, false, 'provider', true, false),
  ('vietqr', 1000, 499999999, true, 'transfer', false, true);

create table public.payments (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  payer_id uuid not null references public.profiles on delete restrict,
  amount bigint not null,
  currency text not null,
  status text not null default 'pending',
  refunded_amount bigint not null default 0,
  expires_at timestamptz not null,
  succeeded_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint payments_one_per_booking unique (booking_id),
  constraint payments_amount_positive check (amount > 0),
  constraint payments_refund_within_amount check (refunded_amount between 0 and amount),
  constraint payments_refund_state check (
    (status = 'refunded') = (refunded_amount = amount)
    and (status = 'partially_refunded') = (refunded_amount > 0 and refunded_amount < amount)
  ),
  constraint payments_success_dated check ((status in ('succeeded', 'partially_refunded', 'refunded')) = (succeeded_at is not null))
);
create index payments_payer_idx on public.payments (payer_id, created_at desc);
create index payments_open_idx on public.payments (expires_at) where status in ('pending', 'processing');
comment on table public.payments is 'What a booking costs its renter; amount in minor units. Payable until expires_at.';
select private.attach_state_machine('public.payments', 'payment');
create trigger touch before update on public.payments for each row execute function private.touch();
-- What was agreed, asked for or received stays as it was, by any path; only what became of it is written later.
create trigger immutable before update on public.payments for each row
  when ((old.id, old.booking_id, old.payer_id, old.amount, old.currency) is distinct from (new.id, new.booking_id, new.payer_id, new.amount, new.currency))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payments
  for each statement execute function private.forbid_change();

-- Providers want references that are short, ASCII and never repeat: J, the day, eight digits. They are drawn and not
-- counted: a database restored from last night's backup would count through those of this morning once more, and take
-- what their payers paid for the payment of somebody else; and a payer who mistypes one meets nobody's.
create function private.new_payment_reference()
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_reference text;
begin
  loop
    -- the day is Vietnam's: ZaloPay checks it
    v_reference := 'J' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYMMDD')
      || lpad((('x' || left(gen_random_uuid()::text, 8))::bit(32)::bigint % 100000000)::text, 8, '0');
    exit when not exists (select from public.payment_attempts where reference = v_reference);
  end loop;
  return v_reference;
end
$$;

create table public.payment_attempts (
  id uuid primary key default gen_random_uuid(),
  payment_id uuid not null references public.payments on delete restrict,
  provider text not null references private.payment_providers,
  reference text not null unique default private.new_payment_reference(),
  amount bigint not null,
  currency text not null,
  status text not null default 'created',
  redirect_url text,
  qr_payload text,
  details jsonb not null default '{}',
  provider_data jsonb not null default '{}',
  provider_transaction_id text,
  -- what the transaction that settled it carried; the rest, if any, came before as unmatched money
  transaction_amount bigint,
  failure_code text,
  checked_at timestamptz,
  checks int not null default 0,
  -- It has ended, and is to be asked about once more then: a payer whose first card was refused may have paid with
  -- another, and one who had paid may have sent a second transfer.
  recheck_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint payment_attempts_one_transaction unique (provider, provider_transaction_id),
  constraint payment_attempts_amount_positive check (amount > 0 and transaction_amount >= 0),
  constraint payment_attempts_success_complete check (
    status <> 'succeeded' or (provider_transaction_id is not null and transaction_amount is not null)
  )
);
create index payment_attempts_payment_idx on public.payment_attempts (payment_id, created_at);
create index payment_attempts_open_idx on public.payment_attempts (created_at) where status in ('created', 'pending');
create index payment_attempts_recheck_idx on public.payment_attempts (recheck_at) where recheck_at is not null;
create unique index payment_attempts_one_success on public.payment_attempts (payment_id) where status = 'succeeded';
comment on table public.payment_attempts is 'One try at paying with one provider. `reference` is what the provider knows it by.';
-- the log keeps what paid it: refunds go by it, and no other row holds it
select private.attach_state_machine('public.payment_attempts', 'payment_attempt', 'provider_transaction_id', 'transaction_amount');
create trigger immutable before update on public.payment_attempts for each row
  when ((old.id, old.payment_id, old.provider, old.reference, old.amount, old.currency) is distinct from (new.id, new.payment_id, new.provider, new.reference, new.amount, new.currency)
    or (old.status = 'succeeded'
      and (old.provider_transaction_id, old.transaction_amount) is distinct from (new.provider_transaction_id, new.transaction_amount)))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payment_attempts
  for each statement execute function private.forbid_change();

create table private.payment_events (
  id bigint generated always as identity primary key,
  provider text not null references private.payment_providers,
  provider_event_id text not null,
  verified boolean not null,
  reference text,
  raw text not null,
  headers jsonb not null default '{}',
  outcome text,
  received_at timestamptz not null default now(),
  applied_at timestamptz,
  -- an admin has dealt with one whose outcome is needs_review
  acknowledged_by uuid references public.profiles on delete restrict,
  acknowledged_at timestamptz,
  note text,
  constraint payment_events_once unique (provider, provider_event_id),
  -- or anybody could take the place of a genuine one
  constraint payment_events_unverified_apart check (verified or provider_event_id like 'unverified:%'),
  constraint payment_events_raw_size check (octet_length(raw) <= 65536)
);
create index payment_events_reference_idx on private.payment_events (reference);
create index payment_events_unverified_idx on private.payment_events (received_at) where not verified;
create index payment_events_needs_review_idx on private.payment_events (id) where outcome = 'needs_review' and acknowledged_at is null;
comment on table private.payment_events is 'Every message of a provider as received, with what became of it.';
create trigger immutable before update on private.payment_events for each row
  when ((old.id, old.provider, old.provider_event_id, old.verified, old.raw, old.received_at) is distinct from (new.id, new.provider, new.provider_event_id, new.verified, new.raw, new.received_at))
  execute function private.forbid_change();
-- what nobody signed is swept after a while
create trigger never_deleted before delete on private.payment_events for each row when (old.verified)
  execute function private.forbid_change();
create trigger never_emptied before truncate on private.payment_events
  for each statement execute function private.forbid_change();

alter table private.settings
  add constraint settings_unverified_events_per_hour check (key <> 'unverified_events_per_hour' or private.is_whole(value, 0, 10000));
insert into private.settings (key, value, description) values
  ('unverified_events_per_hour', '100', 'How many messages to the webhook of a provider that are not verified are stored in an hour; the others are only counted.');

create table private.unverified_counts (
  provider text not null references private.payment_providers,
  hour timestamptz not null,
  received bigint not null default 1,
  primary key (provider, hour)
) with (fillfactor = 50);
comment on table private.unverified_counts is 'How many messages that are not verified came in an hour, those included that were not stored; the same one again, while it is stored, is not counted.';

create table private.unmatched_money (
  id uuid primary key default gen_random_uuid(),
  event_id bigint not null references private.payment_events on delete restrict,
  provider text not null references private.payment_providers,
  reference text,
  transaction_id text,
  amount bigint not null,
  currency text not null,
  reason text not null,
  -- where it was meant to go and whose it is, as far as that is known
  attempt_id uuid references public.payment_attempts on delete restrict,
  payer_id uuid references public.profiles on delete restrict,
  status text not null default 'open',
  settlement text,
  payment_id uuid references public.payments on delete restrict,
  settled_by uuid references public.profiles on delete restrict,
  settled_at timestamptz,
  note text,
  created_at timestamptz not null default now(),
  constraint unmatched_money_amount_positive check (amount > 0),
  constraint unmatched_money_reason_known check (
    reason in ('unknown_reference', 'amount_mismatch', 'currency_mismatch', 'paid_twice', 'underpaid', 'overpaid')
  ),
  constraint unmatched_money_settled check (
    (status = 'open' and settlement is null and settled_at is null)
    or (status = 'settled' and settled_at is not null and settlement in ('applied', 'refunded', 'kept', 'void'))
  ),
  constraint unmatched_money_applied_to check ((settlement is not distinct from 'applied') = (payment_id is not null))
);
-- what is left over of an event is a second row of it
create unique index unmatched_money_one_per_event on private.unmatched_money (event_id) where reason <> 'overpaid';
create unique index unmatched_money_one_per_transaction on private.unmatched_money (provider, transaction_id)
  where reason <> 'overpaid' and settlement is distinct from 'void';
create index unmatched_money_attempt_idx on private.unmatched_money (attempt_id) where status = 'open';
create index unmatched_money_open_idx on private.unmatched_money (created_at, id) where status = 'open';
comment on table private.unmatched_money is 'Money that reached us and fits no open payment. It is the payer''s until an admin, or the rest of the sum, settles it: applied to a payment, refunded, kept with a note; void when the provider corrected itself.';
-- whose it is may be found out later, until it is settled
create trigger immutable before update on private.unmatched_money for each row
  when ((old.id, old.event_id, old.provider, old.reference, old.transaction_id, old.amount, old.currency, old.reason, old.attempt_id)
      is distinct from (new.id, new.event_id, new.provider, new.reference, new.transaction_id, new.amount, new.currency, new.reason, new.attempt_id)
    or (old.status = 'settled'
      and (old.status, old.settlement, old.payer_id, old.payment_id) is distinct from (new.status, new.settlement, new.payer_id, new.payment_id)))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on private.unmatched_money
  for each statement execute function private.forbid_change();

create table public.refunds (
  id uuid primary key default gen_random_uuid(),
  payer_id uuid references public.profiles on delete restrict,
  payment_id uuid references public.payments on delete restrict,
  attempt_id uuid references public.payment_attempts on delete restrict,
  booking_id uuid references public.bookings on delete restrict,
  unmatched_id uuid unique references private.unmatched_money on delete restrict,
  kind text not null,
  amount bigint not null,
  currency text not null,
  status text not null default 'pending',
  method text not null,
  -- the rail it leaves by; manual is a transfer an admin made
  provider text not null,
  provider_refund_id text,
  bank_account_id uuid,
  failure_code text,
  reason text,
  created_at timestamptz not null default now(),
  ordered_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint refunds_kind_known check (kind in ('cancellation', 'host_cancellation', 'deposit', 'late_payment', 'goodwill', 'unmatched')),
  constraint refunds_method_known check (method in ('provider', 'bank_transfer')),
  constraint refunds_of_something check (
    case when kind = 'unmatched' then unmatched_id is not null and payment_id is null and booking_id is null
      else unmatched_id is null and payment_id is not null and attempt_id is not null and booking_id is not null and payer_id is not null end
  ),
  constraint refunds_own_account foreign key (bank_account_id, payer_id)
    references public.bank_accounts (id, user_id) on delete restrict,
  constraint refunds_account_is_for_transfer check (bank_account_id is null or method = 'bank_transfer'),
  constraint refunds_account_has_owner check (bank_account_id is null or payer_id is not null),
  constraint refunds_account_for_transfer check (
    method = 'provider' or status in ('awaiting_account', 'failed', 'succeeded') or bank_account_id is not null
  ),
  constraint refunds_amount_positive check (amount > 0),
  constraint refunds_completed check ((status = 'succeeded') = (completed_at is not null))
);
create unique index refunds_once_per_kind on public.refunds (booking_id, kind) where kind not in ('goodwill', 'unmatched');
create unique index refunds_provider_id_once on public.refunds (provider, provider_refund_id);
create index refunds_payment_idx on public.refunds (payment_id);
create index refunds_attempt_idx on public.refunds (attempt_id);
create index refunds_booking_idx on public.refunds (booking_id);
create index refunds_open_idx on public.refunds (payer_id) where status <> 'succeeded';
comment on table public.refunds is 'Money on its way back to the payer: by the provider that took it, or by bank transfer where that cannot. `provider_refund_id` is the id there, or the bank''s reference of a transfer made by hand.';
select private.attach_state_machine('public.refunds', 'refund');
create trigger immutable before update on public.refunds for each row
  when ((old.id, old.payment_id, old.attempt_id, old.booking_id, old.unmatched_id, old.kind, old.amount, old.currency)
      is distinct from (new.id, new.payment_id, new.attempt_id, new.booking_id, new.unmatched_id, new.kind, new.amount, new.currency)
    or (old.payer_id is not null and old.payer_id is distinct from new.payer_id))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.refunds
  for each statement execute function private.forbid_change();

alter table public.payments enable row level security;
alter table public.payment_attempts enable row level security;
alter table public.refunds enable row level security;
revoke all on public.payments, public.payment_attempts, public.refunds from anon, authenticated, service_role;
grant select on public.payments to authenticated, service_role;
grant select (id, payment_id, provider, reference, amount, currency, status, redirect_url, qr_payload, details, provider_transaction_id, failure_code, expires_at, created_at)
  on public.payment_attempts to authenticated;
grant select (id, payment_id, booking_id, kind, amount, currency, status, method, provider, provider_refund_id, failure_code, created_at, completed_at)
  on public.refunds to authenticated;
grant select on public.refunds to service_role;
grant select on public.payment_attempts to service_role;
create policy select_payer on public.payments for select to authenticated
  using (payer_id = (select auth.uid()) or (select private.is_admin()));
create policy select_payer on public.payment_attempts for select to authenticated
  using (exists (select from public.payments p where p.id = payment_id));
create policy select_party on public.refunds for select to authenticated
  using (
    payer_id = (select auth.uid())
    or exists (select from public.bookings b where b.id = booking_id)
    or (select private.is_admin())
  );
