-- Notifications: leaving the mails of one category by one click, without signing in (RFC 8058).
-- Rule kept here: a token names one person and one category, is signed with the key of the database, and never ends: a
-- mail may be years old. Anybody who has it can turn these mails off and on, and nothing else. What is critical has no token.
-- Left out on purpose: the page, which is function `unsubscribe`, and a place of its own for what a link says: it is the
-- preference that the app shows.

insert into private.notification_categories (code, position, name_en, name_vi, description_en, description_vi) values
  ('service', 80, 'The service', 'Dịch vụ', 'What changes in the service, such as maintenance and terms.', 'Những thay đổi của dịch vụ, như bảo trì và điều khoản.');

create function private.unsubscribe_token(p_user_id uuid, p_category text)
returns text
language sql stable strict set search_path = ''
as $$
  select p_user_id || '.' || p_category || '.' || encode(private.keyed_hash('unsubscribe:' || p_user_id || ':' || p_category), 'hex')
$$;

-- Of a mail that is about to leave; null when the person cannot leave it, because it is critical.
create function private.unsubscribe_token(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$
  select private.unsubscribe_token(p_delivery.user_id, c.code)
  from private.notification_categories c where c.code = p_delivery.category and not private.is_critical(p_delivery)
$$;

-- Whose a token is, or no row.
create function private.read_unsubscribe_token(p_token text, out user_id uuid, out category text)
returns record
language plpgsql stable set search_path = ''
as $$
declare
  v_parts text[] := regexp_match(p_token, '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([a-z][a-z_]{2,30})\.[0-9a-f]{64}$');
begin
  if v_parts is null or p_token <> private.unsubscribe_token(v_parts[1]::uuid, v_parts[2]) then
    return;
  end if;
  select p.id, v_parts[2] into user_id, category from public.profiles p where p.id = v_parts[1]::uuid and p.deleted_at is null;
end
$$;

create function private.unsubscribe_state(p_token text)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_of record := private.read_unsubscribe_token(p_token);
begin
  if v_of.user_id is null then
    return null;
  end if;
  return (
    select jsonb_build_object('category', c.code, 'name', case p.locale when 'vi' then c.name_vi else c.name_en end, 'locale', p.locale,
      'subscribed', private.preference_problem(p.id, c.code, 'email') is null)
    from public.profiles p, private.notification_categories c
    where p.id = v_of.user_id and c.code = v_of.category
  );
end
$$;
create function public.unsubscribe_state(token text)
returns jsonb
language sql stable set search_path = ''
as $$ select private.unsubscribe_state(token) $$;
comment on function public.unsubscribe_state is 'Answers {category, name, locale, subscribed} of the token of an unsubscribe link, and changes nothing. Null when the token is not genuine or its person is gone. Service only.';

create function private.set_subscribed(p_token text, p_subscribed boolean)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_of record := private.read_unsubscribe_token(p_token);
begin
  if v_of.user_id is null then
    return null;
  end if;
  -- the consent to offers stays as it is: a mail may have been passed on
  perform private.write_notification_preference(v_of.user_id, v_of.category, 'email', p_subscribed);
  perform private.record_event(case when p_subscribed then 'mail.resubscribed' else 'mail.unsubscribed' end, v_of.user_id, jsonb_build_object('category', v_of.category));
  return private.unsubscribe_state(p_token);
end
$$;
create function public.set_subscribed(token text, subscribed boolean)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.set_subscribed(token, subscribed) $$;
comment on function public.set_subscribed is 'Turns the mails of one category off or on, for the person and the category that the token names. Repeatable. Answers as unsubscribe_state. Service only.';
select private.expose('unsubscribe_state(text)', 'service_role');
select private.expose('set_subscribed(text, boolean)', 'service_role');
