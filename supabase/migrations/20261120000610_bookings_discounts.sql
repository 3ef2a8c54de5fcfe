-- Bookings: the use of a code that a booking takes.
-- Rule kept here: whatever ends a booking before its trip gives the use back; one that is confirmed, in time or late, has it.
-- Left out on purpose: taking it at first, which create_booking does.

-- Whether a person has another booking than that one which was not called off.
create function private.has_earlier_booking(p_user_id uuid, p_booking_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.bookings b
    where b.renter_id = p_user_id and b.id is distinct from p_booking_id and b.status not in ('declined', 'expired', 'cancelled')
      and coalesce(b.status = 'requested' and least(b.answer_by, b.starts_at) <= now(), false) is false
      and coalesce(b.status = 'pending_payment' and b.hold_expires_at <= now(), false) is false
  );
end
$$;
insert into private.discount_scopes (scope, earlier_function) values ('rental', 'has_earlier_booking');

-- take_slot() for the price that was agreed: late money of a booking whose code is used up goes back.
create function private.take_slot_at_price(p_booking public.bookings)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_problem text;
begin
  v_problem := private.take_slot(p_booking);
  if v_problem is null and not private.redeem_discount(p_booking.id) then
    delete from public.calendar_entries where booking_id = p_booking.id;
    return 'deadline';
  end if;
  return v_problem;
end
$$;

create function private.pass_on_discount()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.status in ('declined', 'expired', 'cancelled') then
    perform private.release_discount(new.id);
  elsif new.status = 'pending_payment' then
    perform private.hold_discount(new.id, new.hold_expires_at);
  end if;
  return null;
end
$$;
create trigger pass_on_discount after update of status, hold_expires_at on public.bookings
  for each row when ((old.status, old.hold_expires_at) is distinct from (new.status, new.hold_expires_at))
  execute function private.pass_on_discount();

create function private.invariant_booking_discount_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, format('%s with a discount of %s, its redemption is %s of %s', b.status, q.discount_amount, coalesce(r.status, 'none'), coalesce(r.amount, 0))
  from public.bookings b
  join public.quotes q on q.id = b.quote_id
  left join public.discount_redemptions r on r.id = b.id
  where case when q.discount_id is null then r.id is not null
    else (r.discount_id, r.user_id, r.amount) is distinct from (q.discount_id, b.renter_id, q.discount_amount)
      or case
        when b.status in ('declined', 'expired', 'cancelled') then r.status <> 'released' and coalesce(r.held_until > now(), true)
        when b.status in ('requested', 'pending_payment') then r.status = 'redeemed' or (r.status = 'released' and coalesce(b.hold_expires_at, least(b.answer_by, b.starts_at)) > now())
        else r.status <> 'redeemed'
      end
    end
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('booking_discount_disagrees', 'critical', 'A booking and the use of its discount code do not fit together.',
    'A defect in a command, or somebody changed rows by SQL. The price of the booking stands; keep the history of both (private.domain_events where subject_id is the id) for the report.');
