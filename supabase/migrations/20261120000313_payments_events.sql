-- Payments: keeping what providers say, and what an admin must look at.
-- Rule kept here: a sender without a signature can neither fill the database nor make a genuine message wait; a
-- message that contradicts an earlier one moves no money.
-- Left out on purpose: verifying a message, which function `payment-webhooks` has done before.

-- Whether one more unverified message may be stored in this hour. It locks the count for the rest of the transaction,
-- so these messages wait for each other. A verified one never comes here.
create function private.has_room_for_unverified(p_provider text)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_received bigint;
begin
  -- Many of them must not wait for the disk and hold the connections that genuine messages need. It does no harm to lose
  -- one in a crash.
  perform set_config('synchronous_commit', 'off', true);
  insert into private.unverified_counts as c (provider, hour)
  values (p_provider, date_trunc('hour', now(), 'UTC'))
  on conflict (provider, hour) do update set received = c.received + 1
  returning received into v_received;
  return v_received <= (private.setting('unverified_events_per_hour') #>> '{}')::bigint;
end
$$;

create function private.record_payment_event(p_provider text, p_provider_event_id text, p_verified boolean, p_reference text, p_raw text, p_headers jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
begin
  if not p_verified
     and not exists (select from private.payment_events where provider = p_provider and provider_event_id = p_provider_event_id)
     and not private.has_room_for_unverified(p_provider) then
    return jsonb_build_object('event_id', null, 'is_new', false, 'outcome', null);
  end if;
  insert into private.payment_events (provider, provider_event_id, verified, reference, raw, headers)
  values (p_provider, p_provider_event_id, p_verified, p_reference, p_raw, coalesce(p_headers, '{}'))
  on conflict (provider, provider_event_id) do nothing
  returning * into v_event;
  if found then
    return jsonb_build_object('event_id', v_event.id, 'is_new', true, 'outcome', null);
  end if;
  select * into v_event from private.payment_events where provider = p_provider and provider_event_id = p_provider_event_id;
  return jsonb_build_object('event_id', v_event.id, 'is_new', false, 'outcome', v_event.outcome);
end
$$;
create function public.record_payment_event(provider text, provider_event_id text, verified boolean, reference text, raw text, headers jsonb default '{}')
returns jsonb
language sql volatile set search_path = ''
as $$ select private.record_payment_event(provider, provider_event_id, verified, reference, raw, headers) $$;
comment on function public.record_payment_event is 'Stores a message of a provider as it was received and answers {event_id, is_new, outcome}. When this hour already has as many unverified messages as the setting unverified_events_per_hour allows, another one is only counted and event_id is null. Service only.';
select private.expose('record_payment_event(text, text, boolean, text, text, jsonb)', 'service_role');

-- A message that contradicts an earlier one moves no money: an admin must look at it.
create function private.flag_for_review(p_event_id bigint, p_reason text, p_answer text)
returns text
language plpgsql volatile set search_path = ''
as $$
begin
  update private.payment_events set outcome = 'needs_review', note = p_reason where id = p_event_id;
  return p_answer;
end
$$;

-- The same for what we learn without a message. It is stored as a message, so that admins find everything in one place.
-- p_provider is the provider that said it, or the one that sends our transfers when an admin recorded it by hand.
create function private.flag_for_review(p_provider text, p_key text, p_reference text, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.payment_events (provider, provider_event_id, verified, reference, raw, outcome, applied_at, note)
  select r.provider, p_key, true, p_reference, '', 'needs_review', now(), p_reason
  from private.payment_providers r
  order by r.provider = p_provider desc, r.provider = private.transfer_provider() desc, r.provider
  limit 1
  on conflict (provider, provider_event_id) do nothing;
end
$$;

-- Closes a message that moves no money: one to ignore, or one that an admin must look at.
create function private.settle_payment_event(p_event_id bigint, p_outcome text, p_reason text)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_outcome text;
begin
  if p_outcome is null or p_outcome not in ('ignored', 'needs_review') then
    perform private.fail_input('outcome', 'must be ignored or needs_review');
  end if;
  update private.payment_events
  set outcome = coalesce(outcome, p_outcome), note = coalesce(note, left(p_reason, 500)), applied_at = coalesce(applied_at, now())
  where id = p_event_id and verified
  returning outcome into v_outcome;
  if not found then
    perform private.fail('not_found');
  end if;
  return v_outcome;
end
$$;
create function public.settle_payment_event(event_id bigint, outcome text, reason text)
returns text
language sql volatile set search_path = ''
as $$ select private.settle_payment_event(event_id, outcome, reason) $$;
comment on function public.settle_payment_event is 'Closes a stored, verified message that moves no money. `outcome` is ignored, or needs_review when an admin must look at it. Service only. Errors: not_found, invalid_input.';
select private.expose('settle_payment_event(bigint, text, text)', 'service_role');

-- Where the next look into a provider's feed begins.
create function private.save_feed_cursor(p_provider text, p_cursor text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_cursor is null then
    perform private.fail_input('cursor', 'must say up to where the feed was read');
  end if;
  update private.payment_providers set feed_cursor = p_cursor, feed_read_at = now() where provider = p_provider and has_feed;
  if not found then
    perform private.fail('not_found');
  end if;
end
$$;
create function public.save_feed_cursor(provider text, cursor text)
returns void
language sql volatile set search_path = ''
as $$ select private.save_feed_cursor(provider, cursor) $$;
comment on function public.save_feed_cursor is 'Stores how far the feed of a provider was read and applied. Service only. Errors: not_found, invalid_input.';
select private.expose('save_feed_cursor(text, text)', 'service_role');

create function private.acknowledge_payment_event(p_event_id bigint, p_note text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  if not private.says_something(p_note, 3) then
    perform private.fail_input('note', 'must have 3 to 500 characters');
  end if;
  update private.payment_events set acknowledged_by = auth.uid(), acknowledged_at = now(), note = concat_ws(E'\n', note, private.tidy_lines(p_note))
  where id = p_event_id and outcome = 'needs_review' and acknowledged_at is null;
  if not found then
    perform private.fail('not_found');
  end if;
end
$$;
create function public.acknowledge_payment_event(event_id bigint, note text)
returns void
language sql volatile set search_path = ''
as $$ select private.acknowledge_payment_event(event_id, note) $$;
comment on function public.acknowledge_payment_event is 'Admin: records that a message that needs review has been dealt with. Such a message reports, for example, a chargeback, a refund made elsewhere, or two amounts for one transaction. Errors: forbidden, not_found, invalid_input.';
select private.expose('acknowledge_payment_event(bigint, text)', 'authenticated');

create function private.payment_events_needing_review(p_after_id bigint, p_page_size int)
returns table (id bigint, provider text, reference text, note text, raw text, received_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_page_size(p_page_size);
  perform private.require_admin();
  return query
    select e.id, e.provider, e.reference, e.note, e.raw, e.received_at
    from private.payment_events e
    where e.outcome = 'needs_review' and e.acknowledged_at is null and (p_after_id is null or e.id > p_after_id)
    order by e.id
    limit p_page_size;
end
$$;
create function public.payment_events_needing_review(after_id bigint default null, page_size int default 20)
returns table (id bigint, provider text, reference text, note text, raw text, received_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.payment_events_needing_review($1, $2) $$;
comment on function public.payment_events_needing_review is 'Admin: lists the messages of providers that an admin must look at, oldest first. `after_id` takes the id of the last row. Errors: forbidden, invalid_input.';
select private.expose('payment_events_needing_review(bigint, int)', 'authenticated');

-- Reads what came in to an account of ours that anybody may send money to: one look at a time, where such a rail is
-- in use. One that was given up is ordered anew.
create function private.enqueue_feeds()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.outbox where topic = 'feed' and status in ('done', 'dead');
  perform private.enqueue('feed', jsonb_build_object('provider', r.provider, 'cursor', r.feed_cursor), r.provider)
  from private.payment_providers r
  where r.has_feed and exists (select from public.payment_attempts a where a.provider = r.provider);
end
$$;
select private.register_topic('feed', 'provider', 'cursor');
select private.schedule_job('journey_feeds', 'Queues a read of the bank feed behind VietQR, to find money whose notification was lost.',
  '11 * * * *', '3 hours', 'select private.enqueue_feeds()');

create function private.tidy_payments()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- unverified messages are kept only for questions about who sent them
  delete from private.payment_events where not verified and received_at < now() - interval '30 days';
  delete from private.unverified_counts where hour < now() - interval '30 days';
end
$$;
select private.schedule_job('journey_tidy_payments', 'Removes unverified messages and their counts after 30 days.',
  '21 20 * * *', '26 hours', 'select private.tidy_payments()');
