-- Payments: the ledger.
-- Rule kept here: every movement is a transaction in one currency whose entries add up to zero, posted once, never
-- changed; money held for somebody (escrow, deposit, refunds owed) cannot be given out twice.
-- Left out on purpose: stored balances; they are sums of entries.

create table private.ledger_account_kinds (
  kind text primary key,
  description text not null,
  -- money held for others: its balance may not pass zero
  has_floor boolean not null,
  -- may pass zero, but a payout may not take it there
  has_payout_floor boolean not null
);
insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('clearing', 'What has come in by a payment provider less what has gone out by it (per provider; manual is our own bank)', false, false),
  ('escrow', 'Rent, fees and tax of a booking that is not over (per booking)', true, false),
  ('deposit', 'Security deposit held (per booking)', true, false),
  ('refund_payable', 'Refunds ordered and not yet paid back (per booking, or per row of unmatched money)', true, false),
  ('host_payable', 'Owed to a host; may go negative (per host)', false, true),
  ('payout_payable', 'Set aside for a payout on its way (per payout)', true, false),
  ('platform_revenue', 'Commission, service fees and insurance, less what is given back out of goodwill', false, false),
  ('tax_payable', 'VAT to be handed on', false, false),
  ('unmatched', 'Money received that belongs to no open payment (per row of unmatched_money)', true, false);

create table private.ledger_accounts (
  id bigint generated always as identity primary key,
  kind text not null references private.ledger_account_kinds,
  -- a booking, host, payout or row of unmatched money by id, or a provider by name; empty for the platform's own
  owner text not null default '',
  currency text not null,
  constraint ledger_accounts_once unique (kind, owner, currency),
  -- for the entries, which may be in no other currency
  constraint ledger_accounts_currency unique (id, currency)
);
-- another owner would be another's money
create trigger append_only before update or delete or truncate on private.ledger_accounts
  for each statement execute function private.forbid_change();

create table private.ledger_transactions (
  id bigint generated always as identity primary key,
  event text not null,
  reference text not null,
  currency text not null,
  booking_id uuid references public.bookings on delete restrict,
  posted_at timestamptz not null default now(),
  constraint ledger_transactions_posted_once unique (event, reference),
  constraint ledger_transactions_currency unique (id, currency)
);
create index ledger_transactions_booking_idx on private.ledger_transactions (booking_id);

create table private.ledger_entries (
  id bigint generated always as identity primary key,
  transaction_id bigint not null,
  account_id bigint not null,
  -- that of its transaction and of its account, or dong would be added up with dollars
  currency text not null,
  -- debit positive, credit negative, minor units
  amount bigint not null,
  constraint ledger_entries_not_zero check (amount <> 0),
  constraint ledger_entries_currency_of_transaction foreign key (transaction_id, currency)
    references private.ledger_transactions (id, currency) on delete restrict,
  constraint ledger_entries_currency_of_account foreign key (account_id, currency)
    references private.ledger_accounts (id, currency) on delete restrict
);
create index ledger_entries_transaction_idx on private.ledger_entries (transaction_id);
create index ledger_entries_account_idx on private.ledger_entries (account_id) include (amount);
comment on table private.ledger_entries is 'Double entry: debit positive, credit negative. The balance of an account is the sum of its entries.';
create trigger append_only before update or delete or truncate on private.ledger_entries
  for each statement execute function private.forbid_change();
create trigger append_only before update or delete or truncate on private.ledger_transactions
  for each statement execute function private.forbid_change();

-- What one statement adds to a movement adds up to zero, so every movement does at any time.
create function private.check_balanced()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_wrong record;
begin
  select transaction_id, sum(amount) as amount into v_wrong from added group by transaction_id having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'ledger transaction % does not balance: %', v_wrong.transaction_id, v_wrong.amount
      using errcode = '23514', constraint = 'ledger_entries_balanced';
  end if;
  return null;
end
$$;
create trigger ledger_entries_balanced after insert on private.ledger_entries
  referencing new table as added
  for each statement execute function private.check_balanced();

create function private.check_floor()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_kind text;
begin
  -- One at a time per account, or two could each see enough. No stronger lock: the foreign keys of others' entries
  -- would wait for it, and it for them.
  select a.kind into v_kind
  from private.ledger_accounts a
  join private.ledger_account_kinds k on k.kind = a.kind
  where a.id = new.account_id
    and (k.has_floor or (k.has_payout_floor and exists (
      select from private.ledger_transactions t where t.id = new.transaction_id and t.event = 'payout_reserved'
    )))
  for no key update of a;
  if not found then
    return null;
  end if;
  -- a snapshot from the transaction's beginning does not see what others have taken since, lock or no lock
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'account % (%) is taken from in read committed only', new.account_id, v_kind using errcode = '25000';
  end if;
  if (select sum(amount) from private.ledger_entries where account_id = new.account_id) > 0 then
    raise exception 'account % (%) holds less than is taken', new.account_id, v_kind using errcode = '23514', constraint = 'ledger_accounts_floor';
  end if;
  return null;
end
$$;
-- at the end, when a transaction that moves money between accounts of one owner has done both
create constraint trigger ledger_accounts_floor
  after insert on private.ledger_entries
  deferrable initially deferred
  for each row when (new.amount > 0) execute function private.check_floor();

create type private.ledger_line as (kind text, owner text, amount bigint);

-- Posts one movement. Lines of zero are left out; one without an amount is an error, and so is the same event and
-- reference a second time.
create function private.post_ledger(p_event text, p_reference text, p_currency text, p_booking_id uuid, p_lines private.ledger_line[])
returns void
-- it would be planned anew each time, since the planner looks into arrays
language plpgsql volatile set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_transaction_id bigint;
begin
  insert into private.ledger_accounts (kind, owner, currency)
  select distinct l.kind, l.owner, p_currency from unnest(p_lines) l where l.amount is distinct from 0
  order by 1, 2
  on conflict do nothing;
  insert into private.ledger_transactions (event, reference, currency, booking_id)
  values (p_event, p_reference, p_currency, p_booking_id)
  returning id into v_transaction_id;
  insert into private.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, a.id, p_currency, l.amount
  from unnest(p_lines) l
  join private.ledger_accounts a on a.kind = l.kind and a.owner = l.owner and a.currency = p_currency
  where l.amount is distinct from 0;
  perform private.record_event('ledger.' || p_event, coalesce(p_booking_id, '00000000-0000-0000-0000-000000000000'), jsonb_build_object(
    'reference', p_reference, 'currency', p_currency,
    'lines', (select jsonb_agg(jsonb_build_object('kind', l.kind, 'owner', l.owner, 'amount', l.amount)) from unnest(p_lines) l where l.amount is distinct from 0)
  ));
end
$$;

-- What an account holds for its owner: credits less debits.
create function private.balance(p_kind text, p_owner text, p_currency text default 'VND')
returns bigint
language sql stable security definer set search_path = ''
as $$
  select coalesce(-sum(e.amount), 0)::bigint
  from private.ledger_accounts a
  join private.ledger_entries e on e.account_id = a.id
  where a.kind = p_kind and a.owner = p_owner and a.currency = p_currency
$$;
