-- Ticketing: what an organizer earns leaves escrow some days after its event, and goes with its owner's next payout.
-- Rule kept here: an order leaves escrow once, with the tickets that are valid then; frozen money stays; a ticket that is
-- cancelled after that is taken from everybody who got a part of it. The platform's fee is a share of what a ticket costs
-- without its tax, rounded down for each ticket, at the rate of the day on which the order leaves escrow.
-- Left out on purpose: payouts, which take what is in a person's account (host_payable) once a day.

alter table private.settings
  add constraint settings_organizer_payout_days check (key <> 'organizer_payout_days' or private.is_whole(value, 0, 90)),
  add constraint settings_ticket_fee_bps check (key <> 'ticket_fee_bps' or private.is_whole(value, 0, 5000));
insert into private.settings (key, value, description) values
  ('organizer_payout_days', '3', 'Days after the end of an event on which the money for its tickets becomes its organizer''s. Until then everybody can be given all of it back.'),
  ('ticket_fee_bps', '500', 'The platform''s fee on tickets, in basis points of what was paid without tax. It counts for orders whose money has not left escrow.');

create table private.order_earnings (
  order_id uuid primary key references public.orders on delete restrict,
  event_id uuid not null references public.events on delete restrict,
  owner_id uuid not null references public.profiles on delete restrict,
  fee_bps int not null,
  earned_at timestamptz not null default now(),
  constraint order_earnings_fee_bps_range check (fee_bps between 0 and 5000)
);
create index order_earnings_event_idx on private.order_earnings (event_id);
create index order_earnings_owner_idx on private.order_earnings (owner_id);
comment on table private.order_earnings is 'Orders whose money has left escrow: to the owner of the organizer, the platform and the tax. Append-only.';
comment on column private.order_earnings.owner_id is 'Who owned the organizer then.';
comment on column private.order_earnings.fee_bps is 'The fee of each ticket is (paid_amount − tax_amount) × fee_bps / 10000, rounded down.';
alter table private.order_earnings enable row level security;
create trigger append_only before update or delete or truncate on private.order_earnings
  for each statement execute function private.forbid_change();

create table private.earning_reversals (
  refund_id uuid primary key references public.refunds on delete restrict,
  order_id uuid not null references private.order_earnings on delete restrict,
  amount bigint not null,
  tax_amount bigint not null,
  fee_amount bigint not null,
  constraint earning_reversals_amounts_range check (amount > 0 and tax_amount >= 0 and fee_amount >= 0 and tax_amount + fee_amount <= amount)
);
create index earning_reversals_order_idx on private.earning_reversals (order_id);
comment on table private.earning_reversals is 'Refunds of tickets whose money had left escrow: what of each came back from whom. Append-only.';
comment on column private.earning_reversals.amount is 'Minor units, as all amounts here: the refund. What is neither tax nor fee comes from the owner.';
comment on column private.earning_reversals.tax_amount is 'What came back from the tax.';
comment on column private.earning_reversals.fee_amount is 'What came back from the platform.';
alter table private.earning_reversals enable row level security;
create trigger append_only before update or delete or truncate on private.earning_reversals
  for each statement execute function private.forbid_change();

create table private.earned_events (
  event_id uuid primary key references public.events on delete restrict,
  earned_at timestamptz not null default now()
);
comment on table private.earned_events is 'Events that are over and have no money in escrow, so that nobody looks through their orders again.';
alter table private.earned_events enable row level security;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.order_earnings', 'r.owner_id = $1', 'retain', '{order_id,event_id,fee_bps,earned_at}', 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('private.earning_reversals', 'r.order_id in (select e.order_id from private.order_earnings e where e.owner_id = $1)', 'retain', '{refund_id,order_id,amount,tax_amount,fee_amount}', 'Accounting records are kept for ten years (Law on Accounting 88/2015/QH13, article 41).');
select private.hold_no_persons('private.earned_events');

create index events_over_idx on public.events (ends_at) where status in ('published', 'ended');

-- What valid tickets of an order come to at a rate: all, the tax and the fee.
create type private.earning as (amount bigint, tax bigint, fee bigint);
create function private.earning_of(p_order_id uuid, p_fee_bps int)
returns private.earning
language plpgsql stable set search_path = ''
as $$
declare
  v_earning private.earning;
begin
  select coalesce(sum(t.paid_amount), 0), coalesce(sum(t.tax_amount), 0), coalesce(sum((t.paid_amount - t.tax_amount) * p_fee_bps / 10000), 0) into v_earning
  from public.tickets t where t.order_id = p_order_id and t.status = 'valid';
  return v_earning;
end
$$;

-- Moves the money of an order out of escrow. Callers hold its lock.
create function private.earn_order(p_order public.orders)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_fee_bps int := private.setting('ticket_fee_bps')::int;
  v_owner_id uuid := (select o.owner_id from public.events e join public.organizers o on o.id = e.organizer_id where e.id = p_order.event_id);
  v_earning private.earning := private.earning_of(p_order.id, v_fee_bps);
begin
  insert into private.order_earnings (order_id, event_id, owner_id, fee_bps) values (p_order.id, p_order.event_id, v_owner_id, v_fee_bps);
  if v_earning.amount > 0 then
    perform private.post_ledger('tickets_earned', p_order.id::text, p_order.currency, p_order.id, array[
      ('escrow', p_order.id::text, v_earning.amount)::private.ledger_line,
      ('host_payable', v_owner_id::text, v_earning.tax + v_earning.fee - v_earning.amount)::private.ledger_line,
      ('platform_revenue', '', -v_earning.fee)::private.ledger_line,
      ('tax_payable', '', -v_earning.tax)::private.ledger_line
    ]);
  end if;
end
$$;

-- From where the refund of cancelled tickets comes, as lines of the ledger: escrow, or those who have it meanwhile. Callers hold
-- the lock of the order.
create function private.source_of_refund(p_refund public.refunds, p_ticket_ids uuid[])
returns private.ledger_line[]
language plpgsql volatile set search_path = ''
as $$
declare
  v_earned private.order_earnings;
  v_fee bigint;
begin
  select * into v_earned from private.order_earnings where order_id = p_refund.payable_id;
  if not found then
    return array[('escrow', p_refund.payable_id::text, p_refund.amount)::private.ledger_line];
  end if;
  select sum((t.paid_amount - t.tax_amount) * v_earned.fee_bps / 10000) into v_fee from public.tickets t where t.id = any (p_ticket_ids);
  insert into private.earning_reversals (refund_id, order_id, amount, tax_amount, fee_amount)
  values (p_refund.id, v_earned.order_id, p_refund.amount, p_refund.credit_tax_amount, v_fee);
  return array[
    ('host_payable', v_earned.owner_id::text, p_refund.amount - p_refund.credit_tax_amount - v_fee)::private.ledger_line,
    ('platform_revenue', '', v_fee)::private.ledger_line,
    ('tax_payable', '', p_refund.credit_tax_amount)::private.ledger_line
  ];
end
$$;

-- A part of what is due. Each order is one piece: one that cannot be moved stops no other.
create function private.earn_orders(p_limit int default 500)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_event_id uuid;
  v_order public.orders;
  v_left int := p_limit;
  v_count int := 0;
begin
  perform private.set_audit_context('schedule');
  for v_event_id in
    select e.id from public.events e
    where e.status in ('published', 'ended') and e.ends_at <= now() - private.setting('organizer_payout_days')::int * interval '1 day'
      and not exists (select from private.earned_events k where k.event_id = e.id)
    order by e.ends_at, e.id
  loop
    for v_order in
      select o.* from public.orders o
      where o.event_id = v_event_id and o.status = 'completed' and o.total_amount > 0
        and not exists (select from private.order_earnings k where k.order_id = o.id)
        and not exists (select from private.payable_freezes f where f.payable_id = o.id and f.ended_at is null)
      order by o.id
      limit v_left
      for no key update of o skip locked
    loop
      v_left := v_left - 1;
      -- frozen between the look and the lock
      continue when private.is_frozen(v_order.id);
      begin
        perform private.earn_order(v_order);
        -- checked here, where a failure stops one order; at the commit it would stop all of them
        set constraints private.ledger_accounts_floor immediate;
        set constraints private.ledger_accounts_floor deferred;
        v_count := v_count + 1;
      exception
        when data_exception or integrity_constraint_violation or raise_exception then
          raise warning 'the money of order % could not leave escrow: %', v_order.id, sqlerrm;
      end;
    end loop;
    if not exists (
      select from public.orders o
      where o.event_id = v_event_id and o.total_amount > 0 and (
        (o.status = 'completed' and not exists (select from private.order_earnings k where k.order_id = o.id)) or (o.status = 'pending_payment' and o.hold_expires_at > now()))
    ) then
      insert into private.earned_events (event_id) values (v_event_id) on conflict do nothing;
      if found then
        perform private.tell_earnings(v_event_id);
      end if;
    end if;
    exit when v_left <= 0;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_ticket_earnings', 'Moves the money for tickets to organizers, some days after their events.',
  '*/5 * * * *', interval '1 hour', 'select private.earn_orders()');

-- What the ledger must hold because of earnings, said a second time. Cancelled tickets of after that are in the reversals.
create function private.earnings_expected_lines()
returns setof private.expected_line
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select 'tickets_earned', k.id::text, k.id, k.currency, l.kind, l.owner, l.amount
    from (
      select o.id, o.currency, e.owner_id::text as owner, t.amount + v.amount as amount, t.tax + v.tax as tax, t.fee + v.fee as fee
      from private.order_earnings e
      join public.orders o on o.id = e.order_id
      cross join lateral private.earning_of(o.id, e.fee_bps) t
      cross join lateral (
        select coalesce(sum(r.amount), 0)::bigint as amount, coalesce(sum(r.tax_amount), 0)::bigint as tax, coalesce(sum(r.fee_amount), 0)::bigint as fee
        from private.earning_reversals r where r.order_id = o.id
      ) v
    ) k
    cross join lateral (values
      ('escrow', k.id::text, k.amount),
      ('host_payable', k.owner, k.tax + k.fee - k.amount),
      ('platform_revenue', '', -k.fee),
      ('tax_payable', '', -k.tax)
    ) l (kind, owner, amount)
    union all
    select 'tickets_cancelled', r.id::text, r.payable_id, r.currency, l.kind, l.owner, l.amount
    from private.earning_reversals v
    join public.refunds r on r.id = v.refund_id
    join private.order_earnings e on e.order_id = v.order_id
    cross join lateral (values
      ('host_payable', e.owner_id::text, v.amount - v.tax_amount - v.fee_amount),
      ('platform_revenue', '', v.fee_amount),
      ('tax_payable', '', v.tax_amount),
      ('refund_payable', r.payable_id::text, -r.amount)
    ) l (kind, owner, amount);
end
$$;
insert into private.ledger_proofs (function_name, answers) values ('earnings_expected_lines', 'expected_line');
