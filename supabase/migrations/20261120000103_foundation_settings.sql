-- Foundation: settings an operator may change in Studio without a deployment.
-- Rule kept here: what was agreed does not change with a setting, because rates are copied into the quote.
-- Left out on purpose: secrets of the outside world, which live in the functions' environment.

create function private.is_whole(p_value jsonb, p_from bigint, p_to bigint)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(case when jsonb_typeof(p_value) = 'number' then (p_value #>> '{}')::numeric between p_from and p_to and (p_value #>> '{}')::numeric % 1 = 0 end, false)
$$;

-- A module adds its settings, each with a constraint of its own: otherwise a wrong value is noticed only at the next booking.
create table private.settings (
  key text primary key,
  value jsonb not null,
  description text not null,
  -- the placeholder that the documentation uses for a value
  constraint settings_not_a_placeholder check (value::text not like '%…%')
);
comment on table private.settings is 'Operator settings, one JSON value each. Changing one affects what is agreed from then on, never what was agreed before.';
comment on column private.settings.value is 'One JSON value in the form that the key asks for; `description` says what it means and in which unit.';

-- A setting must not be deleted: the commands that read it would fail.
create function private.keep_setting()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  raise exception 'setting % is needed: change its value instead', old.key using errcode = '42501';
end
$$;
create trigger never_deleted before delete on private.settings
  for each row execute function private.keep_setting();
create trigger never_renamed before update on private.settings
  for each row when (old.key <> new.key) execute function private.keep_setting();

create function private.setting(p_key text)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select value from private.settings where key = p_key
  );
end
$$;

-- One random key per database: licence numbers are hashed with it, listing points are blurred with it.
create table private.secrets (
  name text primary key,
  value bytea not null
);
comment on table private.secrets is 'Random keys of this database, made by its migrations and never rotated. A copy of the database without them can neither find a licence number again nor read an account number.';
comment on column private.secrets.name is 'pepper (hashes of licence numbers, offsets of public points), bank_accounts (encryption of account numbers) or otp (hashes and encryption of one-time codes).';
insert into private.secrets (name, value) values ('pepper', extensions.gen_random_bytes(32));

create function private.keyed_hash(p_text text)
returns bytea
language sql stable security definer set search_path = ''
as $$
  select extensions.hmac(convert_to(p_text, 'utf8'), value, 'sha256')
  from private.secrets
  where name = 'pepper'
$$;
comment on function private.keyed_hash is 'HMAC-SHA256 under this database''s own key: equal inputs can be found, inputs cannot be read back.';
