-- Complaints: the frozen record of what was known when a complaint was opened.
-- Rule kept here: the record is text in one canonical form with the SHA-256 of its bytes. Nobody can change either, and
-- anybody who has the text computes the same hash.
-- Left out on purpose: what is said later, which is in the conversation.

create table public.complaint_records (
  complaint_id uuid primary key references public.complaints on delete restrict,
  record text not null,
  sha256 text not null,
  recorded_at timestamptz not null default now(),
  constraint complaint_records_hash check (sha256 = private.sha256_hex(record))
);
comment on table public.complaint_records is 'What was known when a complaint was opened: prices, payment, states, inspections with the hashes of their photos, evidence. Never changed.';
comment on column public.complaint_records.record is 'JSON in the canonical form of RFC 8785: names sorted by their bytes, no blanks, whole numbers, times as texts in UTC with microseconds.';
comment on column public.complaint_records.sha256 is 'SHA-256 of the UTF-8 bytes of `record`, in lower-case hex. It is also in the log of events and in the first message of the conversation.';
create trigger immutable before update or delete or truncate on public.complaint_records
  for each statement execute function private.forbid_change();
alter table public.complaint_records enable row level security;
revoke all on public.complaint_records from anon, authenticated, service_role;
grant select on public.complaint_records to authenticated, service_role;
create policy select_party on public.complaint_records for select to authenticated
  using (complaint_id in (select private.my_complaint_ids()) or (select private.is_staff()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.complaint_records', 'r.complaint_id in (select p.complaint_id from public.complaint_parties p where p.user_id = $1)', 'retain', null, 'Frozen evidence of a dispute, which its hash would no longer fit.');
select private.retain_columns('public.complaint_records', 'Frozen evidence of a dispute.', 'record', 'sha256');

create function private.write_complaint_record(p_complaint public.complaints)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
  v_subject jsonb;
  v_record text;
  v_hash text;
begin
  select k.record_function into strict v_function from private.complaint_kinds k where k.kind = p_complaint.kind;
  execute format('select private.%I($1)', v_function) into v_subject using p_complaint.payable_id;
  v_record := private.canonical_json((
    select jsonb_build_object(
      'version', 1,
      'recorded_at', private.record_time(now()),
      'complaint', jsonb_build_object(
        'id', p_complaint.id, 'code', p_complaint.code, 'side', p_complaint.side, 'category', p_complaint.category, 'description', p_complaint.description,
        'desired_outcome', p_complaint.desired_outcome, 'desired_amount', p_complaint.desired_amount,
        'evidence', coalesce((
          select jsonb_agg(jsonb_build_object('media_id', m.id, 'sha256', m.sha256, 'mime_type', m.mime_type) order by m.id)
          from public.complaint_evidence e join public.media m on m.id = e.media_id where e.complaint_id = p_complaint.id), '[]')),
      'payable', jsonb_build_object(
        'id', y.id, 'kind', y.kind, 'code', y.code, 'title', y.title, 'amount', y.amount, 'sold_amount', y.sold_amount, 'tax_amount', y.tax_amount, 'currency', y.currency),
      'payment', (
        select jsonb_build_object('id', p.id, 'status', p.status, 'settlement', p.settlement, 'amount', p.amount, 'succeeded_at', private.record_time(p.succeeded_at),
          'refunds', coalesce((
            select jsonb_agg(jsonb_build_object('id', r.id, 'kind', r.kind, 'amount', r.amount, 'status', r.status, 'created_at', private.record_time(r.created_at)) order by r.created_at, r.id)
            from public.refunds r where r.payment_id = p.id), '[]'))
        from public.payments p where p.payable_id = y.id),
      y.kind, v_subject)
    from public.payables y where y.id = p_complaint.payable_id));
  v_hash := private.sha256_hex(v_record);
  insert into public.complaint_records (complaint_id, record, sha256) values (p_complaint.id, v_record, v_hash);
  perform private.record_event('complaint.recorded', p_complaint.id, jsonb_build_object('sha256', v_hash));
  return v_hash;
end
$$;

create function private.complaint_record(p_complaint_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_record public.complaint_records;
begin
  perform private.require_user();
  select r.* into v_record from public.complaint_records r
  where r.complaint_id = p_complaint_id and (r.complaint_id in (select private.my_complaint_ids()) or private.is_staff());
  if not found then
    perform private.fail('complaint_not_found');
  end if;
  return jsonb_build_object(
    'complaint_id', p_complaint_id, 'recorded_at', v_record.recorded_at, 'record', v_record.record, 'sha256', v_record.sha256,
    -- computed now from what is stored, and compared with what the log has
    'is_intact', v_record.sha256 = private.sha256_hex(v_record.record) and v_record.sha256 = (
      select e.data ->> 'sha256' from private.domain_events e where e.subject_id = p_complaint_id and e.type = 'complaint.recorded' order by e.id limit 1));
end
$$;
create function public.complaint_record(complaint_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.complaint_record(complaint_id) $$;
comment on function public.complaint_record is 'Party of a complaint or staff: the frozen record {complaint_id, recorded_at, record, sha256, is_intact}. `record` is canonical JSON (RFC 8785) and `sha256` the lower-case hex hash of its UTF-8 bytes: compute it yourself to check it. `is_intact` says that the server has done so just now and that the log has the same hash. Errors: complaint_not_found.';
select private.expose('complaint_record(uuid)', 'authenticated');
