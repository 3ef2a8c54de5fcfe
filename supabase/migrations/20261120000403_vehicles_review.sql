-- Vehicles: photos, and the way to being published.
-- Rule kept here: a listing is offered only with a photo and after an admin has looked at it as it is.
-- Left out on purpose: derivatives of photos, which are a worker's.

-- Called when something that a review looks at has changed outside the row of the listing itself.
create function private.mark_vehicle_edited(p_vehicle_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.vehicles
  set revision = revision + 1, status = case status when 'published' then 'pending_review' else status end
  where id = p_vehicle_id;
end
$$;

create function private.add_vehicle_image(p_vehicle_id uuid, p_media_id uuid, p_position int)
returns public.vehicle_images
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_image public.vehicle_images;
begin
  perform private.require_media(p_media_id, v_vehicle.host_id, 'vehicle_image');
  if coalesce(p_position, -1) not between 0 and 19 then
    perform private.fail_input('at_position', 'must be 0 to 19');
  end if;
  select * into v_image from public.vehicle_images
  where vehicle_id = p_vehicle_id and media_id = p_media_id and position = p_position;
  if found then
    return v_image;
  end if;
  delete from public.vehicle_images where vehicle_id = p_vehicle_id and position = p_position and media_id <> p_media_id;
  insert into public.vehicle_images as i (vehicle_id, media_id, host_id, position)
  values (p_vehicle_id, p_media_id, v_vehicle.host_id, p_position)
  on conflict (vehicle_id, media_id) do update set position = excluded.position
  returning * into v_image;
  perform private.mark_vehicle_edited(p_vehicle_id);
  return v_image;
exception
  when unique_violation then
    perform private.fail_input('media_id', 'must not be shown by another listing');
    return null;
end
$$;
create function public.add_vehicle_image(vehicle_id uuid, media_id uuid, at_position int)
returns public.vehicle_images
language sql volatile set search_path = ''
as $$ select private.add_vehicle_image(vehicle_id, media_id, at_position) $$;
comment on function public.add_vehicle_image is 'Puts an upload of purpose vehicle_image at a position of the caller''s listing, from 0 (the cover) to 19. It replaces the photo that was there. Errors: vehicle_not_found, media_not_found, media_not_ready, invalid_input.';
select private.expose('add_vehicle_image(uuid, uuid, int)', 'authenticated');

create function private.remove_vehicle_image(p_vehicle_id uuid, p_media_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
begin
  if v_vehicle.status in ('published', 'pending_review') and not exists (
    select from public.vehicle_images where vehicle_id = p_vehicle_id and media_id <> p_media_id
  ) then
    perform private.fail('vehicle_incomplete', '{"missing": ["images"]}');
  end if;
  delete from public.vehicle_images where vehicle_id = p_vehicle_id and media_id = p_media_id;
  if found then
    perform private.mark_vehicle_edited(p_vehicle_id);
  end if;
end
$$;
-- A photo that no listing shows any more is erased, whether it was taken off or replaced.
create function private.delete_former_image()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.delete_media(old.media_id);
  return null;
end
$$;
create trigger delete_former_image after delete on public.vehicle_images
  for each row execute function private.delete_former_image();

create function public.remove_vehicle_image(vehicle_id uuid, media_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.remove_vehicle_image(vehicle_id, media_id) $$;
comment on function public.remove_vehicle_image is 'Removes a photo from the caller''s listing. A listing that is offered keeps at least one. Repeatable. Errors: vehicle_not_found, vehicle_incomplete.';
select private.expose('remove_vehicle_image(uuid, uuid)', 'authenticated');

-- Also when an admin edits in a table editor.
create function private.require_photo()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (select from public.vehicle_images where vehicle_id = new.id) then
    perform private.fail('vehicle_incomplete', '{"missing": ["images"]}');
  end if;
  return new;
end
$$;
create trigger require_photo before update of status on public.vehicles
  for each row when (old.status <> new.status and new.status in ('pending_review', 'published'))
  execute function private.require_photo();

create function private.keep_a_photo()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (select from public.vehicles where id = old.vehicle_id and status in ('pending_review', 'published'))
     and not exists (select from public.vehicle_images where vehicle_id = old.vehicle_id) then
    perform private.fail('vehicle_incomplete', '{"missing": ["images"]}');
  end if;
  return null;
end
$$;
-- deferred, as a photo may be replaced
create constraint trigger keep_a_photo after delete or update of vehicle_id on public.vehicle_images
  deferrable initially deferred for each row execute function private.keep_a_photo();

create function private.submit_vehicle(p_vehicle_id uuid)
returns public.vehicles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
begin
  perform private.require_not_suspended(v_vehicle.host_id);
  update public.vehicles set status = 'pending_review' where id = p_vehicle_id returning * into v_vehicle;
  return v_vehicle;
end
$$;
create function public.submit_vehicle(vehicle_id uuid)
returns public.vehicles
language sql volatile set search_path = ''
as $$ select private.submit_vehicle(vehicle_id) $$;
comment on function public.submit_vehicle is 'Submits the caller''s draft for review. It needs at least one photo. Errors: vehicle_not_found, vehicle_incomplete (details.missing), illegal_transition, account_suspended.';
select private.expose('submit_vehicle(uuid)', 'authenticated');

create function private.archive_vehicle(p_vehicle_id uuid)
returns public.vehicles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
begin
  update public.vehicles set status = 'archived' where id = p_vehicle_id and status <> 'archived' returning * into v_vehicle;
  if not found then
    return private.own_vehicle(p_vehicle_id);
  end if;
  return v_vehicle;
end
$$;
create function public.archive_vehicle(vehicle_id uuid)
returns public.vehicles
language sql volatile set search_path = ''
as $$ select private.archive_vehicle(vehicle_id) $$;
comment on function public.archive_vehicle is 'Removes the caller''s listing for good. Bookings already made stay valid. A suspended listing stays until an admin has decided. Errors: vehicle_not_found, illegal_transition (it is suspended).';
select private.expose('archive_vehicle(uuid)', 'authenticated');

create function private.review_vehicle(p_vehicle_id uuid, p_decision text, p_reason text, p_revision int)
returns public.vehicles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_to text := case p_decision
    when 'publish' then 'published' when 'reinstate' then 'published'
    when 'reject' then 'draft' when 'suspend' then 'suspended'
  end;
  -- an edit, which the host can make at any time, must not keep a listing from being suspended
  v_from text[] := case p_decision
    when 'suspend' then array['published', 'pending_review'] when 'reinstate' then array['suspended'] else array['pending_review']
  end;
  v_vehicle public.vehicles;
begin
  perform private.require_staff();
  perform private.check_review_claim('vehicle', p_vehicle_id);
  if v_to is null then
    perform private.fail_input('decision', 'must be publish, reject, suspend or reinstate');
  end if;
  if p_decision in ('reject', 'suspend') then
    perform private.require_reason(p_reason);
  end if;
  if p_decision in ('publish', 'reinstate') and p_revision is null then
    perform private.fail_input('revision', 'must be the revision of the listing that you looked at');
  end if;
  select * into v_vehicle from public.vehicles where id = p_vehicle_id for no key update;
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  if v_vehicle.status <> all (v_from) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'vehicle', 'from', v_vehicle.status, 'to', v_to));
  end if;
  if p_revision <> v_vehicle.revision then
    perform private.fail('vehicle_changed', jsonb_build_object('revision', v_vehicle.revision));
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.vehicles set status = v_to
  where id = p_vehicle_id
  returning * into v_vehicle;
  return v_vehicle;
exception
  -- its location becomes listed with it
  when unique_violation then
    perform private.fail('plate_taken', jsonb_build_object('vehicle_id', (
      select o.vehicle_id
      from public.vehicle_locations l
      join public.vehicle_locations o on o.plate_key = l.plate_key and o.is_listed
      where l.vehicle_id = p_vehicle_id
    )));
    return null;
end
$$;
create function public.review_vehicle(vehicle_id uuid, decision text, reason text default null, revision int default null)
returns public.vehicles
language sql volatile set search_path = ''
as $$ select private.review_vehicle(vehicle_id, decision, reason, revision) $$;
comment on function public.review_vehicle is 'Support: publishes, rejects, suspends or reinstates a listing. `decision` is publish, reject, suspend or reinstate. reject and suspend need a reason. publish and reinstate need the revision that the admin looked at, and are refused when the host has changed the listing since, or while another offered listing has its plate. Errors: forbidden, vehicle_not_found, invalid_input, illegal_transition, vehicle_changed, plate_taken (details.vehicle_id), review_claimed.';
select private.expose('review_vehicle(uuid, text, text, int)', 'authenticated');
