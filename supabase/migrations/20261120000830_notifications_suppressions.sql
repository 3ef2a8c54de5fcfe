-- Notifications: addresses that take no mail, as the mail provider reported them.
-- Rule kept here: what the provider says is stored before it takes effect, once for each of its ids, and without the
-- address: a keyed hash finds an address again and names nobody. An address that bounced gets nothing, because it does not
-- exist or refuses, and sending on would harm the mail of everybody else. One whose owner complained gets what is critical
-- only. Codes that a person asks for are always sent: anybody who asks may have mended the address, and would be locked out.
-- Left out on purpose: the end of a suppression by itself. Another address is free at once; staff lift the one of an address.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('suppression_not_found', 404, false, 'Mail to this address is not stopped.', 'Email đến địa chỉ này không bị chặn.');

create table private.mail_events (
  event_id text primary key,
  type text not null,
  email_id text,
  address_hash bytea,
  user_id uuid references public.profiles on delete set null,
  occurred_at timestamptz not null,
  is_permanent boolean not null default false,
  detail text,
  received_at timestamptz not null default now(),
  applied_at timestamptz,
  constraint mail_events_ids_form check (char_length(event_id) between 1 and 200 and char_length(type) between 1 and 60 and char_length(email_id) between 1 and 200),
  constraint mail_events_detail_short check (char_length(detail) <= 500)
);
create index mail_events_user_idx on private.mail_events (user_id);
create index mail_events_received_idx on private.mail_events (received_at);
create index mail_events_waiting_idx on private.mail_events (received_at) where applied_at is null;
comment on table private.mail_events is 'What Resend reported of mails, once each, for 90 days.';
comment on column private.mail_events.event_id is 'Of Resend; it repeats an event under the same id.';
comment on column private.mail_events.address_hash is 'private.keyed_hash() of the first address. The address itself is not kept.';
comment on column private.mail_events.user_id is 'Whose address it was then. Null when nobody''s.';
comment on column private.mail_events.is_permanent is 'Of a bounce: whether the address will never take mail.';
comment on column private.mail_events.detail is 'What the server of the address said, without the address.';
comment on column private.mail_events.applied_at is 'When it took effect. Null until then.';

create table private.suppressed_addresses (
  address_hash bytea primary key,
  reason text not null,
  user_id uuid references public.profiles on delete set null,
  event_id text not null,
  detail text,
  suppressed_at timestamptz not null,
  constraint suppressed_addresses_reason_known check (reason in ('bounced', 'complained'))
);
create index suppressed_addresses_at_idx on private.suppressed_addresses (suppressed_at desc, address_hash);
create index suppressed_addresses_user_idx on private.suppressed_addresses (user_id);
comment on table private.suppressed_addresses is 'Addresses that take no mail. Written by reports of Resend; staff lift one with lift_suppression.';
comment on column private.suppressed_addresses.address_hash is 'private.keyed_hash() of the address.';
comment on column private.suppressed_addresses.reason is 'bounced (it does not exist or refuses) or complained (its owner reported a mail as spam).';
comment on column private.suppressed_addresses.user_id is 'Whose address it was then. Null when nobody''s.';
comment on column private.suppressed_addresses.suppressed_at is 'When Resend saw it.';
alter table private.mail_events enable row level security;
alter table private.suppressed_addresses enable row level security;

create function private.mail_hash(p_address text)
returns bytea
language sql stable set search_path = ''
as $$ select private.keyed_hash('email:' || lower(btrim(p_address))) $$;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.mail_events', 'r.user_id = $1', 'erase', '{type,occurred_at,detail}', 'Reports on mails to somebody who is gone.'),
  ('private.suppressed_addresses', 'r.user_id = $1', 'retain', '{reason,suppressed_at}', 'The address takes no mail, anybody who has it next.');
select private.retain_columns('private.suppressed_addresses', 'Whose address it was; the profile is empty by then.', 'user_id');
select private.retain_columns('private.suppressed_addresses', 'Finds the address again; none can be read back.', 'address_hash');
select private.retain_columns('private.suppressed_addresses', 'What the mail server said of an address that it does not name, and in which report.', 'detail', 'event_id');

-- Stores a report; answers whether it has still to take effect.
create function private.record_mail_event(
  p_event_id text, p_type text, p_email_id text, p_address text, p_occurred_at timestamptz, p_is_permanent boolean, p_detail text
)
returns boolean
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_event_id is null or char_length(p_event_id) not between 1 and 200 then
    perform private.fail_input('event_id', 'must have 1 to 200 characters');
  elsif p_type is null or char_length(p_type) not between 1 and 60 then
    perform private.fail_input('type', 'must have 1 to 60 characters');
  elsif char_length(p_email_id) not between 1 and 200 then
    perform private.fail_input('email_id', 'must have 1 to 200 characters');
  elsif p_occurred_at is null or not isfinite(p_occurred_at) then
    perform private.fail_input('occurred_at', 'must be a time');
  end if;
  insert into private.mail_events (event_id, type, email_id, address_hash, user_id, occurred_at, is_permanent, detail)
  values (
    p_event_id, p_type, p_email_id, private.mail_hash(nullif(p_address, '')),
    (select u.id from auth.users u join public.profiles p on p.id = u.id where u.email in (p_address, lower(p_address)) limit 1), p_occurred_at, coalesce(p_is_permanent, false),
    -- the servers of addresses repeat them in what they say
    left(private.tidy_text(regexp_replace(p_detail, '[^\s<>"()]+@[^\s<>"()]+', '…', 'g')), 500))
  on conflict (event_id) do nothing;
  return exists (select from private.mail_events where event_id = p_event_id and applied_at is null);
end
$$;
create function public.record_mail_event(
  event_id text, type text, email_id text, address text, occurred_at timestamptz, is_permanent boolean default false, detail text default null
)
returns boolean
language sql volatile set search_path = ''
as $$ select private.record_mail_event(event_id, type, email_id, address, occurred_at, is_permanent, detail) $$;
comment on function public.record_mail_event is 'Stores a report of Resend, once. The address is kept as a keyed hash only. Answers whether apply_mail_event has still to be called. Service only. Errors: invalid_input.';

create function private.apply_mail_event(p_event_id text)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.mail_events;
  v_status text;
  v_delivery_id uuid;
  v_reason text;
begin
  select * into v_event from private.mail_events where event_id = p_event_id for update;
  if v_event.event_id is null or v_event.applied_at is not null then
    return 'ignored';
  end if;
  v_status := case v_event.type
    when 'email.delivered' then 'delivered' when 'email.bounced' then 'bounced' when 'email.suppressed' then 'bounced'
    when 'email.complained' then 'complained' when 'email.failed' then 'failed' end;
  if v_status is not null and v_event.email_id is not null then
    -- a mail with a code has no delivery, and its report is kept all the same
    v_delivery_id := private.delivery_reported('resend', v_event.email_id, v_status, v_event.occurred_at, v_event.detail);
  end if;
  v_reason := case when v_status = 'complained' then 'complained' when v_status = 'bounced' and v_event.is_permanent then 'bounced' end;
  if v_reason is not null and v_event.address_hash is not null then
    insert into private.suppressed_addresses as s (address_hash, reason, user_id, event_id, detail, suppressed_at)
    values (v_event.address_hash, v_reason, coalesce((select d.user_id from public.deliveries d where d.id = v_delivery_id), v_event.user_id), p_event_id, v_event.detail, v_event.occurred_at)
    -- an address that does not exist is the stronger reason, whichever came first
    on conflict (address_hash) do update
    set reason = excluded.reason, event_id = excluded.event_id, detail = excluded.detail, suppressed_at = excluded.suppressed_at,
        user_id = coalesce(excluded.user_id, s.user_id)
    where excluded.reason = 'bounced' and s.reason = 'complained';
  end if;
  update private.mail_events set applied_at = clock_timestamp() where event_id = p_event_id;
  return coalesce(v_reason, v_status, 'ignored');
end
$$;
create function public.apply_mail_event(event_id text)
returns text
language sql volatile set search_path = ''
as $$ select private.apply_mail_event(event_id) $$;
comment on function public.apply_mail_event is 'Lets a stored report take effect, once: the delivery moves, and an address that bounced for good or complained gets no more mail. Answers delivered, bounced, complained, failed or ignored. Service only. Errors: invalid_input.';
select private.expose('record_mail_event(text, text, text, text, timestamptz, boolean, text)', 'service_role');
select private.expose('apply_mail_event(text)', 'service_role');

-- What may stop a mail when it is about to leave.
create function private.suppression_of(p_user_id uuid)
returns private.suppressed_addresses
language sql stable set search_path = ''
as $$
  select s from private.suppressed_addresses s
  where s.address_hash = (select private.mail_hash(u.email) from auth.users u where u.id = p_user_id)
$$;
create function private.delivery_stop_bounced_address(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$ select 'address_bounced' where (private.suppression_of(p_delivery.user_id)).reason = 'bounced' $$;
create function private.delivery_stop_complained_address(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$ select 'address_complained' where (private.suppression_of(p_delivery.user_id)).reason = 'complained' $$;
insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('address_bounced', 'suppressed', 'Your mail address does not exist or refuses mail. Change it in your account.', 'Địa chỉ email của bạn không tồn tại hoặc từ chối nhận thư. Vui lòng đổi địa chỉ trong tài khoản.'),
  ('address_complained', 'suppressed', 'A mail to your address was reported as spam, so only what is needed for the security of your account goes there.', 'Một email gửi đến địa chỉ của bạn đã bị báo là thư rác, nên chúng tôi chỉ gửi những thư cần cho bảo mật tài khoản.');
insert into private.delivery_checks (name, rank, channels, holds_for_critical) values
  ('bounced_address', 410, '{email}', true),
  ('complained_address', 420, '{email}', false);
