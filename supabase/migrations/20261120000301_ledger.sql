-- Ledger: accounts, movements and entries.
-- Rule kept here: every movement is a transaction in one currency whose entries add up to zero, posted once, never
-- changed; money held for somebody (escrow, deposit, refunds owed) cannot be given out twice. A wrong movement is corrected
-- by another one that names it.
-- Left out on purpose: stored balances; they are sums of entries; and what money is paid for, which is a payable.

create table private.ledger_account_kinds (
  kind text primary key,
  description text not null,
  has_floor boolean not null,
  has_payout_floor boolean not null
);
comment on table private.ledger_account_kinds is 'The kinds of accounts in the ledger; a module adds its own.';
comment on column private.ledger_account_kinds.has_floor is 'Money held for others: its balance may not pass zero.';
comment on column private.ledger_account_kinds.has_payout_floor is 'It may pass zero, but a payout may not take it there.';
-- a module registers the kinds that only it posts to
insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('platform_revenue', 'Commission, service fees and insurance, less what is given back out of goodwill', false, false),
  ('tax_payable', 'VAT to be handed on', false, false);

create table private.ledger_accounts (
  id bigint generated always as identity primary key,
  kind text not null references private.ledger_account_kinds,
  owner text not null default '',
  currency text not null,
  constraint ledger_accounts_once unique (kind, owner, currency),
  -- referred to by entries, which must be in the account's currency
  constraint ledger_accounts_currency unique (id, currency)
);
comment on table private.ledger_accounts is 'One account per kind, owner and currency, made when it is first posted to.';
comment on column private.ledger_accounts.owner is 'A payable, person, payout or row of unmatched money by id, or a provider by name; empty for the platform''s own accounts.';
-- the owner never changes: the money would become somebody else's
create trigger append_only before update or delete or truncate on private.ledger_accounts
  for each statement execute function private.forbid_change();

create table private.ledger_transactions (
  id bigint generated always as identity primary key,
  event text not null,
  reference text not null,
  currency text not null,
  -- a foreign key of payables
  payable_id uuid,
  corrects bigint,
  posted_at timestamptz not null default now(),
  constraint ledger_transactions_posted_once unique (event, reference),
  constraint ledger_transactions_currency unique (id, currency),
  constraint ledger_transactions_corrects foreign key (corrects, currency)
    references private.ledger_transactions (id, currency) on delete restrict,
  -- a correction names the movement that it corrects
  constraint ledger_transactions_correction_of_something check ((corrects is not null) = (event in ('correction', 'payout_correction')))
);
comment on table private.ledger_transactions is 'One movement of money, whose entries add up to zero; never changed. A mistake is put right by another movement.';
comment on column private.ledger_transactions.event is 'What moved the money; with reference it is posted once.';
comment on column private.ledger_transactions.reference is 'Which one of its event: mostly the id of the row that caused it.';
comment on column private.ledger_transactions.payable_id is 'What it belongs to. Null for money that belongs to none, such as payouts.';
comment on column private.ledger_transactions.corrects is 'The movement that this one puts right. Null for all but corrections.';
create index ledger_transactions_payable_idx on private.ledger_transactions (payable_id);
create index ledger_transactions_corrects_idx on private.ledger_transactions (corrects) where corrects is not null;

create table private.ledger_entries (
  id bigint generated always as identity primary key,
  transaction_id bigint not null,
  account_id bigint not null,
  -- the currency of its transaction and of its account, so that dong and dollars are never added up
  currency text not null,
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
comment on column private.ledger_entries.amount is 'Minor units of `currency`: debit positive, credit negative.';
create trigger append_only before update or delete or truncate on private.ledger_entries
  for each statement execute function private.forbid_change();
create trigger append_only before update or delete or truncate on private.ledger_transactions
  for each statement execute function private.forbid_change();

-- The entries that one statement adds to a movement add up to zero, so every movement always does.
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
  -- One transaction at a time per account, because two could each see enough money. A stronger lock would deadlock with
  -- the foreign keys of other entries.
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
  -- a snapshot from the transaction's beginning would not see what others have taken since, even with the lock
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'account % (%) can be debited only under isolation level read committed', new.account_id, v_kind using errcode = '25000';
  end if;
  if (select sum(amount) from private.ledger_entries where account_id = new.account_id) > 0 then
    raise exception 'account % (%) has less money than this takes from it', new.account_id, v_kind using errcode = '23514', constraint = 'ledger_accounts_floor';
  end if;
  return null;
end
$$;
-- at the commit, when a transaction that moves money between two accounts of one owner has posted both
create constraint trigger ledger_accounts_floor
  after insert on private.ledger_entries
  deferrable initially deferred
  for each row when (new.amount > 0) execute function private.check_floor();

create type private.ledger_line as (kind text, owner text, amount bigint);

-- Posts one movement. Lines of zero are left out; one without an amount is an error, and so is the same event and
-- reference a second time.
create function private.post_ledger(
  p_event text, p_reference text, p_currency text, p_payable_id uuid, p_lines private.ledger_line[], p_corrects bigint default null
)
returns void
-- a generic plan: otherwise PostgreSQL plans it anew for each call, because the planner looks into arrays
language plpgsql volatile set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_transaction_id bigint;
begin
  insert into private.ledger_accounts (kind, owner, currency)
  select distinct l.kind, l.owner, p_currency from unnest(p_lines) l where l.amount is distinct from 0
  order by 1, 2
  on conflict do nothing;
  insert into private.ledger_transactions (event, reference, currency, payable_id, corrects)
  values (p_event, p_reference, p_currency, p_payable_id, p_corrects)
  returning id into v_transaction_id;
  insert into private.ledger_entries (transaction_id, account_id, currency, amount)
  select v_transaction_id, a.id, p_currency, l.amount
  from unnest(p_lines) l
  join private.ledger_accounts a on a.kind = l.kind and a.owner = l.owner and a.currency = p_currency
  where l.amount is distinct from 0;
  perform private.record_event('ledger.' || p_event, coalesce(p_payable_id, '00000000-0000-0000-0000-000000000000'), jsonb_build_object(
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

-- By hand, as postgres: adds lines to a movement that was posted wrongly, or that no command posted. reconcile_ledger
-- proves the movement and its corrections together, so it still lists the movement after a wrong correction. The note
-- says why. The log keeps it, with the user id of the session's claims. Answers the id of the correction.
create function private.correct_movement(p_transaction_id bigint, p_note text, p_lines private.ledger_line[])
returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_movement private.ledger_transactions;
  v_event text;
  v_reference text;
begin
  -- for a correction, lock the movement that it corrects; two calls at once run one after the other
  select m.* into v_movement
  from private.ledger_transactions t
  join private.ledger_transactions m on m.id = coalesce(t.corrects, t.id)
  where t.id = p_transaction_id
  for no key update of m;
  if not found then
    raise exception 'there is no movement % in private.ledger_transactions', p_transaction_id using errcode = '22023';
  elsif not private.says_something(p_note, 3) then
    raise exception 'the note must say why, in 3 to 500 characters' using errcode = '22023';
  elsif not exists (select from unnest(p_lines) l where l.amount <> 0) then
    raise exception 'there is nothing to correct in movement %', v_movement.id using errcode = '22023';
  end if;
  -- money that payouts move is not earned, and neither is a correction of it
  v_event := case when starts_with(v_movement.event, 'payout_') then 'payout_correction' else 'correction' end;
  v_reference := v_movement.id || '.' || (select count(*) + 1 from private.ledger_transactions where corrects = v_movement.id);
  perform private.set_audit_context('correction', p_note);
  perform private.post_ledger(v_event, v_reference, v_movement.currency, v_movement.payable_id, p_lines, v_movement.id);
  return (select id from private.ledger_transactions where event = v_event and reference = v_reference);
end
$$;
comment on function private.correct_movement is 'By hand: posts lines (debit positive, they add up to zero) that put a movement right. The proof takes both together.';

-- By hand, as postgres: reverses a movement together with its corrections so far, or one wrong correction.
create function private.reverse_movement(p_transaction_id bigint, p_note text)
returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_id bigint;
  v_lines private.ledger_line[];
begin
  select m.id into v_id
  from private.ledger_transactions t
  join private.ledger_transactions m on m.id = coalesce(t.corrects, t.id)
  where t.id = p_transaction_id
  for no key update of m;
  select array_agg((s.kind, s.owner, -s.amount)::private.ledger_line) into v_lines
  from (
    select a.kind, a.owner, sum(e.amount)::bigint as amount
    from private.ledger_transactions t
    join private.ledger_entries e on e.transaction_id = t.id
    join private.ledger_accounts a on a.id = e.account_id
    where case v_id when p_transaction_id then v_id in (t.id, t.corrects) else t.id = p_transaction_id end
    group by a.kind, a.owner
  ) s;
  return private.correct_movement(p_transaction_id, p_note, v_lines);
end
$$;
comment on function private.reverse_movement is 'By hand: posts the opposite of a movement and of its corrections so far, or of one correction. Refused when there is nothing left to take back of a movement.';
