-- Refunds: transfers of refunds that an admin makes by hand.
-- Rule kept here: claim, go to the bank, record; or release, when nothing was transferred. Recording without a claim is
-- allowed, because the money may have been sent before an admin claimed it.
-- Left out on purpose: what a claim is, which is in transfers_claims.

-- Whether it may be paid by hand now. What a provider works on may not, because it would be paid twice.
create function private.require_refund_by_hand(p_refund public.refunds)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_refund.status = 'succeeded' then
    perform private.fail_paid(p_refund.id, p_refund.provider, p_refund.provider_refund_id, p_refund.completed_at);
  elsif p_refund.method = 'provider' then
    perform private.require_refund_status(p_refund, 'succeeded', 'failed');
  else
    perform private.require_refund_status(p_refund, 'succeeded', 'awaiting_account', 'pending', 'failed');
  end if;
end
$$;

create function private.claim_manual_refund(p_refund_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  v_refund := private.lock_refund(p_refund_id);
  perform private.require_refund_by_hand(v_refund);
  perform private.set_audit_context('admin');
  return private.claim_transfer('refund', p_refund_id, v_refund.status);
end
$$;
create function public.claim_manual_refund(refund_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.claim_manual_refund(refund_id) $$;
comment on function public.claim_manual_refund is 'Admin: claims a refund before transferring it by hand. For a day no provider sends it, and no other admin can claim or record it. Answers {claimed_by, claimed_by_name, claimed_at, expires_at}. The details of transfer_claimed hold the same of the admin who was first. The details of already_paid hold {provider, reference, paid_at, recorded_by, recorded_by_name}. illegal_transition means that a provider is working on it. Repeatable. Errors: forbidden, refund_not_found, already_paid, transfer_claimed, illegal_transition.';
select private.expose('claim_manual_refund(uuid)', 'authenticated');

create function private.release_manual_refund(p_refund_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  v_refund := private.lock_refund(p_refund_id);
  if v_refund.id is null then
    perform private.fail('refund_not_found');
  end if;
  perform private.set_audit_context('admin');
  perform private.release_transfer('refund', p_refund_id,
    (select a.usable_from from public.bank_accounts a where a.id = v_refund.bank_account_id));
end
$$;
create function public.release_manual_refund(refund_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.release_manual_refund(refund_id) $$;
comment on function public.release_manual_refund is 'Admin: ends the caller''s claim of a refund that was not transferred after all. The refund goes on as before. Without a claim nothing changes. Repeatable. Errors: forbidden, refund_not_found, transfer_claimed.';
select private.expose('release_manual_refund(uuid)', 'authenticated');

create function private.record_manual_refund(p_refund_id uuid, p_bank_reference text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  if char_length(btrim(coalesce(p_bank_reference, ''))) not between 4 and 100 then
    perform private.fail_input('bank_reference', 'must have 4 to 100 characters');
  end if;
  v_refund := private.lock_refund(p_refund_id);
  if v_refund.status = 'succeeded' and v_refund.provider = 'manual' and v_refund.provider_refund_id = btrim(p_bank_reference) then
    return v_refund;
  end if;
  perform private.require_refund_by_hand(v_refund);
  perform private.require_unclaimed(p_refund_id, auth.uid());
  perform private.set_audit_context('admin');
  update public.refunds set provider = 'manual', method = 'bank_transfer', provider_refund_id = null where id = p_refund_id;
  return private.record_refund_result(p_refund_id, 'succeeded', btrim(p_bank_reference), null);
exception
  -- refunds_provider_id_once
  when unique_violation then
    perform private.fail_input('bank_reference', 'must not be the transfer of another refund');
    return null;
end
$$;
create function public.record_manual_refund(refund_id uuid, bank_reference text)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.record_manual_refund(refund_id, bank_reference) $$;
comment on function public.record_manual_refund is 'Admin: records that a refund was paid by a transfer made by hand. The bank''s reference has 4–100 characters. Call claim_manual_refund before going to the bank. The command is refused while a provider works on the refund, while another admin has claimed it (transfer_claimed), and when it is already paid (already_paid). The details are those of claim_manual_refund. Errors: forbidden, refund_not_found, already_paid, transfer_claimed, illegal_transition, invalid_input.';
select private.expose('record_manual_refund(uuid, text)', 'authenticated');
