-- Bookings: what the other side says to an inspection, and what an admin decides where the two do not agree.
-- Rule kept here: who recorded an inspection never answers it; an objection stops its time and freezes the money of
-- the booking until the other side acknowledges it after all, or an admin decides.
-- Left out on purpose: evidence beyond the photos and the objection; complaints will bring it.

-- The inspection, for the party that did not record it; its trip is locked, and what counts by now is written down.
create function private.inspection_to_answer(p_inspection_id uuid)
returns public.booking_inspections
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_inspection public.booking_inspections;
begin
  select i.* into v_inspection
  from public.booking_inspections i
  join public.bookings b on b.id = i.booking_id and v_user_id in (b.renter_id, b.host_id)
  where i.id = p_inspection_id and i.recorded_by <> v_user_id;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.lock_trip(v_inspection.booking_id);
  select * into v_inspection from public.booking_inspections where id = p_inspection_id;
  return v_inspection;
end
$$;

-- Which side answers an inspection.
create function private.answering_side(p_inspection public.booking_inspections)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when b.host_id = p_inspection.recorded_by then 'renter' else 'host' end
    from public.bookings b where b.id = p_inspection.booking_id
  );
end
$$;

-- Raises when the booking of an inspection does not wait for it.
create function private.check_awaited(p_inspection public.booking_inspections, p_to text)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (
    select from public.bookings b
    where b.id = p_inspection.booking_id and b.status = case p_inspection.kind when 'check_in' then 'confirmed' else 'in_progress' end
  ) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'inspection', 'from', p_inspection.status, 'to', p_to));
  end if;
end
$$;

create function private.contested_freeze(p_inspection public.booking_inspections)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return p_inspection.kind || ' contested';
end
$$;

create function private.acknowledge_inspection(p_inspection_id uuid)
returns public.booking_inspections
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_inspection public.booking_inspections := private.inspection_to_answer(p_inspection_id);
  v_was_contested boolean := v_inspection.status = 'contested';
begin
  -- it counts already
  if v_inspection.status in ('acknowledged', 'presumed', 'upheld') then
    return v_inspection;
  end if;
  perform private.check_awaited(v_inspection, 'acknowledged');
  if v_was_contested and v_inspection.kind = 'check_in' then
    -- another renter may have the vehicle by now
    perform private.check_vehicle_back(b) from public.bookings b where b.id = v_inspection.booking_id;
  end if;
  perform private.set_audit_context(private.answering_side(v_inspection));
  update public.booking_inspections set status = 'acknowledged', acknowledged_by = auth.uid(), acknowledged_at = now()
  where id = p_inspection_id
  returning * into v_inspection;
  if v_was_contested then
    perform private.unfreeze_money(v_inspection.booking_id, private.contested_freeze(v_inspection));
  end if;
  perform private.count_inspection(b, v_inspection, now()) from public.bookings b where b.id = v_inspection.booking_id;
  return v_inspection;
end
$$;
create function public.acknowledge_inspection(inspection_id uuid)
returns public.booking_inspections
language sql volatile set search_path = ''
as $$ select private.acknowledge_inspection(inspection_id) $$;
comment on function public.acknowledge_inspection is 'Agrees, as the other side, with an inspection, which counts from now on: a check-in begins the trip, a check-out completes it. It also takes back an objection. Repeatable. Errors: not_found, illegal_transition (it was rejected, or the booking is cancelled), vehicle_not_returned (an objection is taken back while another renter has the vehicle).';
select private.expose('acknowledge_inspection(uuid)', 'authenticated');

create function private.object_to_inspection(p_inspection_id uuid, p_reason text)
returns public.booking_inspections
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_inspection public.booking_inspections := private.inspection_to_answer(p_inspection_id);
begin
  perform private.require_reason(p_reason, p_at_most => 1000);
  if v_inspection.status = 'contested' then
    return v_inspection;
  end if;
  perform private.check_awaited(v_inspection, 'contested');
  perform private.set_audit_context(private.answering_side(v_inspection));
  update public.booking_inspections set status = 'contested', contested_at = now(), objection = private.tidy_lines(p_reason)
  where id = p_inspection_id
  returning * into v_inspection;
  perform private.freeze_money(v_inspection.booking_id, private.contested_freeze(v_inspection));
  return v_inspection;
end
$$;
create function public.object_to_inspection(inspection_id uuid, reason text)
returns public.booking_inspections
language sql volatile set search_path = ''
as $$ select private.object_to_inspection(inspection_id, reason) $$;
comment on function public.object_to_inspection is 'Objects, as the other side, to an inspection that does not count yet, with a reason of 1 to 1000 characters. It no longer counts by time, and the money of the booking is frozen until an admin decides or the caller acknowledges it after all. Repeatable. Errors: not_found, illegal_transition (it counts already, was rejected, or the booking is cancelled), invalid_input.';
select private.expose('object_to_inspection(uuid, text)', 'authenticated');

create function private.decide_inspection(p_inspection_id uuid, p_counts boolean, p_reason text)
returns public.booking_inspections
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_inspection public.booking_inspections;
  v_decision text := case when p_counts then 'upheld' else 'rejected' end;
begin
  perform private.require_admin();
  if p_counts is null then
    perform private.fail_input('counts', 'must be true or false');
  end if;
  perform private.require_reason(p_reason);
  select * into v_inspection from public.booking_inspections where id = p_inspection_id;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.lock_trip(v_inspection.booking_id);
  select * into v_inspection from public.booking_inspections where id = p_inspection_id;
  if v_inspection.status = v_decision then
    return v_inspection;
  end if;
  if v_inspection.status <> 'contested' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'inspection', 'from', v_inspection.status, 'to', v_decision));
  end if;
  if p_counts then
    perform private.check_awaited(v_inspection, v_decision);
    if v_inspection.kind = 'check_in' then
      perform private.check_vehicle_back(b) from public.bookings b where b.id = v_inspection.booking_id;
    end if;
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.booking_inspections set status = v_decision where id = p_inspection_id returning * into v_inspection;
  perform private.unfreeze_money(v_inspection.booking_id, private.contested_freeze(v_inspection));
  if p_counts then
    perform private.count_inspection(b, v_inspection, now()) from public.bookings b where b.id = v_inspection.booking_id;
  elsif v_inspection.kind = 'check_out' then
    update public.bookings b set checked_out_at = null
    where b.id = v_inspection.booking_id and b.status = 'in_progress'
      -- when the next renter has the vehicle, it did come back
      and not exists (
        select from public.bookings o
        where o.vehicle_id = b.vehicle_id and o.id <> b.id and o.status = 'in_progress' and o.checked_out_at is null
      );
  end if;
  return v_inspection;
end
$$;
create function public.decide_inspection(inspection_id uuid, counts boolean, reason text)
returns public.booking_inspections
language sql volatile set search_path = ''
as $$ select private.decide_inspection(inspection_id, counts, reason) $$;
comment on function public.decide_inspection is 'Admin: decides whether an inspection counts that the other side objected to, and ends the freeze of that objection. One that was rejected can be recorded anew. Both sides are told the reason. Repeatable. Errors: forbidden, not_found, illegal_transition, vehicle_not_returned (another renter has it; settle the trip instead), invalid_input.';
select private.expose('decide_inspection(uuid, boolean, text)', 'authenticated');

-- The freeze of an objection ends with it, also when an admin ends all freezes of a payable (unfreeze_payable).
create function private.keep_contested_frozen()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_inspection public.booking_inspections;
begin
  select i.* into v_inspection
  from public.booking_inspections i
  where i.booking_id in (new.payable_id, (select y.part_of from public.payables y where y.id = new.payable_id))
    and i.status = 'contested' and private.contested_freeze(i) = new.reason;
  if found then
    perform private.fail('inspection_open', jsonb_build_object('inspection_id', v_inspection.id, 'kind', v_inspection.kind, 'status', v_inspection.status, 'counts_at', null));
  end if;
  return new;
end
$$;
create trigger keep_contested_frozen before update of ended_at on private.payable_freezes
  for each row when (old.ended_at is null and new.ended_at is not null)
  execute function private.keep_contested_frozen();

-- Writes down what counts by now. Nothing depends on it, because commands and reads look at the time.
create function private.count_due_inspections(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking_id uuid;
  v_count int := 0;
begin
  for v_booking_id in
    select booking_id from private.due_inspections order by booking_id limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.lock_trip(v_booking_id);
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT409' then
        raise warning 'the inspection of booking % could not be counted: %', v_booking_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_trips', 'Writes down the check-ins and check-outs that count because nobody answered in time, and notifies people.',
  '* * * * *', '15 minutes', 'select private.count_due_inspections()');
