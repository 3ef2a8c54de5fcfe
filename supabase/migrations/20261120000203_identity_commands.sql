-- Identity: the profile made at sign-up, licences submitted and reviewed, what others may see.
-- Rule kept here: a licence counts only after an admin verified it, and only for classes it covers.
-- Left out on purpose: OTP, addresses, bank accounts: later files of this module.

-- The name comes from the client at sign-up, so it is cleaned and never trusted further.
create function private.create_profile()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_locale text := case when new.raw_user_meta_data ->> 'locale' in ('vi', 'en') then new.raw_user_meta_data ->> 'locale' else 'vi' end;
  v_name text := left(private.tidy_text(new.raw_user_meta_data ->> 'display_name'), 80);
begin
  insert into public.profiles (id, display_name, locale)
  -- DO NOT take a part of the mail address: this name is public
  values (new.id, coalesce(nullif(v_name, ''), case v_locale when 'vi' then 'Thành viên mới' else 'New member' end), v_locale);
  insert into private.inboxes (user_id) values (new.id);
  perform private.record_event('profile.created', new.id);
  return null;
end
$$;
create trigger create_profile after insert on auth.users
  for each row execute function private.create_profile();

create function private.public_profile(p_user_id uuid)
returns table (user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, member_since date)
language sql stable security definer set search_path = ''
as $$
  select p.id, p.display_name, m.path, p.rating_average, p.rating_count, p.created_at::date
  from public.profiles p
  left join public.media m on m.id = p.avatar_media_id and m.status = 'ready'
  where p.id = p_user_id and p.deleted_at is null
$$;
create function public.public_profile(id uuid)
returns table (user_id uuid, display_name text, avatar_path text, rating_average numeric, rating_count int, member_since date)
language sql stable set search_path = ''
as $$ select * from private.public_profile($1) $$;
comment on function public.public_profile is 'Answers what anybody may see of a person: name, avatar path in the avatars bucket, rating and the day they joined. There is no row when the person does not exist.';
select private.expose('public_profile(uuid)', 'anon', 'authenticated', 'service_role');

create function private.submit_licence(
  p_number text, p_full_name text, p_classes text[], p_valid_until date, p_front_media_id uuid, p_back_media_id uuid
)
returns public.driver_licences
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_number text := upper(regexp_replace(coalesce(p_number, ''), '[^0-9A-Za-z]', '', 'g'));
  v_full_name text := private.tidy_text(p_full_name);
  v_licence public.driver_licences;
begin
  perform private.take_token('submit_licence', v_user_id::text);
  if v_number !~ '^[0-9A-Z]{6,20}$' then
    perform private.fail_input('number', 'must have 6 to 20 letters or digits');
  end if;
  if coalesce(char_length(v_full_name), 0) not between 2 and 120 then
    perform private.fail_input('full_name', 'must have 2 to 120 characters');
  end if;
  if coalesce(cardinality(p_classes), 0) not between 1 and 8
     or exists (select from unnest(p_classes) c where c is null or c not in (select class from private.licence_classes)) then
    perform private.fail_input('classes', 'must be 1 to 8 known licence classes');
  end if;
  if p_valid_until is null or p_valid_until < current_date or p_valid_until > current_date + interval '60 years' then
    perform private.fail_input('valid_until', 'must be a future date');
  end if;
  perform private.require_media(p_front_media_id, v_user_id, 'licence');
  perform private.require_media(p_back_media_id, v_user_id, 'licence');
  insert into public.driver_licences (user_id, number_hash, number_last4, full_name, classes, valid_until, front_media_id, back_media_id)
  values (v_user_id, private.keyed_hash('licence:' || v_number), right(v_number, 4), v_full_name, p_classes, p_valid_until, p_front_media_id, p_back_media_id)
  returning * into v_licence;
  -- nobody may read the hash
  v_licence.number_hash := null;
  return v_licence;
exception
  when unique_violation then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'driver_licence', 'from', 'pending', 'to', 'pending'));
    return null;
end
$$;

create function public.submit_licence(
  number text, full_name text, classes text[], valid_until date, front_media_id uuid, back_media_id uuid
)
returns public.driver_licences
language sql volatile set search_path = ''
as $$ select private.submit_licence(number, full_name, classes, valid_until, front_media_id, back_media_id) $$;
comment on function public.submit_licence is 'Submits the caller''s driver licence for review. `number` has 6–20 letters or digits, `full_name` is the name on the licence, and `classes` is a list such as {B}. `front_media_id` and `back_media_id` are uploads of purpose licence. The answer does not tell whether another person has submitted this number; the review does. Errors: invalid_input, media_not_found, media_not_ready, illegal_transition (one is pending already), rate_limited.';
select private.expose_limited('submit_licence(text, text, text[], date, uuid, uuid)', 'submit_licence', 'auth.uid()', 'authenticated');

create function private.review_licence(p_licence_id uuid, p_decision text, p_reason text)
returns public.driver_licences
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_licence public.driver_licences;
begin
  perform private.require_staff();
  perform private.check_review_claim('licence', p_licence_id);
  if p_decision is null or p_decision not in ('verify', 'reject') then
    perform private.fail_input('decision', 'must be verify or reject');
  end if;
  if p_decision = 'reject' and not private.says_something(p_reason) then
    perform private.fail_input('reason', 'must have 1 to 500 characters for a rejection');
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.driver_licences
  set status = case p_decision when 'verify' then 'verified' else 'rejected' end,
      reason = case p_decision when 'reject' then p_reason end
  where id = p_licence_id
  returning * into v_licence;
  if not found then
    perform private.fail('not_found');
  end if;
  v_licence.number_hash := null;
  return v_licence;
exception
  when exclusion_violation then
    perform private.fail('licence_taken', jsonb_build_object('licence_id', (
      select o.id
      from public.driver_licences l
      join public.driver_licences o on o.number_hash = l.number_hash and o.user_id <> l.user_id and o.status = 'verified'
      where l.id = p_licence_id
    )));
    return null;
end
$$;

create function public.review_licence(licence_id uuid, decision text, reason text default null)
returns public.driver_licences
language sql volatile set search_path = ''
as $$ select private.review_licence(licence_id, decision, reason) $$;
comment on function public.review_licence is 'Support: verifies or rejects a driver licence. `decision` is verify or reject; reject needs a reason. A number is verified for one person at a time. Errors: forbidden, not_found, invalid_input, illegal_transition, licence_taken (details.licence_id), review_claimed.';
select private.expose('review_licence(uuid, text, text)', 'authenticated');

-- Null when the person may drive such a vehicle until then, or the error code that says why not.
create function private.licence_problem(p_user_id uuid, p_class text, p_until timestamptz)
returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  -- most callers have a valid licence, so that is checked first: it is faster than finding out what is wrong
  if exists (
    select from public.driver_licences l
    join private.licence_classes k on k.class = any (l.classes) and k.covers = p_class
    where l.user_id = p_user_id and l.status = 'verified' and l.valid_until >= (p_until at time zone 'Asia/Ho_Chi_Minh')::date
  ) then
    return null;
  end if;
  return (
    select case
      when count(*) = 0 then 'licence_required'
      when not bool_or(c.covered) then 'licence_class_mismatch'
      else 'licence_expires_early'
    end
    from public.driver_licences l
    cross join lateral (
      select exists (
        select from private.licence_classes k where k.class = any (l.classes) and k.covers = p_class
      ) as covered
    ) c
    where l.user_id = p_user_id and l.status = 'verified'
  );
end
$$;

create function private.tidy_identity()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.set_audit_context('deadline');
  update public.driver_licences set status = 'expired' where status = 'verified' and valid_until < current_date;
end
$$;
select private.schedule_job('journey_tidy_identity', 'Expires licences whose last day has passed.',
  '18 20 * * *', '26 hours', 'select private.tidy_identity()');
