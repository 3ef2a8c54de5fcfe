-- Identity: who people are here, and what they may drive.
-- Rule kept here: a profile exists for every account; roles are rows, looked up and never trusted from a token;
-- people edit the plain columns of their own profile and nothing else.
-- Left out on purpose: sign-in itself, which is Supabase Auth's.

-- Whether these are links that a profile may show: at most one of each kind, to the place that its kind names.
create function private.are_profile_links(p_links jsonb)
returns boolean
language sql immutable strict parallel safe set search_path = ''
as $$
  select case when jsonb_typeof(p_links) <> 'array' then false else (
    select count(*) = count(distinct l ->> 'kind') and coalesce(bool_and(case
      when jsonb_typeof(l) <> 'object' then false
      when l - '{kind,url}'::text[] <> '{}' or jsonb_typeof(l -> 'url') <> 'string' or char_length(l ->> 'url') > 200 then false
      -- letters of plain ASCII, without a name, a password or a port, and without what HTML and quotes are made of
      else coalesce(l ->> 'url' ~ ('^https://' || case l ->> 'kind'
        when 'facebook' then '(www\.|m\.)?(facebook|fb)\.com'
        when 'instagram' then '(www\.)?instagram\.com'
        when 'linkedin' then '([a-z]{2,3}\.)?linkedin\.com'
        when 'tiktok' then '(www\.)?tiktok\.com'
        when 'website' then '[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]([a-z0-9-]*[a-z0-9])'
        when 'x' then '(www\.)?(x|twitter)\.com'
        when 'youtube' then '(www\.|m\.)?youtube\.com'
        when 'zalo' then 'zalo\.me'
      end || case l ->> 'kind' when 'website' then '(/' else '/([A-Za-z0-9@_.]' end || $r$[A-Za-z0-9@:%_.~#?&=+,;!*/-]*)$r$
        || case l ->> 'kind' when 'website' then '?$' else '$' end), false)
    end), true)
    from jsonb_array_elements(p_links) l
  ) end
$$;
grant execute on function private.are_profile_links(jsonb) to authenticated;

-- Bayesian average: as if everybody began with five ratings of 4.2. One five-star review does not beat a hundred of 4.9.
create function private.rating_rank(p_average numeric, p_count int)
returns numeric
language sql immutable parallel safe set search_path = ''
as $$ select round((5 * 4.2 + coalesce(p_average, 0) * p_count) / (5 + p_count), 4) $$;
-- people change their own profile, and the column is computed as the person
grant execute on function private.rating_rank(numeric, int) to authenticated;

create table public.profiles (
  id uuid primary key references auth.users on delete restrict,
  display_name text not null,
  bio text not null default '',
  locale text not null default 'vi',
  time_zone text not null default 'Asia/Ho_Chi_Minh',
  avatar_media_id uuid,
  links jsonb not null default '[]',
  shows_presence boolean not null default true,
  shares_read_marks boolean not null default true,
  allows_marketing boolean not null default false,
  is_findable boolean not null default true,
  phone text,
  phone_verified_at timestamptz,
  email_verified_at timestamptz,
  rating_average numeric(3, 2),
  rating_count int not null default 0,
  rating_rank numeric(6, 4) not null generated always as (private.rating_rank(rating_average, rating_count)) stored,
  credit_score int not null default 500,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint profiles_display_name_length check (char_length(display_name) between 1 and 80),
  constraint profiles_display_name_tidy check (private.is_tidy(display_name)),
  constraint profiles_bio_length check (char_length(bio) <= 1000),
  constraint profiles_bio_tidy check (private.is_tidy_lines(bio)),
  constraint profiles_links_form check (private.are_profile_links(links)),
  constraint profiles_locale_known check (locale in ('vi', 'en')),
  constraint profiles_credit_score_range check (credit_score between 0 and 1000),
  constraint profiles_rating_range check (rating_average between 1 and 5 and rating_count >= 0),
  constraint profiles_rating_counted check ((rating_count = 0) = (rating_average is null)),
  constraint profiles_phone_form check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  constraint profiles_phone_verified check ((phone is null) = (phone_verified_at is null)),
  constraint profiles_phone_one_person unique (phone),
  constraint profiles_time_zone_known foreign key (time_zone) references private.time_zones (name)
);
comment on table public.profiles is 'One row per account, made by a trigger at sign-up. Other people see only what get_users() answers.';
comment on column public.profiles.links is '[{kind, url}]: where else the person is, at most one of each kind: facebook, instagram, linkedin, tiktok, website, x, youtube or zalo. `url` begins with https:// and has at most 200 characters of ASCII; all but website lead to a page of their own site. The person and admins read them.';
comment on column public.profiles.shows_presence is 'Preference: others see whether the person is online and when they were last.';
comment on column public.profiles.shares_read_marks is 'Preference: who writes to the person sees what they have read.';
comment on column public.profiles.allows_marketing is 'Preference: the person agreed to messages that advertise. The log holds when they agreed and when they took it back.';
comment on column public.profiles.is_findable is 'Preference: search_users() finds the person. Who knows their id can read what is public of them in any case.';
comment on column public.profiles.locale is 'Language of notifications and mails: vi or en.';
comment on column public.profiles.time_zone is 'Name of the time zone database, for times in messages that belong to no vehicle.';
comment on column public.profiles.phone is 'E.164, such as +84912345678. Written when a code proved it, so every number here is verified, and one number is one person. Null without one.';
comment on column public.profiles.email_verified_at is 'When a code proved the mail address that the account has now. Null when none has.';
comment on column public.profiles.rating_average is '1.00 to 5.00: the average of the released reviews about this person, as host and as renter. Null without one.';
comment on column public.profiles.rating_rank is 'The average with five ratings of 4.2 added, so that few reviews count less.';
comment on column public.profiles.credit_score is '0 to 1000, 500 at the beginning. What private.trust_score() makes of the events of this person; trust_history() says why. Others do not see it.';
comment on column public.profiles.deleted_at is 'Since when the account is deleted: hidden from others, told nothing, and without what says who it was. Null for an account in use.';
create trigger touch before update on public.profiles for each row execute function private.touch();

create trigger tidy_texts before insert or update of display_name, bio on public.profiles
  for each row execute function private.tidy_texts('{display_name}', '{bio}');
-- who sends advertising must be able to prove the consent
create function private.record_marketing_consent()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.record_event(case when new.allows_marketing then 'profile.marketing_allowed' else 'profile.marketing_withdrawn' end, new.id);
  return null;
end
$$;
create trigger record_marketing_consent after update of allows_marketing on public.profiles
  for each row when (old.allows_marketing <> new.allows_marketing) execute function private.record_marketing_consent();
create trigger canonical_time_zone before insert or update of time_zone on public.profiles
  for each row execute function private.set_canonical_time_zone();

create table public.user_roles (
  user_id uuid not null references public.profiles on delete cascade,
  role text not null,
  granted_at timestamptz not null default now(),
  primary key (user_id, role),
  constraint user_roles_known check (role in ('admin', 'support'))
);
comment on table public.user_roles is 'The platform roles of people. grant_role and revoke_role write them. A removed row has no effect from the next statement on.';
comment on column public.user_roles.role is 'admin may do everything; support reads people''s cases, and reviews licences and listings.';

-- A card issued before the law of 2024 came into force keeps the classes of the law of 2008.
create function private.licence_scheme(p_issued_on date)
returns text
language sql immutable set search_path = ''
as $$ select case when p_issued_on < date '2025-01-01' then 'before_2025' else 'from_2025' end $$;

create table public.driver_licences (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete restrict,
  number_hash bytea not null,
  number_last4 text not null,
  full_name text not null,
  date_of_birth date not null,
  classes text[] not null,
  automatic_only boolean not null default false,
  issued_on date not null,
  valid_until date,
  scheme text not null generated always as (private.licence_scheme(issued_on)) stored,
  front_media_id uuid not null,
  back_media_id uuid not null,
  status text not null default 'pending',
  reviewed_by uuid references public.profiles,
  reviewed_at timestamptz,
  reason text,
  corrected_fields text[] not null default '{}',
  created_at timestamptz not null default now(),
  constraint driver_licences_name_length check (char_length(full_name) between 2 and 120),
  constraint driver_licences_name_tidy check (private.is_tidy(full_name)),
  constraint driver_licences_has_classes check (cardinality(classes) between 1 and 8),
  constraint driver_licences_scheme_known check (scheme in ('before_2025', 'from_2025')),
  constraint driver_licences_date_of_birth_range check (date_of_birth >= '1900-01-01' and issued_on >= date_of_birth + interval '16 years'),
  constraint driver_licences_valid_until_range check (valid_until > issued_on and valid_until < issued_on + interval '60 years'),
  constraint driver_licences_reviewed check (status = 'pending' or reviewed_at is not null or status = 'expired'),
  constraint driver_licences_pending_undecided check (status <> 'pending' or (reviewed_at is null and reviewed_by is null)),
  constraint driver_licences_reason_tidy check (private.is_tidy_lines(reason)),
  constraint driver_licences_rejection_has_reason check (case status when 'rejected' then private.says_something(reason) else reason is null end),
  -- one number, one person; the same person may renew. DO NOT add pending: a refusal to submit would tell who has
  -- which number, and a stranger could keep its owner out. user_id is compared as text, so that the planner does not
  -- choose this index for a search by user_id and read all of it.
  constraint driver_licences_number_one_person exclude using gist (number_hash with =, (user_id::text) with <>)
    where (status = 'verified')
);
create unique index driver_licences_one_pending on public.driver_licences (user_id) where status = 'pending';
create index driver_licences_user_idx on public.driver_licences (user_id);
create index driver_licences_number_idx on public.driver_licences (number_hash);
comment on table public.driver_licences is 'Submitted driver licences. Of the number only a keyed hash and the last 4 characters are kept.';
comment on column public.driver_licences.number_hash is 'private.keyed_hash() of the number: the same number is found again, no number can be read back.';
comment on column public.driver_licences.date_of_birth is 'As printed on the licence. Its owner and admins read it.';
comment on column public.driver_licences.classes is 'All classes on one card, as printed, e.g. {A1,B2}. `scheme` says which classes they are, private.licence_rules what each opens.';
comment on column public.driver_licences.automatic_only is 'Whether its class B1 (before 2025) or B (from 2025) is restricted to vehicles with an automatic transmission.';
comment on column public.driver_licences.issued_on is 'The day of issue on the card. It decides which law its classes are of.';
comment on column public.driver_licences.valid_until is 'The last day of those of its classes that have an end, in Vietnam. Null when none has one. The classes without an end stay valid after it.';
comment on column public.driver_licences.scheme is 'before_2025: classes of Law 23/2008/QH12. from_2025: classes of Law 36/2024/QH15. Generated from issued_on.';
comment on column public.driver_licences.corrected_fields is 'The fields that the reviewer corrected before verifying it.';
comment on column public.driver_licences.status is 'Machine driver_licence. pending by submit_licence; verified, or rejected also after it was verified, by review_licence; expired by the daily job after valid_until, when no class on it is without an end. One that expires before the trip ends is refused without the job.';
comment on column public.driver_licences.reviewed_by is 'The admin who decided. Null while pending, or when it was decided in a table editor.';
comment on column public.driver_licences.reason is 'Why it was rejected or revoked; its owner reads it. Null otherwise.';
insert into private.transitions (machine, from_state, event, to_state) values
  ('driver_licence', 'initial', 'submit', 'pending'),
  ('driver_licence', 'pending', 'verify', 'verified'),
  ('driver_licence', 'pending', 'reject', 'rejected'),
  ('driver_licence', 'verified', 'revoke', 'rejected'),
  ('driver_licence', 'verified', 'expire', 'expired');
select private.attach_state_machine('public.driver_licences', 'driver_licence');

create trigger tidy_texts before insert or update of full_name, reason on public.driver_licences
  for each row execute function private.tidy_texts('{full_name}', '{reason}');

-- Also when an admin decides in a table editor: there nobody is signed in.
create function private.sign_licence_review()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.reviewed_at := now();
  new.reviewed_by := auth.uid();
  return new;
end
$$;
create trigger sign_licence_review before update of status on public.driver_licences
  for each row when (old.status <> new.status and new.status in ('verified', 'rejected'))
  execute function private.sign_licence_review();

create function private.is_admin()
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from public.user_roles where user_id = auth.uid() and role = 'admin');
end
$$;
-- Admin or support: who may look at people's cases and review them.
create function private.is_staff()
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from public.user_roles where user_id = auth.uid());
end
$$;
grant execute on function private.is_admin(), private.is_staff() to anon, authenticated;

create function private.require_staff()
returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  if not private.is_staff() then
    perform private.require_user();
    perform private.fail('forbidden');
  end if;
  return auth.uid();
end
$$;

create function private.require_admin()
returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  if not private.is_admin() then
    perform private.require_user();
    perform private.fail('forbidden');
  end if;
  return auth.uid();
end
$$;

alter table public.profiles enable row level security;
alter table public.user_roles enable row level security;
alter table public.driver_licences enable row level security;
revoke all on public.profiles, public.user_roles, public.driver_licences from anon, authenticated, service_role;

grant select on public.profiles to authenticated, service_role;
grant update (display_name, bio, locale, time_zone, avatar_media_id, links, shows_presence, shares_read_marks, allows_marketing, is_findable) on public.profiles to authenticated;
create policy select_self on public.profiles for select to authenticated
  using (id = (select auth.uid()) or (select private.is_staff()));
create policy update_self on public.profiles for update to authenticated
  using (id = (select auth.uid()) and deleted_at is null) with check (id = (select auth.uid()));

grant select on public.user_roles to authenticated, service_role;
create policy select_self on public.user_roles for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

grant select (
  id, user_id, number_last4, full_name, date_of_birth, classes, automatic_only, issued_on, valid_until, scheme, front_media_id,
  back_media_id, status, reviewed_at, reason, corrected_fields, created_at
)
  on public.driver_licences to authenticated, service_role;
create policy select_self on public.driver_licences for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_staff()));
