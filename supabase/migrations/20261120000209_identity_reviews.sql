-- Identity: licences that wait for a review.
-- Rule kept here: an admin sees everything a decision needs in one row, also who else has the number.
-- Left out on purpose: the decision, which is review_licence.

create function private.licences_to_review(p_after jsonb, p_page_size int)
returns table (
  id uuid, user_id uuid, display_name text, full_name text, date_of_birth date, number_last4 text, scheme text, classes text[],
  automatic_only boolean, issued_on date, valid_until date, waiting_since timestamptz, front jsonb, back jsonb, same_number jsonb, claim jsonb, suspended jsonb
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'waiting_since', p_page_size);
begin
  perform private.require_staff();
  return query
    select l.id, l.user_id, p.display_name, l.full_name, l.date_of_birth, l.number_last4, l.scheme, l.classes,
      l.automatic_only, l.issued_on, l.valid_until, l.created_at,
      jsonb_build_object('bucket', f.bucket, 'path', f.path), jsonb_build_object('bucket', b.bucket, 'path', b.path),
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'licence_id', o.id, 'user_id', o.user_id, 'display_name', op.display_name, 'status', o.status) order by o.created_at), '[]')
        from public.driver_licences o
        join public.profiles op on op.id = o.user_id
        where o.number_hash = l.number_hash and o.user_id <> l.user_id
      ),
      private.review_claim('licence', l.id),
      private.suspended_matches(l.user_id, l.number_hash)
    from public.driver_licences l
    join public.profiles p on p.id = l.user_id
    join public.media f on f.id = l.front_media_id
    join public.media b on b.id = l.back_media_id
    where l.status = 'pending' and (v_start.id is null or (l.created_at, l.id) > (v_start.at, v_start.id))
    order by l.created_at, l.id
    limit p_page_size;
end
$$;
create function public.licences_to_review(after jsonb default null, page_size int default 20)
returns table (
  id uuid, user_id uuid, display_name text, full_name text, date_of_birth date, number_last4 text, scheme text, classes text[],
  automatic_only boolean, issued_on date, valid_until date, waiting_since timestamptz, front jsonb, back jsonb, same_number jsonb, claim jsonb, suspended jsonb
)
language sql stable set search_path = ''
as $$ select * from private.licences_to_review($1, $2) $$;
comment on function public.licences_to_review is 'Support: lists driver licences that wait for a review, the longest waiting first. `front` and `back` are {bucket, path} of the photos. `same_number` lists the licences of other people with this number: [{licence_id, user_id, display_name, status}]. `claim` says who works on it, {claimed_by, claimed_by_name, claimed_at, expires_at}, or is null. `suspended` lists suspended people with the same licence number or phone, so that nobody comes back by another account: [{user_id, reason, same: licence or phone}]. `after` takes {waiting_since, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('licences_to_review(jsonb, int)', 'authenticated');

create function private.count_licences_to_review()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.driver_licences where status = 'pending' $$;

create function private.count_licences_to_review_hours()
returns bigint
language sql stable set search_path = ''
as $$ select coalesce(floor(extract(epoch from now() - min(created_at)) / 3600), 0)::bigint from public.driver_licences where status = 'pending' $$;

insert into private.health_counts (name, description) values
  ('licences_to_review', 'Driver licences that wait for a review.'),
  ('licences_to_review_hours', 'Whole hours that the oldest driver licence has waited for a review.');
