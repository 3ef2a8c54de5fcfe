-- Foundation: token buckets, in the transaction of the command they guard.
-- Rule kept here: a limit holds on every path to the command, because it is inside it.
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
comment on function private.take_token is 'Takes one token or raises rate_limited with retry_after in seconds; a refused call rolls back and takes nothing.';
