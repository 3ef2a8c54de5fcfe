-- Payouts: a status that an admin sets in a table editor.
-- Rule kept here: such an edit moves the money and the outbox as its command does, or it is refused.
-- Left out on purpose: moves by commands, which name their cause (set_audit_context).

create function private.check_edited_payout()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- as the transaction leaves it
  v_payout public.payouts;
begin
  select * into v_payout from public.payouts where id = new.id;
  if v_payout.status in ('paid', 'cancelled', 'returned') and not exists (
       select from private.ledger_transactions t
       where t.event = case v_payout.status when 'returned' then 'transfer_returned' else 'payout_' || v_payout.status end and t.reference = new.id::text)
     or v_payout.id::text in (select subject_id from private.invariant_payout_not_on_its_way()) then
    raise exception 'payout % cannot be set to %: its money would not move', new.id, v_payout.status
      using errcode = 'check_violation', hint = 'Use the command: approve_payout_batch, retry_payout, cancel_payout, settle_payout, record_manual_payout or record_returned_payout.';
  end if;
  return null;
end
$$;
create constraint trigger edited_whole after update of status on public.payouts
  deferrable initially deferred
  for each row when (old.status is distinct from new.status and coalesce(current_setting('journey.cause', true), '') = '')
  execute function private.check_edited_payout();
