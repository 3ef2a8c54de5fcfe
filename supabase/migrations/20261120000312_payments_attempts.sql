-- Payments: opening a payment, and attempts to pay it.
-- Rule kept here: a payment is open until its time is over, its payable is cancelled, or it is paid; each attempt
-- has its own reference, because providers want references that never repeat.
-- Left out on purpose: signatures and links, which function `payments` makes.

-- For the module that owns a kind: writes a payable and its payment, which cannot say different sums as each is said once.
create function private.open_payment(
  p_id uuid, p_kind text, p_payer_id uuid, p_code text, p_title text, p_starts_at timestamptz, p_ends_at timestamptz,
  p_amount bigint, p_currency text, p_split private.ledger_line[], p_sold_amount bigint, p_tax_amount bigint,
  p_expires_at timestamptz, p_part_of uuid default null
)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.payables (id, kind, part_of, payer_id, code, title, starts_at, ends_at, amount, currency, split, sold_amount, tax_amount)
  values (p_id, p_kind, p_part_of, p_payer_id, p_code, p_title, p_starts_at, p_ends_at, p_amount, p_currency, p_split, p_sold_amount, p_tax_amount);
  if p_amount > 0 then
    insert into public.payments (payable_id, payer_id, amount, currency, expires_at)
    values (p_id, p_payer_id, p_amount, p_currency, p_expires_at);
  end if;
end
$$;

-- Ends, at providers that let us, what could still be paid there. The attempts themselves stay open until the
-- provider has said how they ended: only it knows.
create function private.cancel_attempts(p_payment_id uuid, p_except uuid default null)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_attempt record;
begin
  for v_attempt in
    select a.id, a.provider
    from public.payment_attempts a
    join private.payment_providers r on r.provider = a.provider and r.can_cancel
    where a.payment_id = p_payment_id and a.status = 'pending' and a.id is distinct from p_except
  loop
    perform private.enqueue('cancel_attempt',
      jsonb_build_object('attempt_id', v_attempt.id, 'provider', v_attempt.provider), v_attempt.id::text);
  end loop;
end
$$;

-- Ends what has not been paid of a payable; its owner calls this when it is over or called off.
create function private.close_payment(p_payable_id uuid, p_status text)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_payment_id uuid;
begin
  update public.payments set status = p_status where payable_id = p_payable_id and status in ('pending', 'processing')
  returning id into v_payment_id;
  if not found then
    return false;
  end if;
  perform private.cancel_attempts(v_payment_id);
  return true;
end
$$;

-- The ways to pay that are switched on, with what each can carry.
create function private.payment_methods()
returns table (provider text, currency text, min_amount bigint, max_amount bigint)
language sql stable security definer set search_path = ''
as $$
  select r.provider, r.currency, r.min_amount, r.max_amount
  from private.payment_providers r
  where r.enabled
  order by r.provider
$$;
create function public.payment_methods()
returns table (provider text, currency text, min_amount bigint, max_amount bigint)
language sql stable set search_path = ''
as $$ select * from private.payment_methods() $$;
comment on function public.payment_methods is 'Lists the payment providers that are switched on, with the smallest and largest amount of each in minor units.';
select private.expose('payment_methods()', 'anon', 'authenticated');

-- What has come in parts for a payment that is not complete, by whatever attempts and rails.
create function private.received_in_parts(p_payment_id uuid)
returns bigint
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select coalesce(sum(u.amount), 0)
    from public.payment_attempts a
    join private.unmatched_money u on u.attempt_id = a.id and u.status = 'open' and u.reason = 'underpaid'
    where a.payment_id = p_payment_id
  );
end
$$;
grant execute on function private.received_in_parts(uuid) to authenticated;

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('payment_attempts_open', 409, true, 'Several attempts to pay this are being prepared. Wait a minute and try again, or choose another payment method.', 'Đang chuẩn bị nhiều lượt thanh toán cho khoản này. Vui lòng chờ một phút rồi thử lại, hoặc chọn phương thức khác.');
alter table private.settings
  add constraint settings_open_attempts_per_payment check (key <> 'open_attempts_per_payment' or private.is_whole(value, 1, 100));
insert into private.settings (key, value, description) values
  ('open_attempts_per_payment', '4', 'How many attempts to pay one payment may be open. With more, the one that is open with the chosen provider is answered again; the first one with a provider is always allowed.');

-- The attempt that is answered instead of a new one, or null while few are open: each one more is a link that can be paid
-- and a question to its provider. The first attempt with a provider is never refused: a payer whom one provider did not
-- serve must be able to choose another.
create function private.attempt_to_go_on_with(p_payment_id uuid, p_provider text, p_amount bigint)
returns public.payment_attempts
language plpgsql volatile set search_path = ''
as $$
declare
  v_open int;
  v_here int;
  v_attempt public.payment_attempts;
begin
  select count(*), count(*) filter (where a.provider = p_provider) into v_open, v_here
  from public.payment_attempts a
  where a.payment_id = p_payment_id and a.expires_at > now() and a.amount = p_amount
    -- one without a link was given up by its app, unless the link is being made right now
    and (a.status = 'pending' or (a.status = 'created' and a.created_at > now() - interval '1 minute'));
  if v_here = 0 or v_open < (private.setting('open_attempts_per_payment') #>> '{}')::int then
    return null;
  end if;
  select * into v_attempt
  from public.payment_attempts a
  where a.payment_id = p_payment_id and a.provider = p_provider and a.status = 'pending' and a.expires_at > now() and a.amount = p_amount
  order by a.created_at desc, a.id
  limit 1;
  if not found then
    perform private.fail('payment_attempts_open', jsonb_build_object('open', v_open));
  end if;
  return v_attempt;
end
$$;

create function private.start_payment(p_payment_id uuid, p_provider text, p_idempotency_key uuid)
returns public.payment_attempts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_stored jsonb;
  v_payment public.payments;
  v_attempt public.payment_attempts;
  v_rail private.payment_providers;
  v_missing bigint;
  v_problem text;
begin
  v_stored := private.begin_command('start_payment', p_idempotency_key, jsonb_build_object('payment_id', p_payment_id, 'provider', p_provider));
  if v_stored is not null then
    -- its state may have changed meanwhile
    select * into v_attempt from public.payment_attempts where id = (v_stored ->> 'id')::uuid;
    -- the repeat of a request whose answer was lost long ago: no link is made for it any more
    if v_attempt.status = 'created' and v_attempt.expires_at <= now() then
      perform private.fail('payment_expired');
    end if;
    -- between us and the provider
    v_attempt.provider_data := '{}';
    return v_attempt;
  end if;
  perform private.take_token('start_payment', v_user_id::text);
  select * into v_rail from private.payment_providers where provider = p_provider;
  if not found then
    perform private.fail_input('provider', 'must be a known provider');
  elsif not v_rail.enabled then
    perform private.fail('provider_not_configured', jsonb_build_object('provider', p_provider));
  end if;
  select * into v_payment from public.payments where id = p_payment_id and payer_id = v_user_id;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  perform private.lock_payable(v_payment.payable_id);
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  if v_payment.status not in ('pending', 'processing') then
    perform private.fail('payment_not_payable', jsonb_build_object('status', v_payment.status));
  end if;
  if v_payment.expires_at <= now() then
    perform private.fail('payment_expired');
  end if;
  v_problem := private.payable_problem(v_payment.payable_id);
  if v_problem is not null then
    perform private.fail(v_problem);
  end if;
  v_missing := v_payment.amount - private.received_in_parts(p_payment_id);
  if v_payment.currency <> v_rail.currency or v_missing not between v_rail.min_amount and v_rail.max_amount then
    perform private.fail('payment_amount_unsupported', jsonb_build_object(
      'provider', p_provider, 'currency', v_rail.currency, 'min_amount', v_rail.min_amount, 'max_amount', v_rail.max_amount));
  end if;
  v_attempt := private.attempt_to_go_on_with(p_payment_id, p_provider, v_missing);
  if v_attempt.id is not null then
    perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_attempt.id));
    v_attempt.provider_data := '{}';
    return v_attempt;
  end if;
  update public.payments set status = 'processing' where id = p_payment_id and status = 'pending';
  insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at)
  values (p_payment_id, p_provider, v_missing, v_payment.currency, v_payment.expires_at)
  returning * into v_attempt;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_attempt.id));
  return v_attempt;
end
$$;
create function public.start_payment(payment_id uuid, provider text, idempotency_key uuid)
returns public.payment_attempts
language sql volatile set search_path = ''
as $$ select private.start_payment(payment_id, provider, idempotency_key) $$;
comment on function public.start_payment is 'Starts an attempt to pay with a provider, or answers again the newest that is open with it when the payment has as many open ones as the setting open_attempts_per_payment allows. It asks for what is missing: the amount less what has come in parts. The function payments calls it and adds the redirect URL and the QR code. What is paid may refuse with errors of its own, such as vehicle_suspended. Errors: payment_not_found, payment_not_payable, payment_expired, payment_amount_unsupported, payment_attempts_open, provider_not_configured, invalid_input, rate_limited.';
select private.expose_limited('start_payment(uuid, text, uuid)', 'start_payment', 'auth.uid()', 'authenticated');

create function private.attach_checkout(p_attempt_id uuid, p_redirect_url text, p_qr_payload text, p_details jsonb, p_provider_data jsonb)
returns public.payment_attempts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
begin
  update public.payment_attempts
  set redirect_url = p_redirect_url, qr_payload = p_qr_payload, details = coalesce(p_details, '{}'), provider_data = coalesce(p_provider_data, '{}'), status = 'pending'
  where id = p_attempt_id and status = 'created'
  returning * into v_attempt;
  if not found then
    select * into v_attempt from public.payment_attempts where id = p_attempt_id;
    if not found then
      perform private.fail('payment_not_found');
    end if;
  elsif exists (select from public.payments where id = v_attempt.payment_id and status not in ('pending', 'processing')) then
    -- paid or over while the provider was making the link
    perform private.cancel_attempts(v_attempt.payment_id);
  end if;
  return v_attempt;
end
$$;
create function public.attach_checkout(attempt_id uuid, redirect_url text, qr_payload text, details jsonb, provider_data jsonb)
returns public.payment_attempts
language sql volatile set search_path = ''
as $$ select private.attach_checkout(attempt_id, redirect_url, qr_payload, details, provider_data) $$;
comment on function public.attach_checkout is 'Stores the payment page and the QR code of an attempt. The first answer stays. Service only. Errors: payment_not_found.';
select private.expose('attach_checkout(uuid, text, text, jsonb, jsonb)', 'service_role');

-- A cleanup job. Nothing depends on it, because a payment cannot be started after expires_at.
create function private.expire_overdue_payments(p_limit int default 500)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_payable_id uuid;
  v_payable public.payables;
  v_count int := 0;
begin
  perform private.set_audit_context('deadline');
  for v_payable_id in
    select payable_id from public.payments
    where status in ('pending', 'processing') and expires_at <= now()
    order by payable_id
    limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      v_payable := private.lock_payable(v_payable_id);
      -- it may have been paid or cancelled a moment ago
      if private.close_payment(v_payable_id, 'expired') then
        perform private.expire_payable(v_payable);
        v_count := v_count + 1;
      end if;
    exception
      when data_exception or integrity_constraint_violation or raise_exception then
        raise warning 'the payment of payable % could not be expired: %', v_payable_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_expire',
  'Ends payments whose time is over, and with them what was kept free for their payers.',
  '* * * * *', '15 minutes', 'select private.expire_overdue_payments()');

-- Asks about attempts without a final answer: after p_quiet, then ever more slowly; and once more about those that
-- want it (recheck_at). The attempt is the key of its question, so there is one at a time however long it waits; one
-- that was answered makes room for the next, and one the outbox has given up does so after a day.
create function private.enqueue_reconciliations(p_quiet interval default '2 minutes')
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
  v_count int := 0;
begin
  for v_attempt in
    select * from public.payment_attempts a
    where ((a.status in ('created', 'pending') and a.created_at < now() - p_quiet) or a.recheck_at < now() - p_quiet)
      and coalesce(a.checked_at, a.created_at) < now() - least(interval '1 hour', p_quiet * 2 ^ least(a.checks, 6))
      -- attempts that already wait in the outbox must not use up the limit
      and not exists (
        select from private.outbox o
        where o.topic = 'reconcile' and o.dedupe_key = a.id::text
          and (o.status in ('pending', 'leased') or (o.status = 'dead' and o.finished_at > now() - interval '1 day'))
      )
    order by a.created_at
    limit 500
  loop
    delete from private.outbox
    where topic = 'reconcile' and dedupe_key = v_attempt.id::text and status in ('done', 'dead');
    perform private.enqueue('reconcile', jsonb_build_object('attempt_id', v_attempt.id, 'provider', v_attempt.provider),
      v_attempt.id::text);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
select private.register_topic('reconcile', 'attempt_id', 'provider');
select private.register_topic('cancel_attempt', 'attempt_id', 'provider');
select private.schedule_job('journey_reconcile',
  'Queues a query to the provider about each attempt it has not reported on: after 2 minutes, then less and less often, at most hourly.',
  '* * * * *', '15 minutes', 'select private.enqueue_reconciliations()');
