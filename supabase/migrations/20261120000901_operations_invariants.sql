-- Operations: the promises this database keeps, as one query.
-- Rule kept here: a row means a broken promise; none means healthy. It is the health check, a test after
-- every stress run, and an alert.
-- Left out on purpose: what a constraint makes impossible, except where two tables must agree.

create function private.check_invariants()
returns table (invariant text, subject_id text, detail text)
language sql stable security definer set search_path = ''
as $$
  select 'calendar_overlap', a.id::text, 'overlaps ' || b.id
  from public.calendar_entries a
  join public.calendar_entries b on b.vehicle_id = a.vehicle_id and b.id > a.id and b.blocked && a.blocked
  union all
  select 'booking_without_slot', b.id::text, b.status
  from public.bookings b
  where (b.status = 'confirmed' or (b.status = 'in_progress' and b.ends_at > now()))
    and not exists (select from public.calendar_entries c where c.booking_id = b.id and c.kind = 'booking')
  union all
  select 'slot_not_released', c.id::text, b.status
  from public.calendar_entries c
  join public.bookings b on b.id = c.booking_id
  where b.status in ('requested', 'declined', 'expired', 'cancelled', 'no_show')
     or (c.kind = 'hold') <> (b.status = 'pending_payment')
  union all
  select 'payment_state_disagrees', b.id::text, b.status || ' with payment ' || coalesce(p.status, 'none')
  from public.bookings b
  left join public.payments p on p.booking_id = b.id
  where case b.status
    when 'requested' then p.id is not null
    when 'declined' then p.id is not null
    when 'pending_payment' then p.id is null or p.status not in ('pending', 'processing')
    when 'expired' then p.status not in ('expired', 'succeeded', 'refunded')
    when 'cancelled' then p.status in ('pending', 'processing', 'expired')
    else p.id is null or p.status not in ('succeeded', 'partially_refunded', 'refunded')
  end
  union all
  select 'deadline_not_tidied', b.id::text, b.status
  from public.bookings b
  where (b.status = 'pending_payment' and b.hold_expires_at < now() - interval '15 minutes')
     or (b.status = 'requested' and least(b.answer_by, b.starts_at) < now() - interval '15 minutes')
     or (b.status = 'completed' and b.deposit_status = 'held' and b.claim_until < now() - interval '15 minutes'
       and not private.booking_money_held(b.id))
  union all
  select 'ledger_unbalanced', e.transaction_id::text, sum(e.amount)::text
  from private.ledger_entries e
  group by e.transaction_id
  having sum(e.amount) <> 0
  union all
  select 'ledger_floor', a.id::text, a.kind || ' ' || a.owner || ' ' || sum(e.amount)
  from private.ledger_accounts a
  join private.ledger_account_kinds k on k.kind = a.kind and k.has_floor
  join private.ledger_entries e on e.account_id = a.id
  group by a.id
  having sum(e.amount) > 0
  union all
  select 'payment_not_in_ledger', p.id::text, p.status
  from public.payments p
  where p.status in ('succeeded', 'partially_refunded', 'refunded')
    and not exists (
      select from private.ledger_transactions t
      where t.reference = p.id::text and t.event in ('payment_received', 'late_payment_received')
    )
  union all
  select 'held_money_disagrees', b.id::text, h.kind || ' is ' || coalesce(l.held, 0) || ', should be ' || h.expected
  from public.bookings b
  cross join lateral (
    values
      ('escrow', case when b.status in ('confirmed', 'in_progress') then b.total_amount - b.deposit_amount else 0 end),
      ('deposit', case when b.deposit_status = 'held' then b.deposit_amount else 0 end),
      ('refund_payable', (select coalesce(sum(r.amount), 0)::bigint from public.refunds r where r.booking_id = b.id and r.status <> 'succeeded'))
  ) h (kind, expected)
  -- all balances at once: private.balance() for each took most of the time of all promises together
  left join (
    select a.kind, a.owner, a.currency, -sum(e.amount) as held
    from private.ledger_accounts a join private.ledger_entries e on e.account_id = a.id
    where a.kind in ('escrow', 'deposit', 'refund_payable')
    group by 1, 2, 3
  ) l on l.kind = h.kind and l.owner = b.id::text and l.currency = b.currency
  where coalesce(l.held, 0) <> h.expected
  union all
  select 'payment_disagrees', p.id::text, d.what
  from public.payments p
  join public.bookings b on b.id = p.booking_id
  cross join lateral (
    select 'not what its booking says' as what
    where (p.amount, p.currency, p.payer_id) is distinct from (b.total_amount, b.currency, b.renter_id)
    union all
    select 'attempt ' || a.id || ' over another sum' from public.payment_attempts a
    where a.payment_id = p.id and (a.amount, a.currency) is distinct from (p.amount, p.currency)
    union all
    select 'refund ' || r.id || ' of something else'
    from public.refunds r left join public.payment_attempts a on a.id = r.attempt_id
    where r.payment_id = p.id
      and (r.booking_id, r.payer_id, r.currency, a.payment_id, a.status) is distinct from (p.booking_id, p.payer_id, p.currency, p.id, 'succeeded')
    union all
    select 'refunds of ' || sum(r.amount) from public.refunds r where r.payment_id = p.id having sum(r.amount) > p.amount
  ) d
  union all
  select 'paid_by_another_transaction', a.id::text, a.provider || ' ' || coalesce(a.provider_transaction_id, 'nothing') || w.was
  from public.payment_attempts a
  cross join lateral (
    -- what paid it, as the log has it; or the row of unmatched money an admin gave it
    select ', paid by ' || coalesce(e.data ->> 'provider_transaction_id', 'nothing') as was
    from (select) one
    left join private.domain_events e on e.subject_id = a.id and e.machine = 'payment_attempt' and e.to_state = 'succeeded'
    where (e.data ->> 'provider_transaction_id', (e.data ->> 'transaction_amount')::bigint)
      is distinct from (a.provider_transaction_id, a.transaction_amount)
    union all
    select ', which no applied money has'
    where a.transaction_amount = 0 and not exists (
      select from private.unmatched_money u
      where u.payment_id = a.payment_id and u.provider = a.provider
        and a.provider_transaction_id = u.transaction_id || case u.reason when 'overpaid' then ':' || u.id else '' end
    )
  ) w
  where a.status = 'succeeded'
  union all
  select 'unmatched_refund_disagrees', u.id::text, 'refund ' || coalesce(r.id::text, 'missing')
  from private.unmatched_money u
  left join public.refunds r on r.unmatched_id = u.id
  where (u.settlement is not distinct from 'refunded') <> (r.id is not null)
     or (r.payer_id, r.attempt_id, r.amount, r.currency) is distinct from (u.payer_id, u.attempt_id, u.amount, u.currency) and r.id is not null
  union all
  select 'payment_event_not_applied', e.id::text, e.provider || ' ' || e.provider_event_id
  from private.payment_events e
  where e.verified and e.outcome is null and e.applied_at is null and e.received_at < now() - interval '15 minutes'
  union all
  select 'money_not_on_its_way', m.id::text, m.topic || ' ' || m.status
  from (
    -- what is to leave is in the outbox, or with an admin who sends it by hand
    select id, 'refund' as topic, status from public.refunds where status in ('pending', 'processing') and provider <> 'manual'
    union all
    select id, 'payout', status from public.payouts where status in ('approved', 'processing') and provider <> 'manual'
  ) m
  where not exists (
    select from private.outbox o
    where o.status in ('pending', 'leased', 'dead') and o.topic = m.topic and o.payload ->> (m.topic || '_id') = m.id::text
  )
  union all
  select 'feed_not_read', r.provider, 'last read: ' || coalesce(r.feed_read_at::text, 'never')
  from private.payment_providers r
  where r.has_feed
    and coalesce(r.feed_read_at, (select min(a.created_at) from public.payment_attempts a where a.provider = r.provider)) < now() - interval '1 day'
  union all
  select 'money_long_under_way', m.id::text, m.topic || ': ' || coalesce((
    select max(o.last_error) from private.outbox o
    where o.status in ('pending', 'leased') and o.topic = m.topic and o.payload ->> (m.topic || '_id') = m.id::text
  ), '')
  from (
    select id, 'refund' as topic, interval '14 days' as longest from public.refunds where status = 'processing' and provider <> 'manual'
    union all
    select id, 'payout', interval '3 days' from public.payouts where status = 'processing' and provider <> 'manual'
  ) m
  -- What a provider has accepted waits for ever and counts no try; a refund may take it days, a transfer hours. Since
  -- it was accepted: before that, it may have waited for weeks for an account to go to.
  where (
    select max(e.occurred_at) from private.domain_events e
    where e.subject_id = m.id and e.machine = m.topic and e.to_state = 'processing'
  ) < now() - m.longest
  union all
  select 'refund_to_removed_account', r.id::text, r.status
  from public.refunds r join public.bank_accounts a on a.id = r.bank_account_id
  where r.status = 'pending' and a.removed_at is not null
  union all
  select 'refunded_amount_drift', p.id::text, p.refunded_amount::text
  from public.payments p
  where p.refunded_amount <> (select coalesce(sum(r.amount), 0) from public.refunds r where r.payment_id = p.id and r.status = 'succeeded')
  union all
  select 'notification_gap', i.user_id::text, 'last_seq ' || i.last_seq
  from private.inboxes i
  where i.last_seq <> (select count(n.seq) from public.notifications n where n.user_id = i.user_id)
     or i.last_seq <> (select coalesce(max(n.seq), 0) from public.notifications n where n.user_id = i.user_id)
  union all
  select 'outbox_stuck', o.id::text, o.topic || ': ' || coalesce(o.last_error, 'not taken')
  from private.outbox o
  where o.status in ('pending', 'leased') and o.available_at < now() - interval '15 minutes'
    and coalesce(o.leased_until, o.available_at) < now() - interval '15 minutes'
     -- function outbox puts off what a provider refuses to be asked, or has no settings for, and counts no attempt
     or (o.status = 'pending' and o.last_error ~ '^(rate limited|not set up): ' and o.created_at < now() - interval '1 day'
       and not exists (
         -- those that wait for a bank or an account take days anyway
         select from public.refunds r
         where r.id::text = o.payload ->> 'refund_id' and (r.status <> 'pending' or r.ordered_at > now() - interval '1 day')
       ))
  union all
  select 'job_not_run', j.job, 'last success: ' || coalesce(j.last_success::text, 'none')
  from private.jobs_not_run(private.server_started()) j
  union all
  select 'outbox_dead', o.id::text, o.topic || ': ' || coalesce(o.last_error, '')
  from private.outbox o
  where o.status = 'dead'
  union all
  select 'mail_without_value', n.id::text, n.template || ' ' || n.template_version || ' ' || n.locale || ': ' || v.name[1]
  from private.outbox o
  join public.notifications n
    on n.id = case when o.payload ->> 'notification_id' ~ '^[0-9a-f-]{36}$' then (o.payload ->> 'notification_id')::uuid end
  join public.notification_templates t on t.code = n.template and t.locale = n.locale and t.version = n.template_version
  -- it is rendered when it is sent, which fails for hours before the outbox gives it up
  cross join lateral regexp_matches(t.email_subject || t.email_body, '{{(.*?)}}', 'g') v (name)
  where o.topic = 'email' and o.status in ('pending', 'leased') and n.data ->> v.name[1] is null
  union all
  select 'media_without_object', m.id::text, m.bucket || '/' || m.path
  from public.media m
  where m.status = 'ready'
    and not exists (select from storage.objects o where o.bucket_id = m.bucket and o.name = m.path)
  union all
  select 'attempt_without_end', a.id::text, a.provider || ' ' || a.status
  from public.payment_attempts a
  where a.status in ('created', 'pending') and a.expires_at < now() - interval '4 days'
  union all
  select 'ledger_disagrees', r.subject, r.problem || ' of ' || r.provider || ': expected ' || coalesce(r.expected::text, 'nothing') || ', found ' || coalesce(r.found::text, 'nothing')
  from private.reconcile_ledger() r
  union all
  select 'payout_items_disagree', o.id::text, o.status || ': amount ' || o.amount || ', entries ' || s.total
  from public.payouts o
  cross join lateral (
    select coalesce(-sum(e.amount), 0)::bigint as total
    from private.payout_items i join private.ledger_entries e on e.id = i.entry_id
    where i.payout_id = o.id
  ) s
  where s.total <> case when o.status = 'cancelled' then 0 else o.amount end
  union all
  select 'payout_ledger_disagrees', o.id::text, o.status || ': set aside ' || private.balance('payout_payable', o.id::text, o.currency)
  from public.payouts o
  where private.balance('payout_payable', o.id::text, o.currency) <> case when o.status in ('paid', 'cancelled') then 0 else o.amount end
  union all
  select 'host_balance_disagrees', a.owner, 'taken less made of: ' || sum(e.amount)
  from private.ledger_accounts a
  join private.ledger_entries e on e.account_id = a.id
  join private.ledger_transactions t on t.id = e.transaction_id
  left join private.payout_items i on i.entry_id = e.id
  where a.kind = 'host_payable' and (starts_with(t.event, 'payout_') or i.entry_id is not null)
  group by a.id
  -- what payouts took from a host's account is what they are made of
  having sum(e.amount) <> 0
  union all
  select 'payout_despite_hold', o.id::text, o.status
  from public.payouts o
  where o.status in ('scheduled', 'approved') and private.payout_carries_hold(o.id)
  union all
  select 'payout_to_removed_account', o.id::text, o.status
  from public.payouts o join public.bank_accounts b on b.id = o.bank_account_id
  where o.status in ('scheduled', 'approved') and b.removed_at is not null
  union all
  select 'bank_account_unreadable', b.id::text, 'of ' || b.user_id
  -- deciphering takes a moment each: a lost key is seen on the first as well as on the last
  from (
    (select * from public.bank_accounts order by created_at desc limit 100)
    union
    (select * from public.bank_accounts order by created_at limit 100)
  ) b
  where not private.is_readable(b::public.bank_accounts)
  union all
  select 'receipt_gap', s.series, 'last ' || s.last_seq || ', issued ' || i.count || ', skipped ' || k.count || ', highest ' || greatest(i.highest, k.highest)
  from private.receipt_series s
  cross join lateral (select count(*) as count, coalesce(max(r.seq), 0) as highest from public.receipts r where r.series = s.series) i
  cross join lateral (
    select coalesce(sum(n.last_seq - n.first_seq + 1), 0) as count, coalesce(max(n.last_seq), 0) as highest
    from private.skipped_receipts n where n.series = s.series
  ) k
  where s.last_seq <> i.count + k.count or s.last_seq <> greatest(i.highest, k.highest)
  union all
  select 'receipt_missing', p.id::text, 'paid at ' || p.succeeded_at
  from public.payments p
  join public.bookings b on b.id = p.booking_id and b.confirmed_at is not null and p.amount > b.deposit_amount
  where not exists (select from public.receipts r where r.payment_id = p.id and r.kind = 'receipt')
    and not exists (select from private.outbox o where o.topic = 'receipt' and o.dedupe_key = 'receipt:' || p.id and o.status in ('pending', 'leased', 'dead'))
  union all
  select 'credit_note_missing', r.id::text, r.kind
  from public.refunds r
  where r.status = 'succeeded' and private.credited_amount(r) > 0
    and not exists (select from public.receipts c where c.refund_id = r.id)
    and not exists (select from private.outbox o where o.topic = 'receipt' and o.dedupe_key = 'credit_note:' || r.id and o.status in ('pending', 'leased', 'dead'))
  union all
  select 'state_without_history', s.id::text, s.machine || ' ' || s.status
  from (
    select id, 'booking' as machine, status from public.bookings
    union all select id, 'payment', status from public.payments
    union all select id, 'refund', status from public.refunds
    union all select id, 'payout', status from public.payouts
    union all select id, 'vehicle', status from public.vehicles
  ) s
  where s.status is distinct from (
    select e.to_state from private.domain_events e
    where e.subject_id = s.id and e.machine = s.machine
    order by e.id desc
    limit 1
  )
$$;
comment on function private.check_invariants is 'One row per broken promise: invariant, the row it is about, and what was found.';

create function private.check_invariants_as_admin()
returns table (invariant text, subject_id text, detail text)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  return query select * from private.check_invariants();
end
$$;
create function public.check_invariants()
returns table (invariant text, subject_id text, detail text)
language sql stable set search_path = ''
as $$ select * from private.check_invariants_as_admin() $$;
comment on function public.check_invariants is 'Admin: one row per broken promise; none means healthy. Errors: forbidden.';
revoke all on function private.check_invariants_as_admin(), public.check_invariants() from public, anon, authenticated, service_role;
grant execute on function private.check_invariants_as_admin(), public.check_invariants() to authenticated;
