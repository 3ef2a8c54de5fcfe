-- Notifications: what leaves the app, one row for each channel and target, and why something did not leave.
-- Rule kept here: a delivery moves along its states and never back, and one that was not sent says why.
-- A move leaves no row in the log: the row itself keeps the time of each state, and goes after months.
-- Left out on purpose: deciding and sending (notifications_sending).

insert into private.transitions (machine, from_state, event, to_state) values
  ('delivery', 'initial', 'queue', 'queued'),
  ('delivery', 'initial', 'suppress', 'suppressed'),
  ('delivery', 'queued', 'send', 'sent'),
  ('delivery', 'queued', 'suppress', 'suppressed'),
  ('delivery', 'queued', 'make_void', 'void'),
  ('delivery', 'queued', 'fail', 'failed'),
  ('delivery', 'failed', 'requeue', 'queued'),
  ('delivery', 'failed', 'send_late', 'sent'),
  ('delivery', 'sent', 'deliver', 'delivered'),
  ('delivery', 'sent', 'fail', 'failed'),
  ('delivery', 'sent', 'bounce', 'bounced'),
  ('delivery', 'sent', 'complain', 'complained'),
  ('delivery', 'delivered', 'bounce', 'bounced'),
  ('delivery', 'delivered', 'complain', 'complained');

create table private.delivery_reasons (
  code text primary key,
  status text not null,
  message_en text not null,
  message_vi text not null,
  constraint delivery_reasons_code_form check (code ~ '^[a-z][a-z_]{2,40}$'),
  constraint delivery_reasons_status_known check (status in ('suppressed', 'void')),
  constraint delivery_reasons_sentences check (message_en ~ '^[A-Z].*\.$' and message_vi ~ '\.$')
);
comment on table private.delivery_reasons is 'Why something was not sent, in a sentence to its person. A module adds its own.';
comment on column private.delivery_reasons.status is 'What the delivery becomes: suppressed (it was not to go to this person or target) or void (there was nothing to tell any more).';

-- Asked one after the other when a delivery is about to be sent. The function private.delivery_stop_<name>(delivery)
-- answers the code of a reason, or null when it has nothing against it.
create table private.delivery_checks (
  name text primary key,
  rank int not null,
  channels text[] not null default '{email,push,sms}',
  holds_for_critical boolean not null default true,
  constraint delivery_checks_rank_once unique (rank),
  constraint delivery_checks_name_form check (name ~ '^[a-z][a-z_]{2,40}$'),
  constraint delivery_checks_channels_known check (channels <@ '{email,push,sms}' and channels <> '{}')
);
comment on table private.delivery_checks is 'What may stop a delivery, in the order of rank: causes that are void under 200, wishes of the person under 400, the target under 600, budgets above.';
comment on column private.delivery_checks.holds_for_critical is 'False for what critical notifications pass, such as preferences.';

create function private.check_delivery_check()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function('delivery_stop_' || new.name, 'public.deliveries', 'text');
  return new;
end
$$;

create table private.critical_templates (
  template text primary key,
  why text not null,
  constraint critical_templates_sentence check (why ~ '^[A-Z].*\.$')
);
comment on table private.critical_templates is 'The notifications that go out whatever the person prefers, at any hour. A short list: what is not in it is not critical.';

create table public.deliveries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  notification_id uuid references public.notifications on delete cascade,
  source text not null default 'notification',
  subject_id uuid,
  category text not null,
  channel text not null,
  device_id uuid,
  status text not null default 'queued',
  reason text references private.delivery_reasons,
  detail text,
  attempts int not null default 0,
  provider text,
  provider_id text,
  created_at timestamptz not null default clock_timestamp(),
  waits_until timestamptz,
  decided_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  ended_at timestamptz,
  constraint deliveries_channel_known check (channel in ('email', 'push', 'sms')),
  constraint deliveries_status_known check (status in ('queued', 'sent', 'delivered', 'failed', 'bounced', 'complained', 'suppressed', 'void')),
  constraint deliveries_of_notification check ((source = 'notification') = (notification_id is not null) and (source = 'notification') = (subject_id is null)),
  constraint deliveries_source_form check (source ~ '^[a-z][a-z_]{2,40}$'),
  constraint deliveries_device_of_push check (device_id is null or channel = 'push'),
  constraint deliveries_reason_of_drop check ((status in ('suppressed', 'void')) = (reason is not null)),
  constraint deliveries_decided check (status = 'queued' or decided_at is not null),
  constraint deliveries_sent check (status not in ('sent', 'delivered', 'bounced', 'complained') or sent_at is not null),
  constraint deliveries_delivered check (status <> 'delivered' or delivered_at is not null),
  constraint deliveries_ended check ((status in ('failed', 'bounced', 'complained')) = (ended_at is not null)),
  constraint deliveries_provider_named check (provider_id is null or provider is not null),
  constraint deliveries_provider_id_once unique (provider, provider_id)
) with (fillfactor = 80);
create unique index deliveries_once_each on public.deliveries (notification_id, channel, device_id) nulls not distinct where notification_id is not null;
-- what is in no inbox waits once, however much of it comes meanwhile
create unique index deliveries_one_waits on public.deliveries (subject_id, user_id, source, channel, device_id) nulls not distinct
  where status = 'queued' and subject_id is not null;
create index deliveries_user_idx on public.deliveries (user_id, created_at desc, id desc);
create index deliveries_created_idx on public.deliveries (created_at desc, id desc);
create index deliveries_queued_idx on public.deliveries (created_at) where status = 'queued';
create index deliveries_failed_idx on public.deliveries (ended_at) where status = 'failed';
comment on table public.deliveries is 'What left the app, or did not: one row for each notification, channel and target. A push is one row until it is sent; then each device has its own.';
comment on column public.deliveries.source is 'What it tells: notification (a row of the inbox), or something that is in no inbox, such as chat, with its subject_id.';
comment on column public.deliveries.subject_id is 'What a source other than notification speaks of, such as the conversation. Null for a notification.';
comment on column public.deliveries.category is 'Of the notification, for the preferences of its person.';
comment on column public.deliveries.device_id is 'Of a push that was decided: the device, which may be gone since. Null before, and for other channels.';
comment on column public.deliveries.status is 'queued, sent (the provider has it), delivered, failed, bounced (the address does not exist or refuses), complained (reported as spam), suppressed (not to this person or target) or void (nothing to tell any more).';
comment on column public.deliveries.reason is 'Why it was suppressed or void: a code of delivery_reasons. Null otherwise.';
comment on column public.deliveries.detail is 'What the provider said last, for staff. Null when it said nothing.';
comment on column public.deliveries.attempts is 'How often sending was tried.';
comment on column public.deliveries.provider is 'Who sent it, such as resend. Null before.';
comment on column public.deliveries.provider_id is 'What the provider calls it. Null before, and where the provider gives none.';
comment on column public.deliveries.waits_until is 'Until when it was put off because of quiet hours. Null when it was not.';
comment on column public.deliveries.decided_at is 'When it was decided last whether it is sent. Null before.';
comment on column public.deliveries.sent_at is 'When the provider took it. Null before.';
comment on column public.deliveries.delivered_at is 'When it arrived, as the provider says. Null when that is not known.';
comment on column public.deliveries.ended_at is 'When it failed, bounced or was complained about. Null otherwise.';

alter table public.deliveries enable row level security;
revoke all on public.deliveries from anon, authenticated, service_role;
grant select (id, user_id, notification_id, source, subject_id, category, channel, device_id, status, reason, created_at, waits_until, decided_at,
  sent_at, delivered_at, ended_at) on public.deliveries to authenticated;
create policy select_own on public.deliveries for select to authenticated
  using (user_id = (select auth.uid()));

-- What a machine of states forbids, without its row in the log. The reference finds the machine by the name move_on_insert.
create function private.guard_delivery_move()
returns trigger
language plpgsql volatile set search_path = ''
as $$
declare
  v_from text := case when tg_op = 'INSERT' then 'initial' else old.status end;
begin
  if not exists (select from private.transitions t where t.machine = 'delivery' and t.from_state = v_from and t.to_state = new.status) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'delivery', 'from', v_from, 'to', new.status));
  end if;
  return new;
end
$$;
create trigger move_on_insert before insert on public.deliveries
  for each row when (new.status not in ('queued', 'suppressed')) execute function private.guard_delivery_move('delivery');
create trigger move_on_update before update of status on public.deliveries
  for each row when (old.status is distinct from new.status) execute function private.guard_delivery_move('delivery');
create trigger function_exists before insert or update on private.delivery_checks
  for each row execute function private.check_delivery_check();

create table private.delivery_reports (
  provider text not null,
  provider_id text not null,
  status text not null,
  occurred_at timestamptz not null,
  detail text,
  received_at timestamptz not null default now(),
  primary key (provider, provider_id, status),
  constraint delivery_reports_status_known check (status in ('delivered', 'failed', 'bounced', 'complained')),
  constraint delivery_reports_ids_form check (char_length(provider) between 2 and 40 and char_length(provider_id) between 1 and 200)
);
create index delivery_reports_received_idx on private.delivery_reports (received_at);
comment on column private.delivery_reports.status is 'delivered, failed, bounced or complained.';
comment on table private.delivery_reports is 'What providers said of deliveries, once each. A report may come before we know that the provider has the message.';

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.deliveries', 'r.user_id = $1', 'erase', null, 'Messages to somebody who is gone.'),
  ('private.delivery_reports', 'exists (select from public.deliveries d where d.provider = r.provider and d.provider_id = r.provider_id and d.user_id = $1)',
    'erase', '{status,occurred_at}', 'Reports on messages to somebody who is gone.');
select private.retain_columns('public.deliveries', 'Ids of what the message was about and where it went; the row goes.', 'subject_id', 'device_id');
select private.hold_no_persons('private.delivery_reasons', 'private.delivery_checks', 'private.critical_templates');

insert into private.critical_templates (template, why) values
  ('password_changed', 'Anybody who took over the account did it.'),
  ('email_changed', 'Anybody who took over the account did it.'),
  ('phone_changed', 'Anybody who took over the account did it.'),
  ('api_key_created', 'Anybody who took over the account did it.'),
  ('bank_account_changed', 'Money goes elsewhere from now on.'),
  ('bank_account_removed', 'Money goes nowhere from now on.'),
  ('account_suspended', 'The person can do nothing any more and must know why.');
