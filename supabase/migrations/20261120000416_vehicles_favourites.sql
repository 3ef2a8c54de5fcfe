-- Vehicles: the ones a person likes.
-- Rule kept here: a favourite is a pair, and nobody else learns of it.
-- Left out on purpose: lists with names.

alter table private.settings
  add constraint settings_max_favourites check (key <> 'max_favourites' or private.is_whole(value, 1, 10000));
insert into private.settings (key, value, description) values
  ('max_favourites', '500', 'How many vehicles one person may have as favourites.');
insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('too_many_favourites', 409, false, 'You have as many favourites as one person may have. Remove one first.', 'Bạn đã lưu tối đa số xe yêu thích. Vui lòng bỏ bớt một xe trước.');

create table public.favourites (
  user_id uuid not null references public.profiles on delete cascade,
  vehicle_id uuid not null references public.vehicles on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, vehicle_id)
);
create index favourites_vehicle_idx on public.favourites (vehicle_id);
create index favourites_newest_idx on public.favourites (user_id, created_at desc, vehicle_id desc);
comment on table public.favourites is 'Vehicles that a person likes. Only that person sees them.';
alter table public.favourites enable row level security;
revoke all on public.favourites from anon, authenticated, service_role;
grant select on public.favourites to authenticated, service_role;
create policy select_own on public.favourites for select to authenticated using (user_id = (select auth.uid()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.favourites', 'r.user_id = $1', 'erase', null, 'What the person likes is of use to nobody else.');

create function private.set_favourite(p_vehicle_id uuid, p_is_favourite boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if p_is_favourite is null then
    perform private.fail_input('is_favourite', 'must be true or false');
  end if;
  if not p_is_favourite then
    delete from public.favourites where user_id = v_user_id and vehicle_id = p_vehicle_id;
    return;
  end if;
  perform private.seen_vehicle(p_vehicle_id);
  -- calls at once of one person meet here, so that the count holds
  perform pg_advisory_xact_lock(hashtextextended('favourites:' || v_user_id, 0));
  insert into public.favourites (user_id, vehicle_id) values (v_user_id, p_vehicle_id) on conflict do nothing;
  if (select count(*) from public.favourites where user_id = v_user_id) > (private.setting('max_favourites'))::int then
    perform private.fail('too_many_favourites', jsonb_build_object('limit', private.setting('max_favourites')));
  end if;
end
$$;
create function public.set_favourite(vehicle_id uuid, is_favourite boolean)
returns void
language sql volatile set search_path = ''
as $$ select private.set_favourite(vehicle_id, is_favourite) $$;
comment on function public.set_favourite is 'Makes a vehicle that the caller can see a favourite, or no longer. Repeatable. Errors: vehicle_not_found, too_many_favourites (details.limit), invalid_input.';
select private.expose('set_favourite(uuid, boolean)', 'authenticated');

create function private.my_favourites(p_after jsonb, p_page_size int)
returns table (id uuid, created_at timestamptz, title text, kind text, brand text, model text, year int, seats int, price_per_day bigint,
  currency text, city text, rating_average numeric, rating_count int, is_offered boolean, cover_bucket text, cover_path text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select v.id, f.created_at, v.title, v.kind, v.brand, v.model, v.year, v.seats, v.price_per_day, v.currency, v.city,
      v.rating_average, v.rating_count,
      v.status = 'published' and not exists (select from private.suspended_people s where s.user_id = v.host_id), m.bucket, m.path
    from public.favourites f
    join public.vehicles v on v.id = f.vehicle_id
    left join public.vehicle_images i on i.vehicle_id = v.id and i.position = (select min(x.position) from public.vehicle_images x where x.vehicle_id = v.id)
    left join public.media m on m.id = i.media_id and m.status = 'ready'
    where f.user_id = v_user_id and v.host_id <> all (private.blocked_with(v_user_id))
      and (v_start.id is null or (f.created_at, f.vehicle_id) < (v_start.at, v_start.id))
    order by f.created_at desc, f.vehicle_id desc
    limit p_page_size;
end
$$;
create function public.my_favourites(after jsonb default null, page_size int default 20)
returns table (id uuid, created_at timestamptz, title text, kind text, brand text, model text, year int, seats int, price_per_day bigint,
  currency text, city text, rating_average numeric, rating_count int, is_offered boolean, cover_bucket text, cover_path text)
language sql stable set search_path = ''
as $$ select * from private.my_favourites($1, $2) $$;
comment on function public.my_favourites is 'Lists the caller''s favourites, the last liked first. `id` is the vehicle''s, and is_offered says whether it can be booked at all now. Those of people with whom the caller has a block are left out. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_favourites(jsonb, int)', 'authenticated');
