-- Operations: the facts that the function health shows, and what waits for a person.
-- Rule kept here: numbers and names of rails only, so that nothing of a person is in it.
-- Left out on purpose: what is broken, which check_invariants names.

create function private.health_facts()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select private.counts_of_health() || jsonb_build_object(
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
comment on function public.health_facts is 'Answers the facts that the function health shows: each count of docs/registries.md by its name; `payout_provider`, who sends transfers; and `rails`, the payment providers that are switched on, or that still have open attempts or refunds. Service only.';
select private.expose('health_facts()', 'service_role');
