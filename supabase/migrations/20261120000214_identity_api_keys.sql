-- Identity: API keys, by which a partner's server acts for an account.
-- Rule kept here: a key may do what its scopes name and nothing else, and that as its owner: with the owner's row
-- policies, limits and log. The secret is shown once and only its hash is stored. A key that expired, was revoked or
-- never existed is refused alike.
-- Left out on purpose: which functions a scope opens; the module that owns a function registers it
-- (vehicles_partners, bookings_partners). The HTTP side is the function partner.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('api_key_invalid', 401, false, 'This API key is not valid. Check it, or create a new one.', 'Khóa API không hợp lệ. Vui lòng kiểm tra lại hoặc tạo khóa mới.'),
  ('scope_missing', 403, false, 'This API key may not do this. Use a key with the scope that details name.', 'Khóa API này không có quyền thực hiện thao tác. Vui lòng dùng khóa có phạm vi được nêu trong chi tiết.'),
  ('too_many_api_keys', 409, false, 'Your account has as many API keys as it may have. Revoke one that you no longer need.', 'Tài khoản của bạn đã có đủ số khóa API cho phép. Vui lòng thu hồi khóa không còn dùng.');

-- api_call: each call of one key. api_key_refused: calls of one network whose key is refused.
insert into private.rate_limits (action, capacity, per_minute) values
  ('create_api_key', 10, 0.2),
  ('api_call', 120, 120),
  ('api_key_refused', 30, 10);

alter table private.settings
  add constraint settings_api_keys_per_person check (key <> 'api_keys_per_person' or private.is_whole(value, 1, 100)),
  add constraint settings_api_key_days check (key <> 'api_key_days' or private.is_whole(value, 1, 1000));
insert into private.settings (key, value, description) values
  ('api_keys_per_person', '10', 'How many API keys one account may have at once. Expired and revoked ones do not count.'),
  ('api_key_days', '366', 'Days: how long an API key may be valid at most.');

-- Scopes as data ----------------------------------------------------------------------------------------------

create table private.api_scopes (
  scope text primary key,
  title_en text not null,
  title_vi text not null,
  constraint api_scopes_form check (scope ~ '^[a-z]+:[a-z]+$'),
  constraint api_scopes_titles_say_something check (private.says_something(title_en) and private.says_something(title_vi))
);
comment on table private.api_scopes is 'What API keys can be allowed to do. Each module registers its own scopes.';
comment on column private.api_scopes.title_en is 'What a key with it may do, as the owner reads it before creating the key.';

create table private.api_operations (
  operation text primary key,
  scope text not null references private.api_scopes
);
comment on table private.api_operations is 'The functions of public that an API key with a scope may call. No other can be reached with a key.';
comment on column private.api_operations.operation is 'Name of the function.';
create index api_operations_scope_idx on private.api_operations (scope);

-- For migrations of the modules.
create function private.register_scope(p_scope text, p_title_en text, p_title_vi text, variadic p_operations text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_operation text;
begin
  insert into private.api_scopes (scope, title_en, title_vi) values (p_scope, p_title_en, p_title_vi);
  foreach v_operation in array p_operations loop
    if not exists (
      select from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname = v_operation and has_function_privilege('authenticated', p.oid, 'execute')
    ) then
      raise exception 'there is no function public.% that people may call', v_operation;
    end if;
    insert into private.api_operations (operation, scope) values (v_operation, p_scope);
  end loop;
end
$$;
comment on function private.register_scope is 'Used by migrations only: adds a scope of API keys, with its title in both languages and the functions of public that it opens.';

create function private.api_scopes()
returns table (scope text, title_en text, title_vi text)
language sql stable security definer set search_path = ''
as $$ select s.scope, s.title_en, s.title_vi from private.api_scopes s order by s.scope $$;
create function public.api_scopes()
returns table (scope text, title_en text, title_vi text)
language sql stable set search_path = ''
as $$ select * from private.api_scopes() $$;
comment on function public.api_scopes is 'Lists what an API key can be allowed to do, with titles in English and Vietnamese.';
select private.expose('api_scopes()', 'authenticated');

-- Keys --------------------------------------------------------------------------------------------------------

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  name text not null,
  prefix text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_keys_name_says_something check (private.says_something(name, 1, 60)),
  constraint api_keys_name_tidy check (private.is_tidy(name)),
  constraint api_keys_prefix_form check (prefix ~ '^[0-9a-f]{12}$'),
  constraint api_keys_prefix_once unique (prefix),
  constraint api_keys_hash_form check (octet_length(secret_hash) = 32),
  constraint api_keys_has_scopes check (cardinality(scopes) between 1 and 30),
  constraint api_keys_expires_later check (expires_at > created_at and expires_at < created_at + interval '1001 days')
);
create index api_keys_user_idx on public.api_keys (user_id);
comment on table public.api_keys is 'Keys by which a partner''s server acts for an account. The secret is not stored. A key works until expires_at or revoked_at.';
comment on column public.api_keys.name is 'What its owner calls it, 1 to 60 characters.';
comment on column public.api_keys.prefix is 'The part of the key that may be shown, 12 hex digits: it says which key is meant.';
-- A hash made to be slow protects secrets that people choose, because those can be guessed. This one has 256 random
-- bits: nobody finds it by trying, and a slow hash would only make each call slow.
comment on column public.api_keys.secret_hash is 'SHA-256 of the secret. Nobody can read it.';
comment on column public.api_keys.scopes is 'What it may do; api_scopes() lists what there is.';
comment on column public.api_keys.expires_at is 'It is refused from then on.';
comment on column public.api_keys.last_used_at is 'When it was used last, written at most once a minute. Null when it was never used.';
comment on column public.api_keys.revoked_at is 'Refused since then. Null for a key in use.';

-- A key cannot be given another owner, more scopes or more time, and one that was revoked stays so.
create trigger immutable before update on public.api_keys for each row
  when ((old.id, old.user_id, old.name, old.prefix, old.secret_hash, old.scopes, old.expires_at, old.created_at)
    is distinct from (new.id, new.user_id, new.name, new.prefix, new.secret_hash, new.scopes, new.expires_at, new.created_at)
    or (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at))
  execute function private.forbid_change();

alter table private.api_scopes enable row level security;
alter table private.api_operations enable row level security;
alter table public.api_keys enable row level security;
revoke all on public.api_keys from anon, authenticated, service_role;
grant select (id, user_id, name, prefix, scopes, expires_at, last_used_at, revoked_at, created_at) on public.api_keys to authenticated, service_role;
create policy select_own on public.api_keys for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

create function private.is_live(p_key public.api_keys)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(p_key.revoked_at is null and p_key.expires_at > now(), false);
end
$$;

-- What is shown of a key: everything but the hash.
create function private.api_key_view(p_key public.api_keys)
returns jsonb
language sql stable set search_path = ''
as $$ select to_jsonb(p_key) - 'secret_hash' $$;

-- The whole key: its kind, its prefix, the secret, and a checksum, by which a mistyped key and a scanner for lost keys
-- need not ask the database.
create function private.api_key_text(p_prefix text, p_secret text)
returns text
language sql immutable set search_path = ''
as $$
  select k.body || '_' || left(encode(sha256(convert_to(k.body, 'utf8')), 'hex'), 8)
  from (select 'jk_live_' || p_prefix || '_' || p_secret as body) k
$$;

create function private.create_api_key(p_name text, p_scopes text[], p_expires_at timestamptz, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_done jsonb;
  v_name text := private.tidy_text(p_name);
  v_scopes text[] := array(select distinct s from unnest(p_scopes) s order by s);
  v_days int := (private.setting('api_key_days'))::int;
  v_most int := (private.setting('api_keys_per_person'))::int;
  v_secret text := encode(extensions.gen_random_bytes(32), 'hex');
  v_key public.api_keys;
begin
  perform private.take_token('create_api_key', v_user_id::text);
  perform private.require_step_up();
  v_done := private.begin_command('create_api_key', p_idempotency_key, jsonb_build_array(p_name, p_scopes, p_expires_at));
  if v_done is not null then
    return v_done;
  end if;
  if not private.says_something(p_name, 1, 60) then
    perform private.fail_input('name', 'must have 1 to 60 characters');
  end if;
  if cardinality(v_scopes) not between 1 and 30 or exists (
    select from unnest(v_scopes) s where s is null or not exists (select from private.api_scopes known where known.scope = s)
  ) then
    perform private.fail_input('scopes', 'must be one or more of those that api_scopes() lists');
  end if;
  if p_expires_at is null or not isfinite(p_expires_at) or p_expires_at <= now() or p_expires_at > now() + make_interval(days => v_days) then
    perform private.fail_input('expires_at', format('must be in the next %s days', v_days));
  end if;
  -- two calls at once must not both see the last free place
  perform 1 from public.profiles where id = v_user_id for no key update;
  if (select count(*) from public.api_keys k where k.user_id = v_user_id and private.is_live(k)) >= v_most then
    perform private.fail('too_many_api_keys', jsonb_build_object('most', v_most));
  end if;
  insert into public.api_keys (user_id, name, prefix, secret_hash, scopes, expires_at)
  values (v_user_id, v_name, encode(extensions.gen_random_bytes(6), 'hex'), sha256(convert_to(v_secret, 'utf8')), v_scopes, p_expires_at)
  returning * into v_key;
  perform private.record_event('api_key.created', v_key.id, jsonb_build_object('prefix', v_key.prefix, 'scopes', v_scopes, 'expires_at', p_expires_at));
  perform private.notify(v_user_id, 'api_key_created', jsonb_build_object('name', v_name, 'prefix', v_key.prefix), v_key.id::text);
  -- DO NOT store the secret with the answer: it could be read there for 30 days.
  perform private.finish_command(p_idempotency_key, private.api_key_view(v_key) || '{"api_key": null}');
  return private.api_key_view(v_key) || jsonb_build_object('api_key', private.api_key_text(v_key.prefix, v_secret));
end
$$;
create function public.create_api_key(name text, scopes text[], expires_at timestamptz, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.create_api_key(name, scopes, expires_at, idempotency_key) $$;
comment on function public.create_api_key is 'Creates an API key of the caller, for a partner''s server. `scopes` are of those that api_scopes() lists; `expires_at` is at most 366 days ahead. Answers {id, user_id, name, prefix, scopes, expires_at, last_used_at, revoked_at, created_at, api_key}. `api_key` is the key itself, as jk_live_<prefix>_<secret>_<checksum>: it is shown this once. A repeat with the same idempotency key answers null for it; if it was lost, revoke the key and create another. Needs a step-up code in the same session. The owner is told by mail. Errors: step_up_required, invalid_input, too_many_api_keys, rate_limited.';
select private.expose_limited('create_api_key(text, text[], timestamptz, uuid)', 'create_api_key', 'auth.uid()', 'authenticated');

create function private.revoke_api_key(p_key_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_key public.api_keys;
begin
  select * into v_key from public.api_keys where id = p_key_id and user_id = v_user_id for no key update;
  if not found then
    perform private.fail('not_found');
  end if;
  if v_key.revoked_at is null then
    update public.api_keys set revoked_at = now() where id = p_key_id returning * into v_key;
    perform private.record_event('api_key.revoked', p_key_id, jsonb_build_object('prefix', v_key.prefix));
  end if;
  return private.api_key_view(v_key);
end
$$;
create function public.revoke_api_key(key_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.revoke_api_key(key_id) $$;
comment on function public.revoke_api_key is 'Ends an API key of the caller: the next call with it is refused. It needs no step-up, so that a lost key can be ended at once. Answers the key without its secret. Repeatable. Errors: not_found.';
select private.expose('revoke_api_key(uuid)', 'authenticated');

-- Calls with a key --------------------------------------------------------------------------------------------

-- The live key of a prefix and the SHA-256 of a secret (hex), or null. The same is done for a prefix that no key has,
-- and hashes are compared under this database's own key, so that the time tells nothing of either.
create function private.live_api_key(p_prefix text, p_digest text)
returns uuid
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_key public.api_keys;
  v_is_same boolean;
begin
  select * into v_key from public.api_keys where prefix = p_prefix;
  v_is_same := private.keyed_hash(coalesce(encode(v_key.secret_hash, 'hex'), 'none')) = private.keyed_hash(coalesce(p_digest, ''));
  if v_is_same and private.is_live(v_key) and exists (
    select from auth.users u join public.profiles p on p.id = u.id
    where u.id = v_key.user_id and u.deleted_at is null and p.deleted_at is null and (u.banned_until is null or u.banned_until <= now())
  ) then
    return v_key.id;
  end if;
  return null;
end
$$;

create type private.api_call as (statement text, arguments jsonb, answer jsonb);

-- Lets a key's call in, or refuses it. From here on the caller is the key's owner, with the claim `api_key_id` and
-- without a session: commands that need a step-up refuse a key.
create function private.begin_api_call(p_key_id uuid, p_operation text, p_arguments jsonb, p_idempotency_key uuid)
returns private.api_call
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_key public.api_keys;
  v_function pg_catalog.pg_proc;
  v_scope text := (select o.scope from private.api_operations o where o.operation = p_operation);
  v_arguments jsonb := coalesce(p_arguments, '{}');
  v_unknown text;
  v_passed text;
  v_columns text;
  v_call private.api_call;
begin
  select * into v_key from public.api_keys where id = p_key_id;
  if not found then
    perform private.fail('api_key_invalid');
  end if;
  perform private.take_token('api_call', p_key_id::text);
  if v_scope is null then
    perform private.fail_input('operation', 'must be one that a scope names');
  end if;
  if v_scope <> all (v_key.scopes) then
    perform private.fail('scope_missing', jsonb_build_object('scope', v_scope));
  end if;
  -- Calls at the same moment do not wait for one another here.
  update public.api_keys set last_used_at = now()
  where id = (
    select k.id from public.api_keys k
    where k.id = p_key_id and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
    for no key update skip locked
  );
  perform set_config('request.jwt.claims', jsonb_build_object(
    'sub', v_key.user_id, 'role', 'authenticated', 'aud', 'authenticated', 'api_key_id', p_key_id)::text, true);

  select * into strict v_function from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = p_operation;
  if p_idempotency_key is not null and v_function.provolatile = 'v' then
    if 'idempotency_key' = any (v_function.proargnames) then
      v_arguments := v_arguments || jsonb_build_object('idempotency_key', p_idempotency_key);
    else
      v_call.answer := private.begin_command('api:' || p_operation, p_idempotency_key, v_arguments);
    end if;
  end if;
  if v_function.provolatile = 'v' and v_call.answer is null then
    perform private.record_event('api_key.called', p_key_id, jsonb_build_object('operation', p_operation));
  end if;

  select k into v_unknown from jsonb_object_keys(v_arguments) k
  where not (k = any (v_function.proargnames[1:v_function.pronargs])) limit 1;
  if found then
    perform private.fail('unknown_field', jsonb_build_object('field', v_unknown));
  end if;
  select string_agg(format('%1$I => x.%1$I', a.name), ', ' order by a.n), string_agg(format('%I %s', a.name, format_type(a.type, null)), ', ' order by a.n)
  into v_passed, v_columns
  from unnest(v_function.proargnames[1:v_function.pronargs], v_function.proargtypes::oid[]) with ordinality a (name, type, n)
  -- what has no default is passed as null, which the command refuses in its own words
  where v_arguments ? a.name or a.n <= v_function.pronargs - v_function.pronargdefaults;
  v_call.arguments := v_arguments;
  v_call.statement := format(
    case
      when v_function.proretset then 'select coalesce(jsonb_agg(to_jsonb(r)), ''[]'') from %3$s cross join lateral public.%1$I(%2$s) r'
      when v_function.prorettype = 'void'::regtype then 'select ''{}''::jsonb from (select public.%1$I(%2$s) from %3$s) r'
      else 'select to_jsonb(public.%1$I(%2$s)) from %3$s'
    end,
    p_operation, coalesce(v_passed, ''), case when v_columns is null then '(select) x' else format('jsonb_to_record($1) as x (%s)', v_columns) end);
  return v_call;
end
$$;

-- Keeps the answer of a command that has no idempotency key of its own. A refusal that came as an answer is not kept.
create function private.end_api_call(p_operation text, p_idempotency_key uuid, p_answer jsonb)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if coalesce(current_setting('response.status', true), '') = '' then
    update private.idempotency_keys set response = p_answer
    where actor_id = auth.uid() and key = p_idempotency_key and command = 'api:' || p_operation;
  else
    delete from private.idempotency_keys
    where actor_id = auth.uid() and key = p_idempotency_key and command = 'api:' || p_operation;
  end if;
end
$$;

-- DO NOT make this SECURITY DEFINER: such a function may not change the role, and the work must be done by one that
-- row policies bind.
create function public.call_with_api_key(key_prefix text, secret_digest text, operation text, arguments jsonb, idempotency_key uuid, ip text)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_key_id uuid := private.live_api_key(key_prefix, secret_digest);
  v_service text := current_setting('role');
  v_call private.api_call;
  v_answer jsonb;
  v_state text;
  v_message text;
  v_detail text;
begin
  begin
    v_call := private.begin_api_call(v_key_id, operation, arguments, idempotency_key);
    if v_call.answer is not null then
      return v_call.answer;
    end if;
    begin
      perform set_config('role', 'authenticated', true);
      execute v_call.statement into v_answer using v_call.arguments;
      perform set_config('role', v_service, true);
    exception
      -- a value that is not of the argument's type
      when invalid_text_representation or invalid_datetime_format or datetime_field_overflow or numeric_value_out_of_range then
        perform private.fail_input('arguments', 'has a value of a wrong type');
    end;
    perform private.end_api_call(operation, idempotency_key, v_answer);
    return v_answer;
  exception
    -- the class: every error of the registry
    when sqlstate 'PT000' then
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
  end;
  -- all that it did is undone by now; the refusal costs a token of the key, or of the network when there is no such key
  if v_key_id is not null then
    return private.refuse('api_call', v_key_id::text, v_state, v_message, v_detail);
  end if;
  return private.refuse('api_key_refused', ip, v_state, v_message, v_detail);
end
$$;
comment on function public.call_with_api_key is 'Calls a function of the API as the owner of an API key. `secret_digest` is the SHA-256 of the key''s secret in hex, `operation` the name of a function that a scope of the key names, and `arguments` an object by the names of its arguments. `idempotency_key` makes any command safe to repeat. `ip` is the network that the call came from. Answers what the function answers: rows of a list as an array, and {} for nothing. Service only. Errors: api_key_invalid, scope_missing, invalid_input, unknown_field, rate_limited.';
select private.expose('call_with_api_key(text, text, text, jsonb, uuid, text)', 'service_role');
grant execute on function private.live_api_key(text, text), private.begin_api_call(uuid, text, jsonb, uuid), private.end_api_call(text, uuid, jsonb),
  private.fail_input(text, text), private.fail(text, jsonb) to service_role;

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('api_key_created', 'en', 'account', 'API key created', 'The API key “{{name}}” ({{prefix}}) was created for your account.', 'An API key was created', E'An API key was created for your account:\n\n{{name}} ({{prefix}})\n\nWhoever has it can act for you within its scopes. If you did not create it, revoke it in the app at once and change your password.'),
  ('api_key_created', 'vi', 'account', 'Đã tạo khóa API', 'Khóa API “{{name}}” ({{prefix}}) vừa được tạo cho tài khoản của bạn.', 'Một khóa API vừa được tạo', E'Một khóa API vừa được tạo cho tài khoản của bạn:\n\n{{name}} ({{prefix}})\n\nAi có khóa này đều có thể thay mặt bạn thao tác trong phạm vi của khóa. Nếu không phải bạn tạo, hãy thu hồi khóa trong ứng dụng và đổi mật khẩu ngay.');

select private.hold_no_persons('private.api_scopes', 'private.api_operations');
