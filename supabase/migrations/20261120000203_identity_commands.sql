-- Identity: the profile made at sign-up, licences submitted and reviewed.
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
  values (new.id, case when private.shows_something(v_name) then v_name when v_locale = 'vi' then 'Thành viên mới' else 'New member' end, v_locale);
  insert into private.inboxes (user_id) values (new.id);
  perform private.record_event('profile.created', new.id);
  return null;
end
$$;
create trigger create_profile after insert on auth.users
  for each row execute function private.create_profile();

create function private.submit_licence(
  p_number text, p_full_name text, p_date_of_birth date, p_classes text[], p_issued_on date, p_front_media_id uuid,
  p_back_media_id uuid, p_valid_until date, p_automatic_only boolean
)
returns public.driver_licences
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_number text := upper(regexp_replace(coalesce(p_number, ''), '[^0-9A-Za-z]', '', 'g'));
  v_licence public.driver_licences;
begin
  perform private.take_token('submit_licence', v_user_id::text);
  if v_number !~ '^[0-9A-Z]{6,20}$' then
    perform private.fail_input('number', 'must have 6 to 20 letters or digits');
  end if;
  v_licence.full_name := p_full_name;
  v_licence.date_of_birth := p_date_of_birth;
  v_licence.classes := p_classes;
  v_licence.automatic_only := coalesce(p_automatic_only, false);
  v_licence.issued_on := p_issued_on;
  v_licence.valid_until := p_valid_until;
  v_licence := private.read_card(v_licence);
  perform private.require_media(p_front_media_id, v_user_id, 'licence');
  perform private.require_media(p_back_media_id, v_user_id, 'licence');
  insert into public.driver_licences (
    user_id, number_hash, number_last4, full_name, date_of_birth, classes, automatic_only, issued_on, valid_until, front_media_id, back_media_id
  )
  values (
    v_user_id, private.keyed_hash('licence:' || v_number), right(v_number, 4), v_licence.full_name, v_licence.date_of_birth,
    v_licence.classes, v_licence.automatic_only, v_licence.issued_on, v_licence.valid_until, p_front_media_id, p_back_media_id
  )
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
  number text, full_name text, date_of_birth date, classes text[], issued_on date, front_media_id uuid, back_media_id uuid,
  valid_until date default null, automatic_only boolean default false
)
returns public.driver_licences
language sql volatile set search_path = ''
as $$
  select private.submit_licence(
    number, full_name, date_of_birth, classes, issued_on, front_media_id, back_media_id, valid_until, automatic_only
  )
$$;
comment on function public.submit_licence is 'Submits the caller''s driver licence for review: one card with all of its classes. `number` has 6–20 letters or digits, `full_name` is the name on the licence, and `classes` is a list such as {A1,B2}, of those that licence_classes() lists for the day of issue. `valid_until` is the last day of the classes that have an end; null when none has one. `automatic_only` says that class B1 (before 2025) or B (from 2025) is restricted to automatic vehicles. `front_media_id` and `back_media_id` are uploads of purpose licence. The answer does not tell whether another person has submitted this number; the review does. Errors: invalid_input, media_not_found, media_not_ready, illegal_transition (one is pending already), rate_limited.';
select private.expose_limited('submit_licence(text, text, date, text[], date, uuid, uuid, date, boolean)', 'submit_licence', 'auth.uid()', 'authenticated');

-- What a reviewer reads on the photos, laid over what its owner entered.
create function private.correct_licence(p_licence public.driver_licences, p_corrections jsonb)
returns public.driver_licences
language plpgsql stable set search_path = ''
as $$
declare
  v_fields constant text[] := array['full_name', 'date_of_birth', 'classes', 'automatic_only', 'issued_on', 'valid_until'];
  v_unknown text;
  v_licence public.driver_licences;
begin
  if jsonb_typeof(p_corrections) is distinct from 'object' then
    perform private.fail_input('corrections', 'must be an object');
  end if;
  select k into v_unknown from jsonb_object_keys(p_corrections) k where k <> all (v_fields) limit 1;
  if found then
    perform private.fail('unknown_field', jsonb_build_object('field', v_unknown));
  end if;
  if exists (
    select from jsonb_each(p_corrections) k
    where jsonb_typeof(k.value) <> case k.key when 'classes' then 'array' when 'automatic_only' then 'boolean' else 'string' end
      and not (k.key = 'valid_until' and jsonb_typeof(k.value) = 'null')
  ) then
    perform private.fail_input('corrections', 'wrong type');
  end if;
  v_licence := private.read_card(jsonb_populate_record(p_licence, p_corrections));
  v_licence.corrected_fields := array(
    select f from unnest(v_fields) f where to_jsonb(v_licence) -> f is distinct from to_jsonb(p_licence) -> f
  );
  return v_licence;
exception
  when invalid_text_representation or invalid_datetime_format or datetime_field_overflow then
    perform private.fail_input('corrections', 'must hold dates like 2030-12-31');
    return null;
end
$$;

create function private.review_licence(p_licence_id uuid, p_decision text, p_reason text, p_corrections jsonb)
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
  if p_decision = 'reject' then
    perform private.require_reason(p_reason);
  end if;
  if p_decision = 'reject' and p_corrections is not null then
    perform private.fail_input('corrections', 'must be null for a rejection');
  end if;
  select * into v_licence from public.driver_licences where id = p_licence_id for no key update;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.set_audit_context('admin', p_reason);
  if p_corrections is not null and v_licence.status = 'pending' then
    v_licence := private.correct_licence(v_licence, p_corrections);
  end if;
  update public.driver_licences
  set status = case p_decision when 'verify' then 'verified' else 'rejected' end,
      reason = case p_decision when 'reject' then p_reason end,
      full_name = v_licence.full_name, date_of_birth = v_licence.date_of_birth, classes = v_licence.classes,
      automatic_only = v_licence.automatic_only, issued_on = v_licence.issued_on, valid_until = v_licence.valid_until,
      corrected_fields = v_licence.corrected_fields
  where id = p_licence_id
  returning * into v_licence;
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

create function public.review_licence(licence_id uuid, decision text, reason text default null, corrections jsonb default null)
returns public.driver_licences
language sql volatile set search_path = ''
as $$ select private.review_licence(licence_id, decision, reason, corrections) $$;
comment on function public.review_licence is 'Support: verifies or rejects a driver licence, and its person is told. `decision` is verify or reject; reject needs a reason. `corrections` of a licence that is verified may hold full_name, date_of_birth, classes, automatic_only, issued_on, valid_until, as they are on the photos. A number is verified for one person at a time. Errors: forbidden, not_found, invalid_input, unknown_field, illegal_transition, licence_taken (details.licence_id), review_claimed.';
select private.expose('review_licence(uuid, text, text, jsonb)', 'authenticated');

create function private.tidy_identity()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.set_audit_context('deadline');
  -- a class without an end on the same card goes on
  update public.driver_licences l set status = 'expired'
  where l.status = 'verified' and l.valid_until < private.licence_day() and private.ending_classes(l) @> l.classes;
end
$$;
select private.schedule_job('journey_tidy_identity', 'Expires licences whose last day has passed.',
  '18 20 * * *', '26 hours', 'select private.tidy_identity()');
