-- Payouts: the commands on payouts, of admins and of the service that sends them.
-- Rule kept here: success is final; a retry is a new transfer with a number of its own, so that the provider does
-- not take it for the one that failed.
-- Left out on purpose: transfers by hand, which are in payouts_by_hand.

-- For unfreezing and retrying: locks the owner's present account, which must come before the lock of the payout.
create function private.account_for_payout(p_payout_id uuid)
returns public.bank_accounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid;
  v_account public.bank_accounts;
begin
  select user_id into v_user_id from public.payouts where id = p_payout_id;
  if not found then
    perform private.fail('payout_not_found');
  end if;
  v_account := private.usable_bank_account(v_user_id);
  if v_account.id is null then
    perform private.fail('bank_account_required', jsonb_build_object(
      'usable_from', (select a.usable_from from public.bank_accounts a where a.user_id = v_user_id and a.removed_at is null)));
  end if;
  return v_account;
end
$$;

create function private.require_status(p_payout public.payouts, p_to text, variadic p_from text[])
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_payout.status <> all (p_from) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'payout', 'from', p_payout.status, 'to', p_to));
  end if;
end
$$;

create function private.freeze_payout(p_payout_id uuid, p_reason text)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform private.require_admin();
  perform private.require_reason(p_reason);
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_status(v_payout, 'frozen', 'scheduled', 'approved');
  perform private.set_audit_context('admin', p_reason);
  return private.mark_frozen(v_payout, private.tidy_lines(p_reason));
end
$$;
create function public.freeze_payout(payout_id uuid, reason text)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.freeze_payout(payout_id, reason) $$;
comment on function public.freeze_payout is 'Admin: freezes a payout that is not sent yet. The host can read the reason. Errors: forbidden, payout_not_found, invalid_input, illegal_transition.';
select private.expose('freeze_payout(uuid, text)', 'authenticated');

create function private.unfreeze_payout(p_payout_id uuid)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_account public.bank_accounts;
  v_payout public.payouts;
begin
  perform private.require_admin();
  v_account := private.account_for_payout(p_payout_id);
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_status(v_payout, 'scheduled', 'frozen');
  perform private.require_unclaimed(p_payout_id);
  if private.payout_has_frozen_money(p_payout_id) then
    perform private.fail('money_frozen');
  end if;
  perform private.set_audit_context('admin');
  return private.mark_unfrozen(v_payout, v_account);
end
$$;
create function public.unfreeze_payout(payout_id uuid)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.unfreeze_payout(payout_id) $$;
comment on function public.unfreeze_payout is 'Admin: ends the freeze of a payout. It is scheduled again, to the account that its host has now. Approve its batch to send it. Errors: forbidden, payout_not_found, illegal_transition, transfer_claimed, money_frozen, bank_account_required.';
select private.expose('unfreeze_payout(uuid)', 'authenticated');

create function private.retry_payout(p_payout_id uuid)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_account public.bank_accounts;
  v_payout public.payouts;
begin
  perform private.require_admin();
  -- a payout that is claimed at this moment is not sent: it waits in the outbox
  perform private.require_unclaimed(p_payout_id);
  select * into v_payout from public.payouts where id = p_payout_id;
  if v_payout.status in ('approved', 'processing') and private.requeue_dead_letters_of('payout', p_payout_id::text) then
    return v_payout;
  end if;
  v_account := private.account_for_payout(p_payout_id);
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_status(v_payout, 'approved', 'failed');
  if private.payout_has_frozen_money(p_payout_id) then
    perform private.fail('money_frozen');
  end if;
  perform private.set_audit_context('admin');
  update public.payouts
  set status = 'approved', sending = sending + 1, failure_code = null, provider_payout_id = null,
      provider = private.setting('payout_provider') #>> '{}', scheduled_at = now(),
      bank_account_id = v_account.id, bank_account_usable_from = v_account.usable_from
  where id = p_payout_id
  returning * into v_payout;
  perform private.enqueue_payout(v_payout);
  return v_payout;
end
$$;
create function public.retry_payout(payout_id uuid)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.retry_payout(payout_id) $$;
comment on function public.retry_payout is 'Admin: sends a failed payout again, to the account that its host has now, or goes on with one whose sending was given up. Errors: forbidden, payout_not_found, illegal_transition, transfer_claimed, money_frozen, bank_account_required.';
select private.expose('retry_payout(uuid)', 'authenticated');

create function private.cancel_payout(p_payout_id uuid)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform private.require_admin();
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_status(v_payout, 'cancelled', 'scheduled', 'approved', 'frozen', 'failed');
  perform private.require_unclaimed(p_payout_id);
  perform private.set_audit_context('admin');
  return private.give_back_payout(v_payout);
end
$$;
create function public.cancel_payout(payout_id uuid)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.cancel_payout(payout_id) $$;
comment on function public.cancel_payout is 'Admin: cancels a payout that failed or is not sent yet. Its amount becomes available to the host again. Errors: forbidden, payout_not_found, illegal_transition, transfer_claimed.';
select private.expose('cancel_payout(uuid)', 'authenticated');

create function private.payout_to_send(p_payout_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts := private.lock_payout(p_payout_id);
begin
  -- frozen, cancelled or paid by hand since it was queued
  if v_payout.status not in ('approved', 'processing') or v_payout.provider = 'manual' then
    return null;
  end if;
  if v_payout.status = 'approved' then
    -- it stays in the outbox until the claim ends
    perform private.require_unclaimed(p_payout_id);
  end if;
  perform private.set_audit_context('provider:' || v_payout.provider);
  update public.payouts set status = 'processing' where id = p_payout_id and status = 'approved';
  select * into v_payout from public.payouts where id = p_payout_id;
  return jsonb_build_object(
    'payout', to_jsonb(v_payout),
    'request_key', v_payout.id || ':' || v_payout.sending,
    'account', private.transfer_account(v_payout.bank_account_id)
  );
end
$$;
create function public.payout_to_send(payout_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.payout_to_send(payout_id) $$;
comment on function public.payout_to_send is 'Starts the sending of an approved payout. Answers {payout, request_key, account {bank_bin, account_number, account_name}}, or null when there is nothing to send any more. `request_key` is the same each time one sending is repeated. Service only. Errors: payout_not_found, transfer_claimed.';
select private.expose('payout_to_send(uuid)', 'service_role');

create function private.record_payout_result(
  p_payout_id uuid, p_outcome text, p_provider_payout_id text, p_failure_code text, p_failed_by_us boolean, p_sending int default null
)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts := private.lock_payout(p_payout_id);
begin
  -- an earlier sending that was given up: its answer says nothing about this one
  if p_sending < v_payout.sending then
    if p_outcome = 'succeeded' then
      perform private.flag_for_review(v_payout.provider, 'payout_paid_before:' || v_payout.id || ':' || p_sending, coalesce(p_provider_payout_id, v_payout.id::text),
        'payout ' || v_payout.id || ' was paid by a sending that was given up, as ' || coalesce(p_provider_payout_id, 'nobody knows'));
    end if;
    return v_payout;
  end if;
  if v_payout.status in ('paid', 'returned') then
    -- a success with another id is a second payment; and a bank may return a payment
    if (p_outcome in ('succeeded', 'processing') and (v_payout.provider = 'manual' or p_provider_payout_id <> v_payout.provider_payout_id)) or (p_outcome = 'failed' and v_payout.status = 'paid') then
      perform private.flag_for_review(v_payout.provider, 'payout_' || p_outcome || '_after_paid:' || v_payout.id,
        coalesce(p_provider_payout_id, v_payout.id::text),
        'payout ' || v_payout.id || ' was paid already, by ' || v_payout.provider || ' ' || coalesce(v_payout.provider_payout_id, v_payout.bank_reference, ''));
    end if;
    return v_payout;
  end if;
  -- the host is not notified of a failure that we must fix: the rule of the move checks this cause
  perform private.set_audit_context(case when p_outcome = 'failed' and p_failed_by_us then 'platform:' else 'provider:' end || coalesce(v_payout.provider, 'none'));
  case p_outcome
    when 'succeeded' then
      -- a payout paid by hand has no provider that could report success
      if coalesce(v_payout.provider, 'manual') = 'manual' then
        perform private.require_status(v_payout, 'paid', 'processing');
      end if;
      v_payout := private.mark_paid(v_payout, v_payout.provider, p_provider_payout_id, null);
    when 'processing' then
      update public.payouts
      set status = 'processing', provider_payout_id = coalesce(p_provider_payout_id, provider_payout_id)
      where id = p_payout_id and status in ('approved', 'processing');
    when 'failed' then
      update public.payouts
      set status = 'failed', failure_code = coalesce(p_failure_code, 'unknown'), provider_payout_id = coalesce(p_provider_payout_id, provider_payout_id)
      where id = p_payout_id and status in ('approved', 'processing');
    else
      perform private.fail_input('outcome', 'must be succeeded, processing or failed');
  end case;
  select * into v_payout from public.payouts where id = p_payout_id;
  return v_payout;
end
$$;
create function public.record_payout_result(
  payout_id uuid, outcome text, provider_payout_id text default null, failure_code text default null, failed_by_us boolean default false,
  sending int default null
)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.record_payout_result(payout_id, outcome, provider_payout_id, failure_code, failed_by_us, sending) $$;
comment on function public.record_payout_result is 'Records what the provider said about a payout: succeeded, processing or failed. Succeeded is final, and counts even after failed. The host is notified of a failure unless `failed_by_us` is true. `sending` says which sending the answer is for: an answer to an earlier one changes nothing, but when it reports a payment, an admin is shown it. Service only. Errors: payout_not_found, invalid_input, illegal_transition.';
select private.expose('record_payout_result(uuid, text, text, text, boolean, int)', 'service_role');

-- The provider has a payout and does not say how it ended. An admin looks at the provider's own pages and says it.
create function private.settle_payout(p_payout_id uuid, p_outcome text, p_provider_payout_id text, p_note text)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform private.require_admin();
  perform private.require_settlement(p_outcome, 'provider_payout_id', p_provider_payout_id, p_note);
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_status(v_payout, case p_outcome when 'succeeded' then 'paid' else 'failed' end, 'processing');
  perform private.require_idle('payout', p_payout_id, v_payout.status, p_outcome);
  perform private.record_event('payout.settled_by_admin', p_payout_id, jsonb_build_object('outcome', p_outcome, 'note', private.tidy_lines(p_note)));
  return private.record_payout_result(p_payout_id, p_outcome, btrim(p_provider_payout_id), 'settled_by_admin', false);
exception
  -- payouts_provider_id_once
  when unique_violation then
    perform private.fail_input('provider_payout_id', 'must not be the number of another payout');
    return null;
end
$$;
create function public.settle_payout(payout_id uuid, outcome text, provider_payout_id text, note text)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.settle_payout(payout_id, outcome, provider_payout_id, note) $$;
comment on function public.settle_payout is 'Admin: records how a processing payout ended when its provider does not say. `outcome` is succeeded, with the provider''s id of the payout, or failed, after which the payout can be retried or paid by hand. `note` (3–500 characters) says how the admin knows. Errors: forbidden, payout_not_found, illegal_transition, invalid_input.';
select private.expose('settle_payout(uuid, text, text, text)', 'authenticated');
