-- Bookings: asking for a charge after the trip, and answering it.
-- Rule kept here: the host asks in the claim window, and no more than the records of the trip support; the renter answers
-- until answer_by; an admin decides what stays disputed, and never for more than was asked.
-- Left out on purpose: talking about it, which chat does.

-- Which records speak against this charge, or null.
create function private.charge_problem(p_kind text, p_amount bigint, p_costs jsonb)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_part jsonb := p_costs -> p_kind;
begin
  return case
    when p_kind in ('km', 'late') and (v_part = 'null' or (v_part ->> 'amount')::bigint < greatest(p_amount, 1)) then jsonb_build_object(p_kind, v_part)
    when p_kind = 'fuel' and (v_part = 'null' or (v_part ->> 'check_out_percent')::int >= (v_part ->> 'check_in_percent')::int) then jsonb_build_object(p_kind, v_part)
  end;
end
$$;

-- Stores a charge. The caller has locked the trip. A null amount asks for what the records say.
create function private.store_charge(
  p_booking public.bookings, p_kind private.charge_kinds, p_amount bigint, p_note text, p_media_ids uuid[], p_automatic boolean default false
)
returns public.booking_charges
language plpgsql volatile set search_path = ''
as $$
declare
  v_costs jsonb := private.costs_of_trip(p_booking);
  v_part jsonb := coalesce(nullif(v_costs -> p_kind.kind, 'null'), '{}');
  v_amount bigint := coalesce(p_amount, least((v_part ->> 'amount')::bigint, p_kind.max_amount));
  v_problem jsonb := private.charge_problem(p_kind.kind, v_amount, v_costs);
  v_charge public.booking_charges;
  v_media_id uuid;
begin
  if v_problem is not null then
    perform private.fail('charge_not_possible', v_problem);
  end if;
  begin
    insert into public.booking_charges (booking_id, kind, amount, tax_amount, currency, note, basis, is_automatic, answer_by)
    values (
      p_booking.id, p_kind.kind, v_amount,
      case when p_kind.is_computed then div((v_part ->> 'tax_amount')::numeric * v_amount, (v_part ->> 'amount')::bigint)::bigint else 0 end,
      p_booking.currency, coalesce(private.tidy_lines(p_note), ''), v_part - array['amount', 'tax_amount'], p_automatic,
      now() + make_interval(hours => private.setting('charge_answer_hours')::int))
    returning * into v_charge;
  exception
    when unique_violation then
      perform private.fail('charge_repeated', jsonb_build_object('kind', p_kind.kind));
  end;
  foreach v_media_id in array p_media_ids loop
    perform private.require_media(v_media_id, p_booking.host_id, 'charge');
    begin
      insert into public.charge_evidence (charge_id, media_id, owner_id) values (v_charge.id, v_media_id, p_booking.host_id);
    exception
      when unique_violation then
        perform private.fail_input('media_ids', 'must not repeat a picture or reuse one of another charge');
    end;
  end loop;
  return v_charge;
end
$$;

create function private.propose_charge(p_booking_id uuid, p_kind text, p_idempotency_key uuid, p_amount bigint, p_note text, p_media_ids uuid[])
returns public.booking_charges
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
  v_kind private.charge_kinds;
  v_charge public.booking_charges;
begin
  v_stored := private.begin_command('propose_charge', p_idempotency_key, jsonb_build_object(
    'booking_id', p_booking_id, 'kind', p_kind, 'amount', p_amount, 'note', p_note, 'media_ids', p_media_ids));
  if v_stored is not null then
    select * into v_charge from public.booking_charges where id = (v_stored ->> 'id')::uuid;
    return v_charge;
  end if;
  select * into v_kind from private.charge_kinds where kind = p_kind;
  if not found then
    perform private.fail_input('kind', 'must be one of ' || (select string_agg(kind, ', ' order by kind) from private.charge_kinds));
  end if;
  if (p_amount is null and not v_kind.is_computed) or p_amount not between 1 and v_kind.max_amount then
    perform private.fail_input('amount', format('must be 1 to %s', v_kind.max_amount));
  end if;
  if p_note <> '' and not private.says_something(p_note, p_at_most => 1000) then
    perform private.fail_input('note', 'must be empty or have 1 to 1000 characters');
  end if;
  if cardinality(p_media_ids) > 12 or array_position(p_media_ids, null) is not null then
    perform private.fail_input('media_ids', 'must be at most 12 uploads');
  end if;
  v_booking := private.party_trip(p_booking_id);
  if v_booking.host_id <> auth.uid() then
    perform private.fail('forbidden');
  end if;
  if v_booking.status <> 'completed' or v_booking.claim_until <= now() then
    perform private.fail('claim_window_closed', jsonb_build_object('claim_until', v_booking.claim_until));
  end if;
  if v_kind.needs_evidence and coalesce(cardinality(p_media_ids), 0) = 0 then
    perform private.fail('evidence_required', jsonb_build_object('kind', p_kind));
  end if;
  if (select count(*) from public.booking_charges where booking_id = p_booking_id and status in ('proposed', 'disputed'))
     >= private.setting('max_open_charges')::int then
    perform private.fail('too_many_charges');
  end if;
  perform private.set_audit_context('host');
  v_charge := private.store_charge(v_booking, v_kind, p_amount, p_note, coalesce(p_media_ids, '{}'));
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_charge.id));
  return v_charge;
end
$$;
create function public.propose_charge(
  booking_id uuid, kind text, idempotency_key uuid, amount bigint default null, note text default '', media_ids uuid[] default '{}'
)
returns public.booking_charges
language sql volatile set search_path = ''
as $$ select private.propose_charge(booking_id, kind, idempotency_key, amount, note, media_ids) $$;
comment on function public.propose_charge is 'Host: asks for a charge after the trip, until the claim_until of the booking. `kind` is fuel, km, late, toll, cleaning, damage or other. `amount` is in minor units, the tax in it included; of km and late at most what trip_costs answers, and left out for all of it. `media_ids` are up to 12 uploads of the caller with purpose charge; toll, cleaning, damage and other need one. The renter answers until answer_by. Errors: booking_not_found, forbidden, claim_window_closed, charge_not_possible (details has what the records say), charge_repeated, too_many_charges, evidence_required, media_not_found, media_not_ready, invalid_input.';
select private.expose('propose_charge(uuid, text, uuid, bigint, text, uuid[])', 'authenticated');

-- The charge, locked with its trip, with what the time has decided written down; for somebody on this side of it.
create function private.charge_to_move(p_charge_id uuid, p_side text)
returns public.booking_charges
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_charge public.booking_charges;
begin
  if not exists (
    select from public.booking_charges c join public.bookings b on b.id = c.booking_id
    where c.id = p_charge_id and (p_side = 'admin' or v_user_id in (b.renter_id, b.host_id))
  ) then
    perform private.fail('charge_not_found');
  end if;
  if p_side <> 'admin' and not exists (
    select from public.booking_charges c join public.bookings b on b.id = c.booking_id
    where c.id = p_charge_id and v_user_id = case p_side when 'renter' then b.renter_id else b.host_id end
  ) then
    perform private.fail('forbidden');
  end if;
  perform private.lock_charge_payable(p_charge_id);
  select * into v_charge from public.booking_charges where id = p_charge_id;
  return private.lapse_charge(v_charge);
end
$$;

create function private.answer_charge(p_charge_id uuid, p_accept boolean, p_reason text)
returns public.booking_charges
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_charge public.booking_charges := private.charge_to_move(p_charge_id, 'renter');
begin
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  if not p_accept then
    perform private.require_reason(p_reason, p_at_most => 1000);
  end if;
  -- a repeat
  if (p_accept and v_charge.owed_amount is not null) or (not p_accept and v_charge.objection is not null and v_charge.status = 'disputed') then
    return v_charge;
  end if;
  -- who refused, or said nothing, may still accept
  if v_charge.status <> 'proposed' and not (p_accept and v_charge.status = 'disputed') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'charge', 'from', v_charge.status, 'to', case when p_accept then 'accepted' else 'disputed' end));
  end if;
  perform private.set_audit_context('renter', p_reason);
  if p_accept then
    return private.accept_charge(v_charge, v_charge.amount);
  end if;
  update public.booking_charges set status = 'disputed', objection = private.tidy_lines(p_reason) where id = p_charge_id returning * into v_charge;
  return v_charge;
end
$$;
create function public.answer_charge(charge_id uuid, accept boolean, reason text default null)
returns public.booking_charges
language sql volatile set search_path = ''
as $$ select private.answer_charge(charge_id, accept, reason) $$;
comment on function public.answer_charge is 'Renter: accepts a charge, or refuses it with a reason of 1 to 1000 characters, until its answer_by. What is accepted is taken from the deposit; the rest is a payable with the id of the charge, to be paid until pay_by. What is refused keeps the claimed part of the deposit until an admin decides or the host withdraws it; it can still be accepted. Without an answer fuel, km, late, toll and cleaning are accepted, and damage and other are disputed. Repeatable. Errors: charge_not_found, forbidden, illegal_transition (the time is over, or it has ended), invalid_input.';
select private.expose('answer_charge(uuid, boolean, text)', 'authenticated');

create function private.withdraw_charge(p_charge_id uuid)
returns public.booking_charges
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_charge public.booking_charges := private.charge_to_move(p_charge_id, 'host');
begin
  if v_charge.status in ('withdrawn', 'waived') then
    return v_charge;
  end if;
  perform private.set_audit_context('host');
  if v_charge.status in ('accepted', 'unpaid') then
    return private.waive_charge(v_charge);
  end if;
  if v_charge.status not in ('proposed', 'disputed') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'charge', 'from', v_charge.status, 'to', 'withdrawn'));
  end if;
  update public.booking_charges set status = 'withdrawn', ended_at = now() where id = p_charge_id returning * into v_charge;
  return v_charge;
end
$$;
create function public.withdraw_charge(charge_id uuid)
returns public.booking_charges
language sql volatile set search_path = ''
as $$ select private.withdraw_charge(charge_id) $$;
comment on function public.withdraw_charge is 'Host: takes a charge back (withdrawn), or lets go what is not paid of one that counts (waived); what the deposit paid stays paid. Repeatable. Errors: charge_not_found, forbidden, illegal_transition (it has ended).';
select private.expose('withdraw_charge(uuid)', 'authenticated');

create function private.decide_charge(p_charge_id uuid, p_amount bigint, p_reason text)
returns public.booking_charges
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_charge public.booking_charges;
begin
  perform private.require_admin();
  perform private.require_reason(p_reason, p_at_most => 1000);
  v_charge := private.charge_to_move(p_charge_id, 'admin');
  if v_charge.status <> 'disputed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'charge', 'from', v_charge.status, 'to', case when p_amount > 0 then 'accepted' else 'dismissed' end));
  end if;
  if p_amount is null or p_amount not between 0 and v_charge.amount then
    perform private.fail_input('amount', format('must be 0 to %s', v_charge.amount));
  end if;
  perform private.set_audit_context('admin', p_reason);
  if p_amount > 0 then
    return private.accept_charge(v_charge, p_amount, private.tidy_lines(p_reason));
  end if;
  update public.booking_charges set status = 'dismissed', decision = private.tidy_lines(p_reason), ended_at = now() where id = p_charge_id returning * into v_charge;
  return v_charge;
end
$$;
create function public.decide_charge(charge_id uuid, amount bigint, reason text)
returns public.booking_charges
language sql volatile set search_path = ''
as $$ select private.decide_charge(charge_id, amount, reason) $$;
comment on function public.decide_charge is 'Admin: decides a disputed charge: how much of it counts, in minor units, or 0 for nothing, and why (1 to 1000 characters, read by both sides). Errors: forbidden, charge_not_found, illegal_transition (it is not disputed), invalid_input.';
select private.expose('decide_charge(uuid, bigint, text)', 'authenticated');

-- A return that counts and was late asks for the fee of the terms by itself; the host may withdraw it.
create function private.charge_late_return()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_costs jsonb := private.costs_of_trip(new);
begin
  if (v_costs #>> '{late,amount}')::bigint > 0 then
    perform private.store_charge(new, k, null, '', '{}', true) from private.charge_kinds k where k.kind = 'late';
  end if;
  return null;
end
$$;
create trigger charge_late_return after update of status on public.bookings
  for each row when (new.status = 'completed' and old.status = 'in_progress')
  execute function private.charge_late_return();
