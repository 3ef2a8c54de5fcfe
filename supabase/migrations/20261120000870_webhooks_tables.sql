-- Webhooks: what happens here is told to servers of hosts, organizers and the operator, over HTTP.
-- Rule kept here: an event is written in the transaction that causes it, once for each endpoint that wants it. Only ids, states,
-- times and sums are in it. A secret is shown once and stored encrypted.
-- Left out on purpose: which moves are events, which the module that has the state machine says; and sending, which is the effect
-- `webhook` of the function outbox.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('webhook_endpoint_not_found', 404, false, 'We could not find this webhook endpoint. Reload your endpoints.', 'Không tìm thấy địa chỉ webhook này. Vui lòng tải lại danh sách.'),
  ('webhook_delivery_not_found', 404, false, 'We could not find this event. Events are kept for 30 days unless the operator changed it.', 'Không tìm thấy sự kiện này. Sự kiện chỉ được lưu trong một thời gian giới hạn.'),
  ('webhook_endpoint_disabled', 409, false, 'This webhook endpoint is off. Switch it on first.', 'Địa chỉ webhook này đang tắt. Vui lòng bật lại trước.'),
  ('too_many_webhook_endpoints', 409, false, 'There are as many webhook endpoints as there may be. Delete one that you no longer need.', 'Số địa chỉ webhook đã đạt tối đa. Vui lòng xóa bớt địa chỉ không còn dùng.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('create_webhook_endpoint', 10, 0.2),
  ('send_test_webhook', 10, 2),
  ('resend_webhooks', 30, 5);

-- Seconds between the tries of one event.
create function private.are_retry_seconds(p_value jsonb)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(bool_and(private.is_whole(s, 1, 86400)) and count(*) <= 20, false)
  from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) s
$$;
alter table private.settings
  add constraint settings_webhook_endpoints check (key <> 'webhook_endpoints' or private.is_whole(value, 1, 50)),
  add constraint settings_webhook_retry_seconds check (key <> 'webhook_retry_seconds' or private.are_retry_seconds(value)),
  add constraint settings_webhook_failing_days check (key <> 'webhook_failing_days' or private.is_whole(value, 1, 30)),
  add constraint settings_webhook_keep_days check (key <> 'webhook_keep_days' or private.is_whole(value, 3, 90));
insert into private.settings (key, value, description) values
  ('webhook_endpoints', '5', 'How many webhook endpoints one person, one organizer or the platform may have, at most 50.'),
  ('webhook_retry_seconds', '[5, 300, 1800, 7200, 18000, 36000, 36000]', 'Seconds after each failed try of a webhook event until the next one. After the last, the event has failed.'),
  ('webhook_failing_days', '5', 'Days: an endpoint that has accepted nothing for so long is switched off when another event fails.'),
  ('webhook_keep_days', '30', 'Days: how long webhook events are kept, whatever became of them.');
insert into private.secrets (name, value) values ('webhooks', extensions.gen_random_bytes(32));

create table private.webhook_owners (
  owner text primary key,
  check_function text not null
);
comment on table private.webhook_owners is 'Whose events there are: of a person, of the platform (every event), and what other modules register.';
comment on column private.webhook_owners.check_function is 'private.<name>(uuid) answers whether the caller manages the endpoints of the owner with this id.';

create function private.check_webhook_owner()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.check_function, 'uuid', 'boolean');
  return null;
end
$$;
create trigger function_exists after insert or update on private.webhook_owners
  for each row execute function private.check_webhook_owner();

create table private.webhook_endpoints (
  id uuid primary key default gen_random_uuid(),
  owner text not null references private.webhook_owners,
  owner_id uuid not null,
  created_by uuid not null references public.profiles on delete restrict,
  name text not null,
  url text not null,
  event_types text[] not null,
  failures int not null default 0,
  failing_since timestamptz,
  retry_at timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  created_at timestamptz not null default now(),
  constraint webhook_endpoints_platform check ((owner = 'platform') = (owner_id = '00000000-0000-0000-0000-000000000000')),
  constraint webhook_endpoints_once unique (owner_id, url),
  constraint webhook_endpoints_name_form check (private.is_tidy(name) and char_length(name) between 1 and 80),
  -- the sender refuses http where this is not a local stack
  constraint webhook_endpoints_url_form check (url ~ '^(https://[^\s/?#@:]+|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?)([/?][^\s#]*)?$' and char_length(url) <= 500),
  constraint webhook_endpoints_has_types check (cardinality(event_types) between 1 and 200 and array_position(event_types, null) is null),
  constraint webhook_endpoints_failing check ((failures > 0) = (failing_since is not null) and (failures > 0) = (retry_at is not null) and failures >= 0),
  constraint webhook_endpoints_disabled_reason_known check (disabled_reason in ('owner', 'failing', 'gone')),
  constraint webhook_endpoints_disabled_complete check ((disabled_at is null) = (disabled_reason is null))
);
create index webhook_endpoints_created_by_idx on private.webhook_endpoints (created_by);
comment on table private.webhook_endpoints is 'Addresses to which events are sent. Written by the commands of their owners and by the worker.';
comment on column private.webhook_endpoints.owner_id is 'The person or the organizer; zeros for the platform.';
comment on column private.webhook_endpoints.created_by is 'Who made it, and is told when it is switched off.';
comment on column private.webhook_endpoints.event_types is 'What webhook_event_types() lists, or * for everything of the owner.';
comment on column private.webhook_endpoints.failures is 'Failed tries in a row, of any event.';
comment on column private.webhook_endpoints.retry_at is 'Nothing is sent before: one that fails is asked less and less often, at least once in 5 minutes.';
comment on column private.webhook_endpoints.disabled_at is 'Nothing is sent since then; events are kept. Null while it is on.';
comment on column private.webhook_endpoints.disabled_reason is 'owner, failing (nothing was accepted for days) or gone (its server answered 410).';

create table private.webhook_secrets (
  id uuid primary key default gen_random_uuid(),
  endpoint_id uuid not null references private.webhook_endpoints on delete cascade,
  encrypted bytea not null,
  expires_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index webhook_secrets_one_current on private.webhook_secrets (endpoint_id) where expires_at is null;
create index webhook_secrets_endpoint_idx on private.webhook_secrets (endpoint_id);
comment on table private.webhook_secrets is 'What events are signed with, by pgp_sym_encrypt under the secret `webhooks` of this database.';
comment on column private.webhook_secrets.expires_at is 'Until when an earlier one signs too. Null for the current one.';

create table private.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  endpoint_id uuid not null references private.webhook_endpoints on delete cascade,
  type text not null,
  subject_id uuid not null,
  data jsonb not null,
  status text not null,
  attempts int not null default 0,
  queued int not null default 0,
  http_status int,
  problem text,
  next_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint webhook_deliveries_type_form check (type ~ '^[a-z][a-z_]+([.][a-z][a-z_]+)?$'),
  constraint webhook_deliveries_status_known check (status in ('pending', 'delivered', 'failed', 'held')),
  constraint webhook_deliveries_next check ((status = 'pending') = (next_at is not null)),
  constraint webhook_deliveries_delivered check (status <> 'delivered' or delivered_at is not null),
  constraint webhook_deliveries_counts check (attempts >= 0 and queued >= 0),
  constraint webhook_deliveries_problem_tidy check (private.is_tidy(problem) and char_length(problem) <= 200)
);
create index webhook_deliveries_endpoint_idx on private.webhook_deliveries (endpoint_id, created_at desc, id desc);
create index webhook_deliveries_created_idx on private.webhook_deliveries (created_at);
create index webhook_deliveries_open_idx on private.webhook_deliveries (endpoint_id, created_at) where status in ('pending', 'failed', 'held');
comment on table private.webhook_deliveries is 'Events for endpoints, and what became of them. The id is the webhook-id that the receiver sees, the same in every try.';
comment on column private.webhook_deliveries.data is 'id and status of the row, and the columns of private.webhook_machines, as they were then.';
comment on column private.webhook_deliveries.status is 'pending (is sent at next_at), delivered, failed (given up) or held (the endpoint was off). Written by the worker and its owner; no state machine.';
comment on column private.webhook_deliveries.attempts is 'Tries since it was last queued by an event or a person.';
comment on column private.webhook_deliveries.queued is 'How often it was given to the outbox: each time is an effect of its own.';
comment on column private.webhook_deliveries.next_at is 'When the next try is due. Null unless pending.';
comment on column private.webhook_deliveries.delivered_at is 'When it was accepted last. Null before.';
comment on column private.webhook_deliveries.http_status is 'What the server answered the last time. Null when there was no answer.';
comment on column private.webhook_deliveries.problem is 'Why the last try failed. Null when it did not.';

alter table private.webhook_owners enable row level security;
alter table private.webhook_endpoints enable row level security;
alter table private.webhook_secrets enable row level security;
alter table private.webhook_deliveries enable row level security;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.webhook_endpoints', 'r.owner_id = $1', 'erase', '{name,url,event_types,created_at,disabled_at}', 'A setting of the account; its secrets and events go with it.'),
  ('private.webhook_deliveries', 'r.endpoint_id in (select e.id from private.webhook_endpoints e where e.owner_id = $1)', 'erase', '{type,status,created_at}', 'Copies of what the rows and the log say; they are kept for days.');
select private.retain_columns('private.webhook_endpoints', 'Who made it: what an organizer or the platform has goes on.', 'created_by');
select private.retain_columns('private.webhook_deliveries', 'Which row it is about; the event goes.', 'subject_id');
select private.hold_no_persons('private.webhook_owners', 'private.webhook_secrets');
