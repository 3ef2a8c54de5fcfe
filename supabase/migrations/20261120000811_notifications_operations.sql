-- Notifications: what staff see and do about deliveries, and what goes with time.
-- Rule kept here: what was sent can be asked for by person, channel and state for half a year.
-- Left out on purpose: sending by hand what was suppressed, since the reason holds.

alter table private.settings
  add constraint settings_delivery_days check (key <> 'delivery_days' or private.is_whole(value, 30, 3650));
insert into private.settings (key, value, description) values
  ('delivery_days', '180', 'Days after which deliveries are removed, and with them the answer to why somebody got a notification; 30 to 3,650.');

create function private.list_deliveries(p_user_id uuid, p_channel text, p_status text, p_after jsonb, p_page_size int)
returns table (
  id uuid, user_id uuid, notification_id uuid, source text, subject_id uuid, category text, template text, title text, channel text, device_id uuid,
  status text, reason text, detail text, attempts int, provider text, provider_id text, created_at timestamptz, waits_until timestamptz,
  decided_at timestamptz, sent_at timestamptz, delivered_at timestamptz, ended_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_staff();
  if p_channel is not null and p_channel not in ('email', 'push', 'sms') then
    perform private.fail_input('channel', 'must be email, push or sms');
  end if;
  if p_status is not null and p_status not in ('queued', 'sent', 'delivered', 'failed', 'bounced', 'complained', 'suppressed', 'void') then
    perform private.fail_input('status', 'must be a state of a delivery');
  end if;
  return query
    select d.id, d.user_id, d.notification_id, d.source, d.subject_id, d.category, n.template, n.title, d.channel, d.device_id, d.status, d.reason,
           d.detail, d.attempts, d.provider, d.provider_id, d.created_at, d.waits_until, d.decided_at, d.sent_at, d.delivered_at, d.ended_at
    from public.deliveries d
    left join public.notifications n on n.id = d.notification_id
    where (p_user_id is null or d.user_id = p_user_id) and (p_channel is null or d.channel = p_channel) and (p_status is null or d.status = p_status)
      and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
    order by d.created_at desc, d.id desc
    limit p_page_size;
end
$$;
create function public.list_deliveries(
  user_id uuid default null, channel text default null, status text default null, after jsonb default null, page_size int default 20
)
returns table (
  id uuid, user_id uuid, notification_id uuid, source text, subject_id uuid, category text, template text, title text, channel text, device_id uuid,
  status text, reason text, detail text, attempts int, provider text, provider_id text, created_at timestamptz, waits_until timestamptz,
  decided_at timestamptz, sent_at timestamptz, delivered_at timestamptz, ended_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_deliveries($1, $2, $3, $4, $5) $$;
comment on function public.list_deliveries is 'Support and admins: lists what was sent to people and what was not, newest first, of all people or of `user_id`, `channel` (email, push, sms) and `status`. `detail` is what the provider said, `template` and `title` are null for what is in no inbox. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_deliveries(uuid, text, text, jsonb, int)', 'authenticated');

create function private.requeue_delivery(p_delivery_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_delivery public.deliveries;
begin
  perform private.require_admin();
  select * into v_delivery from public.deliveries where id = p_delivery_id for update;
  if not found then
    perform private.fail('not_found');
  elsif v_delivery.status = 'queued' then
    return;
  elsif v_delivery.status <> 'failed' or v_delivery.provider_id is not null then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'delivery', 'from', v_delivery.status, 'to', 'queued'));
  end if;
  begin
    update public.deliveries set status = 'queued', ended_at = null where id = p_delivery_id;
  exception
    when unique_violation then
      -- a newer one that tells the same waits
      return;
  end;
  -- the same order: the provider knows its key. The row is gone when it was done long ago.
  insert into private.outbox as o (topic, payload, dedupe_key)
  values (v_delivery.channel, jsonb_build_object('delivery_id', p_delivery_id), p_delivery_id::text)
  on conflict (topic, dedupe_key) do update
  set status = 'pending', attempts = 0, available_at = now(), finished_at = null, lease_token = null, leased_until = null,
      deferred_reason = null, deferred_since = null;
end
$$;
create function public.requeue_delivery(delivery_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.requeue_delivery(delivery_id) $$;
comment on function public.requeue_delivery is 'Admin: sends a delivery again that failed before its provider took it. Whether it is still to be sent is decided anew. Repeatable. Errors: forbidden, not_found, illegal_transition.';
select private.expose('requeue_delivery(uuid)', 'authenticated');

create function private.tidy_deliveries()
returns void
language sql volatile set search_path = ''
as $$
  -- what still waits is not old, whatever its age
  with gone as (
    delete from public.deliveries
    where status <> 'queued' and created_at < now() - make_interval(days => private.setting('delivery_days')::int)
    returning provider, provider_id
  )
  delete from private.delivery_reports r
  where r.received_at < now() - make_interval(days => private.setting('delivery_days')::int)
     or (r.provider, r.provider_id) in (select g.provider, g.provider_id from gone g where g.provider_id is not null)
$$;
select private.schedule_job('journey_tidy_deliveries', 'Removes deliveries, and what providers said of them, after the days of the setting delivery_days.',
  '37 20 * * *', '26 hours', 'select private.tidy_deliveries()');

-- A delivery that waits has a row in the outbox that will ask for it.
create function private.invariant_delivery_stuck()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select d.id::text, d.channel || ' since ' || d.created_at || case when o.id is null then ': no outbox row' else ': outbox row ' || o.id || ' is ' || o.status end
  from public.deliveries d
  left join private.outbox o on o.topic = d.channel and o.dedupe_key = d.id::text
  where d.status = 'queued' and (o.id is null or o.status in ('done', 'dead'))
    -- a worker that has just sent it says so in its next call
    and d.created_at < now() - interval '15 minutes' and coalesce(o.finished_at, '-infinity') < now() - interval '15 minutes'
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('delivery_stuck', 'warning', 'A delivery has waited for 15 minutes and nothing will send it.',
    'An outbox row was removed or finished by hand. Set the delivery to failed by SQL, then requeue_delivery.');

create function private.count_deliveries_failed()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.deliveries where status = 'failed' and ended_at > now() - interval '1 day' $$;
create function private.count_deliveries_waiting()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.deliveries where status = 'queued' $$;
insert into private.health_counts (name, description) values
  ('deliveries_failed', 'Mails, pushes and SMS that were given up within a day.'),
  ('deliveries_waiting', 'Mails, pushes and SMS that are to be sent, those put off by quiet hours among them.');
