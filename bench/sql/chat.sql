-- Conversations for the measurements of chat, in a database of their own with the migrations and nothing else.
-- Sizes come from the settings bench.people, bench.conversations and bench.hubs.
-- Written past the commands: triggers and foreign keys are off, every constraint of the tables still holds.

create table bench.plain_messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null,
  sender_id uuid not null,
  body text not null,
  created_at timestamptz not null default now()
);
grant select, insert on bench.plain_messages to authenticated;
-- As the requirements describe theirs: 64 partitions by the two people, and four indexes.
create table bench.their_messages (
  id uuid not null default gen_random_uuid(),
  sender_id uuid not null,
  receiver_id uuid not null,
  content text not null,
  shard_id int generated always as (abs(hashtext(sender_id::text || receiver_id::text)) % 64) stored,
  created_at timestamptz not null default now()
) partition by hash (sender_id, receiver_id);
do $$
begin
  for i in 0 .. 63 loop
    execute format('create table bench.their_messages_%s partition of bench.their_messages for values with (modulus 64, remainder %s)', i, i);
  end loop;
end
$$;
create index on bench.their_messages (sender_id);
create index on bench.their_messages (receiver_id);
create index on bench.their_messages (created_at);
create index on bench.their_messages (shard_id);
grant usage on schema bench to authenticator;
grant insert on bench.their_messages to authenticator;
-- What one lock that is held until its commit allows.
create table bench.counter (id int primary key, n bigint not null) with (fillfactor = 50);
insert into bench.counter values (1, 0);
grant select, update on bench.counter to authenticated;

-- A person of this load writes more often than people do.
update private.rate_limits set capacity = 1000000, per_minute = 1000000 where action = 'send_message';

create function bench.load_chat()
returns void
language plpgsql volatile set search_path = '' set session_replication_role = 'replica' set synchronous_commit = 'off'
as $$
declare
  v_people int := current_setting('bench.people')::int;
  v_conversations int := current_setting('bench.conversations')::int;
begin
  insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
  select bench.id('renter', n), 'authenticated', 'authenticated', 'person' || n || '@example.com', '{}', '{}', now(), now()
  from generate_series(0, v_people - 1) n;
  insert into public.profiles (id, display_name, locale)
  select bench.id('renter', n), 'Person ' || n, case when n % 3 = 0 then 'en' else 'vi' end from generate_series(0, v_people - 1) n;
  -- everybody has written before
  insert into private.rate_buckets (action, subject, tokens, refilled_at)
  select 'send_message', bench.id('renter', n)::text, 60, now() from generate_series(0, v_people - 1) n;
  insert into private.inboxes (user_id) select bench.id('renter', n) from generate_series(0, v_people - 1) n;

  -- conversation c is that of person c and one of the next: the scripts compute the same
  create temp table pairs on commit drop as
  select c, bench.id('conversation', c) as id, bench.id('renter', c % v_people) as a, bench.id('renter', (c + 1 + c / v_people) % v_people) as b,
         now() - interval '1 day' + interval '1 second' * c as at
  from generate_series(0, v_conversations - 1) c;
  insert into public.conversations (id, kind, first_user_id, second_user_id, last_message_at, created_at)
  select id, 'direct', least(a, b), greatest(a, b), at, at from pairs;
  insert into public.conversation_members (conversation_id, user_id, status, reads_from, readable)
  select p.id, u, 'active', 1, '{[1,)}' from pairs p, unnest(array[p.a, p.b]) u;
  insert into public.conversation_markers (conversation_id, user_id)
  select p.id, u from pairs p, unnest(array[p.a, p.b]) u;
  -- four people, after all others, have 500 conversations each
  insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
  select bench.id('renter', v_people + h), 'authenticated', 'authenticated', 'hub' || h || '@example.com', '{}', '{}', now(), now() from generate_series(0, 3) h;
  insert into public.profiles (id, display_name, locale) select bench.id('renter', v_people + h), 'Hub ' || h, 'en' from generate_series(0, 3) h;
  insert into private.inboxes (user_id) select bench.id('renter', v_people + h) from generate_series(0, 3) h;
  create temp table hubs on commit drop as
  select bench.id('hub conversation', h * 500 + k) as id, bench.id('renter', v_people + h) as a, bench.id('renter', k % v_people) as b,
         now() - interval '1 hour' * random() * 1000 as at
  from generate_series(0, 3) h, generate_series(0, least(500, v_people) - 1) k;
  insert into public.conversations (id, kind, first_user_id, second_user_id, last_message_at, created_at)
  select id, 'direct', least(a, b), greatest(a, b), at, at from hubs;
  insert into public.conversation_members (conversation_id, user_id, status, reads_from, readable)
  select p.id, u, 'active', 1, '{[1,)}' from hubs p, unnest(array[p.a, p.b]) u;
  insert into public.conversation_markers (conversation_id, user_id)
  select p.id, u from hubs p, unnest(array[p.a, p.b]) u;
  -- one group of the first sixteen
  insert into public.conversations (id, kind, title, owner_id) values (bench.id('group', 0), 'group', 'All of us', bench.id('renter', 0));
  insert into public.conversation_members (conversation_id, user_id, role, status, reads_from, readable)
  select bench.id('group', 0), bench.id('renter', n), case n when 0 then 'admin' else 'member' end, 'active', 1, '{[1,)}' from generate_series(0, 15) n;
  insert into public.conversation_markers (conversation_id, user_id)
  select bench.id('group', 0), bench.id('renter', n) from generate_series(0, 15) n;
end
$$;
select bench.load_chat();

-- Writes messages until each conversation of two has p_each of them, the two by turns.
create function bench.fill_messages(p_each int)
returns void
language plpgsql volatile set search_path = '' set session_replication_role = 'replica' set synchronous_commit = 'off'
as $$
begin
  insert into public.messages (conversation_id, seq, change, sender_id, client_message_id, body, created_at)
  select c.id, s, s, case when s % 2 = 0 then c.first_user_id else c.second_user_id end, gen_random_uuid(),
         'Message ' || s || ': is the car still there on Saturday, and can I bring it back a little later?', now() - interval '1 minute' * (p_each - s)
  from public.conversations c cross join lateral generate_series(c.last_seq + 1, p_each) s
  where c.kind = 'direct';
  update public.conversations set last_seq = p_each, last_change = p_each where kind = 'direct' and last_seq < p_each;
  update public.conversation_markers k set read_seq = greatest(p_each - 3, 0)
  from public.conversations c where c.id = k.conversation_id and c.kind = 'direct';
end
$$;

create sequence bench.sends minvalue 0;
create function bench.make_sends(p_count int)
returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_first bigint := nextval('bench.sends');
begin
  perform setval('bench.sends', v_first + p_count);
  return v_first;
end
$$;

create function bench.call_chat(p_n bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_people int := current_setting('bench.people')::int;
  v_conversations int := current_setting('bench.conversations')::int;
  v_c bigint := p_n % v_conversations;
begin
  perform bench.begin_request('authenticated', bench.id('renter', (v_c + p_n / v_conversations % 2 * (1 + v_c / v_people)) % v_people));
  perform public.send_message(bench.id('conversation', v_c), 'Is the car still there on Saturday, and can I bring it back a little later?', gen_random_uuid());
end
$$;

-- The same command over messages that are not split: the table as it is, in one piece, and the function with its name
-- in place of the other.
create schema twin;
grant usage on schema twin to authenticated;
do $$
declare
  v_one record;
begin
  create table twin.messages (like public.messages including all);
  for v_one in
    select pg_get_constraintdef(oid) as definition, conname from pg_constraint where conrelid = 'public.messages'::regclass and contype = 'f'
  loop
    execute format('alter table twin.messages add constraint %I %s', v_one.conname, v_one.definition);
  end loop;
  for v_one in select pg_get_triggerdef(oid) as definition from pg_trigger where tgrelid = 'public.messages'::regclass and not tgisinternal loop
    execute replace(v_one.definition, 'public.messages', 'twin.messages');
  end loop;
  for v_one in
    select pg_get_functiondef(oid) as definition from pg_proc
    where proname = 'send_message' and pronamespace in ('private'::regnamespace, 'public'::regnamespace) order by pronamespace = 'public'::regnamespace
  loop
    execute replace(regexp_replace(v_one.definition, '(private|public)\.send_message', case when v_one.definition like '%FUNCTION private.%' then 'twin.work' else 'twin.send_message' end),
      'private.send_message(', 'twin.work(');
  end loop;
  -- inside, every mention of the table
  for v_one in select pg_get_functiondef(oid) as definition from pg_proc where proname = 'work' and pronamespace = 'twin'::regnamespace loop
    execute 'drop function twin.work';
    execute replace(v_one.definition, 'public.messages', 'twin.messages');
  end loop;
end
$$;
grant execute on all functions in schema twin to authenticated;
-- the reads of the baselines are those of a role that no policy holds for
grant select on public.conversations, public.conversation_members, public.conversation_markers, public.messages, public.profiles to service_role;
