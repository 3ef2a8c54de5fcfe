-- Bookings: returning the deposit.
-- Rule kept here: what was not captured of the deposit (bookings_captures) returns after the claim window, or when the
-- host gives it up before; the rent is never payable before the booked end. Neither moves while the booking's money is
-- frozen (payables_freezes).
-- Left out on purpose: who may take something of it, and why.

-- What of the deposit is there still.
create function private.deposit_left(p_booking public.bookings)
returns bigint
language plpgsql immutable set search_path = ''
as $$
begin
  return case when p_booking.deposit_status = 'held' then p_booking.deposit_amount - p_booking.deposit_captured - p_booking.deposit_returned else 0 end;
end
$$;

-- What of the deposit nobody claims. Charges that are not answered or decided keep what they claim.
create function private.deposit_to_return(p_booking public.bookings)
returns bigint
language plpgsql stable set search_path = ''
as $$
begin
  return greatest(private.deposit_left(p_booking) - private.claimed_of_deposit(p_booking.id), 0);
end
$$;

-- Returns what nobody claims of the deposit. The caller holds the booking's lock, and has read it under that lock.
create function private.return_deposit(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_amount bigint := private.deposit_to_return(p_booking);
  v_refund public.refunds;
begin
  if v_amount = 0 then
    return;
  end if;
  v_refund := private.order_refund(p_booking.id, 'deposit', v_amount);
  perform private.post_ledger('deposit_returned', v_refund.id::text, p_booking.currency, p_booking.id, array[
    ('deposit', p_booking.id::text, v_amount)::private.ledger_line,
    ('refund_payable', p_booking.id::text, -v_amount)::private.ledger_line
  ]);
  update public.bookings
  set deposit_status = case when v_amount = private.deposit_left(p_booking) then 'returned' else 'held' end, deposit_returned = deposit_returned + v_amount
  where id = p_booking.id;
end
$$;

create function private.release_deposit(p_booking_id uuid, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('release_deposit', p_idempotency_key, jsonb_build_object('booking_id', p_booking_id));
  v_booking := private.party_trip(p_booking_id);
  if v_booking.host_id <> auth.uid() then
    perform private.fail('forbidden');
  end if;
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'completed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'completed'));
  end if;
  if private.is_frozen(p_booking_id) then
    perform private.fail('money_frozen');
  end if;
  perform private.set_audit_context('host');
  if v_booking.deposit_status = 'held' then
    perform private.return_deposit(v_booking);
  end if;
  -- the host gives up further claims, so the rent is payable too, from the booked end on
  update public.bookings set claim_until = least(claim_until, greatest(now(), ends_at)) where id = p_booking_id returning * into v_booking;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.release_deposit(booking_id uuid, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.release_deposit(booking_id, idempotency_key) $$;
comment on function public.release_deposit is 'Host: returns the deposit now and closes the claim window, because there is nothing more to claim. What open charges claim stays until they end. The rent can be paid out from then on, but not before the booked end. Errors: booking_not_found, forbidden, illegal_transition, money_frozen.';
select private.expose('release_deposit(uuid, uuid)', 'authenticated');

create function private.return_due_deposits(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_count int := 0;
begin
  perform private.set_audit_context('deadline');
  for v_booking in
    select * from public.bookings b
    where b.status = 'completed' and b.deposit_status = 'held' and b.claim_until <= now() and private.deposit_to_return(b) > 0
      and not exists (select from private.payable_freezes f where f.payable_id = b.id and f.ended_at is null)
    order by b.id
    limit p_limit
    for no key update skip locked
  loop
    -- a freeze or a charge may have been placed between finding the row and locking it
    continue when private.is_frozen(v_booking.id) or private.deposit_to_return(v_booking) = 0;
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.return_deposit(v_booking);
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception then
        raise warning 'the deposit of booking % could not be returned: %', v_booking.id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;

select private.schedule_job('journey_deposits', 'Orders the return of deposits whose claim window is over.',
  '* * * * *', '15 minutes', 'select private.return_due_deposits()');

-- What the ledger must hold because of deposits that went back after a trip, for reconcile_ledger.
create function private.deposits_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select 'deposit_returned', r.id::text, r.payable_id, r.currency, l.kind, r.payable_id::text, l.amount
  from public.refunds r
  cross join lateral (values ('deposit', r.amount), ('refund_payable', -r.amount)) l (kind, amount)
  where r.kind = 'deposit'
$$;
insert into private.ledger_proofs (function_name, answers) values ('deposits_expected_lines', 'expected_line');
