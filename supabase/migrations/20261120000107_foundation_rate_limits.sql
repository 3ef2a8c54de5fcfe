-- Foundation: token buckets, in the transaction of the command they guard.
-- Rule kept here: a limit holds on every path to the command, because it is inside it. A refused call over HTTP costs a
-- token too: its refusal is an answer, so that its transaction commits.
-- Left out on purpose: limits on reads; those belong to the gateway.

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

create function private.take_token(p_action text, p_subject text)
returns void
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
  if v_tokens < 0 then
    perform private.fail('rate_limited', jsonb_build_object('retry_after', ceil(-v_tokens * 60 / v_limit.per_minute)));
  end if;
end
$$;
comment on function private.take_token is 'Takes one token or raises rate_limited with retry_after in seconds, which takes nothing.';

-- Answers a refusal of a limited command as PostgREST would answer the error, and takes a token for it: the one that the
-- command took went with its subtransaction. Outside of a request, and where no token can be taken, it raises the error.
create function private.refuse(p_action text, p_subject text, p_state text, p_message text, p_detail text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_subject is null or p_detail::jsonb ->> 'code' = 'rate_limited' or coalesce(current_setting('request.method', true), '') = '' then
    raise exception using errcode = p_state, message = p_message, detail = p_detail;
  end if;
  perform private.take_token(p_action, p_subject);
  perform set_config('response.status', substr(p_state, 3), true);
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
begin
  select p.proname, (select string_agg(quote_ident(a), ', ' order by n) from unnest(p.proargnames) with ordinality x (a, n))
  into v_name, v_passed
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
      return to_jsonb(private.%1$I(%3$s));
    exception
      -- the class: every error of the registry
      when sqlstate ''PT000'' then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
        return private.refuse(%4$L, (%5$s)::text, sqlstate, v_message, v_detail);
    end
    $body$', v_name, v_arguments, v_passed, p_action, p_subject);
  execute format('comment on function %s is %L', 'public.' || p_signature, v_comment);
  perform private.expose(p_signature, variadic p_roles);
end
$$;
comment on function private.expose_limited is 'Used by migrations only: exposes a command whose refusals cost a token of p_action, taken from the subject that the SQL expression p_subject names.';
