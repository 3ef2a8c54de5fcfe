-- Identity: what people see of one another, how they find one another, and to whom receipts are made out.
-- Rule kept here: of another person everybody reads the same few columns, by whichever way they come; a phone number or
-- an address is never among them.
-- Left out on purpose: ratings, which reviews writes.

insert into private.rate_limits (action, capacity, per_minute) values
  ('search_users', 30, 30),
  ('set_billing_details', 10, 2);

-- Who reads how fast somebody answers must not know of bookings, and bookings know nothing of profiles that are shown:
-- the module of what was asked writes a row for each answer here.
create table private.response_times (
  subject_id uuid primary key,
  user_id uuid not null references public.profiles on delete cascade,
  seconds int not null,
  answered_at timestamptz not null,
  constraint response_times_not_negative check (seconds >= 0)
);
comment on table private.response_times is 'How long people took to answer a request. Each module writes those of its own requests, and can compute them again from the log. When the account is deleted, the rows are erased.';
comment on column private.response_times.subject_id is 'The request that was answered, such as a booking.';
comment on column private.response_times.seconds is 'From the request to its answer; of a request that ran out, to its end.';
alter table private.response_times enable row level security;
create index response_times_user_idx on private.response_times (user_id, answered_at desc);

-- Half of the last 20 requests were answered within so many minutes; null for somebody who was never asked.
create function private.response_minutes(p_user_id uuid)
returns int
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select ceil(percentile_cont(0.5) within group (order by r.seconds) / 60)::int
    from (select t.seconds from private.response_times t where t.user_id = p_user_id order by t.answered_at desc limit 20) r
  );
end
$$;

-- Whatever shows a person to others asks this.
create function private.public_profiles(p_ids uuid[])
returns table (
  user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, response_minutes int,
  member_since date, is_phone_verified boolean, is_email_verified boolean, is_licence_verified boolean
)
language sql stable security definer set search_path = ''
as $$
  select p.id, p.display_name, m.path, p.rating_average, p.rating_count, private.response_minutes(p.id), p.created_at::date,
    p.phone_verified_at is not null, p.email_verified_at is not null,
    exists (select from public.driver_licences l where l.user_id = p.id and l.status = 'verified' and coalesce(l.valid_until >= current_date, true))
  from (select u.id, min(u.i) as i from unnest(p_ids) with ordinality u (id, i) group by u.id) asked
  join public.profiles p on p.id = asked.id and p.deleted_at is null
  left join public.media m on m.id = p.avatar_media_id and m.status = 'ready'
  order by asked.i
$$;

create function private.get_users(p_ids uuid[])
returns table (
  user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, response_minutes int,
  member_since date, is_phone_verified boolean, is_email_verified boolean, is_licence_verified boolean
)
language plpgsql stable security definer set search_path = ''
as $$
begin
  if p_ids is null or cardinality(p_ids) > 100 then
    perform private.fail_input('ids', 'must be at most 100 ids');
  end if;
  return query select * from private.public_profiles(p_ids);
end
$$;
create function public.get_users(ids uuid[])
returns table (
  user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, response_minutes int,
  member_since date, is_phone_verified boolean, is_email_verified boolean, is_licence_verified boolean
)
language sql stable set search_path = ''
as $$ select * from private.get_users($1) $$;
comment on function public.get_users is 'Answers what anybody may see of several people, in the order of `ids` (at most 100): name, avatar path in the avatars bucket, rating, response time, the day they joined, and what of them is verified. `response_minutes` is how long the person takes to answer a booking request: the median of the last 20, where one that ran out counts until its end; null for somebody who was never asked. There is no row for a person who does not exist, and one for an id that is named twice. Errors: invalid_input.';
select private.expose('get_users(uuid[])', 'anon', 'authenticated', 'service_role');

create function private.public_profile(p_user_id uuid)
returns table (
  user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, response_minutes int,
  member_since date, is_phone_verified boolean, is_email_verified boolean, is_licence_verified boolean
)
language sql stable security definer set search_path = ''
as $$ select * from private.public_profiles(array[p_user_id]) $$;
create function public.public_profile(id uuid)
returns table (
  user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, response_minutes int,
  member_since date, is_phone_verified boolean, is_email_verified boolean, is_licence_verified boolean
)
language sql stable set search_path = ''
as $$ select * from private.public_profile($1) $$;
comment on function public.public_profile is 'Answers what anybody may see of a person, as get_users does. There is no row when the person does not exist.';
select private.expose('public_profile(uuid)', 'anon', 'authenticated', 'service_role');

-- Search ---------------------------------------------------------------------------------------------------------

-- The words of a name as they are compared, each after a blank, so that a pattern can ask for the beginning of one.
create function private.name_words(p_text text)
returns text
language sql immutable strict parallel safe set search_path = ''
as $$ select ' ' || btrim(regexp_replace(private.fold_text(p_text), '[-\s_./,;:()''’"]+', ' ', 'g')) $$;
-- the index is written as the person who changes their name
grant execute on function private.fold_text(text), private.name_words(text) to authenticated;

-- One finds rare names, the other the first of many. DO NOT make them partial: the planner takes what it knows of an
-- expression from an index of all rows only, and without it would sort everybody who is called Nguyen.
create index profiles_words_idx on public.profiles using gin (private.name_words(display_name) extensions.gin_trgm_ops);
create index profiles_names_idx on public.profiles ((private.name_words(display_name) collate "C"), id);

create function private.search_users(p_q text, p_after jsonb, p_page_size int)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_words text[] := array(
    select distinct w from regexp_split_to_table(private.name_words(private.tidy_text(p_q)), ' ') w where w <> ''
  );
  v_where text := '';
  v_word text;
  v_ids uuid[];
begin
  perform private.take_token('search_users', v_user_id::text);
  perform private.require_page_size(p_page_size);
  if char_length(p_q) > 80 or cardinality(v_words) > 8 or char_length(array_to_string(v_words, '')) < 2 then
    perform private.fail_input('q', 'must have 2 to 80 characters in at most 8 words');
  end if;
  if p_after is not null then
    if jsonb_typeof(p_after -> 'display_name') is distinct from 'string'
       or coalesce(p_after ->> 'user_id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      perform private.fail_input('after', 'needs display_name and user_id of the last row');
    end if;
    v_where := ' and (private.name_words(p.display_name) collate "C", p.id) > (private.name_words($3) collate "C", $4)';
  end if;
  foreach v_word in array v_words loop
    -- signs of patterns stand for themselves
    v_where := v_where || format(' and private.name_words(p.display_name) like %L', '% ' || regexp_replace(v_word, '([\\%_])', '\\\1', 'g') || '%');
  end loop;
  execute 'select array(
      select p.id from public.profiles p
      where p.deleted_at is null and p.is_findable and p.id <> $1'
        -- who may not sign in is not found
        || ' and not exists (select from auth.users a where a.id = p.id and a.banned_until > now())
        and not exists (select from private.suspended_people s where s.user_id = p.id)
        and p.id <> all ($5)'
        || v_where || '
      order by private.name_words(p.display_name) collate "C", p.id
      limit $2)'
    into v_ids using v_user_id, p_page_size, p_after ->> 'display_name', (p_after ->> 'user_id')::uuid, private.blocked_with(v_user_id);
  return coalesce((select jsonb_agg(to_jsonb(u) order by array_position(v_ids, u.user_id)) from private.public_profiles(v_ids) u), '[]');
end
$$;
create function public.search_users(q text, after jsonb default null, page_size int default 20)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.search_users(q, after, page_size) $$;
comment on function public.search_users is 'Finds people by the beginnings of words of their names, with or without diacritics (`nguyen` finds Nguyễn, `d` finds Đ), in the order of the names. `q` has 2 to 80 characters in at most 8 words, and all words must be in the name. Answers rows as get_users does. `after` takes {display_name, user_id} of the last row, and `page_size` is 1 to 100. The caller is not among them, nor is somebody who is suspended or may not sign in, does not want to be found, or has blocked the caller or is blocked by them. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('search_users(text, jsonb, int)', 'search_users', 'auth.uid()', 'authenticated');

-- Billing details ------------------------------------------------------------------------------------------------

-- 10 digits, of which the last is computed from the others; a branch has three more. Since July 2025 a person's is the
-- number of the identity card, 12 digits without a check digit.
create function private.is_tax_code(p_code text)
returns boolean
language sql immutable strict parallel safe set search_path = ''
as $$
  select case
    when p_code ~ '^0[0-9]{11}$' then true
    when p_code ~ '^[0-9]{10}(-[0-9]{3})?$' then
      left(p_code, 2) <> '00' and substr(p_code, 3, 7) <> '0000000' and right(p_code, 4) <> '-000'
      and substr(p_code, 10, 1) = (10 - (
        select sum(substr(p_code, i::int, 1)::int * w) from unnest('{31,29,23,19,17,13,7,5,3}'::int[]) with ordinality u (w, i)
      ) % 11)::text
    else false
  end
$$;

create table public.billing_details (
  user_id uuid primary key references public.profiles on delete cascade,
  legal_name text not null,
  tax_code text,
  address text not null,
  updated_at timestamptz not null default now(),
  constraint billing_details_legal_name_length check (char_length(legal_name) between 2 and 200),
  constraint billing_details_legal_name_tidy check (private.is_tidy(legal_name)),
  constraint billing_details_tax_code_form check (private.is_tax_code(tax_code)),
  constraint billing_details_address_length check (char_length(address) between 5 and 300),
  constraint billing_details_address_tidy check (private.is_tidy(address))
);
comment on table public.billing_details is 'To whom receipts of a person are made out from now on. Those that are issued keep what they say. When the account is deleted, the row is erased.';
comment on column public.billing_details.legal_name is 'Of the person or the company.';
comment on column public.billing_details.tax_code is 'Mã số thuế: 10 digits, 10 and 3 of a branch with a hyphen between them, or the 12 digits of an identity card. Null without one.';
create trigger touch before update on public.billing_details for each row execute function private.touch();
alter table public.billing_details enable row level security;
revoke all on public.billing_details from anon, authenticated, service_role;
grant select on public.billing_details to authenticated, service_role;
create policy select_self on public.billing_details for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

create function private.set_billing_details(p_legal_name text, p_address text, p_tax_code text)
returns public.billing_details
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_legal_name text := private.tidy_text(p_legal_name);
  v_address text := private.tidy_text(p_address);
  v_digits text := regexp_replace(private.tidy_text(p_tax_code), '[ .-]', '', 'g');
  v_tax_code text := nullif(case when v_digits ~ '^[0-9]{13}$' then left(v_digits, 10) || '-' || right(v_digits, 3) else v_digits end, '');
  v_details public.billing_details;
begin
  perform private.take_token('set_billing_details', v_user_id::text);
  if coalesce(char_length(v_legal_name), 0) not between 2 and 200 or not private.shows_something(v_legal_name) then
    perform private.fail_input('legal_name', 'must have 2 to 200 characters');
  end if;
  if coalesce(char_length(v_address), 0) not between 5 and 300 or not private.shows_something(v_address) then
    perform private.fail_input('address', 'must have 5 to 300 characters');
  end if;
  if not private.is_tax_code(v_tax_code) then
    perform private.fail_input('tax_code', 'must be a Vietnamese tax code of 10, 12 or 13 digits; one of its digits is wrong');
  end if;
  insert into public.billing_details as b (user_id, legal_name, tax_code, address)
  values (v_user_id, v_legal_name, v_tax_code, v_address)
  on conflict (user_id) do update set legal_name = excluded.legal_name, tax_code = excluded.tax_code, address = excluded.address
  returning * into v_details;
  return v_details;
end
$$;
create function public.set_billing_details(legal_name text, address text, tax_code text default null)
returns public.billing_details
language sql volatile set search_path = ''
as $$ select private.set_billing_details(legal_name, address, tax_code) $$;
comment on function public.set_billing_details is 'Sets to whom the caller''s receipts are made out from now on: `legal_name` of the person or company (2–200 characters), `address` (5–300) and `tax_code`: 10 digits, 13 for a branch, or the 12 of an identity card, with or without blanks, dots and hyphens; null without one. Issued receipts stay as they are. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('set_billing_details(text, text, text)', 'set_billing_details', 'auth.uid()', 'authenticated');

create function private.remove_billing_details()
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  delete from public.billing_details where user_id = v_user_id;
end
$$;
create function public.remove_billing_details()
returns void
language sql volatile set search_path = ''
as $$ select private.remove_billing_details() $$;
comment on function public.remove_billing_details is 'Removes the caller''s billing details. Receipts are made out to the name on the profile from then on. Repeatable.';
select private.expose('remove_billing_details()', 'authenticated');

-- How a receipt names its buyer.
create function private.buyer_of(p_user_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('name', coalesce(b.legal_name, p.display_name), 'tax_code', coalesce(b.tax_code, ''), 'address', coalesce(b.address, ''))
    from public.profiles p
    left join public.billing_details b on b.user_id = p.id
    where p.id = p_user_id
  );
end
$$;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.billing_details', 'r.user_id = $1', 'erase', null, 'Used for receipts of the future alone. Those that were issued have a copy.'),
  ('private.response_times', 'r.user_id = $1', 'erase', '{seconds,answered_at}', 'Shown on a profile that is gone.');
