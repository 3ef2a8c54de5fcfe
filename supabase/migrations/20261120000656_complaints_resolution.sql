-- Complaints: decisions that move money.
-- Rule kept here: the decision, the refund and the ledger are one transaction. Nobody gives more than is left of what was
-- paid. What was earned is taken back from all who earned it, each by the share in what is left; earnings that were paid
-- out already leave a debt, which the next payouts are reduced by.
-- Left out on purpose: parts of a price whose booking or event is not over. Its money waits in escrow for the commands of its
-- kind; a decision may cancel all of it, by the rules of the kind. And what was paid for extensions and charges: a decision
-- gives back out of the payment of the booking or order; theirs are listed beside it, for refund_payment.

insert into private.capture_causes (cause, description) values
  ('complaint', 'A complaint that an admin decided for the host');
insert into private.receipt_labels (code, locale, label) values
  ('compensation', 'en', 'Compensation'), ('compensation', 'vi', 'Bồi thường');

-- What a payable has earned for whom by its price, less what was taken back. What was captured of a deposit is no price.
create function private.earned_money(p_payable_id uuid)
returns table (kind text, owner text, amount bigint)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    select a.kind, a.owner, -sum(e.amount)::bigint
    from private.ledger_transactions t
    join private.ledger_entries e on e.transaction_id = t.id
    join private.ledger_accounts a on a.id = e.account_id
    where t.payable_id = p_payable_id and a.kind in ('host_payable', 'platform_revenue', 'tax_payable') and t.event <> 'deposit_captured'
    group by a.kind, a.owner
    having -sum(e.amount) > 0;
end
$$;

-- What a decision may give now, and what giving p_refund and p_deposit does to whom. Callers hold the locks of the payable.
create function private.complaint_amounts(p_complaint public.complaints, p_refund bigint, p_deposit bigint)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_payable public.payables;
  v_escrow bigint := private.balance('escrow', p_complaint.payable_id::text, p_complaint.currency);
  v_deposit bigint := private.balance('deposit', p_complaint.payable_id::text, p_complaint.currency);
  -- before a trip is over nobody says what it has cost
  v_deposit_left bigint := coalesce((
    select private.deposit_left(b) from public.bookings b where b.id = p_complaint.payable_id and b.status in ('completed', 'no_show')), 0);
  v_left bigint;
  v_earner text;
  v_host bigint;
  v_platform bigint;
  v_tax bigint;
  v_host_gives bigint;
  v_platform_gives bigint;
  v_tax_gives bigint;
begin
  select * into strict v_payable from public.payables where id = p_complaint.payable_id;
  select max(m.owner) filter (where m.kind = 'host_payable'), coalesce(sum(m.amount) filter (where m.kind = 'host_payable'), 0),
    coalesce(sum(m.amount) filter (where m.kind = 'platform_revenue'), 0), coalesce(sum(m.amount) filter (where m.kind = 'tax_payable'), 0)
  into v_earner, v_host, v_platform, v_tax
  from private.earned_money(v_payable.id) m;
  select greatest(p.amount - v_escrow - v_deposit - coalesce((select sum(r.amount) from public.refunds r where r.payment_id = p.id), 0)
    - coalesce((select sum(k.amount) from public.deposit_captures k where k.booking_id = v_payable.id), 0), 0) into v_left
  from public.payments p where p.payable_id = v_payable.id and p.settlement = 'kept';
  -- what is not over is not earned
  v_left := case when v_escrow > 0 then 0 else least(coalesce(v_left, 0), v_host + v_platform + v_tax) end;
  -- tax and fees by their share, rounded down; nobody gives more than there is
  v_tax_gives := case when v_left > 0 then div(p_refund::numeric * v_tax, v_host + v_platform + v_tax) else 0 end;
  v_platform_gives := case when v_left > 0 then div(p_refund::numeric * v_platform, v_host + v_platform + v_tax) else 0 end;
  v_host_gives := least(v_host, p_refund - v_tax_gives - v_platform_gives);
  v_platform_gives := least(v_platform, p_refund - v_tax_gives - v_host_gives);
  v_tax_gives := p_refund - v_host_gives - v_platform_gives;
  return jsonb_build_object(
    'complaint_id', p_complaint.id, 'currency', p_complaint.currency,
    'refundable_amount', v_left, 'deposit_left', v_deposit_left,
    'cancel_refund_amount', case when v_escrow > 0 then v_escrow + v_deposit else 0 end,
    'refund_amount', p_refund, 'host_gives', v_host_gives, 'platform_gives', v_platform_gives, 'tax_gives', v_tax_gives, 'deposit_to_host', p_deposit,
    'host_change', p_deposit - v_host_gives, 'earner_id', v_earner,
    'parts', coalesce((
      select jsonb_agg(jsonb_build_object('payable_id', y.id, 'kind', y.kind, 'payment_id', p.id, 'status', p.status, 'amount', p.amount,
        'refunded_amount', (select coalesce(sum(r.amount), 0)::bigint from public.refunds r where r.payment_id = p.id)) order by y.created_at, y.id)
      from public.payables y join public.payments p on p.payable_id = y.id where y.part_of = v_payable.id), '[]'));
end
$$;

create function private.check_complaint_amounts(p_complaint public.complaints, p_refund bigint, p_deposit bigint, p_cancels boolean)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_amounts jsonb;
begin
  if p_refund is null or p_refund < 0 then
    perform private.fail_input('refund_amount', 'must not be negative');
  end if;
  if p_deposit is null or p_deposit < 0 then
    perform private.fail_input('deposit_amount', 'must not be negative');
  end if;
  if p_cancels is null then
    perform private.fail_input('cancels', 'must be true or false');
  end if;
  v_amounts := private.complaint_amounts(p_complaint, 0, 0);
  if p_cancels then
    if p_deposit > 0 then
      perform private.fail_input('deposit_amount', 'must be 0 when all is cancelled');
    end if;
    return v_amounts || jsonb_build_object('refund_amount', v_amounts -> 'cancel_refund_amount');
  end if;
  if p_refund > (v_amounts ->> 'refundable_amount')::bigint or p_deposit > (v_amounts ->> 'deposit_left')::bigint then
    perform private.fail('complaint_amount_too_high', jsonb_build_object('refundable_amount', v_amounts -> 'refundable_amount', 'deposit_left', v_amounts -> 'deposit_left'));
  end if;
  return private.complaint_amounts(p_complaint, p_refund, p_deposit);
end
$$;

create function private.preview_resolution(p_complaint_id uuid, p_refund bigint, p_deposit bigint, p_cancels boolean)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_complaint public.complaints;
begin
  perform private.require_admin();
  select * into v_complaint from public.complaints where id = p_complaint_id;
  if not found then
    perform private.fail('complaint_not_found');
  end if;
  return private.check_complaint_amounts(v_complaint, p_refund, p_deposit, p_cancels) - 'earner_id';
end
$$;
create function public.preview_resolution(complaint_id uuid, refund_amount bigint default 0, deposit_amount bigint default 0, cancels boolean default false)
returns jsonb
language sql stable set search_path = ''
as $$ select private.preview_resolution($1, $2, $3, $4) $$;
comment on function public.preview_resolution is 'Admin: what a decision would move, in minor units: {complaint_id, currency, refundable_amount (what can go back to the payer), deposit_left, cancel_refund_amount (what cancelling all gives back; 0 when it is over), refund_amount, host_gives, platform_gives, tax_gives (whose money the refund is), deposit_to_host, host_change (what the balance of the host or organizer changes by), parts [{payable_id, kind, payment_id, status, amount, refunded_amount}] (payments of the extensions and charges of a booking: frozen with it, given back by refund_payment)}. Errors: forbidden, complaint_not_found, complaint_amount_too_high (details.refundable_amount, details.deposit_left), invalid_input.';
select private.expose('preview_resolution(uuid, bigint, bigint, boolean)', 'authenticated');

-- Payouts that hold earnings of this payable and are not sent: their entries are free for the next one, in which what is
-- taken back now is subtracted. One that an admin is transferring by hand stays.
create function private.recall_frozen_payouts(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform 1 from private.ledger_accounts a
  where a.kind = 'host_payable' and a.id in (
    select e.account_id from private.ledger_transactions t join private.ledger_entries e on e.transaction_id = t.id where t.payable_id = p_payable_id)
  order by a.id
  for no key update;
  for v_payout in
    select * from public.payouts p where p.status = 'frozen' and p.id in (select private.payouts_of(p_payable_id)) order by p.id for no key update
  loop
    continue when (private.manual_claim(v_payout.id)).subject_id is not null;
    perform private.give_back_payout(v_payout);
  end loop;
end
$$;

create function private.resolve_complaint(
  p_complaint_id uuid, p_finding text, p_expected_host_change bigint, p_idempotency_key uuid, p_refund bigint, p_deposit bigint, p_cancels boolean
)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_complaint public.complaints;
  v_finding text;
  v_amounts jsonb;
  v_refund public.refunds;
  v_function text;
begin
  perform private.require_admin();
  v_stored := private.begin_command('resolve_complaint', p_idempotency_key, jsonb_build_object('complaint_id', p_complaint_id, 'finding', p_finding,
    'expected_host_change', p_expected_host_change, 'refund_amount', p_refund, 'deposit_amount', p_deposit, 'cancels', p_cancels));
  if v_stored is not null then
    select * into v_complaint from public.complaints where id = p_complaint_id;
    return v_complaint;
  end if;
  v_finding := private.require_finding(p_finding);
  v_complaint := private.staff_complaint(p_complaint_id);
  if v_complaint.status <> 'in_review' then
    perform private.complaint_move_refused(v_complaint, 'resolved');
  end if;
  v_amounts := private.check_complaint_amounts(v_complaint, p_refund, p_deposit, p_cancels);
  if p_expected_host_change is distinct from (v_amounts ->> 'host_change')::bigint or (v_amounts ->> 'refund_amount')::bigint <> p_refund then
    perform private.fail('complaint_amounts_changed', jsonb_build_object('preview', v_amounts - 'earner_id'));
  end if;
  if p_cancels and p_refund = 0 then
    perform private.fail_input('cancels', 'must be false: all of it is over already');
  end if;
  if p_refund + p_deposit > 0 then
    perform private.require_step_up();
    -- the other side is heard before money moves
    if v_complaint.statement is null and v_complaint.statement_until > now() then
      perform private.fail('statement_awaited', jsonb_build_object('until', v_complaint.statement_until));
    end if;
  end if;
  perform private.set_audit_context('admin', p_finding);
  if p_refund > 0 and not p_cancels then
    v_refund := private.order_refund(v_complaint.payable_id, 'complaint', p_refund, p_refund, (v_amounts ->> 'tax_gives')::bigint, p_finding);
    perform private.post_ledger('complaint_refunded', p_complaint_id::text, v_complaint.currency, v_complaint.payable_id, array[
      ('host_payable', coalesce(v_amounts ->> 'earner_id', ''), (v_amounts ->> 'host_gives')::bigint)::private.ledger_line,
      ('platform_revenue', '', (v_amounts ->> 'platform_gives')::bigint)::private.ledger_line,
      ('tax_payable', '', (v_amounts ->> 'tax_gives')::bigint)::private.ledger_line,
      ('refund_payable', v_complaint.payable_id::text, -p_refund)::private.ledger_line
    ]);
    perform private.recall_frozen_payouts(v_complaint.payable_id);
  end if;
  if p_deposit > 0 then
    perform private.capture_deposit(v_complaint.payable_id, p_deposit, 'complaint', p_complaint_id, 'compensation');
  end if;
  update public.complaints
  set status = 'resolved', outcome = 'resolved', finding = v_finding, decided_at = now(),
      closes_at = now() + make_interval(days => (private.setting('complaint_closing_days'))::int), cancels = p_cancels, refund_amount = p_refund,
      host_gives = (v_amounts ->> 'host_gives')::bigint, platform_gives = (v_amounts ->> 'platform_gives')::bigint, tax_gives = (v_amounts ->> 'tax_gives')::bigint,
      deposit_to_host = p_deposit, earner_id = (v_amounts ->> 'earner_id')::uuid, refund_id = v_refund.id
  where id = p_complaint_id
  returning * into v_complaint;
  perform private.unfreeze_money(v_complaint.payable_id, private.complaint_freeze(v_complaint.code));
  if p_cancels then
    select k.cancel_function into strict v_function from private.payable_kinds k where k.kind = v_complaint.kind;
    execute format('select private.%I($1, $2)', v_function) using v_complaint.payable_id, left(v_finding, 500);
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_complaint_id));
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_resolved', 'complaint_id', p_complaint_id));
  return v_complaint;
end
$$;
create function public.resolve_complaint(
  complaint_id uuid, finding text, expected_host_change bigint, idempotency_key uuid, refund_amount bigint default 0, deposit_amount bigint default 0, cancels boolean default false
)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.resolve_complaint($1, $2, $3, $4, $5, $6, $7) $$;
comment on function public.resolve_complaint is 'Admin: decides for a complaint that is in review, with a reason of 3 to 2000 characters that both sides read. refund_amount goes back to the payer out of what was earned, deposit_amount of the deposit goes to the host, and `cancels` cancels a booking that has not begun or all valid tickets of an order; then refund_amount is the cancel_refund_amount of the preview. Amounts are in minor units, and both may be 0. `expected_host_change` is the host_change of preview_resolution; the command is refused when it has changed. When money moves, the other side has answered or statement_until is over, and the session has passed a step-up. The freeze ends in the same transaction, and payouts that were not sent are computed anew. Cancelling may be refused with errors of the kind, such as booking_not_cancellable, and with money_frozen by another freeze. Errors: forbidden, complaint_not_found, illegal_transition, complaint_amount_too_high, complaint_amounts_changed (details.preview), statement_awaited (details.until), step_up_required, deposit_not_enough (details.left), invalid_input.';
select private.expose('resolve_complaint(uuid, text, bigint, uuid, bigint, bigint, boolean)', 'authenticated');

-- What the ledger must hold because of decisions, for reconcile_ledger.
create function private.complaints_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select 'complaint_refunded', c.id::text, c.payable_id, c.currency, l.kind, l.owner, l.amount
  from public.complaints c
  cross join lateral (values
    ('host_payable', c.earner_id::text, c.host_gives),
    ('platform_revenue', '', c.platform_gives),
    ('tax_payable', '', c.tax_gives),
    ('refund_payable', c.payable_id::text, -c.refund_amount)) l (kind, owner, amount)
  where c.refund_amount > 0 and not c.cancels
$$;
insert into private.ledger_proofs (function_name, answers) values ('complaints_expected_lines', 'expected_line');
