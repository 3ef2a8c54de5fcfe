-- Vehicles: inspection and insurance papers, and until when they are good.
-- Rule kept here: a vehicle is rented only until the last day of its papers. A listing whose papers are over is found by
-- nobody from that moment on, whether or not a job has run, and again when support has verified new ones.
-- Left out on purpose: reading the papers by a machine; support compares the picture with the date.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('vehicle_papers_end', 409, false, 'The inspection or insurance of this vehicle ends before the trip does. Choose an earlier time or another vehicle.', 'Đăng kiểm hoặc bảo hiểm của xe này hết hạn trước khi chuyến đi kết thúc. Vui lòng chọn thời gian sớm hơn hoặc xe khác.'),
  ('vehicle_document_not_found', 404, false, 'We could not find this document. Reload and try again.', 'Không tìm thấy giấy tờ này. Vui lòng tải lại rồi thử lại.');
insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day) values
  ('vehicle_document', 'vehicle-documents', 20971520, '{image/jpeg,image/png,image/webp,image/heic}', 40);

insert into private.transitions (machine, from_state, event, to_state) values
  ('vehicle_document', 'initial', 'submit', 'pending'),
  ('vehicle_document', 'pending', 'verify', 'verified'),
  ('vehicle_document', 'pending', 'reject', 'rejected'),
  ('vehicle_document', 'pending', 'replace', 'replaced');

create table public.vehicle_documents (
  id uuid primary key default gen_random_uuid(),
  vehicle_id uuid not null,
  host_id uuid not null,
  kind text not null,
  valid_until date not null,
  media_id uuid not null,
  status text not null default 'pending',
  reject_reason text,
  reviewed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint vehicle_documents_own_vehicle foreign key (vehicle_id, host_id) references public.vehicles (id, host_id) on delete restrict,
  constraint vehicle_documents_own_media foreign key (media_id, host_id) references public.media (id, owner_id),
  constraint vehicle_documents_kind_known check (kind in ('inspection', 'insurance')),
  constraint vehicle_documents_valid_until_range check (valid_until between '2020-01-01' and '2100-01-01'),
  constraint vehicle_documents_rejected_with_reason check ((status = 'rejected') = (reject_reason is not null)),
  constraint vehicle_documents_reason_tidy check (reject_reason is null or private.says_something(reject_reason) and private.is_tidy_lines(reject_reason)),
  constraint vehicle_documents_reviewed_dated check ((status in ('verified', 'rejected')) = (reviewed_at is not null))
);
create unique index vehicle_documents_one_pending on public.vehicle_documents (vehicle_id, kind) where status = 'pending';
create index vehicle_documents_vehicle_idx on public.vehicle_documents (vehicle_id, host_id);
create index vehicle_documents_media_idx on public.vehicle_documents (media_id, host_id);
create index vehicle_documents_pending_idx on public.vehicle_documents (created_at, id) where status = 'pending';
create index vehicle_documents_good_idx on public.vehicle_documents (vehicle_id, kind, valid_until desc) where status = 'verified';
comment on table public.vehicle_documents is 'Papers of a vehicle, as its host submits them and support reviews them. Of each kind, the verified one that is good for longest counts.';
comment on column public.vehicle_documents.kind is 'inspection (đăng kiểm) or insurance.';
comment on column public.vehicle_documents.valid_until is 'The last day on which it is good, in the time zone of the listing.';
comment on column public.vehicle_documents.status is 'Machine vehicle_document. A newer one of the same kind replaces one that waits.';
select private.attach_state_machine('public.vehicle_documents', 'vehicle_document', 'kind', 'valid_until');

alter table public.vehicle_documents enable row level security;
revoke all on public.vehicle_documents from anon, authenticated, service_role;
grant select on public.vehicle_documents to authenticated, service_role;
create policy select_host on public.vehicle_documents for select to authenticated
  using (host_id = (select auth.uid()) or (select private.is_staff()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.vehicle_documents', 'r.host_id = $1', 'retain', null, 'Says that the vehicle was inspected and insured on past trips.');
select private.retain_columns('public.vehicles', 'Says that the vehicle was inspected and insured on past trips.', 'papers_until');
select private.retain_columns('public.vehicle_documents', 'Says that the vehicle was inspected and insured on past trips.', 'reject_reason');

-- Writes vehicles.papers_until: the first of its kinds of papers that ends. Also when an admin edits in a table editor.
create function private.store_papers_until()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.vehicles v
  set papers_until = d.until
  from (
    select min(k.until) as until
    from (select max(x.valid_until) as until from public.vehicle_documents x where x.vehicle_id = new.vehicle_id and x.status = 'verified' group by x.kind) k
  ) d
  where v.id = new.vehicle_id and v.papers_until is distinct from d.until;
  return null;
end
$$;
create trigger store_papers_until after insert or update on public.vehicle_documents
  for each row execute function private.store_papers_until();

create function private.submit_vehicle_document(p_vehicle_id uuid, p_kind text, p_valid_until date, p_media_id uuid)
returns public.vehicle_documents
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_today date := (now() at time zone v_vehicle.time_zone)::date;
  v_document public.vehicle_documents;
begin
  if p_kind is null or p_kind not in ('inspection', 'insurance') then
    perform private.fail_input('kind', 'must be inspection or insurance');
  end if;
  if p_valid_until is null or p_valid_until not between v_today and v_today + 7300 then
    perform private.fail_input('valid_until', 'must be a day from today to 20 years ahead');
  end if;
  perform private.require_media(p_media_id, v_vehicle.host_id, 'vehicle_document');
  select * into v_document from public.vehicle_documents
  where vehicle_id = p_vehicle_id and media_id = p_media_id and kind = p_kind and valid_until = p_valid_until and status in ('pending', 'verified');
  if found then
    return v_document;
  end if;
  update public.vehicle_documents set status = 'replaced' where vehicle_id = p_vehicle_id and kind = p_kind and status = 'pending';
  insert into public.vehicle_documents (vehicle_id, host_id, kind, valid_until, media_id)
  values (p_vehicle_id, v_vehicle.host_id, p_kind, p_valid_until, p_media_id)
  returning * into v_document;
  return v_document;
end
$$;
create function public.submit_vehicle_document(vehicle_id uuid, kind text, valid_until date, media_id uuid)
returns public.vehicle_documents
language sql volatile set search_path = ''
as $$ select private.submit_vehicle_document(vehicle_id, kind, valid_until, media_id) $$;
comment on function public.submit_vehicle_document is 'Host: submits the inspection or insurance of a vehicle of the caller for a review, with its last day and an upload of purpose vehicle_document. `kind` is inspection or insurance. It replaces one of the kind that waits. What was verified before counts until then. Repeatable. Errors: vehicle_not_found, media_not_found, media_not_ready, invalid_input.';
select private.expose('submit_vehicle_document(uuid, text, date, uuid)', 'authenticated');

create function public.my_vehicle_documents(of_vehicle_id uuid)
returns setof public.vehicle_documents
language sql stable set search_path = ''
as $$
  select d.* from public.vehicle_documents d
  where d.vehicle_id = of_vehicle_id and d.host_id = (select auth.uid())
  order by d.created_at desc, d.id desc
  limit 100
$$;
comment on function public.my_vehicle_documents is 'Host: lists the papers of a vehicle of the caller, the newest first, at most 100.';
select private.expose('my_vehicle_documents(uuid)', 'authenticated');

create function private.review_vehicle_document(p_document_id uuid, p_accept boolean, p_reason text)
returns public.vehicle_documents
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_document public.vehicle_documents;
begin
  perform private.require_staff();
  perform private.check_review_claim('vehicle_document', p_document_id);
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  if not p_accept then
    perform private.require_reason(p_reason);
  end if;
  select * into v_document from public.vehicle_documents where id = p_document_id for no key update;
  if not found then
    perform private.fail('vehicle_document_not_found');
  end if;
  if v_document.status <> 'pending' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'vehicle_document', 'from', v_document.status, 'to', case when p_accept then 'verified' else 'rejected' end));
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.vehicle_documents
  set status = case when p_accept then 'verified' else 'rejected' end, reject_reason = case when not p_accept then private.tidy_lines(p_reason) end, reviewed_at = now()
  where id = p_document_id
  returning * into v_document;
  return v_document;
end
$$;
create function public.review_vehicle_document(document_id uuid, accept boolean, reason text default null)
returns public.vehicle_documents
language sql volatile set search_path = ''
as $$ select private.review_vehicle_document(document_id, accept, reason) $$;
comment on function public.review_vehicle_document is 'Support: verifies or rejects papers of a vehicle. A rejection needs a reason, which the host reads. From then on the vehicle can be rented until the last day of its verified papers. Errors: forbidden, vehicle_document_not_found, illegal_transition, review_claimed, invalid_input.';
select private.expose('review_vehicle_document(uuid, boolean, text)', 'authenticated');

create function private.vehicle_documents_to_review(p_after jsonb, p_page_size int)
returns table (id uuid, vehicle_id uuid, title text, plate text, host_id uuid, host_name text, kind text, valid_until date, waiting_since timestamptz,
  photo jsonb, good_until date, claim jsonb)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'waiting_since', p_page_size);
begin
  perform private.require_staff();
  return query
    select d.id, v.id, v.title, l.plate, h.id, h.display_name, d.kind, d.valid_until, d.created_at,
      jsonb_build_object('media_id', m.id, 'bucket', m.bucket, 'path', m.path, 'status', m.status),
      (select max(x.valid_until) from public.vehicle_documents x where x.vehicle_id = v.id and x.kind = d.kind and x.status = 'verified'),
      private.review_claim('vehicle_document', d.id)
    from public.vehicle_documents d
    join public.vehicles v on v.id = d.vehicle_id
    join public.vehicle_locations l on l.vehicle_id = v.id
    join public.profiles h on h.id = d.host_id
    join public.media m on m.id = d.media_id
    where d.status = 'pending' and (v_start.id is null or (d.created_at, d.id) > (v_start.at, v_start.id))
    order by d.created_at, d.id
    limit p_page_size;
end
$$;
create function public.vehicle_documents_to_review(after jsonb default null, page_size int default 20)
returns table (id uuid, vehicle_id uuid, title text, plate text, host_id uuid, host_name text, kind text, valid_until date, waiting_since timestamptz,
  photo jsonb, good_until date, claim jsonb)
language sql stable set search_path = ''
as $$ select * from private.vehicle_documents_to_review($1, $2) $$;
comment on function public.vehicle_documents_to_review is 'Support: lists papers of vehicles that wait for a review, the longest waiting first. `photo` is {media_id, bucket, path, status}. `good_until` is the last day of what is verified already, or null. `claim` says who works on it, {claimed_by, claimed_by_name, claimed_at, expires_at}, or is null. `after` takes {waiting_since, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('vehicle_documents_to_review(jsonb, int)', 'authenticated');

insert into private.review_kinds (kind, relation, waits_as) values ('vehicle_document', 'public.vehicle_documents', 'pending');
create trigger drop_review_claim after update of status on public.vehicle_documents
  for each row when (old.status = 'pending' and new.status <> old.status) execute function private.drop_review_claim('vehicle_document');

create function private.count_vehicle_documents_to_review()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.vehicle_documents where status = 'pending' $$;
insert into private.health_counts (name, description) values
  ('vehicle_documents_to_review', 'Inspections and insurances of vehicles that wait for a review.');
