-- Payments: what is owed, and each attempt to pay it.
-- Rule kept here: a payment never goes backwards; what was agreed, asked for or received is never changed.
-- Left out on purpose: signatures and wire formats, which are each provider's wrapper.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('payment_not_found', 404, false, 'We could not find this payment. Reload and try again.', 'Không tìm thấy khoản thanh toán này. Vui lòng tải lại rồi thử lại.'),
  ('payment_expired', 409, false, 'The time to pay is over. Order again to get a new payment.', 'Đã hết thời hạn thanh toán. Vui lòng đặt lại để có khoản thanh toán mới.'),
  ('payment_not_payable', 409, false, 'This payment can no longer be made: it is paid, or its time is over. Reload to see which.', 'Khoản này không thể thanh toán nữa vì đã được trả hoặc đã hết hạn. Vui lòng tải lại để xem trạng thái.'),
  ('payment_amount_unsupported', 400, false, 'This payment method does not support this amount. Choose another one.', 'Phương thức này không hỗ trợ số tiền cần thanh toán. Vui lòng chọn phương thức khác.'),
  ('payment_start_again', 409, false, 'This payment attempt cannot go on. Start a new one.', 'Lần thanh toán này không thể tiếp tục. Vui lòng bắt đầu lại.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('start_payment', 20, 20),
  ('check_payment', 10, 10);

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('clearing', 'What has come in by a payment provider less what has gone out by it (per provider; manual is our own bank)', false, false),
  ('unmatched', 'Money received that belongs to no open payment (per row of unmatched_money)', true, false);
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
  ('payment_attempt', 'expired', 'succeed_late', 'succeeded');

create table private.payment_providers (
  provider text primary key,
  currency text not null default 'VND',
  min_amount bigint not null,
  max_amount bigint not null,
  in_parts boolean not null,
  refunds_by text not null,
  can_cancel boolean not null,
  has_feed boolean not null default false,
  feed_cursor text,
  feed_read_at timestamptz,
  enabled boolean not null default true,
  constraint payment_providers_range check (0 < min_amount and min_amount <= max_amount),
  constraint payment_providers_refunds_known check (refunds_by in ('provider', 'transfer')),
  -- a row must not claim what the code of the rail (_shared/payments) cannot do
  constraint payment_providers_can_refund check (refunds_by = 'transfer' or provider in ('vnpay', 'momo', 'zalopay', 'stripe')),
  constraint payment_providers_can_be_cancelled check (not can_cancel or provider in ('payos', 'stripe')),
  constraint payment_providers_can_take_parts check (not in_parts or provider in ('payos', 'vietqr')),
  constraint payment_providers_can_read_feed check (not has_feed or provider = 'vietqr')
);
comment on table private.payment_providers is 'What each rail can carry, in minor units (a NAPAS 247 transfer stays below 500 million), and how it gives money back: by itself, or by a bank transfer of ours. An operator switches one off with `enabled`.';
comment on column private.payment_providers.min_amount is 'Smallest payment in minor units of `currency`.';
comment on column private.payment_providers.max_amount is 'Largest payment in minor units of `currency`.';
comment on column private.payment_providers.in_parts is 'The payer chooses the amount of each transfer, so less or more than asked for can come.';
comment on column private.payment_providers.refunds_by is 'provider (it gives money back itself) or transfer (we do, to a bank account of the payer).';
comment on column private.payment_providers.has_feed is 'Money can come that names no attempt, so all that came in is read, from feed_cursor on.';
comment on column private.payment_providers.feed_cursor is 'Where the last look ended, in the provider''s own form. Null before the first.';
comment on column private.payment_providers.enabled is 'Switched by an operator. Off: no new payments; what began goes on.';
insert into private.payment_providers (provider, min_amount, max_amount, in_parts, refunds_by, can_cancel, has_feed) values
  ('vnpay', 5000, 999999999, false, 'provider', false, false),
  ('momo', 1000, 50000000, false, 'provider', false, false),
  ('zalopay', 1000, 999999999, false, 'provider', false, false),
  ('payos', 2000, 499999999, true, 'transfer', true, false),
  ('stripe', 15000, 99999999, false, 'provider', true, false),
  ('vietqr', 1000, 499999999, true, 'transfer', false, true);

create table public.payments (
  id uuid primary key default gen_random_uuid(),
  payable_id uuid not null references public.payables on delete restrict,
  -- as the payable says
  payer_id uuid not null,
  amount bigint not null,
  currency text not null,
  status text not null default 'pending',
  refunded_amount bigint not null default 0,
  expires_at timestamptz not null,
  succeeded_at timestamptz,
  -- what the owner of the payable answered when the money came: kept for the payer, or gone, so that all money goes back
  settlement text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint payments_one_per_payable unique (payable_id),
  constraint payments_refund_within_amount check (refunded_amount between 0 and amount),
  constraint payments_refund_state check (
    (status = 'refunded') = (refunded_amount = amount)
    and (status = 'partially_refunded') = (refunded_amount > 0 and refunded_amount < amount)
  ),
  constraint payments_success_dated check ((status in ('succeeded', 'partially_refunded', 'refunded')) = (succeeded_at is not null)),
  constraint payments_settled check ((succeeded_at is null) = (settlement is null)),
  constraint payments_settlement_known check (settlement in ('kept', 'gone'))
);
create index payments_payer_idx on public.payments (payer_id, created_at desc);
create index payments_open_idx on public.payments (expires_at) where status in ('pending', 'processing');
comment on table public.payments is 'The payment of a payable. `amount` is in minor units. It can be paid until expires_at.';
comment on column public.payments.amount is 'What is to be paid in all; minor units of `currency`.';
comment on column public.payments.status is 'Machine payment. pending, processing once a try began, succeeded by the provider''s word, then partially_refunded or refunded as refunds succeed; or expired, cancelled. Money that comes after those still makes it succeeded, and is kept or given back.';
comment on column public.payments.refunded_amount is 'What has gone back so far: the sum of its refunds that succeeded.';
comment on column public.payments.expires_at is 'No try begins after it. Written with what is paid for.';
comment on column public.payments.succeeded_at is 'When the whole sum was here. Null until then.';
select private.attach_state_machine('public.payments', 'payment');
create trigger touch before update on public.payments for each row execute function private.touch();
-- What was agreed, asked for or received never changes; only what became of it is written later.
create trigger immutable before update on public.payments for each row
  when ((old.id, old.payable_id, old.payer_id, old.amount, old.currency) is distinct from (new.id, new.payable_id, new.payer_id, new.amount, new.currency))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payments
  for each statement execute function private.forbid_change();

-- Providers want references that are short, ASCII and never repeat: J, the day, eight digits. They are random and not
-- counted. A database restored from last night's backup would count through this morning's references again, and book
-- money for the wrong payment. And a mistyped reference hardly ever belongs to another payment.
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
  transaction_amount bigint,
  failure_code text,
  checked_at timestamptz,
  checks int not null default 0,
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
comment on table public.payment_attempts is 'One attempt to pay with one provider. `reference` is the name by which the provider knows it.';
comment on column public.payment_attempts.amount is 'What this try asks for: what of the payment was missing when it began; minor units of `currency`.';
comment on column public.payment_attempts.status is 'Machine payment_attempt. created, pending once the provider offers a way to pay, then succeeded, failed or expired by the provider''s word. One that failed or expired can still succeed late.';
comment on column public.payment_attempts.qr_payload is 'Text of the QR code to show. Null for a rail without one.';
comment on column public.payment_attempts.provider_data is 'What later calls about this try need, in the form of its rail.';
comment on column public.payment_attempts.provider_transaction_id is 'The provider''s id of the transaction that paid it. Null until then.';
comment on column public.payment_attempts.transaction_amount is 'What the transaction that completed the payment carried; the rest, if any, came before in parts (unmatched money). Null until then.';
comment on column public.payment_attempts.failure_code is 'The provider''s own code for why it failed. Null otherwise.';
comment on column public.payment_attempts.checked_at is 'When the provider was last asked about it. Null when never.';
comment on column public.payment_attempts.checks is 'How often the provider was asked; each time it is left alone for longer.';
comment on column public.payment_attempts.recheck_at is 'It has ended, and the provider is asked once more from then on: a payer whose first card was refused may have paid with another, and one who had paid may have sent a second transfer. Null when nothing more is expected.';
comment on column public.payment_attempts.expires_at is 'After it the provider takes no money for this try. Written when it is made.';
comment on column public.payment_attempts.reference is 'Our reference at the provider.';
comment on column public.payment_attempts.redirect_url is 'Where the payer goes; null on a rail without a page.';
comment on column public.payment_attempts.details is 'What an app may use beside link and QR code, by provider.';
-- the log keeps which transaction paid it: refunds need it, and no other row has it
select private.attach_state_machine('public.payment_attempts', 'payment_attempt', 'provider_transaction_id', 'transaction_amount');
create trigger immutable before update on public.payment_attempts for each row
  when ((old.id, old.payment_id, old.provider, old.reference, old.amount, old.currency) is distinct from (new.id, new.payment_id, new.provider, new.reference, new.amount, new.currency)
    or (old.status = 'succeeded'
      and (old.provider_transaction_id, old.transaction_amount) is distinct from (new.provider_transaction_id, new.transaction_amount)))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payment_attempts
  for each statement execute function private.forbid_change();

alter table public.payments enable row level security;
alter table public.payment_attempts enable row level security;
revoke all on public.payments, public.payment_attempts from anon, authenticated, service_role;
grant select on public.payments to authenticated, service_role;
grant select (id, payment_id, provider, reference, amount, currency, status, redirect_url, qr_payload, details, provider_transaction_id, failure_code, expires_at, created_at)
  on public.payment_attempts to authenticated;
grant select on public.payment_attempts to service_role;
create policy select_payer on public.payments for select to authenticated
  using (payer_id = (select auth.uid()) or (select private.is_admin()));
create policy select_payer on public.payment_attempts for select to authenticated
  using (exists (select from public.payments p where p.id = payment_id));
