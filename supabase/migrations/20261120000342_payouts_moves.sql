-- Payouts: freezing, calling back and cancelling a payout before the bank has it.
-- Rule kept here: from the moment the account number is handed to the service, only the provider's answer moves a
-- payout; before, it can be frozen, called back and cancelled, and its entries are free for the next one.
-- Left out on purpose: a transfer that a bank returns days after it was paid (payouts_returns).

create function private.lock_payout(p_payout_id uuid)
returns public.payouts
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  select * into v_payout from public.payouts where id = p_payout_id for no key update;
  if not found then
    perform private.fail('payout_not_found');
  end if;
  return v_payout;
end
$$;

-- Whether something that earned this payout has its money frozen.
create function private.payout_has_frozen_money(p_payout_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from private.payout_items i
    join private.ledger_entries e on e.id = i.entry_id
    join private.ledger_transactions t on t.id = e.transaction_id
    join private.payable_freezes f on f.payable_id = t.payable_id and f.ended_at is null
    where i.payout_id = p_payout_id
  );
end
$$;

-- The four steps below have the row locked already.
create function private.mark_frozen(p_payout public.payouts, p_freeze_reason text)
returns public.payouts
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  update public.payouts set status = 'frozen', freeze_reason = p_freeze_reason where id = p_payout.id returning * into v_payout;
  return v_payout;
end
$$;

create function private.mark_unfrozen(p_payout public.payouts, p_account public.bank_accounts)
returns public.payouts
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  -- The account may have changed meanwhile. This is a new sending, because the outbox row of the first one may have been
  -- done while the payout was frozen.
  update public.payouts
  set status = 'scheduled', freeze_reason = null, scheduled_at = now(), sending = sending + 1,
      bank_account_id = p_account.id, bank_account_usable_from = p_account.usable_from
  where id = p_payout.id
  returning * into v_payout;
  return v_payout;
end
$$;

create function private.give_back_payout(p_payout public.payouts)
returns public.payouts
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  update public.payouts set status = 'cancelled', freeze_reason = null where id = p_payout.id returning * into v_payout;
  perform private.record_event('payout.entries_released', p_payout.id, jsonb_build_object(
    'entries', (select jsonb_agg(i.entry_id order by i.entry_id) from private.payout_items i where i.payout_id = p_payout.id)));
  delete from private.payout_items where payout_id = p_payout.id;
  perform private.post_ledger('payout_cancelled', p_payout.id::text, p_payout.currency, null, array[
    ('payout_payable', p_payout.id::text, p_payout.amount)::private.ledger_line,
    ('host_payable', p_payout.user_id::text, -p_payout.amount)::private.ledger_line
  ]);
  return v_payout;
end
$$;

create function private.mark_paid(p_payout public.payouts, p_provider text, p_provider_payout_id text, p_bank_reference text)
returns public.payouts
language plpgsql volatile set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  if p_payout.status = 'cancelled' then
    -- Its entries went back and may be in another payout, so the amount that was sent is charged to the host's next payout.
    perform private.post_ledger('transfer_charged', p_payout.id::text, p_payout.currency, null, array[
      ('host_payable', p_payout.user_id::text, p_payout.amount)::private.ledger_line,
      ('host_payable', p_payout.user_id::text, -p_payout.amount)::private.ledger_line
    ]);
    insert into private.payout_items (entry_id, payout_id)
    select e.id, p_payout.id
    from private.ledger_transactions t join private.ledger_entries e on e.transaction_id = t.id and e.amount < 0
    where t.event = 'transfer_charged' and t.reference = p_payout.id::text;
  end if;
  perform private.post_ledger('payout_paid', p_payout.id::text, p_payout.currency, null, array[
    case when p_payout.status = 'cancelled' then ('host_payable', p_payout.user_id::text, p_payout.amount)::private.ledger_line
      else ('payout_payable', p_payout.id::text, p_payout.amount)::private.ledger_line end,
    ('clearing', p_provider, -p_payout.amount)::private.ledger_line
  ]);
  update public.payouts
  set status = 'paid', paid_at = now(), provider = p_provider, freeze_reason = null, failure_code = null,
      provider_payout_id = coalesce(p_provider_payout_id, provider_payout_id), bank_reference = p_bank_reference
  where id = p_payout.id
  returning * into v_payout;
  delete from private.manual_claims where subject_id = p_payout.id;
  return v_payout;
end
$$;

-- A change of bank account calls back what is not sent yet; it is scheduled again once the new one is usable.
-- A frozen payout stays frozen: a change of account must not end a freeze.
create function private.recall_payouts()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  for v_payout in
    select * from public.payouts
    where user_id = new.user_id and status in ('scheduled', 'approved')
    order by id
    for no key update
  loop
    perform private.give_back_payout(v_payout);
  end loop;
  return null;
end
$$;
create trigger recall_payouts after update of removed_at on public.bank_accounts
  for each row when (old.removed_at is null and new.removed_at is not null)
  execute function private.recall_payouts();

create function private.payouts_of(p_payable_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select distinct i.payout_id
  from private.ledger_transactions t
  join private.ledger_entries e on e.transaction_id = t.id
  join private.payout_items i on i.entry_id = e.id
  where t.payable_id = p_payable_id
$$;

-- Freezes every payout that holds money of frozen payables and is not sent yet. The caller holds the locks of the
-- payables. Once for all of them: locks of accounts and payouts are taken in their order.
create function private.freeze_payouts()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  -- waits for a scheduler that has these hosts now, and makes the next one wait
  perform 1
  from private.ledger_accounts a
  where a.kind = 'host_payable' and a.id in (
    select e.account_id from private.ledger_transactions t join private.ledger_entries e on e.transaction_id = t.id
    where t.payable_id in (select f.payable_id from added f)
  )
  order by a.id
  for no key update;
  for v_payout in
    select * from public.payouts p
    where p.status in ('scheduled', 'approved') and p.id in (select o.id from added f cross join lateral private.payouts_of(f.payable_id) o (id))
    order by p.id
    for no key update
  loop
    perform private.mark_frozen(v_payout, 'money_frozen');
  end loop;
  return null;
end
$$;
create trigger freeze_payouts after insert on private.payable_freezes
  referencing new table as added
  for each statement execute function private.freeze_payouts();

-- The last freeze of a payable has ended: payouts that were frozen only because of it wait for approval again.
create function private.unfreeze_payouts()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid;
  v_account public.bank_accounts;
  v_payout public.payouts;
begin
  if private.is_frozen(new.payable_id) then
    return null;
  end if;
  -- the bank account of a host is locked before the payouts
  for v_user_id in
    select distinct p.user_id from public.payouts p
    where p.status = 'frozen' and p.freeze_reason = 'money_frozen' and p.id in (select private.payouts_of(new.payable_id))
    order by p.user_id
  loop
    v_account := private.usable_bank_account(v_user_id);
    for v_payout in
      select * from public.payouts p
      where p.user_id = v_user_id and p.status = 'frozen' and p.freeze_reason = 'money_frozen'
        and p.id in (select private.payouts_of(new.payable_id))
      order by p.id
      for no key update
    loop
      -- nor one that an admin is transferring by hand; it stays frozen until the claim ends
      continue when private.payout_has_frozen_money(v_payout.id) or (private.manual_claim(v_payout.id)).subject_id is not null;
      if v_account.id is null then
        perform private.give_back_payout(v_payout);
      else
        perform private.mark_unfrozen(v_payout, v_account);
      end if;
    end loop;
  end loop;
  return null;
end
$$;
create trigger unfreeze_payouts after update of ended_at on private.payable_freezes
  for each row when (old.ended_at is null and new.ended_at is not null)
  execute function private.unfreeze_payouts();
