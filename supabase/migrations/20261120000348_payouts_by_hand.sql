-- Payouts: transfers of payouts that an admin makes by hand.
-- Rule kept here: claim, go to the bank, record; or release, when nothing was transferred. Recording without a claim is
-- allowed, because the money may have been sent before an admin claimed it.
-- Left out on purpose: what a claim is, which is in transfers_claims.

-- A payout that is frozen or called back may have been paid just before.
create function private.require_payout_by_hand(p_payout public.payouts)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_payout.status = 'paid' then
    perform private.fail_paid(p_payout.id, p_payout.provider, coalesce(p_payout.bank_reference, p_payout.provider_payout_id), p_payout.paid_at);
  end if;
  perform private.require_status(p_payout, 'paid', 'approved', 'failed', 'frozen', 'cancelled');
end
$$;

create function private.claim_manual_payout(p_payout_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform private.require_admin();
  v_payout := private.lock_payout(p_payout_id);
  perform private.require_payout_by_hand(v_payout);
  perform private.set_audit_context('admin');
  return private.claim_transfer('payout', p_payout_id, v_payout.status);
end
$$;
create function public.claim_manual_payout(payout_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.claim_manual_payout(payout_id) $$;
comment on function public.claim_manual_payout is 'Admin: claims a payout before transferring it by hand. Its answer and its refusals are those of claim_manual_refund. Repeatable. Errors: forbidden, payout_not_found, already_paid, transfer_claimed, illegal_transition.';
select private.expose('claim_manual_payout(uuid)', 'authenticated');

create function private.release_manual_payout(p_payout_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  perform private.lock_payout(p_payout_id);
  perform private.set_audit_context('admin');
  perform private.release_transfer('payout', p_payout_id, now());
end
$$;
create function public.release_manual_payout(payout_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.release_manual_payout(payout_id) $$;
comment on function public.release_manual_payout is 'Admin: ends the caller''s claim of a payout that was not transferred after all. The payout goes on as before. Without a claim nothing changes. Repeatable. Errors: forbidden, payout_not_found, transfer_claimed.';
select private.expose('release_manual_payout(uuid)', 'authenticated');

create function private.record_manual_payout(p_payout_id uuid, p_bank_reference text)
returns public.payouts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_payout public.payouts;
begin
  perform private.require_admin();
  if char_length(btrim(coalesce(p_bank_reference, ''))) not between 4 and 100 then
    perform private.fail_input('bank_reference', 'must have 4 to 100 characters');
  end if;
  v_payout := private.lock_payout(p_payout_id);
  if v_payout.status = 'paid' and v_payout.provider = 'manual' and v_payout.bank_reference = btrim(p_bank_reference) then
    return v_payout;
  end if;
  perform private.require_payout_by_hand(v_payout);
  perform private.require_unclaimed(p_payout_id, auth.uid());
  perform private.set_audit_context('admin');
  return private.mark_paid(v_payout, 'manual', null, btrim(p_bank_reference));
exception
  -- payouts_bank_reference_once
  when unique_violation then
    perform private.fail_input('bank_reference', 'must not be the transfer of another payout');
    return null;
end
$$;
create function public.record_manual_payout(payout_id uuid, bank_reference text)
returns public.payouts
language sql volatile set search_path = ''
as $$ select private.record_manual_payout(payout_id, bank_reference) $$;
comment on function public.record_manual_payout is 'Admin: records that a payout was paid by a transfer made by hand. The bank''s reference has 4–100 characters. Call claim_manual_payout before going to the bank. The command is refused while a provider works on the payout, while another admin has claimed it (transfer_claimed), and when it is already paid (already_paid). The details are those of claim_manual_refund. Errors: forbidden, payout_not_found, already_paid, transfer_claimed, illegal_transition, invalid_input.';
select private.expose('record_manual_payout(uuid, text)', 'authenticated');
