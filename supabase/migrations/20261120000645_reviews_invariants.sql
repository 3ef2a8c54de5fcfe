-- Reviews: what must always hold.
-- Rule kept here: each invariant names the row that breaks it.

create function private.invariant_rating_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select kind || ' ' || id, format('%s of %s, should be %s of %s', stored.average, stored.count, r.average, coalesce(r.count, 0))
  from (
    select 'vehicle' as kind, id, rating_average as average, rating_count as count from public.vehicles
    union all
    select 'person', id, rating_average, rating_count from public.profiles
  ) stored
  left join private.review_ratings r using (kind, id)
  where (stored.average, stored.count) is distinct from (r.average, coalesce(r.count, 0))
$$;

create function private.invariant_trip_not_reviewable()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select 'booking ' || b.id, 'completed, and its two sides are not invited to review'
  from public.bookings b
  where b.status = 'completed' and (select count(*) from public.review_invitations i where i.booking_id = b.id) <> 2
$$;

create function private.invariant_review_not_released()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select 'review ' || r.id, 'written, and its time is over since ' || r.write_until
  from public.reviews r
  where r.status = 'written' and r.write_until < now() - interval '1 hour'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('rating_disagrees', 'warning', 'A stored rating is not the average of the released reviews.',
    'A trigger keeps this, so somebody wrote the rating or switched the trigger off. Touch one of its released reviews (update … set rating = rating), and it is computed again.'),
  ('trip_not_reviewable', 'warning', 'A completed trip has no invitations, so nobody can review it.',
    'A trigger writes them. Insert the two rows of review_invitations.'),
  ('review_not_released', 'warning', 'A review is still counted as unreleased an hour after its time was over. People read it already, but it does not count.',
    'Look why the job journey_reviews does not run.');
