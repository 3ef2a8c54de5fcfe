-- Bookings: the money of charges after the trip.
-- Rule kept here: what counts is taken from the deposit first, and only the rest is a payable; a deadline is over at its
-- time, also when no job has run; what open charges claim of a deposit stays, and the rest of it returns in time.
-- Left out on purpose: fees of the platform; all of a charge is the host's, but for the tax in it.
-- Locks: those of the booking's payable, then the charge.

insert into private.receipt_labels (code, locale, label) values
  ('charge_fuel', 'en', 'Fuel'), ('charge_fuel', 'vi', 'Nhiên liệu'),
  ('charge_km', 'en', 'Kilometres beyond the allowance'), ('charge_km', 'vi', 'Số km vượt giới hạn'),
  ('charge_late', 'en', 'Late return'), ('charge_late', 'vi', 'Trả xe trễ'),
  ('charge_toll', 'en', 'Tolls'), ('charge_toll', 'vi', 'Phí cầu đường'),
  ('charge_cleaning', 'en', 'Cleaning'), ('charge_cleaning', 'vi', 'Vệ sinh xe'),
  ('charge_damage', 'en', 'Damage'), ('charge_damage', 'vi', 'Bồi thường hư hỏng'),
  ('charge_other', 'en', 'Other costs of the trip'), ('charge_other', 'vi', 'Chi phí khác của chuyến đi');

-- The tax in a part of a charge; it rounds down.
create function private.charge_tax(p_charge public.booking_charges, p_part bigint)
returns bigint
language sql immutable set search_path = ''
as $$ select div(p_charge.tax_amount::numeric * p_part, p_charge.amount)::bigint $$;

-- What open charges claim of a deposit, which stays until they end.
create function private.claimed_of_deposit(p_booking_id uuid)
returns bigint
language plpgsql stable set search_path = ''
as $$
begin
  return (select coalesce(sum(c.amount), 0) from public.booking_charges c where c.booking_id = p_booking_id and c.status in ('proposed', 'disputed'));
end
$$;

-- The state of now: a renter who has not answered in time has, in what silence says of the kind.
create function private.charge_state(p_charge public.booking_charges)
returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return case
    when p_charge.status = 'proposed' and p_charge.answer_by <= now() then
      (select case k.silence when 'accepts' then 'accepted' else 'disputed' end from private.charge_kinds k where k.kind = p_charge.kind)
    when p_charge.status = 'accepted' and p_charge.pay_by <= now() then 'unpaid'
    else p_charge.status
  end;
end
$$;
grant execute on function private.charge_state(public.booking_charges) to authenticated;

-- It counts, with this amount. The caller has locked the booking and the charge.
create function private.accept_charge(p_charge public.booking_charges, p_owed bigint, p_decision text default null)
returns public.booking_charges
language plpgsql volatile set search_path = ''
as $$
declare
  v_charge public.booking_charges;
  v_booking public.bookings;
  v_captured bigint;
  v_tax bigint := private.charge_tax(p_charge, p_owed);
  v_captured_tax bigint;
begin
  select * into strict v_booking from public.bookings where id = p_charge.booking_id;
  v_captured := least(p_owed, private.deposit_left(v_booking));
  v_captured_tax := private.charge_tax(p_charge, v_captured);
  if v_captured > 0 then
    perform private.post_capture(v_booking, v_captured, 'charge', p_charge.id, 'charge_' || p_charge.kind, v_captured_tax);
  end if;
  update public.booking_charges
  set status = 'accepted', owed_amount = p_owed, captured_amount = v_captured, decision = coalesce(p_decision, decision),
      pay_by = case when p_owed > v_captured then now() + make_interval(days => private.setting('charge_pay_days')::int) end
  where id = p_charge.id
  returning * into v_charge;
  if p_owed = v_captured then
    update public.booking_charges set status = 'settled', ended_at = now() where id = p_charge.id returning * into v_charge;
  else
    perform private.open_payment(
      v_charge.id, 'charge', v_booking.renter_id, v_booking.code, (select v.title from public.vehicles v where v.id = v_booking.vehicle_id),
      v_booking.starts_at, v_booking.ends_at, p_owed - v_captured, v_charge.currency, array[
        ('host_payable', v_booking.host_id::text, v_captured + v_tax - v_captured_tax - p_owed)::private.ledger_line,
        ('tax_payable', '', v_captured_tax - v_tax)::private.ledger_line
      ], p_owed - v_captured, v_tax - v_captured_tax, v_charge.pay_by, v_booking.id);
  end if;
  return v_charge;
end
$$;

-- Writes down what the time has decided. The caller has locked the booking and the charge.
create function private.lapse_charge(p_charge public.booking_charges)
returns public.booking_charges
language plpgsql volatile set search_path = ''
as $$
declare
  v_charge public.booking_charges := p_charge;
  v_cause text := private.audit_cause();
  v_reason text := private.audit_reason();
begin
  if v_charge.status = 'proposed' and v_charge.answer_by <= now() then
    perform private.set_audit_context('deadline');
    if private.charge_state(v_charge) = 'accepted' then
      v_charge := private.accept_charge(v_charge, v_charge.amount);
    else
      update public.booking_charges set status = 'disputed' where id = v_charge.id returning * into v_charge;
    end if;
    perform private.set_audit_context(v_cause, v_reason);
  end if;
  return v_charge;
end
$$;

create function private.lock_charge_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.lock_booking_payable((select booking_id from public.booking_charges where id = p_payable_id));
  perform 1 from public.booking_charges where id = p_payable_id for no key update;
end
$$;

create function private.settle_charge_payable(p_payable_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  update public.booking_charges set status = 'settled', ended_at = now() where id = p_payable_id and status in ('accepted', 'unpaid');
  return found;
end
$$;

create function private.expire_charge_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.booking_charges set status = 'unpaid' where id = p_payable_id and status = 'accepted';
end
$$;

-- Lets go what is not paid yet. The caller has locked the booking and the charge.
create function private.waive_charge(p_charge public.booking_charges)
returns public.booking_charges
language plpgsql volatile set search_path = ''
as $$
declare
  v_charge public.booking_charges;
begin
  if p_charge.status not in ('accepted', 'unpaid') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'charge', 'from', p_charge.status, 'to', 'waived'));
  end if;
  perform private.close_payment(p_charge.id, 'cancelled');
  update public.booking_charges set status = 'waived', ended_at = now() where id = p_charge.id returning * into v_charge;
  return v_charge;
end
$$;

create function private.cancel_charge_payable(p_payable_id uuid, p_reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.waive_charge(c) from public.booking_charges c where c.id = p_payable_id $$;

-- What the payment sells: the rest that the deposit did not cover.
create function private.charge_lines(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_path_query_array(jsonb_build_array(
      jsonb_build_object('code', 'charge_' || c.kind, 'amount', y.sold_amount - y.tax_amount), jsonb_build_object('code', 'vat', 'amount', y.tax_amount)),
      '$[*] ? (@.amount != 0)')
    from public.booking_charges c join public.payables y on y.id = c.id where c.id = p_payable_id
  );
end
$$;

insert into private.payable_kinds (kind, lock_function, settle_function, expire_function, cancel_function, lines_function) values
  ('charge', 'lock_charge_payable', 'settle_charge_payable', 'expire_charge_payable', 'cancel_charge_payable', 'charge_lines');

-- Writes down the answers that did not come in time; unpaid ones are those of the payments.
create function private.lapse_due_charges(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_charge_id uuid;
  v_count int := 0;
begin
  for v_charge_id in
    select id from public.booking_charges where status = 'proposed' and answer_by <= now() order by id limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.lock_charge_payable(v_charge_id);
      perform private.lapse_charge(c) from public.booking_charges c where c.id = v_charge_id;
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT409' then
        raise warning 'the answer to charge % could not be presumed: %', v_charge_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_charges', 'Writes down what silence says of charges after a trip whose time to answer is over.',
  '* * * * *', '15 minutes', 'select private.lapse_due_charges()');
