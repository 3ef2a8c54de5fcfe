-- Receipts: receipts and credit notes.
-- Rule kept here: numbers of a series (one per kind and year, by Vietnam's calendar) have no gap and no duplicate,
-- and follow time; what was issued never changes.
-- Left out on purpose: what is held and not sold, such as a deposit: it is on no receipt, and its return on no credit
-- note; how a receipt looks, which is function `receipts`.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('receipt_not_found', 404, false, 'We could not find this receipt, or there is nothing to issue one for.', 'Không tìm thấy biên nhận này hoặc không có khoản nào để lập biên nhận.');
alter table private.settings add constraint settings_seller
  check (key <> 'seller' or coalesce(
    jsonb_typeof(value -> 'name') = 'string' and private.tidy_text(value ->> 'name') <> ''
    and jsonb_typeof(value -> 'address') = 'string' and jsonb_typeof(value -> 'tax_code') = 'string', false));
insert into private.settings (key, value, description) values
  ('seller', '{"name": "Journey", "address": "", "tax_code": ""}',
    'Who issues receipts: {name, address, tax_code}, printed as they are on the day of issue. Set it before the first payment comes.');

create table private.receipt_series (
  series text primary key,
  last_seq bigint not null,
  last_issued_at timestamptz not null
);
comment on table private.receipt_series is 'The last number given out per series. Its row is locked from the number to the commit, so a number that is rolled back is given again.';

create table private.skipped_receipts (
  series text not null references private.receipt_series on delete restrict,
  first_seq bigint not null,
  last_seq bigint not null,
  reason text not null,
  skipped_at timestamptz not null default now(),
  primary key (series, first_seq),
  constraint skipped_receipts_some check (0 < first_seq and first_seq <= last_seq),
  constraint skipped_receipts_reason check (private.says_something(reason, 3)),
  constraint skipped_receipts_reason_tidy check (private.is_tidy_lines(reason))
);
comment on table private.skipped_receipts is 'Numbers that this database never gives out, and why: mostly those a restored one gave out after its backup.';
create trigger append_only before update or delete or truncate on private.skipped_receipts
  for each statement execute function private.forbid_change();

create table private.receipt_labels (
  code text not null,
  locale text not null,
  label text not null,
  primary key (code, locale),
  constraint receipt_labels_locale_known check (locale in ('vi', 'en'))
);
comment on table private.receipt_labels is 'The words for price lines, on receipts and in apps: `npm run types` writes them into the SDK. `credit` takes {{number}} of the receipt it corrects.';
insert into private.receipt_labels (code, locale, label) values
  ('credit', 'en', 'Refund, correcting receipt {{number}}'), ('credit', 'vi', 'Hoàn tiền, điều chỉnh biên nhận {{number}}');

create type private.receipt_facts as (payment_id uuid, total bigint, tax_amount bigint, lines jsonb);
comment on type private.receipt_facts is 'What a receipt of a source says: the payment that brought the money, what is sold of it now with the tax in it, and [{code, amount}], which add up to total.';
create table private.receipt_sources (
  source text primary key,
  facts_function text not null,
  template text not null,
  constraint receipt_sources_name_free check (source not in ('receipt', 'credit_note'))
);
comment on table private.receipt_sources is 'What has a receipt besides payments: money that was only held and is sold later, such as a part of a deposit. The module that owns it registers a function (id) that answers private.receipt_facts, or nothing, and the text that tells the payer.';
create function private.check_receipt_source()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.facts_function, 'uuid', 'private.receipt_facts');
  return new;
end
$$;
create trigger function_exists before insert or update on private.receipt_sources
  for each row execute function private.check_receipt_source();

create function private.receipt_number(p_series text, p_seq bigint)
returns text
language sql immutable strict parallel safe set search_path = ''
as $$ select p_series || '-' || lpad(p_seq::text, greatest(6, length(p_seq::text)), '0') $$;

create table public.receipts (
  id uuid primary key default gen_random_uuid(),
  series text not null references private.receipt_series on delete restrict,
  seq bigint not null,
  number text not null unique generated always as (private.receipt_number(series, seq)) stored,
  kind text not null,
  user_id uuid not null references public.profiles on delete restrict,
  payment_id uuid not null references public.payments on delete restrict,
  refund_id uuid unique references public.refunds on delete restrict,
  payable_id uuid not null references public.payables on delete restrict,
  source text references private.receipt_sources,
  source_id uuid,
  corrects_id uuid references public.receipts on delete restrict,
  issued_at timestamptz not null,
  currency text not null,
  total bigint not null,
  content jsonb not null,
  constraint receipts_one_per_number unique (series, seq),
  constraint receipts_kind_known check (kind in ('receipt', 'credit_note')),
  constraint receipts_seq_positive check (seq > 0),
  constraint receipts_total_positive check (total > 0),
  constraint receipts_content_numbered check (content ->> 'number' = private.receipt_number(series, seq)),
  constraint receipts_lines_sum check (private.sum_line_amounts(content -> 'lines') = total),
  constraint receipts_source_named check ((source is null) = (source_id is null) and (source is null or kind = 'receipt')),
  constraint receipts_one_per_source unique (source, source_id),
  constraint receipts_credit_complete check (
    (kind = 'credit_note') = (refund_id is not null) and (kind = 'credit_note') = (corrects_id is not null)
  )
);
create unique index receipts_one_per_payment on public.receipts (payment_id) where kind = 'receipt' and source is null;
create index receipts_user_idx on public.receipts (user_id, issued_at desc, id);
create index receipts_payable_idx on public.receipts (payable_id);
comment on table public.receipts is 'Receipts for what was paid, and credit notes for what was given back, numbered without gaps. `total` is in minor units, and `content` is what is printed. A row never changes.';
comment on column public.receipts.kind is 'receipt, or credit_note for what a refund gave back of it.';
comment on column public.receipts.seq is 'Without gaps within its series.';
comment on column public.receipts.number is 'Series and seq together, for people.';
comment on column public.receipts.source is 'Null for the receipt of a payment; else what it is for: deposit_capture, a part of a deposit that the host got.';
comment on column public.receipts.source_id is 'The row that it is for. Null for the receipt of a payment.';
comment on column public.receipts.corrects_id is 'Of a credit note: the receipt it corrects.';
comment on column public.receipts.total is 'Without the security deposit, which is held and not sold.';
comment on column public.receipts.content is 'What is printed on it, as it was when it was issued.';
create trigger append_only before update or delete or truncate on public.receipts
  for each statement execute function private.forbid_change();

alter table public.receipts enable row level security;
alter table private.receipt_series enable row level security;
alter table private.skipped_receipts enable row level security;
alter table private.receipt_labels enable row level security;
alter table private.receipt_sources enable row level security;
revoke all on public.receipts from anon, authenticated, service_role;
grant select on public.receipts to authenticated, service_role;
create policy select_own on public.receipts for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

-- The outbox issues receipts one by one, so that applying a payment never waits for the counter.
create function private.enqueue_receipt()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (select from public.payables y where y.id = new.payable_id and y.sold_amount > 0) then
    perform private.enqueue('receipt', jsonb_build_object('kind', 'receipt', 'subject_id', new.id), 'receipt:' || new.id);
  end if;
  return null;
end
$$;
create trigger enqueue_receipt after update of settlement on public.payments
  for each row when (new.settlement = 'kept' and old.settlement is null)
  execute function private.enqueue_receipt();

create function private.enqueue_credit_note()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.enqueue('receipt', jsonb_build_object('kind', 'credit_note', 'subject_id', new.id), 'credit_note:' || new.id);
  return null;
end
$$;
create trigger enqueue_credit_note after update of status on public.refunds
  for each row when (new.status = 'succeeded' and old.status <> 'succeeded' and new.credit_amount > 0)
  execute function private.enqueue_credit_note();

select private.register_topic('receipt', 'kind', 'subject_id');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.receipts', 'r.user_id = $1', 'retain', null, 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).');
select private.retain_columns('public.receipts', 'A receipt stays as it was issued, with the name of its buyer.', 'content', 'currency', 'source_id');
select private.hold_no_persons('private.receipt_series', 'private.skipped_receipts', 'private.receipt_labels', 'private.receipt_sources');
