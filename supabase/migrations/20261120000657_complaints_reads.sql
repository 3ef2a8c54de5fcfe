-- Complaints: what screens show.
-- Rule kept here: a state is that of now: a decision whose time to talk is over is closed, whether or not a job has run.
-- Left out on purpose: the conversation, which the screens of chat show.

create function private.complaint_state(p_complaint public.complaints)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_complaint.status in ('resolved', 'rejected') and p_complaint.closes_at <= now() then 'closed' else p_complaint.status end;
end
$$;

create function private.my_complaints(p_payable_id uuid, p_after jsonb, p_page_size int)
returns table (
  id uuid, code text, payable_id uuid, kind text, payable_code text, title text, side text, is_mine boolean, category text, status text, outcome text,
  refund_amount bigint, deposit_to_host bigint, currency text, conversation_id uuid, statement_until timestamptz, is_answered boolean, created_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select c.id, c.code, c.payable_id, c.kind, y.code, y.title, c.side, p.side = c.side, c.category, private.complaint_state(c), c.outcome,
      c.refund_amount, c.deposit_to_host, c.currency, c.conversation_id, c.statement_until, c.statement is not null, c.created_at
    from public.complaint_parties p
    join public.complaints c on c.id = p.complaint_id
    join public.payables y on y.id = c.payable_id
    where p.user_id = v_user_id and c.id in (select private.my_complaint_ids()) and (p_payable_id is null or c.payable_id = p_payable_id)
      and (v_start.id is null or (c.created_at, c.id) < (v_start.at, v_start.id))
    order by c.created_at desc, c.id desc
    limit p_page_size;
end
$$;
create function public.my_complaints(of_payable_id uuid default null, after jsonb default null, page_size int default 20)
returns table (
  id uuid, code text, payable_id uuid, kind text, payable_code text, title text, side text, is_mine boolean, category text, status text, outcome text,
  refund_amount bigint, deposit_to_host bigint, currency text, conversation_id uuid, statement_until timestamptz, is_answered boolean, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_complaints(of_payable_id, after, page_size) $$;
comment on function public.my_complaints is 'Lists the complaints that the caller is a party of, the newest first, or those about one booking or order. `is_mine` says whether the caller''s side complains; otherwise answer it until statement_until while is_answered is false. Amounts are in minor units. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_complaints(uuid, jsonb, int)', 'authenticated');

create function private.complaint_detail(p_complaint_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_complaint public.complaints;
  v_user_id uuid := private.require_user();
begin
  select c.* into v_complaint from public.complaints c
  where c.id = p_complaint_id and (c.id in (select private.my_complaint_ids()) or private.is_staff());
  if not found then
    perform private.fail('complaint_not_found');
  end if;
  return jsonb_build_object(
    'complaint', to_jsonb(v_complaint) || jsonb_build_object('status', private.complaint_state(v_complaint)),
    'payable', private.payable_view(v_complaint.payable_id),
    'caller_side', (select p.side from public.complaint_parties p where p.complaint_id = p_complaint_id and p.user_id = v_user_id),
    'assignee_name', (select n.display_name from public.profiles n where n.id = v_complaint.assignee_id),
    'record_sha256', (select r.sha256 from public.complaint_records r where r.complaint_id = p_complaint_id),
    'is_frozen', private.is_frozen(v_complaint.payable_id),
    'parties', (
      select jsonb_agg(jsonb_build_object('user_id', p.user_id, 'side', p.side, 'name', n.display_name) order by p.side, n.display_name, p.user_id)
      from public.complaint_parties p join public.profiles n on n.id = p.user_id where p.complaint_id = p_complaint_id),
    'evidence', coalesce((
      select jsonb_agg(jsonb_build_object('media_id', m.id, 'owner_id', e.owner_id, 'added_at', e.added_at, 'bucket', m.bucket, 'path', m.path, 'sha256', m.sha256)
        order by e.added_at, m.id)
      from public.complaint_evidence e join public.media m on m.id = e.media_id where e.complaint_id = p_complaint_id), '[]'));
end
$$;
create function public.complaint_detail(complaint_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.complaint_detail($1) $$;
comment on function public.complaint_detail is 'Party of a complaint or staff: all of it: {complaint, payable, caller_side (null for staff), assignee_name, record_sha256, is_frozen, parties: [{user_id, side, name}], evidence: [{media_id, owner_id, added_at, bucket, path, sha256}]}. Errors: complaint_not_found.';
select private.expose('complaint_detail(uuid)', 'authenticated');

create function private.complaints_to_decide(p_assignee_id uuid, p_after jsonb, p_page_size int)
returns table (
  id uuid, code text, kind text, payable_id uuid, payable_code text, title text, side text, category text, desired_outcome text, desired_amount bigint, currency text,
  status text, assignee_id uuid, assignee_name text, conversation_id uuid, is_answered boolean, statement_until timestamptz, can_decide boolean, created_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_staff();
  return query
    select c.id, c.code, c.kind, c.payable_id, y.code, y.title, c.side, c.category, c.desired_outcome, c.desired_amount, c.currency,
      c.status, c.assignee_id, n.display_name, c.conversation_id, c.statement is not null, c.statement_until, c.statement is not null or c.statement_until <= now(), c.created_at
    from public.complaints c
    join public.payables y on y.id = c.payable_id
    left join public.profiles n on n.id = c.assignee_id
    where c.status in ('open', 'in_review') and (p_assignee_id is null or c.assignee_id = p_assignee_id)
      and (v_start.id is null or (c.created_at, c.id) > (v_start.at, v_start.id))
    order by c.created_at, c.id
    limit p_page_size;
end
$$;
create function public.complaints_to_decide(of_assignee_id uuid default null, after jsonb default null, page_size int default 20)
returns table (
  id uuid, code text, kind text, payable_id uuid, payable_code text, title text, side text, category text, desired_outcome text, desired_amount bigint, currency text,
  status text, assignee_id uuid, assignee_name text, conversation_id uuid, is_answered boolean, statement_until timestamptz, can_decide boolean, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.complaints_to_decide(of_assignee_id, after, page_size) $$;
comment on function public.complaints_to_decide is 'Support: lists live complaints, the one that has waited longest first, or those of one of the staff. `can_decide` says that the other side has answered or its time is over, so that money may move. Amounts are in minor units. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('complaints_to_decide(uuid, jsonb, int)', 'authenticated');

create function private.count_complaints_open()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.complaints where status = 'open' $$;
create function private.count_complaints_hours()
returns bigint
language sql stable set search_path = ''
as $$ select coalesce(floor(extract(epoch from now() - min(created_at)) / 3600), 0)::bigint from public.complaints where status in ('open', 'in_review') $$;
insert into private.health_counts (name, description) values
  ('complaints_open', 'Complaints that nobody of support looks into yet.'),
  ('complaints_hours', 'Whole hours that the oldest live complaint has waited for a decision.');
