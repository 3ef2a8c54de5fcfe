-- Ticketing: cancelling an order that is not paid, and tickets that are.
-- Rule kept here: a cancelled ticket gives back what was paid for it, never its list price; what is shown before is what
-- is given; stock and seats are free in the same transaction.
-- Left out on purpose: whole events (ticketing_cancelled_events).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('order_not_cancellable', 409, false, 'These tickets can no longer be cancelled. Contact the organizer.', 'Không thể hủy các vé này nữa. Vui lòng liên hệ nhà tổ chức.'),
  ('order_refund_changed', 409, false, 'The refund has changed. Look at the new amount in details.refund_amount and decide again.', 'Số tiền hoàn đã thay đổi. Vui lòng xem số tiền mới rồi quyết định lại.');

-- Who the caller is to an order: buyer, organizer or admin, or an error.
create function private.order_side(p_order public.orders)
returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if p_order.buyer_id = v_user_id then
    return 'buyer';
  elsif exists (
    select from public.events e join public.organizer_members m on m.organizer_id = e.organizer_id
    where e.id = p_order.event_id and m.user_id = v_user_id and m.role in ('admin', 'editor')
  ) then
    return 'organizer';
  elsif p_order.id is not null and private.is_admin() then
    return 'admin';
  end if;
  perform private.fail('order_not_found');
  return null;
end
$$;

-- Whether a buyer may return tickets now: while the event is postponed, for some days after it has a new date, and until
-- as many hours before its start as the organizer allows.
create function private.may_return(p_event public.events)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_event.status = 'postponed' or (p_event.status = 'published' and p_event.starts_at > now() and (
    coalesce(p_event.returns_until > now(), false)
    or exists (select from public.event_configs c where c.event_id = p_event.id and p_event.starts_at - make_interval(hours => c.returns_hours) > now())));
end
$$;

-- Cancels valid tickets of a paid or free order, and orders their refund. Callers hold the lock of the order.
create function private.cancel_valid_tickets(p_order public.orders, p_ticket_ids uuid[], p_side text, p_reason text)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_amount bigint;
  v_tax bigint;
  v_seats uuid[];
  v_class_ids uuid[];
  v_quantities int[];
  v_refund public.refunds;
  v_ids uuid[] := array(select t.id from public.tickets t where t.order_id = p_order.id and t.id = any (p_ticket_ids) and t.status = 'valid');
begin
  if private.is_frozen(p_order.id) then
    perform private.fail('money_frozen');
  end if;
  perform private.set_audit_context(p_side, p_reason);
  select coalesce(sum(t.paid_amount), 0), coalesce(sum(t.tax_amount), 0), array_agg(t.seat_id) filter (where t.seat_id is not null) into v_amount, v_tax, v_seats
  from public.tickets t where t.order_id = p_order.id and t.id = any (p_ticket_ids) and t.status = 'valid';
  select array_agg(k.class_id), array_agg(k.quantity) into v_class_ids, v_quantities
  from (
    select t.class_id, count(*)::int as quantity from public.tickets t
    where t.order_id = p_order.id and t.id = any (p_ticket_ids) and t.status = 'valid' group by 1 order by 1
  ) k;
  update public.tickets t set status = 'cancelled', cancelled_at = now() where t.order_id = p_order.id and t.id = any (p_ticket_ids) and t.status = 'valid';
  if not exists (select from public.tickets t where t.order_id = p_order.id and t.status <> 'cancelled') then
    update public.orders set status = 'cancelled', cancelled_at = now(), cancelled_by = p_side where id = p_order.id;
  end if;
  if v_amount > 0 then
    v_refund := private.order_refund(p_order.id, 'tickets', v_amount, v_amount, v_tax, p_reason);
    perform private.post_ledger('tickets_cancelled', v_refund.id::text, p_order.currency, p_order.id,
      private.source_of_refund(v_refund, v_ids) || ('refund_payable', p_order.id::text, -v_amount)::private.ledger_line);
  end if;
  if cardinality(v_seats) > 0 then
    perform private.release_seats(p_order.id, v_seats);
  end if;
  perform private.release_sold(p_order.id, v_class_ids, v_quantities);
  return jsonb_build_object('refund_amount', v_amount, 'refund_id', v_refund.id);
end
$$;

-- Ends an order that waits for payment. Callers hold its lock.
create function private.cancel_unpaid_order(p_order public.orders, p_side text, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.set_audit_context(p_side, p_reason);
  perform private.close_payment(p_order.id, 'cancelled');
  update public.orders set status = 'cancelled', cancelled_at = now(), cancelled_by = p_side where id = p_order.id;
  perform private.release_seats(p_order.id);
  perform private.release_held(p_order.id);
end
$$;

-- What a caller may cancel of an order, or an error: {cancelled_by, ticket_ids, refund_amount, currency}.
create function private.preview_order_cancellation(p_order public.orders, p_ticket_ids uuid[])
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_side text := private.order_side(p_order);
  v_event public.events;
  v_ids uuid[];
begin
  select * into v_event from public.events where id = p_order.event_id;
  if p_order.status = 'pending_payment' then
    if p_ticket_ids is not null then
      perform private.fail_input('ticket_ids', 'must be absent: an order that is not paid is cancelled whole');
    end if;
    return jsonb_build_object('cancelled_by', v_side, 'ticket_ids', '[]'::jsonb, 'currency', p_order.currency,
      -- what came in parts goes back whole
      'refund_amount', private.received_in_parts((select p.id from public.payments p where p.payable_id = p_order.id)));
  end if;
  if p_order.status <> 'completed' or (v_side = 'buyer' and not private.may_return(v_event))
     or (v_side = 'organizer' and private.event_state(v_event) = 'ended') then
    perform private.fail('order_not_cancellable', jsonb_build_object('status', p_order.status));
  end if;
  v_ids := array(
    select t.id from public.tickets t
    where t.order_id = p_order.id and t.status = 'valid' and (p_ticket_ids is null or t.id = any (p_ticket_ids))
      -- what was given to somebody else, or used, is not the buyer's to return
      and (v_side <> 'buyer' or (t.holder_id = p_order.buyer_id and t.admitted_at is null))
    order by t.number);
  if cardinality(v_ids) = 0 or cardinality(v_ids) < cardinality(p_ticket_ids) then
    perform private.fail_input('ticket_ids', 'must be valid tickets of this order, which the buyer still has and has not used');
  end if;
  return jsonb_build_object('cancelled_by', v_side, 'ticket_ids', to_jsonb(v_ids), 'currency', p_order.currency,
    'refund_amount', (select sum(t.paid_amount) from public.tickets t where t.id = any (v_ids)));
end
$$;

create function private.cancel_order_preview(p_order_id uuid, p_ticket_ids uuid[])
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders where id = p_order_id;
  return private.preview_order_cancellation(v_order, p_ticket_ids);
end
$$;
create function public.cancel_order_preview(order_id uuid, ticket_ids uuid[] default null)
returns jsonb
language sql stable set search_path = ''
as $$ select private.cancel_order_preview(order_id, ticket_ids) $$;
comment on function public.cancel_order_preview is 'Answers what cancelling now would give back, in minor units: {cancelled_by (buyer, organizer or admin), ticket_ids, currency, refund_amount}. Without ticket_ids it is about all that is left of the order. A buyer cancels tickets as long before the start as the event allows, and while it is postponed. Errors: order_not_found, order_not_cancellable, invalid_input.';
select private.expose('cancel_order_preview(uuid, uuid[])', 'authenticated');

create function private.cancel_order(p_order_id uuid, p_expected_refund_amount bigint, p_idempotency_key uuid, p_ticket_ids uuid[], p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_order public.orders;
  v_preview jsonb;
  v_done jsonb;
begin
  v_stored := private.begin_command('cancel_order', p_idempotency_key, jsonb_build_object('order_id', p_order_id, 'expected_refund_amount', p_expected_refund_amount,
    'ticket_ids', p_ticket_ids, 'reason', p_reason));
  if v_stored is not null then
    return v_stored;
  end if;
  if p_reason is not null then
    perform private.require_reason(p_reason);
  end if;
  if p_expected_refund_amount is null then
    perform private.fail_input('expected_refund_amount', 'must be the refund_amount of the preview that was shown');
  end if;
  select * into v_order from public.orders where id = p_order_id for no key update;
  v_preview := private.preview_order_cancellation(v_order, p_ticket_ids);
  if (v_preview ->> 'refund_amount')::bigint <> p_expected_refund_amount then
    perform private.fail('order_refund_changed', jsonb_build_object('refund_amount', v_preview -> 'refund_amount'));
  end if;
  if v_order.status = 'pending_payment' then
    perform private.cancel_unpaid_order(v_order, v_preview ->> 'cancelled_by', p_reason);
  else
    v_done := private.cancel_valid_tickets(v_order, array(select jsonb_array_elements_text(v_preview -> 'ticket_ids')::uuid), v_preview ->> 'cancelled_by', p_reason);
  end if;
  select * into v_order from public.orders where id = p_order_id;
  v_stored := v_preview || jsonb_build_object('order_id', p_order_id, 'status', v_order.status, 'refund_id', v_done -> 'refund_id');
  perform private.finish_command(p_idempotency_key, v_stored);
  return v_stored;
end
$$;
create function public.cancel_order(order_id uuid, expected_refund_amount bigint, idempotency_key uuid, ticket_ids uuid[] default null, reason text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.cancel_order(order_id, expected_refund_amount, idempotency_key, ticket_ids, reason) $$;
comment on function public.cancel_order is 'Buyer, admin or editor of the organizer, or admin: cancels an unpaid order, or tickets of a completed one (all that are left, or ticket_ids), and orders the refund of what was paid for them. `expected_refund_amount` is the refund_amount of cancel_order_preview, in minor units. An order without a valid ticket is cancelled. Answers {order_id, status, cancelled_by, ticket_ids, currency, refund_amount, refund_id}. Errors: order_not_found, order_not_cancellable, order_refund_changed (details.refund_amount), money_frozen, invalid_input.';
select private.expose('cancel_order(uuid, bigint, uuid, uuid[], text)', 'authenticated');

create function private.cancel_order_payable(p_payable_id uuid, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders where id = p_payable_id;
  if v_order.status = 'pending_payment' then
    perform private.cancel_unpaid_order(v_order, 'admin', p_reason);
  elsif v_order.status = 'completed' then
    perform private.cancel_valid_tickets(v_order, array(select t.id from public.tickets t where t.order_id = p_payable_id and t.status = 'valid'), 'admin', p_reason);
  else
    perform private.fail('order_not_cancellable', jsonb_build_object('status', v_order.status));
  end if;
end
$$;

insert into private.payable_kinds (kind, lock_function, check_function, settle_function, expire_function, cancel_function, lines_function) values
  ('order', 'lock_order_payable', 'check_order_payable', 'settle_order_payable', 'expire_order_payable', 'cancel_order_payable', 'order_lines');

-- What the ledger must hold because of orders, for reconcile_ledger.
create function private.ticketing_expected_lines()
returns setof private.expected_line
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select 'tickets_cancelled', r.id::text, r.payable_id, r.currency, l.kind, r.payable_id::text, l.amount
    from public.refunds r
    cross join lateral (values ('escrow', r.amount), ('refund_payable', -r.amount)) l (kind, amount)
    where r.kind = 'tickets' and not exists (select from private.earning_reversals v where v.refund_id = r.id);
end
$$;
insert into private.ledger_proofs (function_name, answers) values ('ticketing_expected_lines', 'expected_line');
