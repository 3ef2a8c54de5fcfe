-- Identity: where a person's money goes.
-- Rule kept here: a person has one live bank account; its number is stored encrypted and given only to
-- the service that sends money. For 24 hours nothing is sent to a new account, and its owner is notified at once, so
-- that the owner can act when somebody else has set it. A session changes it only after a step-up (0045).
-- Left out on purpose: asking the bank whose account it is, which no rail here offers.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('bank_account_not_found', 404, false, 'No bank account is set. Add one first.', 'Chưa có tài khoản ngân hàng. Vui lòng thêm tài khoản trước.'),
  ('bank_account_required', 409, false, 'A usable bank account is needed. Add one, or wait until details.usable_from.', 'Cần có tài khoản ngân hàng dùng được. Vui lòng thêm tài khoản hoặc chờ hết thời gian chờ.');
alter table private.settings add constraint settings_bank_account_wait_hours check (key <> 'bank_account_wait_hours' or private.is_whole(value, 1, 720));
insert into private.settings (key, value, description) values
  ('bank_account_wait_hours', '24', 'How long nothing is sent to a bank account after it was set.');
insert into private.rate_limits (action, capacity, per_minute) values
  -- a call that is told to step up first costs one too
  ('set_bank_account', 10, 0.1);
insert into private.secrets (name, value) values ('bank_accounts', extensions.gen_random_bytes(32));

create table public.bank_accounts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete restrict,
  bank_bin text not null references private.banks on delete restrict,
  account_last4 text not null,
  holder_name text not null,
  usable_from timestamptz not null,
  created_at timestamptz not null default now(),
  removed_at timestamptz,
  constraint bank_accounts_last4_form check (account_last4 ~ '^[0-9A-Z]{4}$'),
  -- as banks compare it: upper case, without diacritics
  constraint bank_accounts_holder_form check (holder_name ~ '^[A-Z0-9]+( [A-Z0-9]+)*$' and holder_name ~ '[A-Z]' and char_length(holder_name) between 2 and 70),
  constraint bank_accounts_waits_first check (usable_from > created_at),
  -- payouts refer to this: whose account, and from when it can be used
  constraint bank_accounts_usable_from unique (id, user_id, usable_from),
  -- refunds refer to this
  constraint bank_accounts_owner unique (id, user_id)
);
create unique index bank_accounts_one_live on public.bank_accounts (user_id) where removed_at is null;
create index bank_accounts_user_idx on public.bank_accounts (user_id);
comment on table public.bank_accounts is 'The bank accounts that people are paid to, with only the last 4 characters of the number. Nothing is sent to an account before usable_from or after removed_at.';
comment on column public.bank_accounts.bank_bin is 'The six digits by which NAPAS names the bank.';
comment on column public.bank_accounts.holder_name is 'As banks compare it: upper case, without diacritics.';
comment on column public.bank_accounts.usable_from is 'Nothing is sent there earlier: a stolen session must not redirect money at once. Written by set_bank_account from the setting bank_account_wait_hours.';
comment on column public.bank_accounts.removed_at is 'Replaced or removed by its owner since then. Null for the one account in use.';

create table private.bank_account_numbers (
  bank_account_id uuid primary key references public.bank_accounts on delete restrict,
  encrypted bytea not null
);
comment on table private.bank_account_numbers is 'The numbers, by pgp_sym_encrypt under the secret `bank_accounts` of this database.';
-- deleted with their person only (identity_account)
create trigger immutable before update or truncate on private.bank_account_numbers
  for each statement execute function private.forbid_change();

-- An account is replaced, never changed: what was paid to it must stay readable.
create trigger immutable before update on public.bank_accounts for each row
  when (old.removed_at is not null
    or (old.user_id, old.bank_bin, old.account_last4, old.holder_name) is distinct from (new.user_id, new.bank_bin, new.account_last4, new.holder_name))
  execute function private.forbid_change();

alter table public.bank_accounts enable row level security;
alter table private.bank_account_numbers enable row level security;
revoke all on public.bank_accounts from anon, authenticated, service_role;
grant select on public.bank_accounts to authenticated, service_role;
create policy select_own on public.bank_accounts for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

-- Granted to no role: only the commands that give a transfer to the service use it.
create function private.bank_account_number(p_bank_account_id uuid)
returns text
language sql stable security definer set search_path = ''
as $$
  select extensions.pgp_sym_decrypt(n.encrypted, encode(s.value, 'hex'))
  from private.bank_account_numbers n, private.secrets s
  where n.bank_account_id = p_bank_account_id and s.name = 'bank_accounts'
$$;

-- What a transfer needs: {bank_bin, account_number, account_name}; null without an account.
create function private.transfer_account(p_bank_account_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('bank_bin', a.bank_bin, 'account_number', private.bank_account_number(a.id), 'account_name', a.holder_name)
    from public.bank_accounts a where a.id = p_bank_account_id
  );
end
$$;

-- Where a person can be paid right now, or a row of nulls. The account cannot be removed before this
-- transaction ends: a transaction that removes it must see the payout or refund that names it.
create function private.usable_bank_account(p_user_id uuid)
returns public.bank_accounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_account public.bank_accounts;
begin
  select * into v_account from public.bank_accounts
  where user_id = p_user_id and removed_at is null and usable_from <= now()
  for share;
  return v_account;
end
$$;

create function private.tell_bank_account(p_account public.bank_accounts, p_template text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify(p_account.user_id, p_template, jsonb_build_object(
    'bank_account_id', p_account.id, 'bank', (select b.short_name from private.banks b where b.bin = p_account.bank_bin), 'last_four', p_account.account_last4, 'holder', p_account.holder_name,
    'usable_from', private.time_value(p_account.usable_from, (select p.time_zone from public.profiles p where p.id = p_account.user_id))
  ), p_account.id::text);
end
$$;

-- Removes the live account. Triggers of refunds and payouts call back what is not sent yet. The caller has locked the
-- profile.
create function private.end_bank_account(p_user_id uuid)
returns public.bank_accounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_account public.bank_accounts;
begin
  perform private.set_audit_context('bank_account_changed');
  update public.bank_accounts set removed_at = now() where user_id = p_user_id and removed_at is null
  returning * into v_account;
  if found then
    perform private.record_event('bank_account.removed', v_account.id);
  end if;
  return v_account;
end
$$;

create function private.set_bank_account(p_bank_bin text, p_account_number text, p_holder_name text, p_idempotency_key uuid)
returns public.bank_accounts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_stored jsonb;
  v_bin text := btrim(coalesce(p_bank_bin, ''));
  v_number text := upper(regexp_replace(coalesce(p_account_number, ''), '[\s.-]', '', 'g'));
  v_holder text;
  v_account public.bank_accounts;
begin
  -- a hash of a short number could be guessed, so it is keyed
  v_stored := private.begin_command('set_bank_account', p_idempotency_key, jsonb_build_object(
    'bank_bin', p_bank_bin, 'account_number', encode(private.keyed_hash('bank_account:' || v_number), 'hex'), 'holder_name', p_holder_name));
  if v_stored is not null then
    select * into v_account from public.bank_accounts where id = (v_stored ->> 'id')::uuid;
    return v_account;
  end if;
  perform private.take_token('set_bank_account', v_user_id::text);
  if not exists (select from private.banks where bin = v_bin) then
    perform private.fail_input('bank_bin', 'must be the six digits of a bank in the list of banks()');
  end if;
  if v_number !~ '^[0-9A-Z]{6,19}$' then
    perform private.fail_input('account_number', 'must have 6 to 19 digits or letters');
  end if;
  if coalesce(char_length(p_holder_name), 0) not between 2 and 200 then
    perform private.fail_input('holder_name', 'must have 2 to 70 letters or digits');
  end if;
  v_holder := btrim(regexp_replace(
    upper(extensions.unaccent('extensions.unaccent'::regdictionary, normalize(p_holder_name, nfc))), '[^A-Z0-9]+', ' ', 'g'));
  if char_length(v_holder) not between 2 and 70 or v_holder !~ '[A-Z]' then
    perform private.fail_input('holder_name', 'must have 2 to 70 letters or digits, a letter among them');
  end if;
  -- last, so that nobody enters a code for a form that is refused
  perform private.require_step_up();

  -- two calls at once run one after the other
  perform 1 from public.profiles where id = v_user_id for no key update;
  perform private.end_bank_account(v_user_id);
  insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from)
  values (v_user_id, v_bin, right(v_number, 4), v_holder, now() + make_interval(hours => (private.setting('bank_account_wait_hours'))::int))
  returning * into v_account;
  insert into private.bank_account_numbers (bank_account_id, encrypted)
  select v_account.id, extensions.pgp_sym_encrypt(v_number, encode(s.value, 'hex'), 'cipher-algo=aes256')
  from private.secrets s where s.name = 'bank_accounts';
  perform private.record_event('bank_account.set', v_account.id);
  perform private.tell_bank_account(v_account, 'bank_account_changed');
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_account.id));
  return v_account;
end
$$;
create function public.set_bank_account(bank_bin text, account_number text, holder_name text, idempotency_key uuid)
returns public.bank_accounts
language sql volatile set search_path = ''
as $$ select private.set_bank_account(bank_bin, account_number, holder_name, idempotency_key) $$;
comment on function public.set_bank_account is 'Sets the bank account that the caller is paid to. `bank_bin` is the six digits of a bank in the list of banks(), and `account_number` has 6–19 digits or letters. `holder_name` is stored in upper case without diacritics. The new account replaces the earlier one and can be used after 24 hours. The caller is told by mail. Payouts that are not sent yet wait for the new account. The session needs a passed step-up. Errors: step_up_required, invalid_input, rate_limited.';
select private.expose_limited('set_bank_account(text, text, text, uuid)', 'set_bank_account', 'auth.uid()', 'authenticated');

create function private.remove_bank_account()
returns public.bank_accounts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_account public.bank_accounts;
begin
  perform private.require_step_up();
  perform 1 from public.profiles where id = v_user_id for no key update;
  v_account := private.end_bank_account(v_user_id);
  if v_account.id is null then
    perform private.fail('bank_account_not_found');
  end if;
  perform private.tell_bank_account(v_account, 'bank_account_removed');
  return v_account;
end
$$;
create function public.remove_bank_account()
returns public.bank_accounts
language sql volatile set search_path = ''
as $$ select private.remove_bank_account() $$;
comment on function public.remove_bank_account is 'Removes the caller''s bank account. Payouts that are not sent yet are called back and wait for a new account. The session needs a passed step-up. Errors: step_up_required, bank_account_not_found.';
select private.expose('remove_bank_account()', 'authenticated');
