-- Notifications: leaving the mails of one category by one click, without signing in (RFC 8058).
-- Rule kept here: a token names one person and one category, is signed with the key of the database, and never ends: a
-- mail may be years old. Whoever has it can turn these mails off and on, and nothing else. What is critical has no token.
-- Left out on purpose: the page, which is function `unsubscribe`.

create table private.mail_unsubscribes (
  user_id uuid not null references public.profiles on delete cascade,
  category text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, category),
  constraint mail_unsubscribes_category_form check (category ~ '^[a-z][a-z_]{2,30}$')
);
comment on table private.mail_unsubscribes is 'Who wants no mails of a category, by the link in a mail. Written by the function unsubscribe.';
comment on column private.mail_unsubscribes.category is 'Of notifications, such as booking or marketing.';
alter table private.mail_unsubscribes enable row level security;
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.mail_unsubscribes', 'r.user_id = $1', 'erase', '{category,created_at}', 'Nothing is sent to somebody who is gone.');

create function private.unsubscribe_token(p_user_id uuid, p_category text)
returns text
language sql stable strict set search_path = ''
as $$
  select p_user_id || '.' || p_category || '.' || encode(private.keyed_hash('unsubscribe:' || p_user_id || ':' || p_category), 'hex')
$$;

-- Of a mail that is about to leave; null when the person cannot leave its category, because it is critical.
create function private.unsubscribe_token(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$ select private.unsubscribe_token(p_delivery.user_id, p_delivery.category) where not private.is_critical(p_delivery) $$;

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
  return jsonb_build_object('category', v_of.category, 'locale', (select p.locale from public.profiles p where p.id = v_of.user_id),
    'subscribed', not exists (select from private.mail_unsubscribes u where u.user_id = v_of.user_id and u.category = v_of.category));
end
$$;
create function public.unsubscribe_state(token text)
returns jsonb
language sql stable set search_path = ''
as $$ select private.unsubscribe_state(token) $$;
comment on function public.unsubscribe_state is 'Answers {category, locale, subscribed} of the token of an unsubscribe link, and changes nothing. Null when the token is not genuine or its person is gone. Service only.';

create function private.set_subscribed(p_token text, p_subscribed boolean)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_of record := private.read_unsubscribe_token(p_token);
begin
  if v_of.user_id is null then
    return null;
  elsif p_subscribed then
    delete from private.mail_unsubscribes u where u.user_id = v_of.user_id and u.category = v_of.category;
  else
    insert into private.mail_unsubscribes (user_id, category) values (v_of.user_id, v_of.category) on conflict do nothing;
  end if;
  if found then
    perform private.record_event(case when p_subscribed then 'mail.resubscribed' else 'mail.unsubscribed' end, v_of.user_id, jsonb_build_object('category', v_of.category));
  end if;
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

create function private.delivery_stop_unsubscribed(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$
  select 'unsubscribed' where exists (select from private.mail_unsubscribes u where u.user_id = p_delivery.user_id and u.category = p_delivery.category)
$$;
insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('unsubscribed', 'suppressed', 'You unsubscribed from mails of this kind by the link in one.', 'Bạn đã hủy nhận email loại này qua liên kết trong thư.');
insert into private.delivery_checks (name, rank, channels, holds_for_critical) values ('unsubscribed', 310, '{email}', false);
