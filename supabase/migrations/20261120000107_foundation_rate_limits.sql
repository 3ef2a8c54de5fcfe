-- Foundation: token buckets, in the transaction of the command they guard.
-- Rule kept here: a limit holds on every path to the command, because it is inside it. A refused call over HTTP costs a
-- token too: its refusal is an answer, so that its transaction commits.
-- Left out on purpose: limits on cheap reads; the statement timeout bounds those.

create table private.rate_limits (
  action text primary key,
  capacity int not null,
  per_minute numeric not null,
  constraint rate_limits_positive check (capacity > 0 and per_minute > 0)
);
comment on table private.rate_limits is 'How many calls of an action a subject may make at once (capacity) and how fast the bucket refills.';
comment on column private.rate_limits.capacity is 'Calls at once.';
comment on column private.rate_limits.per_minute is 'Calls that come back each minute.';

create table private.rate_buckets (
  action text not null references private.rate_limits on delete cascade,
  subject text not null,
  tokens numeric not null,
  refilled_at timestamptz not null,
  primary key (action, subject)
) with (fillfactor = 70);
comment on table private.rate_buckets is 'What is left of each limit for each subject; a row that is a day old is removed.';
comment on column private.rate_buckets.subject is 'Who or what is limited: mostly a user id.';
comment on column private.rate_buckets.tokens is 'Calls left at refilled_at; it refills by per_minute of the action up to its capacity.';

-- Takes one token and answers null, or the seconds until there is one. Who gets seconds must undo the transaction or the
-- block: then nothing was taken.
create function private.token_wait(p_action text, p_subject text)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_limit private.rate_limits;
  v_tokens numeric;
begin
  select * into strict v_limit from private.rate_limits where action = p_action;
  insert into private.rate_buckets as b (action, subject, tokens, refilled_at)
  values (p_action, p_subject, v_limit.capacity - 1, now())
  on conflict (action, subject) do update
  set tokens = least(v_limit.capacity, b.tokens + v_limit.per_minute * greatest(extract(epoch from now() - b.refilled_at), 0) / 60) - 1,
      refilled_at = greatest(now(), b.refilled_at)
  returning b.tokens into v_tokens;
  return case when v_tokens < 0 then ceil(-v_tokens * 60 / v_limit.per_minute) end;
end
$$;

create function private.take_token(p_action text, p_subject text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_wait int := private.token_wait(p_action, p_subject);
begin
  if v_wait is not null then
    perform private.fail('rate_limited', jsonb_build_object('retry_after', v_wait));
  end if;
end
$$;
comment on function private.take_token is 'Takes one token or raises rate_limited with retry_after in seconds, which takes nothing.';

-- For a command that takes a token before it knows whether it is one to count, such as a wrong guess.
create function private.give_token_back(p_action text, p_subject text)
returns void
language sql volatile set search_path = ''
as $$
  update private.rate_buckets b set tokens = least(l.capacity, b.tokens + 1)
  from private.rate_limits l
  where b.action = p_action and b.subject = p_subject and l.action = b.action
$$;

-- Answers a refusal of a limited command as PostgREST would answer the error, and takes a token for it: the one that the
-- command took went with its subtransaction. A limit by the name of the error costs one more. When no token is left, the answer is rate_limited, with the header
-- Retry-After. Outside of a request, and for nobody in particular, it raises the error.
create function private.refuse(p_action text, p_subject text, p_state text, p_message text, p_detail text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_subject is null or coalesce(current_setting('request.method', true), '') = '' then
    raise exception using errcode = p_state, message = p_message, detail = p_detail;
  end if;
  if p_detail::jsonb ->> 'code' <> 'rate_limited' then
    begin
      perform private.take_token(p_action, p_subject);
      -- a refusal that helps to guess has a limit of its own, by its name
      perform private.take_token(l.action, p_subject) from private.rate_limits l where l.action = p_detail::jsonb ->> 'code';
    exception
      when sqlstate 'PT429' then
        get stacked diagnostics p_state = returned_sqlstate, p_message = message_text, p_detail = pg_exception_detail;
    end;
  end if;
  perform set_config('response.status', substr(p_state, 3), true);
  if p_detail::jsonb ? 'retry_after' then
    perform set_config('response.headers', jsonb_build_array(jsonb_build_object('Retry-After', p_detail::jsonb ->> 'retry_after'))::text, true);
  end if;
  return jsonb_build_object('code', p_state, 'message', p_message, 'details', p_detail, 'hint', null);
end
$$;
grant execute on function private.refuse(text, text, text, text, text) to authenticated, service_role;

-- As private.expose, for a command that takes a token. It writes the function in public anew: with the arguments and the
-- comment that it has, calling its twin in private, and answering a refusal. Its answer is the twin's as jsonb; the
-- generated types say which row that is.
create function private.expose_limited(p_signature text, p_action text, p_subject text, variadic p_roles text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_function regprocedure := ('public.' || p_signature)::regprocedure;
  v_name text;
  v_arguments text := pg_get_function_arguments(v_function);
  v_passed text;
  v_comment text := obj_description(v_function, 'pg_proc');
  v_call text;
begin
  select p.proname, (select string_agg(quote_ident(a), ', ' order by n) from unnest(p.proargnames) with ordinality x (a, n)),
    -- to_jsonb makes an empty text of nothing
    case p.prorettype when 'void'::regtype then 'perform private.%I(%s); return null' else 'return to_jsonb(private.%I(%s))' end
  into v_name, v_passed, v_call
  from pg_catalog.pg_proc p
  where p.oid = v_function;
  execute format('drop function %s', v_function);
  execute format('
    create function public.%1$I(%2$s)
    returns jsonb
    language plpgsql volatile set search_path = ''''
    as $body$
    declare
      v_message text;
      v_detail text;
    begin
      %3$s;
    exception
      -- the class: every error of the registry
      when sqlstate ''PT000'' then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
        return private.refuse(%4$L, (%5$s)::text, sqlstate, v_message, v_detail);
    end
    $body$', v_name, v_arguments, format(v_call, v_name, v_passed), p_action, p_subject);
  execute format('comment on function %s is %L', 'public.' || p_signature, v_comment);
  perform private.expose(p_signature, variadic p_roles);
end
$$;
comment on function private.expose_limited is 'Used by migrations only: exposes a command whose refusals cost a token of p_action, taken from the subject that the SQL expression p_subject names.';

-- For what cannot answer a refusal in place of its rows: reads, and direct writes to tables. Over HTTP it raises
-- rate_limited in the form by which PostgREST also sends the header Retry-After.
create function private.spend_token(p_action text, p_subject text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_wait int := private.token_wait(p_action, p_subject);
begin
  if v_wait is null then
    return;
  end if;
  if coalesce(current_setting('request.method', true), '') = '' then
    perform private.fail('rate_limited', jsonb_build_object('retry_after', v_wait));
  end if;
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', 'PT429', 'message', (select e.message_en from private.error_codes e where e.code = 'rate_limited'),
      'details', jsonb_build_object('code', 'rate_limited', 'retry_after', v_wait)::text, 'hint', null),
    detail = jsonb_build_object('status', 429, 'headers', jsonb_build_object('Retry-After', v_wait::text));
end
$$;

-- The network that a request over HTTP comes from: its IPv4 address, or its /64 of IPv6, since a line has that many
-- addresses. Cloudflare, in front of the platform, overwrites cf-connecting-ip. Without it, the last address of
-- x-forwarded-for that is no proxy of our own is the caller's; a caller can write the first one.
create function private.client_network()
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
  v_hops text[] := coalesce(string_to_array(coalesce(v_headers ->> 'cf-connecting-ip', v_headers ->> 'x-forwarded-for'), ','), '{}');
  v_inside constant inet[] := '{10.0.0.0/8,127.0.0.0/8,192.168.0.0/16,169.254.0.0/16,172.16.0.0/12,100.64.0.0/10,::1/128,fc00::/7,fe80::/10}'::inet[];
  v_address inet;
begin
  begin
    for i in reverse cardinality(v_hops) .. 1 loop
      v_address := case when v_address is null or not exists (select from unnest(v_inside) n where trim(v_hops[i])::inet <<= n) then trim(v_hops[i])::inet else v_address end;
      exit when not exists (select from unnest(v_inside) n where v_address <<= n);
    end loop;
  exception
    -- what is no address, and all before it, was written by the caller
    when invalid_text_representation then
      null;
  end;
  return coalesce(host(network(set_masklen(v_address, case family(v_address) when 6 then 64 else 32 end))), 'unknown');
end
$$;

-- For a read that costs much: a token of the person, or of the network of a visitor (action <p_action>_network). SQL that
-- comes from no request is not limited.
create function private.spend_read_token(p_action text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if coalesce(current_setting('request.method', true), '') = '' then
    return;
  end if;
  -- A crash may give a few tokens back; a read need not wait for the disk.
  perform set_config('synchronous_commit', 'off', true);
  if auth.uid() is not null then
    perform private.spend_token(p_action, auth.uid()::text);
  else
    perform private.spend_token(p_action || '_network', private.client_network());
  end if;
end
$$;
grant execute on function private.spend_read_token(text) to anon, authenticated;

-- Rows that people write directly, without a command. Commands write as their owner and are not counted here.
insert into private.rate_limits (action, capacity, per_minute) values ('direct_write', 60, 60);
create function private.limit_direct_write()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.spend_token('direct_write', coalesce(auth.uid()::text, private.client_network()));
  return null;
end
$$;

create function private.limit_direct_writes()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and t.tgname = 'limited')
      and (has_any_column_privilege('authenticated', c.oid, 'insert, update') or has_table_privilege('authenticated', c.oid, 'delete'))
  loop
    execute format('create trigger limited before insert or update or delete on %s for each statement when (current_user in (''authenticated'', ''anon'')) execute function private.limit_direct_write()', v_table);
  end loop;
end
$$;
comment on function private.limit_direct_writes is 'Used by migrations only: limits direct writes to every table that people may write to. The last migration calls it.';
