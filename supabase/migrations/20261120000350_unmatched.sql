-- Unmatched: settling money that fits no open payment.
-- Rule kept here: a row of unmatched money is open until an admin decides where it goes, and its account in the
-- ledger holds exactly its amount until then. A part goes back by itself when its payment has ended without it.
-- Left out on purpose: parts that pay with the rest of their sum, which is in payments_apply.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('unmatched_not_found', 404, false, 'We could not find this money, or it is settled. Reload the list.', 'Không tìm thấy khoản tiền này hoặc khoản này đã được xử lý. Vui lòng tải lại danh sách.'),
  ('unmatched_not_enough', 409, false, 'This money is less than the payment needs. Details show both amounts.', 'Khoản tiền này không đủ cho lần thanh toán. Vui lòng xem hai số tiền trong chi tiết.');

create function private.list_unmatched_money(p_status text, p_after jsonb, p_page_size int)
returns setof private.unmatched_money
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  if p_status is not null and p_status not in ('open', 'settled') then
    perform private.fail_input('status', 'must be open or settled');
  end if;
  return query
    select * from private.unmatched_money u
    where (p_status is null or u.status = p_status)
      and (v_start.id is null or (u.created_at, u.id) < (v_start.at, v_start.id))
    order by u.created_at desc, u.id desc
    limit p_page_size;
end
$$;
create function public.unmatched_money(status text default 'open', after jsonb default null, page_size int default 20)
returns table (
  id uuid, event_id bigint, provider text, reference text, transaction_id text, amount bigint, currency text, reason text,
  attempt_id uuid, payer_id uuid, status text, settlement text, payment_id uuid, settled_by uuid, settled_at timestamptz,
  note text, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_unmatched_money($1, $2, $3) $$;
comment on function public.unmatched_money is 'Admin: lists money that fits no open payment, newest first. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
revoke all on function private.list_unmatched_money(text, jsonb, int), public.unmatched_money(text, jsonb, int) from public, anon, authenticated, service_role;
grant execute on function private.list_unmatched_money(text, jsonb, int), public.unmatched_money(text, jsonb, int) to authenticated;

create function private.settle_unmatched_money(p_unmatched_id uuid, p_action text, p_idempotency_key uuid, p_payment_id uuid, p_note text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_row private.unmatched_money;
  v_result text := p_action;
  v_refund_id uuid;
begin
  perform private.require_admin();
  v_stored := private.begin_command('settle_unmatched_money', p_idempotency_key, jsonb_build_object(
    'unmatched_id', p_unmatched_id, 'action', p_action, 'payment_id', p_payment_id, 'note', p_note));
  if v_stored is not null then
    return v_stored;
  end if;
  if p_action is null or p_action not in ('apply', 'refund', 'keep') then
    perform private.fail_input('action', 'must be apply, refund or keep');
  end if;
  if (p_action = 'apply') <> (p_payment_id is not null) then
    perform private.fail_input('payment_id', 'must be given for apply, and for nothing else');
  end if;
  if char_length(p_note) > 500 or (p_action = 'keep' and not private.says_something(p_note, 3)) then
    perform private.fail_input('note', 'must have at most 500 characters, and at least 3 to keep the money');
  end if;
  perform private.set_audit_context('admin', p_note);
  if p_action = 'apply' then
    v_result := private.apply_unmatched(p_unmatched_id, p_payment_id, p_note);
    update private.unmatched_money set note = private.tidy_lines(p_note) where id = p_unmatched_id;
  else
    select * into v_row from private.unmatched_money where id = p_unmatched_id and status = 'open' for no key update;
    if not found then
      perform private.fail('unmatched_not_found');
    end if;
    update private.unmatched_money
    set status = 'settled', settlement = case p_action when 'refund' then 'refunded' else 'kept' end,
        settled_by = auth.uid(), settled_at = now(), note = private.tidy_lines(p_note)
    where id = p_unmatched_id;
    if p_action = 'refund' then
      v_refund_id := private.refund_unmatched(v_row);
    else
      perform private.post_ledger('unmatched_kept', p_unmatched_id::text, v_row.currency, null, array[
        ('unmatched', p_unmatched_id::text, v_row.amount)::private.ledger_line,
        ('platform_revenue', '', -v_row.amount)::private.ledger_line
      ]);
    end if;
  end if;
  select * into v_row from private.unmatched_money where id = p_unmatched_id;
  v_stored := jsonb_build_object('result', v_result, 'refund_id', v_refund_id, 'unmatched', to_jsonb(v_row));
  perform private.finish_command(p_idempotency_key, v_stored);
  return v_stored;
end
$$;

-- The note stays with the row: it is for admins, and the payer reads the refund.
create function private.refund_unmatched(p_row private.unmatched_money)
returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_rail text := private.rail_to_refund(p_row.attempt_id, p_row.id);
  v_refund_id uuid;
begin
  insert into public.refunds (payer_id, attempt_id, unmatched_id, kind, amount, currency, method, provider, status)
  values (p_row.payer_id, p_row.attempt_id, p_row.id, case p_row.reason when 'underpaid' then 'part' else 'unmatched' end, p_row.amount, p_row.currency,
    case when v_rail is null then 'bank_transfer' else 'provider' end, coalesce(v_rail, private.transfer_provider()),
    case when v_rail is null then 'awaiting_account' else 'pending' end)
  returning id into v_refund_id;
  perform private.post_ledger('unmatched_refund_ordered', p_row.id::text, p_row.currency, null, array[
    ('unmatched', p_row.id::text, p_row.amount)::private.ledger_line,
    ('refund_payable', p_row.id::text, -p_row.amount)::private.ledger_line
  ]);
  perform private.send_refund(v_refund_id);
  return v_refund_id;
end
$$;

-- Orders back the parts of a payment that has ended: nothing waits for the rest any more.
create function private.return_parts(p_payment_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_row private.unmatched_money;
begin
  -- locked, because an admin may be settling one
  for v_row in
    select u.*
    from public.payment_attempts a
    join private.unmatched_money u on u.attempt_id = a.id and u.status = 'open' and u.reason = 'underpaid'
    where a.payment_id = p_payment_id
    order by u.id
    for no key update of u
  loop
    update private.unmatched_money set status = 'settled', settlement = 'refunded', settled_at = now() where id = v_row.id;
    perform private.refund_unmatched(v_row);
  end loop;
end
$$;

create function private.return_parts_of_ended_payment()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.return_parts(new.id);
  return null;
end
$$;
create trigger return_parts after update of status on public.payments
  for each row when (old.status in ('pending', 'processing') and new.status not in ('pending', 'processing'))
  execute function private.return_parts_of_ended_payment();

-- A part that comes when its payment has ended.
create function private.return_late_part()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.return_parts(p.id)
  from public.payment_attempts a
  join public.payments p on p.id = a.payment_id and p.status not in ('pending', 'processing')
  where a.id = new.attempt_id;
  return null;
end
$$;
create trigger return_late_part after insert on private.unmatched_money
  for each row when (new.reason = 'underpaid')
  execute function private.return_late_part();

-- Pays the payment with the row, together with the open rows already meant for that payment.
create function private.apply_unmatched(p_unmatched_id uuid, p_payment_id uuid, p_note text)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_payable public.payables;
  v_payment public.payments;
  v_attempt public.payment_attempts;
  v_event private.payment_events;
  v_row private.unmatched_money;
  v_parts uuid[];
  v_sum bigint;
begin
  select * into v_payment from public.payments where id = p_payment_id;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  v_payable := private.lock_payable(v_payment.payable_id);
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  if v_payment.status not in ('pending', 'processing', 'expired', 'cancelled') then
    perform private.fail('payment_not_payable', jsonb_build_object('status', v_payment.status));
  end if;
  -- locked in one order, because another admin may be applying some of them elsewhere
  select array_agg(t.id), sum(t.amount) into v_parts, v_sum
  from (
    select u.id, u.amount
    from private.unmatched_money u
    where u.status = 'open' and u.currency = v_payment.currency
      and (u.id = p_unmatched_id or u.attempt_id in (select a.id from public.payment_attempts a where a.payment_id = p_payment_id))
    order by u.id
    for no key update
  ) t;
  select * into v_row from private.unmatched_money where id = p_unmatched_id and status = 'open';
  if not found then
    perform private.fail('unmatched_not_found');
  end if;
  -- this cannot be undone: a later refund goes to the payer of the payment
  if v_row.payer_id <> v_payment.payer_id and not private.says_something(p_note, 3) then
    perform private.fail_input('note', 'must say why, because this money is known to come from another payer');
  end if;
  if coalesce(v_sum, 0) < v_payment.amount or not p_unmatched_id = any (v_parts) then
    perform private.fail('unmatched_not_enough', jsonb_build_object(
      'amount', coalesce(v_sum, 0), 'needed', v_payment.amount, 'currency', v_payment.currency));
  end if;
  -- the attempt it came by, or a new one, so that a refund knows which provider to use
  select * into v_attempt from public.payment_attempts where id = v_row.attempt_id and payment_id = p_payment_id for no key update;
  if not found then
    insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at)
    values (p_payment_id, v_row.provider, v_payment.amount, v_payment.currency, v_payment.expires_at)
    returning * into v_attempt;
  end if;
  if v_payment.status = 'pending' then
    update public.payments set status = 'processing' where id = p_payment_id;
  end if;
  select * into v_event from private.payment_events where id = v_row.event_id;
  -- an overpaid part has the same transaction as the payment that it exceeded
  return private.apply_success(v_payable, v_payment, v_attempt, v_event,
    v_row.transaction_id || case v_row.reason when 'overpaid' then ':' || v_row.id else '' end, 0, v_parts);
end
$$;

create function public.settle_unmatched_money(unmatched_id uuid, action text, idempotency_key uuid, payment_id uuid default null, note text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.settle_unmatched_money($1, $2, $3, $4, $5) $$;
comment on function public.settle_unmatched_money is 'Admin: decides where unmatched money goes. apply uses it for `payment_id`, together with open rows already meant for that payment; the result is applied, or refunded_late when what the payment was for is gone. What is left over becomes a new row. Applying money that is known to come from another payer needs a note that says why. refund sends it back to its payer. keep makes it revenue and needs a note. The note stays with the row. Answers {result, refund_id, unmatched}. Errors: forbidden, unmatched_not_found, unmatched_not_enough, payment_not_found, payment_not_payable, invalid_input.';
select private.expose('settle_unmatched_money(uuid, text, uuid, uuid, text)', 'authenticated');
