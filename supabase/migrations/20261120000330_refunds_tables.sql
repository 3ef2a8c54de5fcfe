-- Refunds: money on its way back to the payer.
-- Rule kept here: a refund gives back a payment, or one row of unmatched money, and never changes what it gives back.
-- Left out on purpose: how much goes back, which its orderer has decided.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('payment_not_refundable', 409, false, 'This amount cannot be refunded now. Refund at most details.refundable.', 'Không thể hoàn số tiền này. Chỉ có thể hoàn tối đa số tiền nêu trong chi tiết.'),
  ('refund_not_found', 404, false, 'We could not find this refund. Reload and try again.', 'Không tìm thấy khoản hoàn tiền này. Vui lòng tải lại rồi thử lại.');

insert into private.transitions (machine, from_state, event, to_state) values
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

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('refund_payable', 'Refunds ordered and not yet paid back (per payable, or per row of unmatched money)', true, false);

create table private.refund_kinds (
  kind text primary key,
  description text not null
);
comment on table private.refund_kinds is 'Why money goes back. A module that orders refunds registers its own kinds; each is ordered once per payable, but for goodwill, parts, unmatched money, tickets and complaints.';
insert into private.refund_kinds (kind, description) values
  ('late_payment', 'All of a payment that came when what it paid for was gone'),
  ('goodwill', 'Part of a payment, out of the platform''s own revenue'),
  ('part', 'Part of a payment that was not completed, or did not need it'),
  ('unmatched', 'Money that fitted no payment');

create table public.refunds (
  id uuid primary key default gen_random_uuid(),
  payer_id uuid references public.profiles on delete restrict,
  payment_id uuid references public.payments on delete restrict,
  attempt_id uuid references public.payment_attempts on delete restrict,
  payable_id uuid references public.payables on delete restrict,
  unmatched_id uuid unique references private.unmatched_money on delete restrict,
  kind text not null references private.refund_kinds,
  amount bigint not null,
  credit_amount bigint not null default 0,
  credit_tax_amount bigint not null default 0,
  currency text not null,
  status text not null default 'pending',
  method text not null,
  provider text not null,
  provider_refund_id text,
  bank_account_id uuid,
  failure_code text,
  reason text,
  created_at timestamptz not null default now(),
  ordered_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint refunds_method_known check (method in ('provider', 'bank_transfer')),
  constraint refunds_of_something check (
    case when kind in ('part', 'unmatched') then unmatched_id is not null and payment_id is null and payable_id is null
      else unmatched_id is null and payment_id is not null and attempt_id is not null and payable_id is not null and payer_id is not null end
  ),
  constraint refunds_own_account foreign key (bank_account_id, payer_id)
    references public.bank_accounts (id, user_id) on delete restrict,
  constraint refunds_account_is_for_transfer check (bank_account_id is null or method = 'bank_transfer'),
  constraint refunds_account_has_owner check (bank_account_id is null or payer_id is not null),
  constraint refunds_account_for_transfer check (
    method = 'provider' or status in ('awaiting_account', 'failed', 'succeeded') or bank_account_id is not null
  ),
  constraint refunds_reason_tidy check (private.is_tidy_lines(reason)),
  constraint refunds_amount_positive check (amount > 0),
  constraint refunds_credit_within_amount check (credit_amount between credit_tax_amount and amount and credit_tax_amount >= 0),
  constraint refunds_completed check ((status = 'succeeded') = (completed_at is not null))
);
-- a deposit goes back in parts when something of it is claimed; what is held of it is the limit
create unique index refunds_once_per_kind on public.refunds (payable_id, kind) where kind not in ('deposit', 'goodwill', 'part', 'unmatched', 'tickets', 'complaint');
create unique index refunds_provider_id_once on public.refunds (provider, provider_refund_id);
create index refunds_payment_idx on public.refunds (payment_id);
create index refunds_attempt_idx on public.refunds (attempt_id);
create index refunds_payable_idx on public.refunds (payable_id);
create index refunds_open_idx on public.refunds (payer_id) where status <> 'succeeded';
comment on table public.refunds is 'Money on its way back to the payer. The provider that took the money gives it back, or we send a bank transfer where it cannot. `provider_refund_id` is the provider''s id of the refund, or the bank''s reference of a transfer made by hand.';
comment on column public.refunds.payer_id is 'Null for unmatched money whose payer is not known.';
comment on column public.refunds.kind is 'Why it goes back.';
comment on column public.refunds.amount is 'Minor units of `currency`.';
comment on column public.refunds.credit_amount is 'What of it gives back something that was sold: the total of its credit note. A deposit is none of it.';
comment on column public.refunds.credit_tax_amount is 'The tax within credit_amount.';
comment on column public.refunds.method is 'provider (the one that took the money gives it back) or bank_transfer (we send it to bank_account_id).';
comment on column public.refunds.failure_code is 'Why the last sending failed. Null otherwise.';
comment on column public.refunds.ordered_at is 'When it was last put on its way: at its order, and again at each retry.';
comment on column public.refunds.payment_id is 'The payment that it gives back. Null for a part of one, and for money that fitted no payment.';
comment on column public.refunds.status is 'awaiting_account: the payer must name a bank account first.';
comment on column public.refunds.provider is 'The rail it leaves by; manual is a transfer made by hand, reversal means that the payer has taken the money back already.';
select private.attach_state_machine('public.refunds', 'refund');
create trigger immutable before update on public.refunds for each row
  when ((old.id, old.payment_id, old.attempt_id, old.payable_id, old.unmatched_id, old.kind, old.amount, old.credit_amount, old.credit_tax_amount, old.currency)
      is distinct from (new.id, new.payment_id, new.attempt_id, new.payable_id, new.unmatched_id, new.kind, new.amount, new.credit_amount, new.credit_tax_amount, new.currency)
    or (old.payer_id is not null and old.payer_id is distinct from new.payer_id))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.refunds
  for each statement execute function private.forbid_change();

alter table public.refunds enable row level security;
revoke all on public.refunds from anon, authenticated, service_role;
grant select (id, payment_id, payable_id, kind, amount, currency, status, method, provider, provider_refund_id, failure_code, created_at, completed_at)
  on public.refunds to authenticated;
grant select on public.refunds to service_role;
create policy select_payer on public.refunds for select to authenticated
  using (payer_id = (select auth.uid()) or (select private.is_admin()));

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.refunds', 'r.payer_id = $1', 'retain', null, 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).');
select private.retain_columns('public.refunds', 'Part of the record of a refund.', 'currency', 'provider', 'provider_refund_id', 'failure_code', 'reason');
select private.hold_no_persons('private.refund_kinds');

create function private.account_blocker_open_refund(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select r.id from public.refunds r where r.payer_id = p_user_id and r.status <> 'succeeded' $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('open_refund', 'A refund to you is not finished. Wait until it has arrived; if it waits for a bank account, add one.', 'Khoản hoàn tiền của bạn chưa hoàn tất. Vui lòng chờ nhận tiền; nếu cần tài khoản ngân hàng, hãy thêm tài khoản.');
