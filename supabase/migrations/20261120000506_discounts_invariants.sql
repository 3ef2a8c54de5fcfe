-- Discounts: what must hold of codes at any time.
-- Rule kept here: the counter of a code counts its redemptions, and nobody and nothing passes a limit.

create function private.invariant_discount_miscounted()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select d.id::text, format('uses %s, redemptions %s', d.uses, coalesce(r.n, 0))
  from public.discounts d
  left join (select r.discount_id, count(*) as n from public.discount_redemptions r where r.is_counted group by 1) r on r.discount_id = d.id
  where d.uses <> coalesce(r.n, 0)
  union all
  select r.id::text, 'used and not counted'
  from public.discount_redemptions r join public.discounts d on d.id = r.discount_id
  where r.status <> 'released' and r.is_counted <> (d.total_limit is not null)
$$;

create function private.invariant_discount_not_released()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, 'held until ' || r.held_until
  from public.discount_redemptions r
  where r.status = 'reserved' and r.held_until < now() - interval '30 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('discount_miscounted', 'critical', 'The counter of a discount code is not the number of its redemptions.',
    'A defect in a command, or somebody changed rows by SQL. Pause the code (`admin.discounts.update`), and keep its rows of discount_redemptions for the report.'),
  ('discount_not_released', 'warning', 'The use of a discount code is still kept 30 minutes after its time. It can be used all the same.',
    'The job journey_discounts does not run: the database log says why.');
