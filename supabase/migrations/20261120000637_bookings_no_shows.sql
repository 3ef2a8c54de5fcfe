-- Bookings: one side says that the other did not come to the hand-over.
-- Rule kept here: a report counts when the other side accepts it, when its time has passed without an answer, or when an
-- admin upholds it. Until then the money of the booking is frozen. A renter who did not come gets what the policy of the
-- booking gives at the moment of the report, and the deposit; a host who did not come gives everything back.
-- Left out on purpose: what the two write to each other about it, which is in their chat.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('no_show_not_found', 404, false, 'We could not find this report. Reload the booking.', 'Không tìm thấy báo cáo này. Vui lòng tải lại đơn đặt xe.'),
  ('no_show_open', 409, false, 'A report says that one side did not come. Withdraw or answer it first.', 'Đơn này đang có báo cáo một bên không đến. Vui lòng rút lại hoặc trả lời báo cáo đó trước.');
alter table private.settings
  add constraint settings_no_show_wait_minutes check (key <> 'no_show_wait_minutes' or private.is_whole(value, 0, 1440)),
  add constraint settings_no_show_answer_hours check (key <> 'no_show_answer_hours' or private.is_whole(value, 1, 168));
insert into private.settings (key, value, description) values
  ('no_show_wait_minutes', '60', 'Minutes after the booked start from which one side can report that the other did not come.'),
  ('no_show_answer_hours', '24', 'Hours that the other side has to object to such a report. Without an answer it counts then.');
insert into private.refund_kinds (kind, description) values
  ('no_show', 'What goes back when one side did not come to the hand-over');

insert into private.transitions (machine, from_state, event, to_state) values
  ('no_show', 'initial', 'report', 'reported'),
  ('no_show', 'reported', 'accept', 'accepted'),
  ('no_show', 'reported', 'presume', 'presumed'),
  ('no_show', 'reported', 'object', 'contested'),
  ('no_show', 'reported', 'withdraw', 'withdrawn'),
  ('no_show', 'contested', 'accept', 'accepted'),
  ('no_show', 'contested', 'withdraw', 'withdrawn'),
  ('no_show', 'contested', 'uphold', 'upheld'),
  ('no_show', 'contested', 'reject', 'rejected');

create table public.booking_no_shows (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  absent text not null,
  status text not null default 'reported',
  note text not null,
  reporter_id uuid not null references public.profiles on delete restrict,
  reported_at timestamptz not null default now(),
  counts_at timestamptz not null,
  contested_at timestamptz,
  objection text,
  constraint booking_no_shows_absent_known check (absent in ('renter', 'host')),
  constraint booking_no_shows_note_given check (private.says_something(note, p_at_most => 1000)),
  constraint booking_no_shows_note_tidy check (private.is_tidy_lines(note)),
  constraint booking_no_shows_objection_tidy check (private.is_tidy_lines(objection)),
  constraint booking_no_shows_time_to_answer check (counts_at > reported_at),
  constraint booking_no_shows_objection_given check (
    (objection is null or private.says_something(objection, p_at_most => 1000))
    and (objection is null) = (contested_at is null)
    and (status not in ('contested', 'upheld', 'rejected') or objection is not null)
    and (status not in ('reported', 'presumed') or objection is null)
  )
);
-- one that was withdrawn or rejected makes room for another
create unique index booking_no_shows_once on public.booking_no_shows (booking_id) where status not in ('withdrawn', 'rejected');
create index booking_no_shows_booking_idx on public.booking_no_shows (booking_id, reported_at);
create index booking_no_shows_due_idx on public.booking_no_shows (counts_at) where status = 'reported';
comment on table public.booking_no_shows is 'Reports that one side of a paid booking did not come. The money is frozen until a report counts, is withdrawn or rejected.';
comment on column public.booking_no_shows.absent is 'Who did not come, as the other side says: renter or host.';
comment on column public.booking_no_shows.status is 'Machine no_show. reported (the other side answers until counts_at), accepted by the other side, presumed (the time passed without an answer), contested (an admin decides), withdrawn, upheld or rejected by an admin. It counts when accepted, presumed or upheld.';
comment on column public.booking_no_shows.counts_at is 'When it counts by itself unless the other side answers before. Over at that moment, whether or not presumed was written.';
comment on column public.booking_no_shows.note is 'What happened, in the words of who reported it.';
comment on column public.booking_no_shows.objection is 'What the other side says. Null when it did not object.';
select private.attach_state_machine('public.booking_no_shows', 'no_show');

alter table public.booking_no_shows enable row level security;
revoke all on public.booking_no_shows from anon, authenticated, service_role;
grant select on public.booking_no_shows to authenticated, service_role;
create policy select_party on public.booking_no_shows for select to authenticated
  using (booking_id in (select private.my_booking_ids()) or (select private.is_staff()));

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.booking_no_shows', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', null,
    'Evidence of whether a trip took place, for both parties.');
select private.retain_columns('public.booking_no_shows', 'Who of the two parties reported it, and what they wrote: evidence.', 'reporter_id', 'note', 'objection');

-- The freeze that a report places.
create function private.no_show_freeze()
returns text
language sql immutable set search_path = ''
as $$ select 'no-show reported' $$;

-- Reports that count by now. Money that is frozen for another reason waits.
create view private.due_no_shows with (security_invoker = true) as
select n.id, n.booking_id, n.counts_at
from public.booking_no_shows n
where n.status = 'reported' and n.counts_at <= now()
  and not exists (
    select from private.payable_freezes f
    where f.payable_id = n.booking_id and f.ended_at is null and f.reason <> private.no_show_freeze());
comment on view private.due_no_shows is 'Reports of a no-show that count by now and are not written down as presumed yet.';

create function private.no_show_of(p_booking_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select to_jsonb(n) || jsonb_build_object('status', case when exists (select from private.due_no_shows d where d.id = n.id) then 'presumed' else n.status end)
    from public.booking_no_shows n where n.booking_id = p_booking_id
    order by n.reported_at desc, n.id limit 1
  );
end
$$;

-- Raises while a report is open.
create function private.check_no_report(p_booking_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_report public.booking_no_shows;
begin
  select * into v_report from public.booking_no_shows where booking_id = p_booking_id and status in ('reported', 'contested');
  if found then
    perform private.fail('no_show_open', jsonb_build_object('no_show_id', v_report.id, 'absent', v_report.absent, 'status', v_report.status));
  end if;
end
$$;

-- The freeze of a report ends with it, also when an admin ends all freezes of a payable (unfreeze_payable).
create function private.keep_no_show_frozen()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.check_no_report(coalesce((select y.part_of from public.payables y where y.id = new.payable_id), new.payable_id));
  return new;
end
$$;
create trigger keep_no_show_frozen before update of ended_at on private.payable_freezes
  for each row when (old.ended_at is null and new.ended_at is not null and new.reason = private.no_show_freeze())
  execute function private.keep_no_show_frozen();

-- Raises when the money of a booking is frozen for another reason than its report.
create function private.check_no_other_freeze(p_booking_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if exists (
    select from private.payable_freezes f
    where f.payable_id = p_booking_id and f.ended_at is null and f.reason <> private.no_show_freeze()
  ) then
    perform private.fail('money_frozen');
  end if;
end
$$;

-- Ends the booking by a report that counts, and shares its money. The caller has locked vehicle and booking.
create function private.count_no_show(p_booking public.bookings, p_report public.booking_no_shows)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_amounts record;
  v_refund_bps int := case p_report.absent when 'host' then 10000 else private.policy_bps(p_booking, p_report.reported_at) end;
begin
  perform private.unfreeze_money(p_booking.id, private.no_show_freeze());
  select * into v_amounts from private.cancellation_amounts(p_booking, v_refund_bps);
  perform private.end_live_change(p_booking.id);
  delete from public.calendar_entries where booking_id = p_booking.id;
  update public.bookings
  set status = 'no_show', no_show_by = p_report.absent, refund_bps = v_refund_bps,
      deposit_status = case when deposit_status = 'held' then 'returned' else deposit_status end,
      deposit_returned = case when deposit_status = 'held' then deposit_amount else 0 end
  where id = p_booking.id
  returning * into v_booking;
  perform private.post_ledger('booking_no_show', v_booking.id::text, v_booking.currency, v_booking.id, array[
    ('escrow', v_booking.id::text, v_booking.total_amount - v_booking.deposit_amount)::private.ledger_line,
    ('deposit', v_booking.id::text, v_booking.deposit_amount)::private.ledger_line,
    ('refund_payable', v_booking.id::text, -(v_amounts.refund_amount + v_amounts.deposit_refund))::private.ledger_line,
    ('host_payable', v_booking.host_id::text, -v_amounts.host_keeps)::private.ledger_line,
    ('platform_revenue', '', -v_amounts.platform_keeps)::private.ledger_line,
    ('tax_payable', '', -v_amounts.tax_keeps)::private.ledger_line
  ]);
  perform private.order_refund(v_booking.id, 'no_show', v_amounts.refund_amount + v_amounts.deposit_refund, v_amounts.refund_amount,
    v_booking.tax_amount - v_amounts.tax_keeps);
  perform private.give_back_extensions(v_booking, v_refund_bps, 'no_show');
  return v_booking;
end
$$;

-- Writes down a report whose time has passed. private.lock_trip() calls it under the locks of the trip.
create function private.count_due_no_show(p_booking public.bookings)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_report public.booking_no_shows;
begin
  select n.* into v_report from public.booking_no_shows n join private.due_no_shows d on d.id = n.id where n.booking_id = p_booking.id;
  if not found then
    return p_booking;
  end if;
  perform private.set_audit_context('deadline');
  update public.booking_no_shows set status = 'presumed' where id = v_report.id;
  return private.count_no_show(p_booking, v_report);
end
$$;

create function private.report_no_show(p_booking_id uuid, p_note text, p_idempotency_key uuid)
returns public.booking_no_shows
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_booking public.bookings;
  v_side text;
  v_from timestamptz;
  v_report public.booking_no_shows;
begin
  v_stored := private.begin_command('report_no_show', p_idempotency_key, jsonb_build_object('booking_id', p_booking_id, 'note', p_note),
    jsonb_build_object('id', v_report_id));
  v_booking := private.party_trip(p_booking_id);
  if v_stored is not null then
    select * into v_report from public.booking_no_shows where id = (v_stored ->> 'id')::uuid;
    return v_report;
  end if;
  if not private.says_something(p_note, p_at_most => 1000) then
    perform private.fail_input('note', 'must have 1 to 1000 characters');
  end if;
  if v_booking.status <> 'confirmed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'no_show'));
  end if;
  v_from := v_booking.starts_at + make_interval(mins => private.setting('no_show_wait_minutes')::int);
  if now() < v_from then
    perform private.fail('too_early', jsonb_build_object('from', v_from));
  end if;
  perform private.check_none_open(p_booking_id);
  perform private.check_no_report(p_booking_id);
  if private.is_frozen(p_booking_id) then
    perform private.fail('money_frozen');
  end if;
  v_side := private.booking_side(v_booking);
  if v_side = 'host' then
    -- a host who has no vehicle to hand over cannot say that the renter did not come
    if exists (select from public.vehicles v where v.id = v_booking.vehicle_id and v.status = 'suspended') then
      perform private.fail('vehicle_suspended');
    end if;
    perform private.check_vehicle_back(v_booking);
  end if;
  perform private.set_audit_context(v_side, p_note);
  insert into public.booking_no_shows (id, booking_id, absent, note, reporter_id, counts_at)
  values (v_report_id, p_booking_id, case v_side when 'host' then 'renter' else 'host' end, private.tidy_lines(p_note), auth.uid(),
    now() + make_interval(hours => private.setting('no_show_answer_hours')::int))
  returning * into v_report;
  perform private.freeze_money(p_booking_id, private.no_show_freeze());
  return v_report;
end
$$;
create function public.report_no_show(booking_id uuid, note text, idempotency_key uuid)
returns public.booking_no_shows
language sql volatile set search_path = ''
as $$ select private.report_no_show(booking_id, note, idempotency_key) $$;
comment on function public.report_no_show is 'Either side of a paid booking: says that the other did not come to the hand-over, from no_show_wait_minutes after the booked start on. `note` has 1 to 1000 characters. The money is frozen, and the other side can object until counts_at. Errors: booking_not_found, illegal_transition, too_early (details.from), inspection_open (a hand-over was recorded), no_show_open, money_frozen, vehicle_suspended (the host cannot hand it over), vehicle_not_returned (another renter has it), invalid_input.';
select private.expose('report_no_show(uuid, text, uuid)', 'authenticated');

-- The report, with its trip locked, for a party that has or has not made it; what counts by now is written down.
create function private.no_show_for(p_no_show_id uuid, p_mine boolean)
returns public.booking_no_shows
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_report public.booking_no_shows;
begin
  select n.* into v_report
  from public.booking_no_shows n
  join public.bookings b on b.id = n.booking_id and v_user_id in (b.renter_id, b.host_id)
  where n.id = p_no_show_id and (n.reporter_id = v_user_id) = p_mine;
  if not found then
    perform private.fail('no_show_not_found');
  end if;
  perform private.lock_trip(v_report.booking_id);
  select * into v_report from public.booking_no_shows where id = p_no_show_id;
  return v_report;
end
$$;

create function private.answer_no_show(p_no_show_id uuid, p_accept boolean, p_objection text)
returns public.booking_no_shows
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report public.booking_no_shows := private.no_show_for(p_no_show_id, false);
begin
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  if not p_accept and not private.says_something(p_objection, p_at_most => 1000) then
    perform private.fail_input('objection', 'must have 1 to 1000 characters');
  end if;
  if v_report.status = (case when p_accept then 'accepted' else 'contested' end) then
    return v_report;
  end if;
  if v_report.status not in ('reported', 'contested') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'no_show', 'from', v_report.status, 'to', case when p_accept then 'accepted' else 'contested' end));
  end if;
  perform private.set_audit_context(v_report.absent);
  if not p_accept then
    update public.booking_no_shows set status = 'contested', contested_at = now(), objection = private.tidy_lines(p_objection)
    where id = p_no_show_id
    returning * into v_report;
    return v_report;
  end if;
  perform private.check_no_other_freeze(v_report.booking_id);
  update public.booking_no_shows set status = 'accepted' where id = p_no_show_id returning * into v_report;
  perform private.count_no_show(b, v_report) from public.bookings b where b.id = v_report.booking_id;
  return v_report;
end
$$;
create function public.answer_no_show(no_show_id uuid, accept boolean, objection text default null)
returns public.booking_no_shows
language sql volatile set search_path = ''
as $$ select private.answer_no_show(no_show_id, accept, objection) $$;
comment on function public.answer_no_show is 'The other side: accepts a report, which then counts, or objects to it with 1 to 1000 characters before its counts_at. After an objection an admin decides, and an objection can still be given up by accepting. Repeatable. Errors: no_show_not_found, illegal_transition (it counts already, or is over), money_frozen, invalid_input.';
select private.expose('answer_no_show(uuid, boolean, text)', 'authenticated');

create function private.withdraw_no_show(p_no_show_id uuid)
returns public.booking_no_shows
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report public.booking_no_shows := private.no_show_for(p_no_show_id, true);
begin
  if v_report.status = 'withdrawn' then
    return v_report;
  end if;
  if v_report.status not in ('reported', 'contested') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'no_show', 'from', v_report.status, 'to', 'withdrawn'));
  end if;
  perform private.set_audit_context(case v_report.absent when 'renter' then 'host' else 'renter' end);
  update public.booking_no_shows set status = 'withdrawn' where id = p_no_show_id returning * into v_report;
  perform private.unfreeze_money(v_report.booking_id, private.no_show_freeze());
  return v_report;
end
$$;
create function public.withdraw_no_show(no_show_id uuid)
returns public.booking_no_shows
language sql volatile set search_path = ''
as $$ select private.withdraw_no_show(no_show_id) $$;
comment on function public.withdraw_no_show is 'Takes back the caller''s report, because the other side came after all; the vehicle can then be handed over. Repeatable. Errors: no_show_not_found, illegal_transition (it counts already, or is over).';
select private.expose('withdraw_no_show(uuid)', 'authenticated');

create function private.decide_no_show(p_no_show_id uuid, p_counts boolean, p_reason text)
returns public.booking_no_shows
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report public.booking_no_shows;
  v_decision text := case when p_counts then 'upheld' else 'rejected' end;
begin
  perform private.require_admin();
  if p_counts is null then
    perform private.fail_input('counts', 'must be true or false');
  end if;
  perform private.require_reason(p_reason);
  select * into v_report from public.booking_no_shows where id = p_no_show_id;
  if not found then
    perform private.fail('no_show_not_found');
  end if;
  perform private.lock_trip(v_report.booking_id);
  select * into v_report from public.booking_no_shows where id = p_no_show_id;
  if v_report.status = v_decision then
    return v_report;
  end if;
  if v_report.status <> 'contested' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'no_show', 'from', v_report.status, 'to', v_decision));
  end if;
  if p_counts then
    perform private.check_no_other_freeze(v_report.booking_id);
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.booking_no_shows set status = v_decision where id = p_no_show_id returning * into v_report;
  if p_counts then
    perform private.count_no_show(b, v_report) from public.bookings b where b.id = v_report.booking_id;
  else
    perform private.unfreeze_money(v_report.booking_id, private.no_show_freeze());
  end if;
  return v_report;
end
$$;
create function public.decide_no_show(no_show_id uuid, counts boolean, reason text)
returns public.booking_no_shows
language sql volatile set search_path = ''
as $$ select private.decide_no_show(no_show_id, counts, reason) $$;
comment on function public.decide_no_show is 'Admin: decides whether a report counts that the other side objected to. One that is rejected leaves the booking as it was and its money free. Both sides are told the reason. Repeatable. Errors: forbidden, no_show_not_found, illegal_transition, money_frozen (for another reason), invalid_input.';
select private.expose('decide_no_show(uuid, boolean, text)', 'authenticated');

-- Writes down what counts by now. Nothing depends on it, because commands and reads look at the time.
create function private.count_due_no_shows(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking_id uuid;
  v_count int := 0;
begin
  for v_booking_id in
    select booking_id from private.due_no_shows order by booking_id limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.lock_trip(v_booking_id);
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT409' then
        raise warning 'the no-show of booking % could not be counted: %', v_booking_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_no_shows', 'Writes down the no-shows that count because nobody objected in time, and notifies people.',
  '* * * * *', '15 minutes', 'select private.count_due_no_shows()');
