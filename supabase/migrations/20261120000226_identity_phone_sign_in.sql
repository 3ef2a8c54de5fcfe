-- Identity: signing in with a phone number, by password or by a code of Auth.
-- Rule kept here: Auth signs in with the number that a code proved, and with no other: its row and the profile say the same. An
-- account that began with a code to a phone, and so has no mail address, has that number in its profile.
-- Left out on purpose: sending Auth's codes, which is its hook Send SMS (identity_auth_messages).

-- A code proved the number: from now on it opens the account, and somebody who only claimed it claims it no more. A number
-- that is gone opens nothing.
create function private.sign_in_with_phone()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_digits text := ltrim(new.phone, '+');
begin
  update auth.users set phone = null where phone = v_digits and id <> new.id and phone_confirmed_at is null;
  update auth.users u set phone = v_digits, phone_confirmed_at = new.phone_verified_at
  where u.id = new.id and u.deleted_at is null and u.phone is distinct from v_digits;
  return null;
end
$$;
create trigger sign_in_with_phone after update of phone on public.profiles
  for each row when (old.phone is distinct from new.phone)
  execute function private.sign_in_with_phone();

-- Auth proved the number of an account that has no mail address.
create function private.take_phone_of_auth()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.profiles set phone = '+' || new.phone, phone_verified_at = new.phone_confirmed_at
  where id = new.id and phone is null;
  return null;
end
$$;
create trigger phone_proved_at_sign_up after insert on auth.users
  for each row when (new.phone_confirmed_at is not null and new.phone <> '' and coalesce(new.email, '') = '')
  execute function private.take_phone_of_auth();
create trigger phone_proved after update of phone_confirmed_at on auth.users
  for each row when (new.phone_confirmed_at is not null and new.phone <> '' and coalesce(new.email, '') = '' and new.deleted_at is null)
  execute function private.take_phone_of_auth();

-- Auth's own API could add a number to any account, with no more than a session: a stolen one would then open the account by
-- codes for ever. Numbers are added by a code of ours, which asks for a step-up.
create function private.refuse_other_phone()
returns trigger
language plpgsql stable security definer set search_path = ''
as $$
begin
  if exists (select from public.profiles p where p.id = new.id and p.phone is distinct from '+' || new.phone)
     and (coalesce(new.email, '') <> '' or exists (select from public.profiles p where p.id = new.id and p.phone is not null)) then
    raise exception 'the phone number of an account is added by a code for the purpose verify_phone'
      using errcode = '42501', hint = 'Call the function otp, or update public.profiles together with phone_verified_at.';
  end if;
  return new;
end
$$;
create trigger only_proved_phone before update of phone on auth.users
  for each row when (new.phone <> '' and new.phone is distinct from old.phone and new.deleted_at is null)
  execute function private.refuse_other_phone();
