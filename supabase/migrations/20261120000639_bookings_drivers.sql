-- Bookings: additional drivers.
-- Rule kept here: a person drives by their own consent and licence: the renter invites, the person accepts with a
-- verified licence for the vehicle and the whole trip, and the hand-over keeps only those who may still drive. From the
-- hand-over on the list is fixed.
-- Left out on purpose: a price for more drivers, and the renter, who always drives.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('driver_not_found', 404, false, 'We could not find this driver of the booking. Reload and try again.', 'Không tìm thấy người lái này trong đơn. Vui lòng tải lại rồi thử lại.'),
  ('drivers_fixed', 409, false, 'Drivers can be changed only before the vehicle is handed over.', 'Chỉ có thể thay đổi người lái trước khi giao xe.'),
  ('too_many_drivers', 409, false, 'This booking has as many drivers as it may have. Remove one first.', 'Đơn này đã đủ số người lái. Vui lòng xóa bớt một người trước.');
insert into private.rate_limits (action, capacity, per_minute) values
  -- of one renter: each is a mail to somebody
  ('invite_driver', 10, 0.5);
alter table private.settings
  add constraint settings_max_additional_drivers check (key <> 'max_additional_drivers' or private.is_whole(value, 0, 10));
insert into private.settings (key, value, description) values
  ('max_additional_drivers', '3', 'How many people may drive besides the renter, those included who have not answered their invitation; at most 10.');

insert into private.transitions (machine, from_state, event, to_state) values
  ('booking_driver', 'initial', 'invite', 'invited'),
  ('booking_driver', 'invited', 'accept', 'accepted'),
  ('booking_driver', 'invited', 'decline', 'declined'),
  ('booking_driver', 'invited', 'remove', 'removed'),
  ('booking_driver', 'accepted', 'remove', 'removed'),
  ('booking_driver', 'accepted', 'lapse', 'lapsed');

create table public.booking_drivers (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  user_id uuid not null references public.profiles on delete restrict,
  place int not null,
  status text not null default 'invited',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- not more than settings_max_additional_drivers allows
  constraint booking_drivers_place_range check (place between 1 and 10)
);
-- one row for each person, and as many as there are places; two invitations at once want the same place
create unique index booking_drivers_once on public.booking_drivers (booking_id, user_id) where status in ('invited', 'accepted');
create unique index booking_drivers_place_once on public.booking_drivers (booking_id, place) where status in ('invited', 'accepted');
create index booking_drivers_booking_idx on public.booking_drivers (booking_id);
create index booking_drivers_user_idx on public.booking_drivers (user_id, created_at desc, id);
comment on table public.booking_drivers is 'Who may drive besides the renter.';
comment on column public.booking_drivers.status is 'Machine booking_driver. invited by the renter, accepted or declined by the person, removed by the renter or by the person, lapsed when the licence did not cover the trip at the hand-over.';
comment on column public.booking_drivers.place is 'Which of the additional drivers of its booking it is, as a constraint counts them.';
select private.attach_state_machine('public.booking_drivers', 'booking_driver');
create trigger touch before update on public.booking_drivers for each row execute function private.touch();

alter table public.booking_drivers enable row level security;
revoke all on public.booking_drivers from anon, authenticated, service_role;
grant select on public.booking_drivers to authenticated, service_role;
create policy select_party on public.booking_drivers for select to authenticated
  using (user_id = (select auth.uid()) or booking_id in (select private.my_booking_ids()) or (select private.is_staff()));

select private.only_live_persons('public.booking_drivers', 'user_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.booking_drivers', 'r.user_id = $1', 'retain', null, 'Says who may have driven a vehicle of another person.');

-- Why a person may not drive a booked vehicle, or null.
create function private.driver_problem(p_user_id uuid, p_booking public.bookings)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case when private.is_suspended(p_user_id) then 'account_suspended'
    else private.licence_problem(p_user_id, p_booking.vehicle_id, p_booking.period) end;
end
$$;

-- The drivers of a booking besides the renter, and whether each may drive by now.
create function private.drivers_of(p_booking public.bookings)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select jsonb_agg(jsonb_build_object('id', d.id, 'user_id', d.user_id, 'status', d.status, 'created_at', d.created_at,
      'person', (select to_jsonb(p) from private.public_profile(d.user_id) p),
      'may_drive', d.status = 'accepted' and private.driver_problem(d.user_id, p_booking) is null) order by d.created_at, d.id)
    from public.booking_drivers d
    where d.booking_id = p_booking.id and d.status in ('invited', 'accepted', 'lapsed')
  ), '[]');
end
$$;

-- Raises when the drivers of a booking are fixed. The caller has locked the trip.
create function private.check_drivers_open(p_booking public.bookings)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if private.booking_state(p_booking) not in ('requested', 'pending_payment', 'confirmed') or p_booking.ends_at <= now()
     or exists (select from public.booking_inspections i where i.booking_id = p_booking.id and i.status <> 'rejected') then
    perform private.fail('drivers_fixed', jsonb_build_object('status', private.booking_state(p_booking)));
  end if;
end
$$;

create function private.invite_driver(p_booking_id uuid, p_user_id uuid, p_idempotency_key uuid)
returns public.booking_drivers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_renter_id uuid := auth.uid();
  v_driver_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_booking public.bookings;
  v_driver public.booking_drivers;
  v_limit int := private.setting('max_additional_drivers')::int;
begin
  v_stored := private.begin_command('invite_driver', p_idempotency_key, jsonb_build_object('booking_id', p_booking_id, 'user_id', p_user_id),
    jsonb_build_object('id', v_driver_id));
  if v_stored is not null then
    select * into v_driver from public.booking_drivers where id = (v_stored ->> 'id')::uuid;
    return v_driver;
  end if;
  perform private.take_token('invite_driver', v_renter_id::text);
  if not exists (select from public.bookings where id = p_booking_id and renter_id = v_renter_id) then
    perform private.fail('booking_not_found');
  end if;
  v_booking := private.lock_trip(p_booking_id);
  if p_user_id is null or p_user_id in (v_booking.renter_id, v_booking.host_id) then
    perform private.fail_input('user_id', 'must be the id of somebody who is neither the renter nor the host');
  end if;
  perform private.check_drivers_open(v_booking);
  -- one answer for all: nobody learns who is here, is suspended, or has blocked whom
  if private.is_blocked(v_renter_id, p_user_id) or private.is_suspended(p_user_id)
     or not exists (select from public.profiles where id = p_user_id and deleted_at is null) then
    perform private.fail('not_found');
  end if;
  select * into v_driver from public.booking_drivers where booking_id = p_booking_id and user_id = p_user_id and status in ('invited', 'accepted');
  if found then
    perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_driver.id));
    return v_driver;
  end if;
  perform private.set_audit_context('renter');
  -- the locks of the trip make invitations come one after the other
  insert into public.booking_drivers (id, booking_id, user_id, place)
  select v_driver_id, p_booking_id, p_user_id, min(n)
  from generate_series(1, v_limit) n
  where not exists (select from public.booking_drivers d where d.booking_id = p_booking_id and d.place = n and d.status in ('invited', 'accepted'))
  having min(n) is not null
  returning * into v_driver;
  if not found then
    perform private.fail('too_many_drivers', jsonb_build_object('limit', v_limit));
  end if;
  return v_driver;
end
$$;
create function public.invite_driver(booking_id uuid, user_id uuid, idempotency_key uuid)
returns public.booking_drivers
language sql volatile set search_path = ''
as $$ select private.invite_driver(booking_id, user_id, idempotency_key) $$;
comment on function public.invite_driver is 'Renter: invites a person to drive as well, until the vehicle is handed over. The person must accept with a licence for the whole trip. Somebody who is invited already is answered again. Errors: booking_not_found, drivers_fixed, not_found (no such person, or one who cannot be invited), too_many_drivers, invalid_input, rate_limited.';
select private.expose_limited('invite_driver(uuid, uuid, uuid)', 'invite_driver', 'auth.uid()', 'authenticated');

create function private.answer_driver_invitation(p_driver_id uuid, p_accept boolean)
returns public.booking_drivers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_driver public.booking_drivers;
  v_booking public.bookings;
  v_problem text;
  v_answer text := case when p_accept then 'accepted' else 'declined' end;
begin
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  select * into v_driver from public.booking_drivers where id = p_driver_id and user_id = v_user_id;
  if not found then
    perform private.fail('driver_not_found');
  end if;
  v_booking := private.lock_trip(v_driver.booking_id);
  select * into v_driver from public.booking_drivers where id = p_driver_id;
  if v_driver.status = v_answer then
    return v_driver;
  end if;
  if v_driver.status <> 'invited' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking_driver', 'from', v_driver.status, 'to', v_answer));
  end if;
  if p_accept then
    perform private.check_drivers_open(v_booking);
    if private.is_suspended(v_user_id) then
      perform private.fail('account_suspended');
    end if;
    v_problem := private.licence_problem(v_user_id, v_booking.vehicle_id, v_booking.period);
    if v_problem is not null then
      perform private.fail(v_problem);
    end if;
  end if;
  perform private.set_audit_context('driver');
  update public.booking_drivers set status = v_answer where id = p_driver_id returning * into v_driver;
  return v_driver;
end
$$;
create function public.answer_driver_invitation(driver_id uuid, accept boolean)
returns public.booking_drivers
language sql volatile set search_path = ''
as $$ select private.answer_driver_invitation(driver_id, accept) $$;
comment on function public.answer_driver_invitation is 'The invited person: accepts to drive, with a verified licence that covers the vehicle and the whole trip, or declines. Repeatable. Errors: driver_not_found, illegal_transition, drivers_fixed, account_suspended, licence_required, licence_class_mismatch, licence_expires_early, licence_holder_too_young, invalid_input.';
select private.expose('answer_driver_invitation(uuid, boolean)', 'authenticated');

create function private.remove_driver(p_driver_id uuid)
returns public.booking_drivers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_driver public.booking_drivers;
  v_booking public.bookings;
begin
  select d.* into v_driver
  from public.booking_drivers d join public.bookings b on b.id = d.booking_id
  where d.id = p_driver_id and v_user_id in (d.user_id, b.renter_id);
  if not found then
    perform private.fail('driver_not_found');
  end if;
  v_booking := private.lock_trip(v_driver.booking_id);
  select * into v_driver from public.booking_drivers where id = p_driver_id;
  if v_driver.status = 'removed' then
    return v_driver;
  end if;
  if v_driver.status not in ('invited', 'accepted') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking_driver', 'from', v_driver.status, 'to', 'removed'));
  end if;
  perform private.check_drivers_open(v_booking);
  perform private.set_audit_context(case when v_user_id = v_driver.user_id then 'driver' else 'renter' end);
  update public.booking_drivers set status = 'removed' where id = p_driver_id returning * into v_driver;
  return v_driver;
end
$$;
create function public.remove_driver(driver_id uuid)
returns public.booking_drivers
language sql volatile set search_path = ''
as $$ select private.remove_driver(driver_id) $$;
comment on function public.remove_driver is 'The renter, or the driver: removes an additional driver, until the vehicle is handed over. Repeatable. Errors: driver_not_found, illegal_transition, drivers_fixed.';
select private.expose('remove_driver(uuid)', 'authenticated');

-- At the hand-over: who may no longer drive, or never answered, is no driver of this trip. private.check_in() calls it.
create function private.fix_drivers(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_cause text := private.audit_cause();
begin
  perform private.set_audit_context('hand-over');
  update public.booking_drivers d
  set status = case d.status when 'invited' then 'removed' else 'lapsed' end
  where d.booking_id = p_booking.id
    and (d.status = 'invited' or (d.status = 'accepted' and private.driver_problem(d.user_id, p_booking) is not null));
  perform private.set_audit_context(v_cause);
end
$$;

create function private.my_driving(p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select jsonb_build_object('id', d.id, 'status', d.status, 'created_at', d.created_at,
      'booking', jsonb_build_object('id', b.id, 'code', b.code, 'status', private.booking_state(b), 'starts_at', b.starts_at, 'ends_at', b.ends_at),
      'vehicle', jsonb_build_object('id', v.id, 'title', v.title, 'kind', v.kind, 'city', v.city, 'time_zone', v.time_zone),
      'renter', (select to_jsonb(p) from private.public_profile(b.renter_id) p),
      'may_drive', d.status = 'accepted' and private.driver_problem(v_user_id, b) is null)
    from public.booking_drivers d
    join public.bookings b on b.id = d.booking_id
    join public.vehicles v on v.id = b.vehicle_id
    where d.user_id = v_user_id and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
    order by d.created_at desc, d.id desc
    limit p_page_size;
end
$$;
create function public.my_driving(after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.my_driving(after, page_size) $$;
comment on function public.my_driving is 'Lists the trips of others that the caller was asked to drive in, newest first: {id, status, created_at, booking {id, code, status, starts_at, ends_at}, vehicle {id, title, kind, city, time_zone}, renter, may_drive}. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_driving(jsonb, int)', 'authenticated');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('driver_invited', 'en', 'booking', 'You are asked to drive', '{{renter}} asks you to drive {{vehicle}} as well, from {{period}}. Accept or decline in the app; you need a verified driver licence.', 'You are asked to drive {{vehicle}}', E'{{renter}} rents {{vehicle}} from {{period}} and asks you to drive as well.\n\nAccept or decline in the app. You need a verified driver licence that covers the vehicle and the whole trip.'),
  ('driver_invited', 'vi', 'booking', 'Bạn được mời cùng lái xe', '{{renter}} mời bạn cùng lái {{vehicle}} từ {{period}}. Vui lòng đồng ý hoặc từ chối trong ứng dụng; bạn cần giấy phép lái xe đã xác minh.', 'Bạn được mời cùng lái {{vehicle}}', E'{{renter}} thuê {{vehicle}} từ {{period}} và mời bạn cùng lái.\n\nVui lòng đồng ý hoặc từ chối trong ứng dụng. Bạn cần giấy phép lái xe đã xác minh, phù hợp với xe và còn hạn trong cả chuyến đi.'),
  ('driver_accepted_renter', 'en', 'booking', 'Driver accepted', '{{driver}} will drive {{vehicle}} as well (booking {{code}}).', null, null),
  ('driver_accepted_renter', 'vi', 'booking', 'Người lái đã đồng ý', '{{driver}} sẽ cùng lái {{vehicle}} (đơn {{code}}).', null, null),
  ('driver_accepted_host', 'en', 'booking', 'One more driver', '{{driver}} will drive {{vehicle}} as well (booking {{code}}). The licence is verified.', null, null),
  ('driver_accepted_host', 'vi', 'booking', 'Thêm một người lái', '{{driver}} sẽ cùng lái {{vehicle}} (đơn {{code}}). Giấy phép lái xe đã được xác minh.', null, null),
  ('driver_declined_renter', 'en', 'booking', 'Driver declined', '{{driver}} does not want to drive {{vehicle}} (booking {{code}}).', null, null),
  ('driver_declined_renter', 'vi', 'booking', 'Người lái đã từ chối', '{{driver}} không tham gia lái {{vehicle}} (đơn {{code}}).', null, null),
  ('driver_removed', 'en', 'booking', 'You do not drive this trip', 'You are no driver of {{vehicle}} on {{starts}} any more.', null, null),
  ('driver_removed', 'vi', 'booking', 'Bạn không còn là người lái', 'Bạn không còn là người lái {{vehicle}} trong chuyến đi lúc {{starts}}.', null, null),
  ('driver_lapsed', 'en', 'booking', 'A driver may not drive', '{{driver}} has no driver licence for this trip any more and may not drive {{vehicle}} (booking {{code}}).', null, null),
  ('driver_lapsed', 'vi', 'booking', 'Một người lái không được lái', '{{driver}} không còn giấy phép lái xe phù hợp nên không được lái {{vehicle}} (đơn {{code}}).', null, null);

create function private.addressees(p_driver public.booking_drivers)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array[('driver', p_driver.user_id), ('renter', b.renter_id), ('host', b.host_id)]::private.addressee[]
    from public.bookings b where b.id = p_driver.booking_id
  );
end
$$;

create function private.notification_data(p_driver public.booking_drivers)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'booking_id', b.id, 'driver_id', p_driver.id, 'code', b.code, 'vehicle', v.title,
      'driver', (select p.display_name from public.profiles p where p.id = p_driver.user_id),
      'renter', (select p.display_name from public.profiles p where p.id = b.renter_id),
      'starts', private.time_value(b.starts_at, v.time_zone), 'period', private.period_value(b.starts_at, b.ends_at, v.time_zone),
      'by_renter', private.audit_cause() <> 'driver')
    from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = p_driver.booking_id
  );
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('booking_driver', 'driver'),
  ('booking_driver', 'renter'),
  ('booking_driver', 'host');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  ('booking_driver', 'invite', null, 'driver', 'driver_invited', '{in_app,email}', '{}'),
  ('booking_driver', 'accept', null, 'renter', 'driver_accepted_renter', '{in_app}', '{}'),
  ('booking_driver', 'accept', null, 'host', 'driver_accepted_host', '{in_app}', '{}'),
  ('booking_driver', 'decline', null, 'renter', 'driver_declined_renter', '{in_app}', '{}'),
  ('booking_driver', 'remove', null, 'driver', 'driver_removed', '{in_app}', '{"by_renter": true}'),
  ('booking_driver', 'lapse', null, 'driver', 'driver_lapsed', '{in_app}', '{}'),
  ('booking_driver', 'lapse', null, 'renter', 'driver_lapsed', '{in_app}', '{}'),
  ('booking_driver', 'lapse', null, 'host', 'driver_lapsed', '{in_app}', '{}');
