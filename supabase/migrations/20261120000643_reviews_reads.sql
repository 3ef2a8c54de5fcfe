-- Reviews: what screens show.
-- Rule kept here: a list for others shows what is released and nothing else.
-- Left out on purpose: other sorts than the newest first.

create function private.list_reviews(p_vehicle_id uuid, p_user_id uuid, p_after jsonb, p_page_size int)
returns table (
  id uuid, booking_id uuid, vehicle_id uuid, side text, author_id uuid, author_name text, author_avatar_path text, subject_id uuid,
  rating int, aspects jsonb, comment text, reply text, replied_at timestamptz, released_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_start private.page_start := private.read_page(p_after, 'released_at', p_page_size);
begin
  if (p_vehicle_id is null) = (p_user_id is null) then
    perform private.fail_input('of_vehicle_id', 'must be given, or of_user_id, and not both');
  end if;
  return query
    select r.id, r.booking_id, r.vehicle_id, r.side, r.author_id, p.display_name, p.avatar_path, r.subject_id,
      r.rating, r.aspects, r.comment, r.reply, r.replied_at, r.released_at
    from public.reviews r
    left join lateral public.public_profile(r.author_id) p on true
    where r.status = 'released'
      and (r.vehicle_id = p_vehicle_id and r.side = 'renter' or r.subject_id = p_user_id)
      and (v_start.id is null or (r.released_at, r.id) < (v_start.at, v_start.id))
    order by r.released_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.list_reviews(of_vehicle_id uuid default null, of_user_id uuid default null, after jsonb default null, page_size int default 20)
returns table (
  id uuid, booking_id uuid, vehicle_id uuid, side text, author_id uuid, author_name text, author_avatar_path text, subject_id uuid,
  rating int, aspects jsonb, comment text, reply text, replied_at timestamptz, released_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_reviews(of_vehicle_id, of_user_id, after, page_size) $$;
comment on function public.list_reviews is 'Lists the public reviews of a vehicle, or those about a person as host and as renter: give one of the two ids. The newest comes first. An author who has deleted the account has no name. `after` takes {released_at, id} of the last row. Errors: invalid_input.';
select private.expose('list_reviews(uuid, uuid, jsonb, int)', 'anon', 'authenticated');

-- In the page of a vehicle.
create or replace function private.shown_reviews(p_vehicle_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(n) || jsonb_build_object('author_name', p.display_name, 'author_avatar_path', p.avatar_path) order by n.released_at desc, n.id desc), '[]')
    from (
      select r.id, r.booking_id, r.vehicle_id, r.side, r.author_id, r.subject_id, r.rating, r.aspects, r.comment, r.reply, r.replied_at, r.released_at
      from public.reviews r
      where r.status = 'released' and r.vehicle_id = p_vehicle_id and r.side = 'renter'
      order by r.released_at desc, r.id desc
      limit 5
    ) n
    left join lateral public.public_profile(n.author_id) p on true
  );
end
$$;

-- The owner's rights, because an author reads why staff has hidden a review.
create function private.my_reviews(p_after jsonb, p_page_size int)
returns setof public.reviews
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select * from public.reviews r
    where r.author_id = v_user_id and (v_start.id is null or (r.created_at, r.id) < (v_start.at, v_start.id))
    order by r.created_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.my_reviews(after jsonb default null, page_size int default 20)
returns setof public.reviews
language sql stable set search_path = ''
as $$ select * from private.my_reviews(after, page_size) $$;
comment on function public.my_reviews is 'Lists the reviews that the caller has written, the newest first, also those that are not public yet, with the reason of staff where one is hidden. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_reviews(jsonb, int)', 'authenticated');

-- Whether the other side has written, and nothing of what.
create function private.other_has_reviewed(p_booking_id uuid)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (
    select from public.review_invitations i
    join public.reviews r on r.booking_id = i.booking_id and r.side <> i.side and r.status <> 'withdrawn'
    where i.booking_id = p_booking_id and i.author_id = auth.uid()
  );
end
$$;
revoke all on function private.other_has_reviewed(uuid) from public, anon, service_role;
grant execute on function private.other_has_reviewed(uuid) to authenticated;

create function public.reviews_to_write()
returns table (booking_id uuid, side text, subject_id uuid, subject_name text, vehicle_id uuid, vehicle_title text, write_until timestamptz, other_has_written boolean)
language sql stable set search_path = ''
as $$
  select i.booking_id, i.side, i.subject_id, p.display_name, i.vehicle_id, v.title, i.write_until, private.other_has_reviewed(i.booking_id)
  from public.review_invitations i
  left join lateral public.public_profile(i.subject_id) p on true
  left join public.vehicles v on v.id = i.vehicle_id
  where i.author_id = (select auth.uid()) and i.write_until > now()
    and not exists (select from public.reviews r where r.booking_id = i.booking_id and r.side = i.side and r.status <> 'withdrawn')
  order by i.write_until, i.booking_id
  limit 100
$$;
comment on function public.reviews_to_write is 'Lists the trips that the caller may still review, the one that ends first first, at most 100. `other_has_written` says whether the other side has; its words are public when the caller has written too.';

select private.expose('reviews_to_write()', 'authenticated');
