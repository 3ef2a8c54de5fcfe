-- Bookings: a status that an admin sets in a table editor.
-- Rule kept here: such an edit is complete, with slot and money as its command leaves them, or it is refused.
-- Left out on purpose: moves by commands, which name their cause (set_audit_context) and are not looked at again.

create function private.check_edited_booking()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- as the transaction leaves it
  v_booking public.bookings;
  v_payment text;
  v_slot text;
  v_problem text;
begin
  select * into v_booking from public.bookings where id = new.id;
  select p.status into v_payment from public.payments p where p.payable_id = new.id;
  select c.kind into v_slot from public.calendar_entries c where c.booking_id = new.id;
  v_problem := case
    when v_booking.total_amount > 0 and v_booking.status in ('confirmed', 'in_progress', 'completed') and coalesce(v_payment, '') not in ('succeeded', 'partially_refunded', 'refunded')
      then 'is not paid'
    when v_booking.status in ('confirmed', 'in_progress') and v_slot is distinct from 'booking' then 'has no slot'
    when v_booking.status = 'pending_payment' and (v_payment is null or v_slot is distinct from 'hold') then 'has no payment or no hold'
    when v_booking.status = 'in_progress' and not exists (
      select from public.booking_inspections i where i.booking_id = new.id and i.kind = 'check_in') then 'has no check-in'
    when v_booking.status in ('completed', 'cancelled', 'no_show') and v_booking.confirmed_at is not null and not exists (
      select from private.ledger_transactions t where t.event = 'booking_' || v_booking.status and t.reference = new.id::text)
      then 'has money that was not moved'
    when v_booking.status in ('cancelled', 'expired', 'declined', 'no_show') and v_slot is not null then 'still has its slot'
    when v_booking.status in ('cancelled', 'expired') and v_payment in ('pending', 'processing') then 'can still be paid'
  end;
  if v_problem is not null then
    raise exception 'booking % cannot be set to %: it %', v_booking.code, v_booking.status, v_problem
      using errcode = 'check_violation', hint = 'Use the command: it moves slot and money, too. docs/states.md names it.';
  end if;
  return null;
end
$$;
create constraint trigger edited_whole after update of status on public.bookings
  deferrable initially deferred
  for each row when (old.status is distinct from new.status and coalesce(current_setting('journey.cause', true), '') = '')
  execute function private.check_edited_booking();
