-- Payments: what providers said, and money that fits no payment.
-- Rule kept here: every message of a provider is a row before anything else happens, unverified messages are kept
-- in limited numbers; money that fits no payment is a row with a reason, never a log line.
-- Left out on purpose: what a message does, which is in payments_apply.

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
  acknowledged_by uuid references public.profiles on delete restrict,
  acknowledged_at timestamptz,
  note text,
  constraint payment_events_once unique (provider, provider_event_id),
  -- otherwise a forged message could take the id of a genuine one
  constraint payment_events_unverified_apart check (verified or provider_event_id like 'unverified:%'),
  constraint payment_events_raw_size check (octet_length(raw) <= 65536)
);
create index payment_events_reference_idx on private.payment_events (reference);
create index payment_events_unverified_idx on private.payment_events (received_at) where not verified;
create index payment_events_needs_review_idx on private.payment_events (id) where outcome = 'needs_review' and acknowledged_at is null;
comment on table private.payment_events is 'Every message of a provider as received, with what became of it.';
comment on column private.payment_events.provider_event_id is 'The provider''s id of the message, so that the same one is stored once; made by us for one that is not verified.';
comment on column private.payment_events.verified is 'Whether its signature was right. Others are kept 30 days and move nothing.';
comment on column private.payment_events.reference is 'The attempt it names, as read from the message. Null where it names none.';
comment on column private.payment_events.raw is 'The body as received; of one that is not verified only its beginning.';
comment on column private.payment_events.headers is 'Headers that help to find out who sent it; none with credentials.';
comment on column private.payment_events.outcome is 'What became of it: applied, duplicate, ignored, unknown_reference or needs_review, for instance. Null until it was judged.';
comment on column private.payment_events.acknowledged_by is 'The admin who dealt with one that needs review. Null until then.';
create trigger immutable before update on private.payment_events for each row
  when ((old.id, old.provider, old.provider_event_id, old.verified, old.raw, old.received_at) is distinct from (new.id, new.provider, new.provider_event_id, new.verified, new.raw, new.received_at))
  execute function private.forbid_change();
-- for the job that removes unverified messages
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
  attempt_id uuid references public.payment_attempts on delete restrict,
  payer_id uuid references public.profiles on delete restrict,
  status text not null default 'open',
  settlement text,
  payment_id uuid references public.payments on delete restrict,
  settled_by uuid references public.profiles on delete restrict,
  settled_at timestamptz,
  note text,
  created_at timestamptz not null default now(),
  constraint unmatched_money_note_tidy check (private.is_tidy_lines(note)),
  constraint unmatched_money_amount_positive check (amount > 0),
  constraint unmatched_money_reason_known check (
    reason in ('unknown_reference', 'amount_mismatch', 'currency_mismatch', 'paid_twice', 'underpaid', 'overpaid')
  ),
  constraint unmatched_money_settled check (
    (status = 'open' and settlement is null and settled_at is null)
    or (status = 'settled' and settled_at is not null and settlement in ('applied', 'refunded', 'kept', 'returned', 'void'))
  ),
  constraint unmatched_money_applied_to check ((settlement is not distinct from 'applied') = (payment_id is not null))
);
-- an event may have a second row: the part that was overpaid
create unique index unmatched_money_one_per_event on private.unmatched_money (event_id)
  where reason <> 'overpaid' and settlement is distinct from 'void';
create unique index unmatched_money_one_per_transaction on private.unmatched_money (provider, transaction_id)
  where reason <> 'overpaid' and settlement is distinct from 'void';
create index unmatched_money_attempt_idx on private.unmatched_money (attempt_id) where status = 'open';
create index unmatched_money_open_idx on private.unmatched_money (created_at, id) where status = 'open';
comment on table private.unmatched_money is 'Money that reached us and fits no open payment, and parts of a payment that wait for the rest. It is the payer''s until it is settled: applied to a payment, refunded, kept with a note, returned (a payout that came back, and is its host''s again); void when the provider corrected itself, or the attempt it names was found later.';
comment on column private.unmatched_money.reference is 'The attempt that the payer named, as far as it could be read.';
comment on column private.unmatched_money.amount is 'What came; minor units of `currency`.';
comment on column private.unmatched_money.attempt_id is 'Where it was meant to go. Null when that is not known.';
comment on column private.unmatched_money.payer_id is 'Whose it is. Null when that is not known.';
comment on column private.unmatched_money.status is 'open, or settled: by an admin; a part also by the rest of the sum, or by the end of its payment. No state machine; `settlement` says how.';
comment on column private.unmatched_money.settlement is 'applied (to payment_id), refunded, kept (with a note), returned (a payout that its bank gave back), or void (the provider corrected itself, or it is another row now). Null while open.';
-- the payer may become known later, until the row is settled
create trigger immutable before update on private.unmatched_money for each row
  when ((old.id, old.event_id, old.provider, old.reference, old.transaction_id, old.amount, old.currency, old.reason, old.attempt_id)
      is distinct from (new.id, new.event_id, new.provider, new.reference, new.transaction_id, new.amount, new.currency, new.reason, new.attempt_id)
    or (old.status = 'settled'
      and (old.status, old.settlement, old.payer_id, old.payment_id) is distinct from (new.status, new.settlement, new.payer_id, new.payment_id)))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on private.unmatched_money
  for each statement execute function private.forbid_change();

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.payments', 'r.payer_id = $1', 'retain', null, 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('public.payment_attempts', 'r.payment_id in (select p.id from public.payments p where p.payer_id = $1)', 'retain', null, 'Part of the record of a payment.'),
  ('private.payment_events', 'r.reference in (select a.reference from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payer_id = $1)',
    'retain', '{}', 'The word of the provider about a payment, which proves that money came. What it says is in payments and payment_attempts.'),
  ('private.unmatched_money', 'r.payer_id = $1', 'retain', '{amount,currency,status,created_at}', 'Part of the record of a payment.');
select private.retain_columns('public.payments', 'Part of the record of a payment.', 'currency');
select private.retain_columns('public.payment_attempts', 'Part of the record of a payment, as the provider knows it.', 'reference', 'currency', 'redirect_url', 'qr_payload',
  'details', 'provider_data', 'provider_transaction_id', 'failure_code');
select private.retain_columns('private.payment_events', 'As received, so that its signature can be checked again.', 'provider_event_id', 'raw', 'headers', 'outcome');
select private.retain_columns('private.payment_events', 'Which admin looked at it, and what was found.', 'acknowledged_by', 'note');
select private.retain_columns('private.unmatched_money', 'Part of the record of a payment.', 'reference', 'transaction_id', 'currency', 'settlement');
select private.retain_columns('private.unmatched_money', 'Which admin settled it, and why.', 'settled_by', 'note');
select private.hold_no_persons('private.payment_providers', 'private.unverified_counts');

create function private.account_blocker_open_payment(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select p.id from public.payments p where p.payer_id = p_user_id and p.status in ('pending', 'processing') $$;
create function private.account_blocker_unmatched_money(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select m.id from private.unmatched_money m where m.payer_id = p_user_id and m.status = 'open' $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('open_payment', 'A payment is open. Finish it, or cancel what it is for.', 'Bạn còn giao dịch thanh toán chưa hoàn tất. Vui lòng thanh toán hoặc hủy đơn liên quan.'),
  ('unmatched_money', 'Money of yours came that fits no payment. We look at it; contact support if it takes long.', 'Chúng tôi đã nhận một khoản tiền của bạn nhưng chưa khớp với giao dịch nào. Vui lòng chờ xử lý hoặc liên hệ hỗ trợ.');
