-- Payouts: gathering what hosts have earned into payouts, and approving them.
-- Rule kept here: what is earned is payable when what earned it says so (earnings_wait_until) and no freeze keeps its
-- money; what is owed by the host is taken off at once; nothing leaves without an admin's approval.
-- Lock order of payouts: those of the payable, the host's ledger account, bank account, payouts by id.

-- The entries of a host's account that are in no payout yet. Amounts are as the host sees them.
create function private.unpaid_entries(p_user_id uuid, p_currency text)
returns table (entry_id bigint, amount bigint, waits boolean)
language sql stable set search_path = ''
as $$
  select e.id, -e.amount,
         e.amount < 0 and (
           coalesce(y.earnings_wait_until > now(), false)
           or exists (select from private.payable_freezes f where f.payable_id = t.payable_id and f.ended_at is null)
         )
  from private.ledger_accounts a
  join private.ledger_entries e on e.account_id = a.id
  join private.ledger_transactions t on t.id = e.transaction_id
  left join public.payables y on y.id = t.payable_id
  where a.kind = 'host_payable' and a.owner = p_user_id::text and a.currency = p_currency
    -- money that payouts move is not earned
    and not starts_with(t.event, 'payout_')
    and not exists (select from private.payout_items i where i.entry_id = e.id)
$$;

-- One payout of everything that is payable to one host now, or nothing. The lock of the ledger account
-- makes two schedulers, or a scheduler and a freeze, run one after the other.
create function private.schedule_payout(p_ledger_account_id bigint, p_minimum bigint, p_batch_id uuid)
returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_ledger_account private.ledger_accounts;
  v_user_id uuid;
  v_entries bigint[];
  v_amount bigint;
  v_account public.bank_accounts;
  v_payout_id uuid;
begin
  select * into strict v_ledger_account from private.ledger_accounts where id = p_ledger_account_id for no key update;
  v_user_id := v_ledger_account.owner::uuid;
  select array_agg(u.entry_id), sum(u.amount) into v_entries, v_amount
  from private.unpaid_entries(v_user_id, v_ledger_account.currency) u where not u.waits;
  if v_amount is null or v_amount < greatest(p_minimum, 1) then
    return 0;
  end if;
  v_account := private.usable_bank_account(v_user_id);
  if v_account.id is null then
    -- the host is notified once, and again after each removal of an account
    if not exists (select from public.bank_accounts where user_id = v_user_id and removed_at is null) then
      perform private.notify(v_user_id, 'bank_account_required',
        jsonb_build_object('amount', private.money_value(v_amount, v_ledger_account.currency)),
        (select count(*)::text from public.bank_accounts where user_id = v_user_id));
    end if;
    return 0;
  end if;
  insert into public.payouts (user_id, batch_id, bank_account_id, bank_account_usable_from, amount, currency)
  values (v_user_id, p_batch_id, v_account.id, v_account.usable_from, v_amount, v_ledger_account.currency)
  returning id into v_payout_id;
  insert into private.payout_items (entry_id, payout_id) select unnest(v_entries), v_payout_id;
  perform private.post_ledger('payout_reserved', v_payout_id::text, v_ledger_account.currency, null, array[
    ('host_payable', v_user_id::text, v_amount)::private.ledger_line,
    ('payout_payable', v_payout_id::text, -v_amount)::private.ledger_line
  ]);
  return v_amount;
end
$$;

-- Gathers what is due into one batch, which waits for approval; null when nothing is due.
create function private.schedule_payouts(p_minimum bigint default null)
returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_minimum bigint := coalesce(p_minimum, (private.setting('payout_minimum'))::bigint);
  v_batch_id uuid := gen_random_uuid();
  v_ledger_account_id bigint;
  v_amount bigint;
  v_count int := 0;
  v_total bigint := 0;
begin
  perform private.set_audit_context('schedule');
  insert into public.payout_batches (id, payouts, total, currency) values (v_batch_id, 0, 0, 'VND');
  for v_ledger_account_id in
    -- the sum that waits is never negative, so a positive balance shows which hosts may have something payable
    select a.id
    from private.ledger_accounts a
    join private.ledger_entries e on e.account_id = a.id
    where a.kind = 'host_payable' and a.currency = 'VND'
    group by a.id
    having -sum(e.amount) >= greatest(v_minimum, 1)
    order by a.id
  loop
    -- one that cannot be scheduled must not stop the others
    begin
      v_amount := private.schedule_payout(v_ledger_account_id, v_minimum, v_batch_id);
      -- checked here, where a failure stops one payout; at the commit it would stop all of them
      set constraints private.ledger_accounts_floor, public.payouts_amount_is_sum, private.payout_items_are_sum immediate;
      set constraints private.ledger_accounts_floor, public.payouts_amount_is_sum, private.payout_items_are_sum deferred;
      v_count := v_count + (v_amount > 0)::int;
      v_total := v_total + v_amount;
    exception
      when data_exception or integrity_constraint_violation or raise_exception then
        raise warning 'account % could not be scheduled for payout: %', v_ledger_account_id, sqlerrm;
    end;
  end loop;
  if v_count = 0 then
    delete from public.payout_batches where id = v_batch_id;
    return null;
  end if;
  update public.payout_batches set payouts = v_count, total = v_total where id = v_batch_id;
  perform private.record_event('payout_batch.proposed', v_batch_id, jsonb_build_object('payouts', v_count, 'total', v_total));
  return v_batch_id;
end
$$;

create function private.propose_payouts()
returns setof public.payout_batches
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_batch_id uuid;
begin
  perform private.require_admin();
  v_batch_id := private.schedule_payouts();
  return query select * from public.payout_batches where id = v_batch_id;
end
$$;
create function public.propose_payouts()
returns setof public.payout_batches
language sql volatile set search_path = ''
as $$ select * from private.propose_payouts() $$;
comment on function public.propose_payouts is 'Admin: gathers what is payable now into a batch, as the daily job does. There is no row when nothing is payable. Hosts without a usable bank account are left out and notified. Errors: forbidden.';
select private.expose('propose_payouts()', 'authenticated');

-- Puts an approved payout into the outbox. A payout that an admin transfers by hand is not put there. One that an admin
-- has claimed (transfers_claims) waits until the claim ends.
create function private.enqueue_payout(p_payout public.payouts)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_payout.provider <> 'manual' then
    perform private.enqueue('payout', jsonb_build_object('payout_id', p_payout.id, 'provider', p_payout.provider),
      p_payout.id || ':' || p_payout.sending, greatest(now(), (private.manual_claim(p_payout.id)).expires_at));
  end if;
end
$$;

create function private.approve_payout_batch(p_batch_id uuid)
returns public.payout_batches
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_admin_id uuid := private.require_admin();
  v_batch public.payout_batches;
  v_payout public.payouts;
begin
  select * into v_batch from public.payout_batches where id = p_batch_id for no key update;
  if not found then
    perform private.fail('payout_batch_not_found');
  end if;
  perform private.require_step_up();
  perform private.set_audit_context('admin');
  if v_batch.approved_at is null then
    update public.payout_batches set approved_at = now(), approved_by = v_admin_id where id = p_batch_id
    returning * into v_batch;
    perform private.record_event('payout_batch.approved', p_batch_id);
  end if;
  for v_payout in
    select * from public.payouts where batch_id = p_batch_id and status = 'scheduled' order by id for no key update
  loop
    update public.payouts set status = 'approved', provider = private.setting('payout_provider') #>> '{}'
    where id = v_payout.id
    returning * into v_payout;
    perform private.enqueue_payout(v_payout);
  end loop;
  return v_batch;
end
$$;
create function public.approve_payout_batch(batch_id uuid)
returns public.payout_batches
language sql volatile set search_path = ''
as $$ select private.approve_payout_batch(batch_id) $$;
comment on function public.approve_payout_batch is 'Admin: approves and sends every scheduled payout of a batch. Call it again for a payout that was unfrozen later. The session needs a passed step-up. Repeatable. Errors: forbidden, payout_batch_not_found, step_up_required.';
select private.expose('approve_payout_batch(uuid)', 'authenticated');

select private.schedule_job('journey_payouts', 'Collects what hosts are owed into a batch, which waits for approval.',
  '7 1 * * *', '26 hours', 'select private.schedule_payouts()');
select private.register_topic('payout', 'payout_id', 'provider');
