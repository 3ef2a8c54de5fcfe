-- Refunds: a status that an admin sets in a table editor.
-- Rule kept here: such an edit moves the money and the outbox as its command does, or it is refused.
-- Left out on purpose: moves by commands, which name their cause (set_audit_context).

create function private.check_edited_refund()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- as the transaction leaves it
  v_refund public.refunds;
begin
  select * into v_refund from public.refunds where id = new.id;
  if v_refund.status = 'succeeded' and not exists (
       select from private.ledger_transactions t where t.event = 'refund_paid' and t.reference = new.id::text)
     or v_refund.id::text in (select subject_id from private.invariant_refund_not_on_its_way()) then
    raise exception 'refund % cannot be set to %: its money would not move', new.id, v_refund.status
      using errcode = 'check_violation', hint = 'Use the command: retry_refund, settle_refund or record_manual_refund.';
  end if;
  return null;
end
$$;
create constraint trigger edited_whole after update of status on public.refunds
  deferrable initially deferred
  for each row when (old.status is distinct from new.status and coalesce(current_setting('journey.cause', true), '') = '')
  execute function private.check_edited_refund();
