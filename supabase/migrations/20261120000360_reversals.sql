-- Reversals: money that came, and that a payer or a provider took back without a refund of ours: a chargeback, or a refund that
-- somebody made in the provider's portal.
-- Rule kept here: the books say what the provider holds as soon as a reversal is recorded. What was taken back is then covered
-- once, to the last đồng: by a refund that is owed to the payer anyway, by the platform, by those who earned it, or by the
-- provider, when a chargeback is won.
-- Left out on purpose: what becomes of the trip or the tickets, which an admin decides; and hearing of reversals, which come as
-- messages that need review.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('reversal_not_found', 404, false, 'We could not find this reversal. Reload the list.', 'Không tìm thấy khoản bị thu hồi này. Vui lòng tải lại danh sách.'),
  ('reversal_exceeded', 409, false, 'This is more than is left. Enter at most details.most.', 'Số tiền vượt quá phần còn lại. Vui lòng nhập tối đa số tiền nêu trong chi tiết.');

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('reversal', 'Money that payers took back and nobody has covered yet (per payment)', false, false);

create table private.payment_reversals (
  id uuid primary key default gen_random_uuid(),
  payment_id uuid not null references public.payments on delete restrict,
  payable_id uuid not null references public.payables on delete restrict,
  kind text not null,
  provider text not null,
  provider_reference text not null,
  amount bigint not null,
  covered_amount bigint not null default 0,
  currency text not null,
  note text not null,
  recorded_by uuid not null references public.profiles on delete restrict,
  created_at timestamptz not null default now(),
  constraint payment_reversals_kind_known check (kind in ('chargeback', 'portal_refund')),
  constraint payment_reversals_reference_tidy check (private.is_tidy(provider_reference) and char_length(provider_reference) between 1 and 100),
  constraint payment_reversals_amount_positive check (amount > 0),
  constraint payment_reversals_covered_once check (covered_amount between 0 and amount),
  constraint payment_reversals_note_tidy check (private.is_tidy_lines(note) and char_length(note) between 3 and 500),
  constraint payment_reversals_recorded_once unique (provider, provider_reference)
);
create index payment_reversals_payment_idx on private.payment_reversals (payment_id);
create index payment_reversals_payable_idx on private.payment_reversals (payable_id);
create index payment_reversals_created_idx on private.payment_reversals (created_at desc, id desc);
create index payment_reversals_open_idx on private.payment_reversals (payment_id) where covered_amount < amount;
create index payment_reversals_recorded_by_idx on private.payment_reversals (recorded_by);
comment on table private.payment_reversals is 'Money that left a provider without a refund of ours. record_payment_reversal writes it.';
comment on column private.payment_reversals.kind is 'chargeback (the payer''s bank took it back) or portal_refund (somebody gave it back in the provider''s portal).';
comment on column private.payment_reversals.provider_reference is 'The provider''s id of the dispute or refund.';
comment on column private.payment_reversals.amount is 'Minor units of `currency`.';
comment on column private.payment_reversals.covered_amount is 'What of it is covered. Written by a trigger from private.reversal_covers alone.';

create table private.reversal_covers (
  id uuid primary key default gen_random_uuid(),
  reversal_id uuid not null references private.payment_reversals on delete restrict,
  covered_by text not null,
  refund_id uuid unique references public.refunds on delete restrict,
  earner_id uuid references public.profiles on delete restrict,
  amount bigint not null,
  note text,
  decided_by uuid references public.profiles on delete restrict,
  created_at timestamptz not null default now(),
  constraint reversal_covers_by_known check (covered_by in ('refund', 'platform', 'earner', 'provider')),
  constraint reversal_covers_refund check ((covered_by = 'refund') = (refund_id is not null)),
  constraint reversal_covers_earner check ((covered_by = 'earner') = (earner_id is not null)),
  constraint reversal_covers_decided check (covered_by = 'refund' or (decided_by is not null and note is not null)),
  constraint reversal_covers_amount_positive check (amount > 0),
  constraint reversal_covers_note_tidy check (private.is_tidy_lines(note) and char_length(note) between 3 and 500)
);
create index reversal_covers_reversal_idx on private.reversal_covers (reversal_id);
create index reversal_covers_earner_idx on private.reversal_covers (earner_id) where earner_id is not null;
create index reversal_covers_decided_by_idx on private.reversal_covers (decided_by) where decided_by is not null;
comment on table private.reversal_covers is 'What covered a reversal, part by part.';
comment on column private.reversal_covers.covered_by is 'refund (one that was owed to the payer is paid by it), platform (out of its revenue), earner (whoever earned the money gives it back) or provider (a chargeback was won, and the money came back).';
comment on column private.reversal_covers.amount is 'Minor units of the reversal''s currency.';

create function private.add_cover()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.payment_reversals set covered_amount = covered_amount + new.amount where id = new.reversal_id;
  return null;
end
$$;
create trigger add_cover after insert on private.reversal_covers
  for each row execute function private.add_cover();
create trigger append_only before update or delete or truncate on private.reversal_covers
  for each statement execute function private.forbid_change();
create trigger immutable before update on private.payment_reversals for each row
  when ((old.id, old.payment_id, old.payable_id, old.kind, old.provider, old.provider_reference, old.amount, old.currency, old.note, old.recorded_by)
    is distinct from (new.id, new.payment_id, new.payable_id, new.kind, new.provider, new.provider_reference, new.amount, new.currency, new.note, new.recorded_by))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on private.payment_reversals
  for each statement execute function private.forbid_change();
alter table private.payment_reversals enable row level security;
alter table private.reversal_covers enable row level security;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.payment_reversals', 'r.payment_id in (select p.id from public.payments p where p.payer_id = $1)', 'retain', '{kind,amount,currency,created_at}',
    'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('private.reversal_covers', 'r.earner_id = $1', 'retain', '{amount,created_at}',
    'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).');
select private.retain_columns('private.payment_reversals', 'Part of the record of a reversal.', 'provider', 'provider_reference', 'currency', 'note');
select private.retain_columns('private.payment_reversals', 'Which admin recorded it.', 'recorded_by');
select private.retain_columns('private.reversal_covers', 'Part of the record of a reversal.', 'note');
select private.retain_columns('private.reversal_covers', 'Which admin decided.', 'decided_by');

-- What bears a part of a reversal: the platform's revenue, an earner, or the provider that gave the money back.
create function private.cover_source(p_by text, p_earner_id uuid, p_provider text, p_amount bigint)
returns private.ledger_line
language plpgsql immutable set search_path = ''
as $$
begin
  return case p_by
    when 'platform' then ('platform_revenue', '', p_amount)::private.ledger_line
    when 'earner' then ('host_payable', p_earner_id::text, p_amount)::private.ledger_line
    else ('clearing', p_provider, p_amount)::private.ledger_line end;
end
$$;

-- Covers a reversal and moves the money. The caller holds the locks of payable and payment.
create function private.cover_reversal(
  p_reversal private.payment_reversals, p_by text, p_amount bigint, p_refund_id uuid default null, p_earner_id uuid default null, p_note text default null
)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_cover_id uuid;
begin
  insert into private.reversal_covers (reversal_id, covered_by, refund_id, earner_id, amount, note, decided_by)
  values (p_reversal.id, p_by, p_refund_id, p_earner_id, p_amount, p_note, case when p_by <> 'refund' then auth.uid() end)
  returning id into v_cover_id;
  -- a refund is posted as paid
  if p_by <> 'refund' then
    perform private.post_ledger('reversal_covered', v_cover_id::text, p_reversal.currency, p_reversal.payable_id, array[
      private.cover_source(p_by, p_earner_id, p_reversal.provider, p_amount),
      ('reversal', p_reversal.payment_id::text, -p_amount)::private.ledger_line
    ]);
  end if;
end
$$;

-- A refund that nobody sends now is paid by a reversal of its payment that has as much left: its payer has the money already.
create function private.pay_by_reversal(p_refund_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund public.refunds;
  v_reversal private.payment_reversals;
begin
  v_refund := private.lock_refund(p_refund_id);
  if v_refund.status not in ('pending', 'awaiting_account', 'failed') or (private.manual_claim(p_refund_id)).claimed_by is not null then
    return;
  end if;
  -- no worker begins before the end of this transaction; one that has begun goes on, and an admin sees both
  perform 1 from private.outbox o where o.topic = 'refund' and o.status in ('pending', 'leased') and starts_with(o.dedupe_key, p_refund_id || ':') order by o.id for update;
  if exists (
    select from private.outbox o
    where o.topic = 'refund' and o.status = 'leased' and o.leased_until > now() and starts_with(o.dedupe_key, p_refund_id || ':')
  ) then
    return;
  end if;
  select * into v_reversal from private.payment_reversals r
  where r.payment_id = v_refund.payment_id and r.amount - r.covered_amount >= v_refund.amount
  order by r.created_at, r.id limit 1 for no key update;
  if not found then
    return;
  end if;
  perform private.cover_reversal(v_reversal, 'refund', v_refund.amount, p_refund_id);
  update public.refunds set provider = 'reversal', provider_refund_id = null where id = p_refund_id returning * into v_refund;
  perform private.complete_refund(v_refund, null);
end
$$;

-- Of refunds that are ordered after the reversal, or that were being sent then, failed, and are retried. At the commit: what is owed
-- is posted by then.
create function private.pay_waiting_refund_by_reversal()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (select from private.payment_reversals r where r.payment_id = new.payment_id and r.covered_amount < r.amount) then
    perform private.pay_by_reversal(new.id);
  end if;
  return null;
end
$$;
create constraint trigger pay_by_reversal after insert or update of status on public.refunds
  deferrable initially deferred
  for each row when (new.payment_id is not null and new.status in ('pending', 'awaiting_account', 'failed'))
  execute function private.pay_waiting_refund_by_reversal();

-- A reversal as staff see it.
create function private.reversal_view(p_reversal private.payment_reversals)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (to_jsonb(p_reversal) - 'payable_id') || jsonb_build_object(
    'payable', (select jsonb_build_object('id', y.id, 'kind', y.kind, 'code', y.code, 'title', y.title) from public.payables y where y.id = p_reversal.payable_id),
    'payer_id', (select p.payer_id from public.payments p where p.id = p_reversal.payment_id),
    'covers', coalesce((
      select jsonb_agg(jsonb_build_object('covered_by', c.covered_by, 'amount', c.amount, 'refund_id', c.refund_id, 'earner_id', c.earner_id, 'note', c.note,
        'decided_by', c.decided_by, 'created_at', c.created_at) order by c.created_at, c.id)
      from private.reversal_covers c where c.reversal_id = p_reversal.id), '[]'));
end
$$;

create function private.record_payment_reversal(p_payment_id uuid, p_kind text, p_amount bigint, p_provider_reference text, p_note text, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_payment public.payments;
  v_provider text;
  v_reversal private.payment_reversals;
  v_most bigint;
  v_refund_id uuid;
begin
  perform private.require_admin();
  v_stored := private.begin_command('record_payment_reversal', p_idempotency_key, jsonb_build_object(
    'payment_id', p_payment_id, 'kind', p_kind, 'amount', p_amount, 'provider_reference', p_provider_reference, 'note', p_note));
  if v_stored is not null then
    select * into v_reversal from private.payment_reversals where id = (v_stored ->> 'id')::uuid;
    return private.reversal_view(v_reversal);
  end if;
  if not private.says_something(p_note, 3, 500) then
    perform private.fail_input('note', 'must have 3 to 500 characters');
  end if;
  if p_kind is null or p_kind not in ('chargeback', 'portal_refund') then
    perform private.fail_input('kind', 'must be chargeback or portal_refund');
  elsif coalesce(p_amount, 0) < 1 then
    perform private.fail_input('amount', 'must be positive');
  elsif coalesce(char_length(private.tidy_text(p_provider_reference)), 0) not between 1 and 100 then
    perform private.fail_input('provider_reference', 'must be the provider''s id of the dispute or refund');
  end if;
  select * into v_payment from public.payments where id = p_payment_id;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  perform private.require_step_up();
  perform private.lock_payable(v_payment.payable_id);
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  select a.provider into v_provider from public.payment_attempts a where a.payment_id = p_payment_id and a.status = 'succeeded';
  v_most := case when v_provider is null then 0 else v_payment.amount
    - (select coalesce(sum(r.amount), 0) from private.payment_reversals r where r.payment_id = p_payment_id) end;
  if p_amount > v_most then
    perform private.fail('reversal_exceeded', jsonb_build_object('most', greatest(v_most, 0)));
  end if;
  perform private.set_audit_context('admin', p_note);
  insert into private.payment_reversals (payment_id, payable_id, kind, provider, provider_reference, amount, currency, note, recorded_by)
  values (p_payment_id, v_payment.payable_id, p_kind, v_provider, private.tidy_text(p_provider_reference), p_amount, v_payment.currency, private.tidy_lines(p_note), auth.uid())
  on conflict on constraint payment_reversals_recorded_once do nothing
  returning * into v_reversal;
  if not found then
    perform private.fail_input('provider_reference', 'was recorded before');
  end if;
  perform private.post_ledger('payment_reversed', v_reversal.id::text, v_payment.currency, v_payment.payable_id, array[
    ('reversal', p_payment_id::text, p_amount)::private.ledger_line,
    ('clearing', v_provider, -p_amount)::private.ledger_line
  ]);
  -- what is in dispute moves on to nobody
  if p_kind = 'chargeback' then
    perform private.freeze_money(v_payment.payable_id, 'chargeback');
  end if;
  for v_refund_id in
    select r.id from public.refunds r where r.payment_id = p_payment_id and r.status in ('pending', 'awaiting_account', 'failed') order by r.created_at, r.id
  loop
    perform private.pay_by_reversal(v_refund_id);
  end loop;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_reversal.id));
  select * into v_reversal from private.payment_reversals where id = v_reversal.id;
  return private.reversal_view(v_reversal);
end
$$;

create function private.cover_payment_reversal(p_reversal_id uuid, p_covered_by text, p_amount bigint, p_note text, p_idempotency_key uuid, p_earner_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_reversal private.payment_reversals;
  v_most bigint;
begin
  perform private.require_admin();
  v_stored := private.begin_command('cover_payment_reversal', p_idempotency_key, jsonb_build_object(
    'reversal_id', p_reversal_id, 'covered_by', p_covered_by, 'amount', p_amount, 'earner_id', p_earner_id, 'note', p_note));
  if v_stored is not null then
    select * into v_reversal from private.payment_reversals where id = p_reversal_id;
    return private.reversal_view(v_reversal);
  end if;
  if not private.says_something(p_note, 3, 500) then
    perform private.fail_input('note', 'must have 3 to 500 characters');
  end if;
  if p_covered_by is null or p_covered_by not in ('platform', 'earner', 'provider') then
    perform private.fail_input('covered_by', 'must be platform, earner or provider');
  elsif coalesce(p_amount, 0) < 1 then
    perform private.fail_input('amount', 'must be positive');
  elsif (p_covered_by = 'earner') <> (p_earner_id is not null) then
    perform private.fail_input('earner_id', 'must be given when an earner covers it, and only then');
  end if;
  select * into v_reversal from private.payment_reversals where id = p_reversal_id;
  if not found then
    perform private.fail('reversal_not_found');
  end if;
  perform private.require_step_up();
  perform private.lock_payable(v_reversal.payable_id);
  perform 1 from public.payments where id = v_reversal.payment_id for no key update;
  select * into v_reversal from private.payment_reversals where id = p_reversal_id for no key update;
  v_most := v_reversal.amount - v_reversal.covered_amount;
  if p_covered_by = 'earner' then
    -- at most what this person has earned with it and not given back
    v_most := least(v_most, (
      select coalesce(-sum(e.amount), 0)
      from private.ledger_accounts a
      join private.ledger_entries e on e.account_id = a.id
      join private.ledger_transactions t on t.id = e.transaction_id
      where a.kind = 'host_payable' and a.owner = p_earner_id::text and a.currency = v_reversal.currency and t.payable_id = v_reversal.payable_id));
  end if;
  if p_amount > v_most then
    perform private.fail('reversal_exceeded', jsonb_build_object('most', greatest(v_most, 0)));
  end if;
  perform private.set_audit_context('admin', p_note);
  perform private.cover_reversal(v_reversal, p_covered_by, p_amount, null, p_earner_id, private.tidy_lines(p_note));
  if p_covered_by = 'earner' then
    perform private.notify(p_earner_id, 'earnings_taken_back', jsonb_build_object(
      'amount', private.money_value(p_amount, v_reversal.currency), 'code', (select y.code from public.payables y where y.id = v_reversal.payable_id),
      'title', (select y.title from public.payables y where y.id = v_reversal.payable_id), 'reason', private.tidy_lines(p_note)), 'reversal ' || p_idempotency_key);
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_reversal_id));
  select * into v_reversal from private.payment_reversals where id = p_reversal_id;
  return private.reversal_view(v_reversal);
end
$$;

create function public.record_payment_reversal(payment_id uuid, kind text, amount bigint, provider_reference text, note text, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.record_payment_reversal(payment_id, kind, amount, provider_reference, note, idempotency_key) $$;
comment on function public.record_payment_reversal is 'Admin: records that money of a payment left its provider without a refund of ours. `kind` is chargeback, which also freezes the money of what was paid, or portal_refund. `provider_reference` is the provider''s id of the dispute or refund, and is recorded once. Refunds that are owed for the payment and that nobody is sending are paid by it, now and later, where as much is left. Answers the reversal as list_payment_reversals does. The session needs a passed step-up. Errors: forbidden, payment_not_found, step_up_required, reversal_exceeded (details.most), invalid_input.';
select private.expose('record_payment_reversal(uuid, text, bigint, text, text, uuid)', 'authenticated');

create function public.cover_payment_reversal(reversal_id uuid, covered_by text, amount bigint, note text, idempotency_key uuid, earner_id uuid default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.cover_payment_reversal(reversal_id, covered_by, amount, note, idempotency_key, earner_id) $$;
comment on function public.cover_payment_reversal is 'Admin: says who bears a reversal, or a part of it. `covered_by` is platform (out of its revenue), earner (`earner_id` gives back at most what this person earned with what was paid, is told the note, and gets less with the next payout) or provider (a chargeback was won, and the money is back). A freeze for the chargeback is ended with unfreeze_payable. Answers the reversal as list_payment_reversals does. The session needs a passed step-up. Errors: forbidden, reversal_not_found, step_up_required, reversal_exceeded (details.most), invalid_input.';
select private.expose('cover_payment_reversal(uuid, text, bigint, text, uuid, uuid)', 'authenticated');

create function private.list_payment_reversals(p_open boolean, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  return query
    select private.reversal_view(r)
    from private.payment_reversals r
    where (p_open is not true or r.covered_amount < r.amount) and (v_start.id is null or (r.created_at, r.id) < (v_start.at, v_start.id))
    order by r.created_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.list_payment_reversals(open boolean default false, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select * from private.list_payment_reversals(open, after, page_size) $$;
comment on function public.list_payment_reversals is 'Admin: lists reversals, newest first, all or with `open` those that are not covered yet: {id, payment_id, kind, provider, provider_reference, amount, covered_amount, currency, note, recorded_by, created_at, payable {id, kind, code, title}, payer_id, covers [{covered_by, amount, refund_id, earner_id, note, decided_by, created_at}]}. Amounts are in minor units. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_payment_reversals(boolean, jsonb, int)', 'authenticated');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('earnings_taken_back', 'en', 'payment', 'Earnings taken back', 'The payer of {{code}} took money back. {{amount}} leaves your earnings: {{reason}}', '{{amount}} of {{code}} leaves your earnings',
    E'The payer of {{title}}, {{code}}, took money back from us. {{amount}} leaves your earnings and comes off your next payout.\n\n{{reason}}'),
  ('earnings_taken_back', 'vi', 'payment', 'Thu hồi thu nhập', 'Người thanh toán đơn {{code}} đã đòi lại tiền. {{amount}} được trừ vào thu nhập của bạn: {{reason}}', '{{amount}} của đơn {{code}} được trừ vào thu nhập',
    E'Người thanh toán {{title}}, đơn {{code}}, đã đòi lại tiền từ chúng tôi. {{amount}} được trừ vào thu nhập và kỳ chi trả tiếp theo của bạn.\n\n{{reason}}');

-- What the ledger must hold because of reversals.
create function private.reversals_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select 'payment_reversed', r.id::text, r.payable_id, r.currency, l.kind, l.owner, l.amount
  from private.payment_reversals r
  cross join lateral (values ('reversal', r.payment_id::text, r.amount), ('clearing', r.provider, -r.amount)) l (kind, owner, amount)
  union all
  select 'reversal_covered', c.id::text, r.payable_id, r.currency, l.kind, l.owner, l.amount
  from private.reversal_covers c
  join private.payment_reversals r on r.id = c.reversal_id
  cross join lateral unnest(array[
    private.cover_source(c.covered_by, c.earner_id, r.provider, c.amount),
    ('reversal', r.payment_id::text, -c.amount)::private.ledger_line]) l
  where c.covered_by <> 'refund'
$$;
insert into private.ledger_proofs (function_name, answers) values ('reversals_expected_lines', 'expected_line');

create function private.invariant_reversal_covers_disagree()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, 'covered ' || r.covered_amount || ', its parts are ' || coalesce(c.amount, 0)
  from private.payment_reversals r
  left join (select k.reversal_id, sum(k.amount) as amount from private.reversal_covers k group by k.reversal_id) c on c.reversal_id = r.id
  where r.covered_amount <> coalesce(c.amount, 0)
  union all
  select c.reversal_id::text, 'refund ' || f.id || ' is not paid by it'
  from private.reversal_covers c
  join private.payment_reversals r on r.id = c.reversal_id
  join public.refunds f on f.id = c.refund_id
  where (f.payment_id, f.amount, f.status, f.provider) is distinct from (r.payment_id, c.amount, 'succeeded', 'reversal')
  union all
  select f.id::text, 'a refund that no reversal pays'
  from public.refunds f
  where f.provider = 'reversal' and not exists (select from private.reversal_covers c where c.refund_id = f.id)
$$;
create function private.invariant_reversal_uncovered()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, r.kind || ' of ' || (r.amount - r.covered_amount) || ' ' || r.currency
  from private.payment_reversals r
  where r.covered_amount < r.amount and r.created_at < now() - interval '30 days'
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('reversal_covers_disagree', 'critical', 'What covers a reversal does not add up, or a refund that it pays is not its own.',
    'A defect, or somebody changed rows by SQL. Cover nothing until it is understood.'),
  ('reversal_uncovered', 'warning', 'Nobody has decided for 30 days who bears money that a payer took back.',
    'Decide it with cover_payment_reversal. A chargeback that the provider still decides may take longer.');

create function private.count_reversals_open()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.payment_reversals where covered_amount < amount $$;
insert into private.health_counts (name, description) values
  ('reversals_open', 'Reversals of payments that nobody has covered yet.');
