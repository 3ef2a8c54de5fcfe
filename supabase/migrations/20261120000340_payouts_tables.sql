-- Payouts: what hosts are paid, and what each payout is made of.
-- Rule kept here: an earned entry of the ledger is in one payout at most; a payout is exactly the sum of its
-- entries, goes to an account of its owner that was usable when it was scheduled, and is never stored otherwise.
-- Left out on purpose: sending, which function `outbox` does; payouts abroad: accounts here take VND only.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('payout_not_found', 404, false, 'We could not find this payout. Reload and try again.', 'Không tìm thấy khoản chi trả này. Vui lòng tải lại rồi thử lại.'),
  ('payout_batch_not_found', 404, false, 'We could not find this batch of payouts. Reload and try again.', 'Không tìm thấy đợt chi trả này. Vui lòng tải lại rồi thử lại.');
alter table private.settings
  add constraint settings_payout_minimum check (key <> 'payout_minimum' or private.is_whole(value, 1, 499999999)),
  add constraint settings_payout_provider check (key <> 'payout_provider' or value in ('"payos"', '"manual"'));
insert into private.settings (key, value, description) values
  ('payout_minimum', '50000', 'VND: less than this is not paid out yet, but waits for more.'),
  ('payout_provider', '"payos"', 'Who sends approved payouts: "payos", or "manual" when an admin makes the transfers and records them.');

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('host_payable', 'Owed to a host; may go negative (per host)', false, true),
  ('payout_payable', 'Set aside for a payout on its way (per payout)', true, false);
insert into private.transitions (machine, from_state, event, to_state) values
  ('payout', 'initial', 'schedule', 'scheduled'),
  ('payout', 'scheduled', 'approve', 'approved'),
  ('payout', 'scheduled', 'freeze', 'frozen'),
  ('payout', 'approved', 'freeze', 'frozen'),
  ('payout', 'frozen', 'unfreeze', 'scheduled'),
  ('payout', 'approved', 'send', 'processing'),
  ('payout', 'approved', 'pay', 'paid'),
  ('payout', 'processing', 'pay', 'paid'),
  ('payout', 'approved', 'fail', 'failed'),
  ('payout', 'processing', 'fail', 'failed'),
  ('payout', 'failed', 'retry', 'approved'),
  -- a transfer said to have failed went through after all
  ('payout', 'failed', 'pay_late', 'paid'),
  ('payout', 'frozen', 'pay_late', 'paid'),
  ('payout', 'scheduled', 'pay_late', 'paid'),
  ('payout', 'cancelled', 'pay_late', 'paid'),
  -- the bank gave it back
  ('payout', 'paid', 'return', 'returned'),
  ('payout', 'scheduled', 'cancel', 'cancelled'),
  ('payout', 'approved', 'cancel', 'cancelled'),
  ('payout', 'frozen', 'cancel', 'cancelled'),
  ('payout', 'failed', 'cancel', 'cancelled');

create table public.payout_batches (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity unique,
  status text not null generated always as (case when approved_at is null then 'proposed' else 'approved' end) stored,
  payouts int not null,
  total bigint not null,
  currency text not null,
  created_at timestamptz not null default now(),
  approved_at timestamptz,
  approved_by uuid references public.profiles on delete restrict,
  constraint payout_batches_approved_by_somebody check ((approved_at is null) = (approved_by is null))
);
comment on table public.payout_batches is 'The payouts that were due at one time, for an admin to approve. Count and total are as proposed; the total is in minor units.';
comment on column public.payout_batches.number is 'What admins know it by.';
comment on column public.payout_batches.status is 'proposed until an admin approves it. Follows from approved_at.';
comment on column public.payout_batches.payouts is 'How many, as proposed; one that is cancelled later is still counted.';
comment on column public.payout_batches.total is 'Sum as proposed; minor units of `currency`.';

create table public.payouts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete restrict,
  batch_id uuid not null references public.payout_batches on delete restrict,
  bank_account_id uuid not null,
  bank_account_usable_from timestamptz not null,
  amount bigint not null,
  currency text not null,
  status text not null default 'scheduled',
  scheduled_at timestamptz not null default now(),
  provider text,
  provider_payout_id text,
  bank_reference text,
  sending int not null default 1,
  failure_code text,
  freeze_reason text,
  created_at timestamptz not null default now(),
  paid_at timestamptz,
  constraint payouts_amount_positive check (amount > 0),
  constraint payouts_own_account foreign key (bank_account_id, user_id, bank_account_usable_from)
    references public.bank_accounts (id, user_id, usable_from) on delete restrict,
  constraint payouts_usable_account check (bank_account_usable_from <= scheduled_at),
  constraint payouts_paid_dated check ((status in ('paid', 'returned')) = (paid_at is not null)),
  constraint payouts_sent_by_somebody check (status not in ('approved', 'processing', 'paid', 'failed') or provider is not null),
  constraint payouts_manual_has_reference check (provider <> 'manual' or status <> 'paid' or bank_reference is not null),
  constraint payouts_freeze_reason_tidy check (private.is_tidy_lines(freeze_reason)),
  constraint payouts_frozen_has_reason check ((status = 'frozen') = (freeze_reason is not null))
);
create unique index payouts_provider_id_once on public.payouts (provider, provider_payout_id);
create unique index payouts_bank_reference_once on public.payouts (bank_reference);
create index payouts_user_idx on public.payouts (user_id, created_at desc, id);
create index payouts_batch_idx on public.payouts (batch_id);
create index payouts_account_idx on public.payouts (bank_account_id);
create index payouts_open_idx on public.payouts (status, created_at) where status not in ('paid', 'returned', 'cancelled');
comment on table public.payouts is 'A host''s earnings on their way to a bank account. `amount` is in minor units. The host can read freeze_reason and failure_code.';
comment on column public.payouts.bank_account_usable_from is 'That of the account, copied so that constraints hold: nothing is scheduled to an account before.';
comment on column public.payouts.amount is 'Minor units of `currency`: the sum of the ledger entries in private.payout_items.';
comment on column public.payouts.status is 'Machine payout. scheduled (proposed), approved by an admin with its batch, processing once the bank has it, paid, failed, or returned by a bank after it was paid; frozen and back by an admin, or cancelled, which gives its entries back.';
comment on column public.payouts.provider is 'The rail it leaves by; manual is a transfer that an admin made. Null until it is approved.';
comment on column public.payouts.bank_reference is 'The bank''s reference of a transfer made by hand. Null otherwise.';
comment on column public.payouts.sending is 'Which sending this is: one more with each retry and each release, so that no sending is done twice.';
comment on column public.payouts.failure_code is 'Why the last sending failed. Null otherwise.';
select private.attach_state_machine('public.payouts', 'payout');
create trigger immutable before update on public.payouts for each row
  when ((old.id, old.user_id, old.batch_id, old.amount, old.currency) is distinct from (new.id, new.user_id, new.batch_id, new.amount, new.currency))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payouts
  for each statement execute function private.forbid_change();

create table private.payout_items (
  entry_id bigint primary key references private.ledger_entries on delete restrict,
  payout_id uuid not null references public.payouts on delete restrict
);
create index payout_items_payout_idx on private.payout_items (payout_id);
comment on table private.payout_items is 'Which ledger entries a payout is made of, earned and charged. A cancelled payout gives its entries back.';

create table private.payout_returns (
  payout_id uuid primary key references public.payouts on delete restrict,
  unmatched_id uuid unique references private.unmatched_money on delete restrict,
  note text not null,
  recorded_by uuid not null references public.profiles on delete restrict,
  created_at timestamptz not null default now(),
  constraint payout_returns_note_tidy check (private.is_tidy_lines(note) and char_length(note) between 3 and 500)
);
create index payout_returns_recorded_by_idx on private.payout_returns (recorded_by);
comment on table private.payout_returns is 'Payouts that a bank gave back after they were paid.';
comment on column private.payout_returns.unmatched_id is 'The money as it came into our bank account. Null when the provider of the payout has it.';
comment on column private.payout_returns.note is 'What the bank said; for admins.';
create trigger append_only before update or delete or truncate on private.payout_returns
  for each statement execute function private.forbid_change();
alter table private.payout_returns enable row level security;

-- At commit: the payout is the sum of its entries, all of them its owner's.
create function private.check_payout_items()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
  v_sum bigint;
  v_foreign bigint;
begin
  select * into v_payout from public.payouts
  where id = case when tg_table_name = 'payouts' then (to_jsonb(new) ->> 'id')::uuid else (to_jsonb(coalesce(new, old)) ->> 'payout_id')::uuid end;
  select coalesce(-sum(e.amount), 0),
         count(*) filter (where (a.kind, a.owner, a.currency) is distinct from ('host_payable', v_payout.user_id::text, v_payout.currency))
  into v_sum, v_foreign
  from private.payout_items i
  join private.ledger_entries e on e.id = i.entry_id
  join private.ledger_accounts a on a.id = e.account_id
  where i.payout_id = v_payout.id;
  if v_sum <> (case when v_payout.status = 'cancelled' then 0 else v_payout.amount end) then
    raise exception 'payout % is over %, but the sum of its entries is %', v_payout.id, v_payout.amount, v_sum using errcode = '23514', constraint = 'payouts_amount_is_sum';
  end if;
  if v_foreign > 0 then
    raise exception 'payout % is made of entries of others', v_payout.id using errcode = '23514', constraint = 'payout_items_own_entries';
  end if;
  return null;
end
$$;
create constraint trigger payouts_amount_is_sum
  after insert or update of amount, currency, user_id, status on public.payouts
  deferrable initially deferred
  for each row execute function private.check_payout_items();
create constraint trigger payout_items_are_sum
  after insert or update or delete on private.payout_items
  deferrable initially deferred
  for each row execute function private.check_payout_items();

alter table public.payouts enable row level security;
alter table public.payout_batches enable row level security;
alter table private.payout_items enable row level security;
revoke all on public.payouts, public.payout_batches from anon, authenticated, service_role;
grant select on public.payouts, public.payout_batches to authenticated, service_role;
create policy select_own on public.payouts for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy select_admin on public.payout_batches for select to authenticated
  using ((select private.is_admin()));

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.payouts', 'r.user_id = $1', 'retain', null, 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('private.payout_items', 'r.payout_id in (select p.id from public.payouts p where p.user_id = $1)', 'retain', '{}', 'Part of the record of a payout. It holds ids only.'),
  ('private.payout_returns', 'r.payout_id in (select p.id from public.payouts p where p.user_id = $1)', 'retain', '{created_at}', 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('public.payout_batches', 'r.approved_by = $1', 'retain', '{}', 'Says which admin approved payouts. It is a record of the platform, and not of that admin.');
select private.retain_columns('public.payouts', 'Part of the record of a payout.', 'currency', 'provider', 'provider_payout_id', 'bank_reference', 'failure_code', 'freeze_reason');
select private.retain_columns('public.payout_batches', 'Part of the record of payouts.', 'currency');
select private.retain_columns('private.payout_returns', 'Part of the record of a payout.', 'note');
select private.retain_columns('private.payout_returns', 'Which admin recorded it.', 'recorded_by');

create function private.account_blocker_open_payout(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select p.id from public.payouts p where p.user_id = p_user_id and p.status not in ('paid', 'returned', 'cancelled') $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('open_payout', 'A payout to you is not finished. Wait until it has arrived.', 'Khoản tiền chuyển cho bạn chưa hoàn tất. Vui lòng chờ đến khi nhận được tiền.');
