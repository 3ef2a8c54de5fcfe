-- Ticketing: cancelling an event for everybody.
-- Rule kept here: from the commit that cancels an event on, nothing of it is sold, paid or admitted. Its orders end in
-- parts: an order ends in the transaction that orders its refund, so a run that is killed or repeated refunds nothing twice.
-- Locks: the event, then orders without waiting for any, then tickets, seat rows, holds and shards of the part, each in order.
-- Left out on purpose: events that are over, whose orders an admin cancels one by one.

alter table private.settings
  add constraint settings_event_cancellation_chunk check (key <> 'event_cancellation_chunk' or private.is_whole(value, 1, 5000));
insert into private.settings (key, value, description) values
  ('event_cancellation_chunk', '500', 'Orders of a cancelled event that one run ends and refunds. A run is one transaction; the next follows within a minute.');

create table private.event_cancellations (
  event_id uuid primary key references public.events on delete restrict,
  reason text not null,
  cancelled_by text not null,
  actor_id uuid not null references public.profiles on delete restrict,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint event_cancellations_by_known check (cancelled_by in ('organizer', 'admin')),
  constraint event_cancellations_reason_length check (char_length(reason) between 3 and 500),
  constraint event_cancellations_reason_tidy check (private.is_tidy_lines(reason))
);
create index event_cancellations_open_idx on private.event_cancellations (created_at) where finished_at is null;
comment on table private.event_cancellations is 'Events that were cancelled, and whether all their orders have ended.';
comment on column private.event_cancellations.finished_at is 'When a run found no order left. Null while orders wait.';
alter table private.event_cancellations enable row level security;

create table private.cancelled_event_orders (
  order_id uuid primary key references public.orders on delete restrict,
  event_id uuid not null references private.event_cancellations on delete restrict,
  tickets int not null default 0,
  amount bigint not null default 0,
  refund_id uuid references public.refunds on delete restrict,
  done_at timestamptz,
  error text,
  attempts int not null default 0,
  retry_at timestamptz,
  constraint cancelled_event_orders_refunded check ((amount > 0) = (refund_id is not null)),
  constraint cancelled_event_orders_done_or_not check ((done_at is null) = (error is not null) and (error is null) = (retry_at is null))
);
create index cancelled_event_orders_event_idx on private.cancelled_event_orders (event_id);
create index cancelled_event_orders_refund_idx on private.cancelled_event_orders (refund_id);
comment on table private.cancelled_event_orders is 'What became of each order of a cancelled event: ended, with its refund; or not yet, with what was in the way.';
comment on column private.cancelled_event_orders.amount is 'Minor units that the refund gives back: what was paid for the tickets that were valid.';
comment on column private.cancelled_event_orders.error is 'Why it could not be ended, such as money_frozen. Null once it has ended.';
comment on column private.cancelled_event_orders.retry_at is 'When a run tries again.';
alter table private.cancelled_event_orders enable row level security;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.event_cancellations', 'r.actor_id = $1', 'retain', '{event_id,reason,cancelled_by,created_at}', 'Says on whose word everybody got their money back.'),
  ('private.cancelled_event_orders', 'r.order_id in (select o.id from public.orders o where o.buyer_id = $1)', 'retain', '{}', 'Part of the record of an order and its refund.');
select private.retain_columns('private.event_cancellations', 'Why an event did not take place.', 'reason');
select private.retain_columns('private.cancelled_event_orders', 'Part of the record of a refund.', 'error');

-- Money has come for an order that waits and whose event is cancelled: the order ends, and the money goes back. Callers
-- hold its lock, and give back what it holds.
create function private.end_with_event(p_order public.orders)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_cancellation private.event_cancellations;
  v_cause text := private.audit_cause();
begin
  select * into strict v_cancellation from private.event_cancellations where event_id = p_order.event_id;
  perform private.set_audit_context(v_cancellation.cancelled_by, v_cancellation.reason);
  update public.orders set status = 'cancelled', cancelled_at = now(), cancelled_by = v_cancellation.cancelled_by where id = p_order.id;
  insert into private.cancelled_event_orders (order_id, event_id, done_at) values (p_order.id, p_order.event_id, now())
  on conflict (order_id) do update set done_at = excluded.done_at, error = null, retry_at = null;
  perform private.set_audit_context(v_cause);
end
$$;

-- Ends one part of the orders of a cancelled event, those that wait for payment first. Answers how many it looked at.
create function private.work_cancelled_event(p_event_id uuid, p_limit int)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_cancellation private.event_cancellations;
  v_event public.events;
  v_ids uuid[];
  v_id uuid;
  v_order public.orders;
  v_tickets uuid[];
  v_holders uuid[];
  v_done jsonb;
  v_error text;
begin
  select * into strict v_cancellation from private.event_cancellations where event_id = p_event_id;
  select * into strict v_event from public.events where id = p_event_id;
  -- one that somebody has is being paid or cancelled; the next run looks at what became of it
  v_ids := array(
    select o.id from public.orders o
    where o.event_id = p_event_id and o.status in ('pending_payment', 'completed')
      and not exists (select from private.cancelled_event_orders c where c.order_id = o.id and c.retry_at > now())
    order by o.status desc, o.id
    limit p_limit
    for no key update skip locked
  );
  -- all that the part needs, in the order in which others take it
  perform 1 from public.tickets t where t.order_id = any (v_ids) order by t.id for no key update;
  perform 1 from public.seat_rows r where r.id in (
    select s.row_id from public.seat_allocations a join public.seats s on s.id = a.seat_id where a.order_id = any (v_ids) and a.is_live)
  order by r.class_id, r.id for no key update;
  perform 1 from private.ticket_holds h where h.order_id = any (v_ids) order by h.pool_id, h.shard, h.order_id for update;
  perform 1 from private.stock_shards s where exists (
    select from private.ticket_holds h where h.order_id = any (v_ids) and h.pool_id = s.pool_id and h.shard = s.shard)
  order by s.pool_id, s.shard for no key update;
  foreach v_id in array v_ids loop
    begin
      select * into v_order from public.orders where id = v_id;
      v_tickets := array(select t.id from public.tickets t where t.order_id = v_id and t.status = 'valid');
      v_holders := array(select distinct t.holder_id from public.tickets t where t.id = any (v_tickets) and t.holder_id <> v_order.buyer_id order by t.holder_id);
      v_done := null;
      if v_order.status = 'pending_payment' then
        perform private.cancel_unpaid_order(v_order, v_cancellation.cancelled_by, v_cancellation.reason);
      else
        v_done := private.cancel_valid_tickets(v_order, v_tickets, v_cancellation.cancelled_by, v_cancellation.reason);
      end if;
      insert into private.cancelled_event_orders as c (order_id, event_id, tickets, amount, refund_id, done_at)
      values (v_id, p_event_id, cardinality(v_tickets), coalesce((v_done ->> 'refund_amount')::bigint, 0), (v_done ->> 'refund_id')::uuid, now())
      on conflict (order_id) do update
      set tickets = excluded.tickets, amount = excluded.amount, refund_id = excluded.refund_id, done_at = excluded.done_at, error = null, retry_at = null;
      -- to whom a ticket was given: the money is the buyer's
      perform private.notify(h, 'event_cancelled_holder', jsonb_build_object('event_id', p_event_id, 'event', v_event.title,
        'starts', private.time_value(v_event.starts_at, v_event.time_zone)), 'event ' || p_event_id)
      from unnest(v_holders) h;
    exception
      when sqlstate 'PT409' or data_exception or integrity_constraint_violation or raise_exception or no_data_found then
        get stacked diagnostics v_error = pg_exception_detail;
        v_error := left(coalesce(substring(v_error from '"code": "(\w+)"'), sqlerrm), 500);
        insert into private.cancelled_event_orders as c (order_id, event_id, error, attempts, retry_at)
        values (v_id, p_event_id, v_error, 1, now() + interval '5 minutes')
        on conflict (order_id) do update
        set error = excluded.error, attempts = c.attempts + 1,
            -- money is frozen for days, but the end of a freeze must show soon
            retry_at = now() + case excluded.error when 'money_frozen' then interval '5 minutes' else least(c.attempts + 1, 12) * interval '5 minutes' end;
    end;
  end loop;
  if cardinality(v_ids) < p_limit and not exists (
    select from public.orders o where o.event_id = p_event_id and o.status in ('pending_payment', 'completed')
  ) then
    update private.event_cancellations set finished_at = now() where event_id = p_event_id and finished_at is null;
  end if;
  return cardinality(v_ids);
end
$$;

create function private.work_cancelled_events()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_event_id uuid;
  v_left int := private.setting('event_cancellation_chunk')::int;
  v_count int := 0;
  v_done int;
begin
  for v_event_id in select c.event_id from private.event_cancellations c where c.finished_at is null order by c.created_at, c.event_id loop
    v_done := private.work_cancelled_event(v_event_id, v_left);
    v_count := v_count + v_done;
    v_left := v_left - v_done;
    exit when v_left <= 0;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_cancelled_events', 'Ends and refunds the orders of cancelled events, a part at a time.',
  '* * * * *', interval '15 minutes', 'select private.work_cancelled_events()');

-- How far it is, counted from the rows of this moment.
create function private.cancellation_report(p_event_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_cancellation private.event_cancellations;
  v_answer jsonb;
begin
  select * into strict v_cancellation from private.event_cancellations where event_id = p_event_id;
  with live as (
    select o.id, o.code, (select count(*) from public.tickets t where t.order_id = o.id and t.status = 'valid') as tickets,
      (select coalesce(sum(t.paid_amount), 0) from public.tickets t where t.order_id = o.id and t.status = 'valid') as amount,
      c.error, c.attempts, c.retry_at
    from public.orders o left join private.cancelled_event_orders c on c.order_id = o.id
    where o.event_id = p_event_id and o.status in ('pending_payment', 'completed')
  ), due as (
    select count(*) as orders, count(error) as held_back, coalesce(sum(tickets), 0) as tickets, coalesce(sum(amount), 0) as amount from live
  ), done as (
    select count(*) as orders, coalesce(sum(c.tickets), 0) as tickets, coalesce(sum(c.amount), 0) as amount,
      coalesce(sum(c.amount) filter (where r.status = 'succeeded'), 0) as refunded,
      coalesce(sum(c.amount) filter (where r.status in ('pending', 'processing')), 0) as on_the_way,
      coalesce(sum(c.amount) filter (where r.status = 'awaiting_account'), 0) as needs_account,
      coalesce(sum(c.amount) filter (where r.status = 'failed'), 0) as failed
    from private.cancelled_event_orders c left join public.refunds r on r.id = c.refund_id
    where c.event_id = p_event_id and c.done_at is not null
  )
  select jsonb_build_object(
    'event_id', p_event_id, 'reason', v_cancellation.reason, 'cancelled_by', v_cancellation.cancelled_by, 'cancelled_at', v_cancellation.created_at,
    'finished_at', v_cancellation.finished_at,
    'orders', jsonb_build_object('total', due.orders + done.orders, 'ended', done.orders, 'waiting', due.orders - due.held_back, 'held_back', due.held_back),
    'tickets', jsonb_build_object('total', due.tickets + done.tickets, 'ended', done.tickets, 'waiting', due.tickets),
    'money', jsonb_build_object('currency', 'VND', 'total', due.amount + done.amount, 'refunded', done.refunded, 'on_the_way', done.on_the_way,
      'needs_account', done.needs_account, 'failed', done.failed, 'waiting', due.amount),
    'held_back', coalesce((
      select jsonb_agg(jsonb_build_object('order_id', l.id, 'code', l.code, 'amount', l.amount, 'error', l.error, 'attempts', l.attempts, 'retry_at', l.retry_at) order by l.code)
      from (select * from live where error is not null order by code limit 100) l), '[]'))
  into v_answer
  from due, done;
  return v_answer;
end
$$;
create function private.event_cancellation(p_event_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_event_team(p_event_id);
  if not exists (select from private.event_cancellations where event_id = p_event_id) then
    perform private.fail('event_not_cancelled');
  end if;
  return private.cancellation_report(p_event_id);
end
$$;
create function public.event_cancellation(event_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.event_cancellation($1) $$;
comment on function public.event_cancellation is 'Team of the organizer and staff: the report on an event that was cancelled: {event_id, reason, cancelled_by (organizer or admin), cancelled_at, finished_at (null while orders wait), orders {total, ended, waiting, held_back}, tickets {total, ended, waiting}, money {currency, total, refunded, on_the_way, needs_account (the buyer must name a bank account), failed, waiting (no refund is ordered yet)}, held_back: up to 100 of [{order_id, code, amount, error, attempts, retry_at}]}. Amounts in minor units. Errors: event_not_found, event_not_cancelled.';
select private.expose('event_cancellation(uuid)', 'authenticated');

create function private.cancel_event(p_event_id uuid, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_event public.events;
  v_side text;
begin
  select case when o.owner_id = v_user_id then 'organizer' when private.is_admin() then 'admin'
      when exists (select from public.organizer_members m where m.organizer_id = o.id and m.user_id = v_user_id) then 'member' end
  into v_side
  from public.events e join public.organizers o on o.id = e.organizer_id where e.id = p_event_id;
  if v_side is null then
    perform private.fail('event_not_found');
  elsif v_side = 'member' then
    perform private.fail('forbidden');
  end if;
  perform private.require_reason(p_reason, 3);
  -- stronger than other changes: waits for orders that are being written or completed, and they look again after it
  select * into strict v_event from public.events where id = p_event_id for update;
  if v_event.status <> 'cancelled' then
    if private.event_state(v_event) = 'ended' then
      perform private.event_move_refused(v_event, 'cancelled');
    end if;
    perform private.set_audit_context(v_side, p_reason);
    update public.events set status = 'cancelled' where id = p_event_id;
    insert into private.event_cancellations (event_id, reason, cancelled_by, actor_id) values (p_event_id, private.tidy_lines(p_reason), v_side, v_user_id);
    perform private.work_cancelled_event(p_event_id, private.setting('event_cancellation_chunk')::int);
  end if;
  return private.cancellation_report(p_event_id);
end
$$;
create function public.cancel_event(event_id uuid, reason text)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.cancel_event(event_id, reason) $$;
comment on function public.cancel_event is 'Owner of the organizer, or admin: cancels an event that is not over, for everybody. Its sale, waiting room, holds and tickets end at once; every completed order is refunded what was really paid, in parts that a job goes on with, and its holders are told. Answers the report, as event_cancellation does. Repeatable. `reason` has 3–500 characters. Errors: event_not_found, forbidden, illegal_transition (it is over), invalid_input.';
select private.expose('cancel_event(uuid, text)', 'authenticated');

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('event_not_cancelled', 409, false, 'This event is not cancelled, so there is no report on it. Reload the event.', 'Sự kiện này chưa bị hủy nên không có báo cáo hủy. Vui lòng tải lại sự kiện.');

create function private.invariant_cancelled_event_unfinished()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, format('order %s of an event cancelled at %s: %s', o.status, c.created_at, coalesce(k.error, 'no run has looked at it'))
  from private.event_cancellations c
  join public.orders o on o.event_id = c.event_id and o.status in ('pending_payment', 'completed')
  left join private.cancelled_event_orders k on k.order_id = o.id
  where c.created_at < now() - interval '1 day' and k.error is distinct from 'money_frozen'
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('cancelled_event_unfinished', 'warning', 'An event was cancelled over a day ago, and an order of it has not ended.',
    'Look whether the job journey_cancelled_events runs. When the detail names an error, the refund of this order cannot be ordered: mend what it says; the job tries again.');
