-- Reviews: the ratings of vehicles and people.
-- Rule kept here: a stored rating is the average of the reviews that are out, changed in the transaction that changes
-- them, by whatever made the change.
-- Left out on purpose: weights by age or by author.

create view private.review_ratings with (security_invoker = true) as
select 'vehicle' as kind, vehicle_id as id, round(avg(rating), 2) as average, count(*)::int as count
from public.reviews where status = 'released' and side = 'renter' group by vehicle_id
union all
select 'person', subject_id, round(avg(rating), 2), count(*)::int
from public.reviews where status = 'released' group by subject_id;
comment on view private.review_ratings is 'What the ratings of vehicles and people must be.';

-- Vehicles first, then people, each in the order of their ids: two transactions never wait for each other in a circle. Each
-- is locked before its reviews are counted, so that the count sees what another transaction has just released.
create function private.store_ratings()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_id uuid;
  v_average numeric;
  v_count int;
begin
  for v_id in select distinct vehicle_id from changed where side = 'renter' order by 1 loop
    perform from public.vehicles where id = v_id for no key update;
    select average, count into v_average, v_count from private.review_ratings where kind = 'vehicle' and id = v_id;
    update public.vehicles set rating_average = v_average, rating_count = coalesce(v_count, 0) where id = v_id;
  end loop;
  for v_id in select distinct subject_id from changed order by 1 loop
    perform from public.profiles where id = v_id for no key update;
    select average, count into v_average, v_count from private.review_ratings where kind = 'person' and id = v_id;
    update public.profiles set rating_average = v_average, rating_count = coalesce(v_count, 0) where id = v_id;
  end loop;
  return null;
end
$$;
create trigger store_ratings after update on public.reviews
  referencing new table as changed
  for each statement execute function private.store_ratings();
