-- Operations: the facts that the function health shows, and what waits for a person.
-- Rule kept here: numbers and names of rails only, so that nothing of a person is in it.
-- Left out on purpose: what is broken, which check_invariants names.

create function private.health_facts()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'outbox_due', (select count(*) from private.outbox where status = 'pending' and available_at <= now()),
    'outbox_dead', (select count(*) from private.outbox where status = 'dead'),
    'unmatched_open', (select count(*) from private.unmatched_money where status = 'open'),
    'needs_review_open', (select count(*) from private.payment_events where outcome = 'needs_review' and acknowledged_at is null),
    'refunds_open', (select count(*) from public.refunds where status <> 'succeeded'),
    'refunds_to_send', (
      select count(*) from public.refunds r
      join public.bank_accounts b on b.id = r.bank_account_id and b.usable_from <= now() and b.removed_at is null
      where r.status = 'pending' and r.provider = 'manual'
    ),
    'batches_proposed', (
      select count(*) from public.payout_batches b
      where exists (select from public.payouts o where o.batch_id = b.id and o.status = 'scheduled')
    ),
    'payouts_to_send', (select count(*) from public.payouts where status = 'approved' and provider = 'manual'),
    'payouts_frozen', (select count(*) from public.payouts where status = 'frozen'),
    'payouts_failed', (select count(*) from public.payouts where status = 'failed'),
    'payout_provider', private.transfer_provider(),
    'rails', (
      select coalesce(jsonb_agg(p.provider order by p.provider), '[]')
      from private.payment_providers p
      where p.enabled
         -- switched off, and still needed
         or exists (select from public.payment_attempts a where a.provider = p.provider and a.status in ('created', 'pending'))
         or exists (select from public.refunds r where r.provider = p.provider and r.method = 'provider' and r.status in ('pending', 'processing'))
    )
  )
$$;
create function public.health_facts()
returns jsonb
language sql stable set search_path = ''
as $$ select private.health_facts() $$;
comment on function public.health_facts is 'Answers the facts that the function health shows. Counts: outbox_due, outbox_dead, unmatched_open, needs_review_open (messages of providers), refunds_open, refunds_to_send and payouts_to_send (by an admin, by hand), batches_proposed (with a payout that waits for approval), payouts_frozen, payouts_failed. `payout_provider` is who sends transfers. `rails` are the payment providers that are switched on, or that still have open attempts or refunds. Service only.';
select private.expose('health_facts()', 'service_role');
