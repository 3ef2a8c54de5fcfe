-- Operations: outbox rows that were given up, and putting them on their way again.
-- Rule kept here: a row is put back as after a first try, so that its worker asks the provider whether that one arrived: no
-- money is sent twice.
-- Left out on purpose: the payload, which may hold what staff need not read; and what is `failed` although its outbox row is
-- done, which the commands of refunds and payouts order again.

create function private.list_dead_letters(p_topic text, p_after jsonb, p_page_size int)
returns table (id bigint, topic text, dedupe_key text, attempts int, last_error text, created_at timestamptz, finished_at timestamptz, correlation_id text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_before bigint;
begin
  perform private.require_staff();
  perform private.require_page_size(p_page_size);
  if p_topic is not null and not exists (select from private.outbox_topics t where t.topic = p_topic) then
    perform private.fail_input('topic', 'must be a topic of the outbox');
  end if;
  begin
    v_before := (p_after ->> 'id')::bigint;
  exception
    when data_exception then
      null;
  end;
  if p_after is not null and v_before is null then
    perform private.fail_input('after', 'needs id of the last row');
  end if;
  return query
    select o.id, o.topic, o.dedupe_key, o.attempts, o.last_error, o.created_at, o.finished_at, o.correlation_id
    from private.outbox o
    where o.status = 'dead' and (p_topic is null or o.topic = p_topic) and (v_before is null or o.id < v_before)
    order by o.id desc
    limit p_page_size;
end
$$;
create function public.list_dead_letters(topic text default null, after jsonb default null, page_size int default 20)
returns table (id bigint, topic text, dedupe_key text, attempts int, last_error text, created_at timestamptz, finished_at timestamptz, correlation_id text)
language sql stable set search_path = ''
as $$ select * from private.list_dead_letters($1, $2, $3) $$;
comment on function public.list_dead_letters is 'Support and admins: lists outbox rows that were given up, newest first, of all topics or of `topic` (docs/registries.md). `dedupe_key` begins with the id of what it is about, `last_error` says why the last try failed, and `correlation_id` finds it in the logs. `after` takes {id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_dead_letters(text, jsonb, int)', 'authenticated');

create function private.requeue_dead_letter(p_id bigint)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_row private.outbox;
begin
  perform private.require_admin();
  select * into v_row from private.outbox o where o.id = p_id for update;
  if not found then
    perform private.fail('not_found');
  elsif v_row.status in ('pending', 'leased') then
    return;
  elsif v_row.status <> 'dead' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'outbox', 'from', v_row.status, 'to', 'pending'));
  end if;
  update private.outbox
  set status = 'pending', attempts = 1, available_at = now(), finished_at = null, deferred_reason = null, deferred_since = null
  where id = p_id;
  perform private.set_audit_context('admin');
  perform private.record_event('outbox.requeued', '00000000-0000-0000-0000-000000000000', jsonb_build_object('id', p_id, 'topic', v_row.topic));
end
$$;
create function public.requeue_dead_letter(dead_letter_id bigint)
returns void
language sql volatile set search_path = ''
as $$ select private.requeue_dead_letter(dead_letter_id) $$;
comment on function public.requeue_dead_letter is 'Admin: has an outbox row that was given up tried again, once its cause is put right. The worker first asks the provider whether an earlier try arrived. Repeatable. Errors: forbidden, not_found, illegal_transition.';
select private.expose('requeue_dead_letter(bigint)', 'authenticated');
