-- Payments: what is owed, tried, received and given back.
-- Rule kept here: a payment never goes backwards; every message of a provider is a row before anything
-- else happens; money that fits no payment is a row with a reason, never a log line.
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
  ('refund', 'failed', 'retry', 'pending');

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
select private.govern('public.payments', 'payment');
create trigger touch before update on public.payments for each row execute function private.touch();

-- Providers want references that are short, ASCII and never repeat.
create sequence private.payment_reference;

create table public.payment_attempts (
  id uuid primary key default gen_random_uuid(),
  payment_id uuid not null references public.payments on delete restrict,
  provider text not null,
  reference text not null unique default 'J' || to_char(now(), 'YYMMDD') || lpad(nextval('private.payment_reference')::text, 8, '0'),
  amount bigint not null,
  currency text not null,
  status text not null default 'created',
  redirect_url text,
  qr_payload text,
  provider_data jsonb not null default '{}',
  provider_transaction_id text,
  failure_code text,
  checked_at timestamptz,
  checks int not null default 0,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint payment_attempts_provider_known check (provider in ('vnpay')),
  constraint payment_attempts_one_transaction unique (provider, provider_transaction_id)
);
create index payment_attempts_payment_idx on public.payment_attempts (payment_id, created_at);
create index payment_attempts_open_idx on public.payment_attempts (created_at) where status in ('created', 'pending');
comment on table public.payment_attempts is 'One try at paying with one provider. `reference` is what the provider knows it by.';
select private.govern('public.payment_attempts', 'payment_attempt');

create table private.payment_events (
  id bigint generated always as identity primary key,
  provider text not null,
  provider_event_id text not null,
  verified boolean not null,
  reference text,
  raw text not null,
  headers jsonb not null default '{}',
  outcome text,
  received_at timestamptz not null default now(),
  applied_at timestamptz,
  constraint payment_events_once unique (provider, provider_event_id),
  constraint payment_events_raw_size check (octet_length(raw) <= 65536)
);
create index payment_events_reference_idx on private.payment_events (reference);
comment on table private.payment_events is 'Every message of a provider as received, with what became of it.';

create table public.refunds (
  id uuid primary key default gen_random_uuid(),
  payment_id uuid not null references public.payments on delete restrict,
  attempt_id uuid not null references public.payment_attempts on delete restrict,
  booking_id uuid not null references public.bookings on delete restrict,
  kind text not null,
  amount bigint not null,
  currency text not null,
  status text not null default 'pending',
  provider_refund_id text,
  failure_code text,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint refunds_kind_known check (kind in ('cancellation', 'host_cancellation', 'deposit', 'late_payment')),
  constraint refunds_amount_positive check (amount > 0),
  constraint refunds_once_per_kind unique (booking_id, kind)
);
create index refunds_payment_idx on public.refunds (payment_id);
comment on table public.refunds is 'Money on its way back to the payer, with the provider''s own id once it has one.';
select private.govern('public.refunds', 'refund');

create table private.unmatched_money (
  id uuid primary key default gen_random_uuid(),
  event_id bigint not null unique references private.payment_events on delete restrict,
  provider text not null,
  reference text,
  transaction_id text,
  amount bigint not null,
  currency text not null,
  reason text not null,
  payer_id uuid references public.profiles on delete restrict,
  status text not null default 'open',
  created_at timestamptz not null default now(),
  constraint unmatched_money_reason_known check (reason in ('unknown_reference', 'amount_mismatch', 'currency_mismatch', 'paid_twice')),
  constraint unmatched_money_status_known check (status in ('open', 'settled'))
);
comment on table private.unmatched_money is 'Money that reached us and fits no open payment; an admin settles each row.';

alter table public.payments enable row level security;
alter table public.payment_attempts enable row level security;
alter table public.refunds enable row level security;
revoke all on public.payments, public.payment_attempts, public.refunds from anon, authenticated, service_role;
grant select on public.payments, public.refunds to authenticated, service_role;
grant select (id, payment_id, provider, reference, amount, currency, status, redirect_url, qr_payload, provider_transaction_id, failure_code, expires_at, created_at)
  on public.payment_attempts to authenticated;
grant select on public.payment_attempts to service_role;
create policy select_payer on public.payments for select to authenticated
  using (payer_id = (select auth.uid()) or (select private.is_admin()));
create policy select_payer on public.payment_attempts for select to authenticated
  using (exists (select from public.payments p where p.id = payment_id));
create policy select_payer on public.refunds for select to authenticated
  using (exists (select from public.payments p where p.id = payment_id));
