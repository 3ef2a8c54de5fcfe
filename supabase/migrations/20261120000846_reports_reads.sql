-- Reports: what screens show.
-- Rule kept here: a reporter reads what the reporter wrote and how it ended; an owner reads what happened and why, and nothing
-- of who reported; staff reads everything in one place.
-- Left out on purpose: conversations; staff reads of them what reporters handed over.

create function private.my_reports(p_after jsonb, p_page_size int)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, category text, description text, status text, created_at timestamptz, decided_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select r.id, r.kind, c.subject_id, c.seq,
      case when private.sees_subject(c.kind, c.subject_id, c.seq, v_user_id) then (private.look_at_subject(c.kind, c.subject_id, c.seq)).name end, r.category, r.description, r.status, r.created_at, r.decided_at
    from public.reports r
    join private.moderation_cases c on c.id = r.case_id
    where r.reporter_id = v_user_id and (v_start.id is null or (r.created_at, r.id) < (v_start.at, v_start.id))
    order by r.created_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.my_reports(after jsonb default null, page_size int default 20)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, category text, description text, status text, created_at timestamptz, decided_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_reports(after, page_size) $$;
comment on function public.my_reports is 'Lists what the caller has reported, the newest first, with how it ended: open, upheld (staff acted) or dismissed. `seq` is that of a message, and otherwise null. `name` is the title, or the name of person, author or sender; null when the caller no longer sees it. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_reports(jsonb, int)', 'authenticated');

create function private.my_moderation(p_after jsonb, p_page_size int)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, action text, reason text, until timestamptz, stands boolean, undone_at timestamptz, created_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select a.id, c.kind, c.subject_id, c.seq, (private.look_at_subject(c.kind, c.subject_id, c.seq)).name, a.action, a.reason, a.until,
      private.stands(a), u.created_at, a.created_at
    from private.moderation_cases c
    join public.moderation_actions a on a.case_id = c.id and a.action in ('hide', 'suspend')
    left join public.moderation_actions u on u.undoes = a.id
    where c.owner_id = v_user_id and (v_start.id is null or (a.created_at, a.id) < (v_start.at, v_start.id))
    order by a.created_at desc, a.id desc
    limit p_page_size;
end
$$;
create function public.my_moderation(after jsonb default null, page_size int default 20)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, action text, reason text, until timestamptz, stands boolean, undone_at timestamptz, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_moderation(after, page_size) $$;
comment on function public.my_moderation is 'Lists what staff has hidden or suspended of the caller, the newest first, with the reason. `stands` says whether it is so now; `undone_at` is when it was taken back. Who disagrees writes to support (open_support_conversation). `name` is null when it is gone. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_moderation(jsonb, int)', 'authenticated');

create function private.reports_to_review(p_of_kind text, p_after jsonb, p_page_size int)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, owner_id uuid, owner_name text, reporters int, severity int, categories jsonb,
  decided_before int, restricted_before int, is_restricted boolean, claim jsonb, waiting_since timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_start private.page_start := private.read_page(p_after, 'waiting_since', p_page_size);
begin
  perform private.require_staff();
  return query
    select c.id, c.kind, c.subject_id, c.seq, s.name, c.owner_id, p.display_name, o.reporters, o.severity, o.categories,
      (select count(*)::int from public.reports d where d.case_id = c.id and d.status <> 'open'),
      (select count(*)::int from public.moderation_actions a where a.case_id = c.id and a.action in ('hide', 'suspend')),
      coalesce(s.is_restricted, false), private.review_claim('report', c.id), c.waiting_since
    from private.moderation_cases c
    join public.profiles p on p.id = c.owner_id
    cross join lateral private.look_at_subject(c.kind, c.subject_id, c.seq) s
    cross join lateral (
      select sum(g.n)::int as reporters, max(g.severity) as severity, jsonb_object_agg(g.category, g.n) as categories
      from (
        select r.category, count(*)::int as n, max(t.severity) as severity
        from public.reports r
        join public.report_categories t on t.kind = r.kind and t.category = r.category
        where r.case_id = c.id and r.status = 'open'
        group by r.category
      ) g
    ) o
    where c.status = 'open' and (p_of_kind is null or c.kind = p_of_kind)
      and (v_start.id is null or (c.waiting_since, c.id) > (v_start.at, v_start.id))
    order by c.waiting_since, c.id
    limit p_page_size;
end
$$;
create function public.reports_to_review(of_kind text default null, after jsonb default null, page_size int default 20)
returns table (
  id uuid, kind text, subject_id uuid, seq bigint, name text, owner_id uuid, owner_name text, reporters int, severity int, categories jsonb,
  decided_before int, restricted_before int, is_restricted boolean, claim jsonb, waiting_since timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.reports_to_review($1, $2, $3) $$;
comment on function public.reports_to_review is 'Staff: lists what was reported and waits for a decision, one row for each subject, the longest waiting first; `of_kind` for vehicle, person, event, message or review alone. `reporters` is how many different people have an open report; `categories` is {category: number}; `severity` is the highest of them, 1 to 3. `name` is null when it is gone. `decided_before` counts earlier reports, `restricted_before` how often it was taken down. `claim` says who works on it, {claimed_by, claimed_by_name, claimed_at, expires_at}, or is null: claim_review with kind report and this id. `after` takes {waiting_since, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('reports_to_review(text, jsonb, int)', 'authenticated');

create function private.moderation_case(p_case_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_case private.moderation_cases;
  v_subject private.report_subject;
begin
  perform private.require_staff();
  select * into v_case from private.moderation_cases where id = p_case_id;
  if not found then
    perform private.fail('not_found');
  end if;
  v_subject := private.look_at_subject(v_case.kind, v_case.subject_id, v_case.seq);
  return jsonb_build_object(
    'case', to_jsonb(v_case),
    'name', v_subject.name,
    'owner_name', (select p.display_name from public.profiles p where p.id = v_case.owner_id),
    'is_gone', v_subject.owner_id is null,
    'is_restricted', coalesce(v_subject.is_restricted, false),
    'version', v_subject.version,
    'shown', v_subject.shown,
    'claim', private.review_claim('report', p_case_id),
    'reports', (
      select coalesce(jsonb_agg(to_jsonb(r) - 'case_id' || jsonb_build_object('reporter_name', p.display_name, 'shown', e.shown, 'version', e.version,
        -- how often this person was right before
        'reporter_upheld', (select count(*) from public.reports u where u.reporter_id = r.reporter_id and u.status = 'upheld'),
        'reporter_dismissed', (select count(*) from public.reports u where u.reporter_id = r.reporter_id and u.status = 'dismissed')) order by r.created_at, r.id), '[]')
      from public.reports r
      join public.profiles p on p.id = r.reporter_id
      left join private.report_evidence e on e.report_id = r.id
      where r.case_id = p_case_id),
    'actions', (
      select coalesce(jsonb_agg(to_jsonb(a) - 'case_id' || jsonb_build_object('actor_name', p.display_name,
        'stands', private.stands(a)) order by a.number), '[]')
      from public.moderation_actions a
      left join public.profiles p on p.id = a.actor_id
      where a.case_id = p_case_id));
end
$$;
create function public.moderation_case(case_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.moderation_case($1) $$;
comment on function public.moderation_case is 'Staff: all of one case: {case: {id, kind, subject_id, seq, owner_id, status, waiting_since, created_at}, name, owner_name, is_gone, is_restricted, version, shown (what readers see of it, or saw before it was hidden; null when gone), claim, reports: [{id, kind, category, reporter_id, reporter_name, description, status, action_id, created_at, decided_at, version, shown (what the reporter saw; null when its owner has deleted the account), reporter_upheld, reporter_dismissed (how that person''s reports ended so far)}], actions: [{id, number, action, reason, until, actor_id, actor_name, cause, version, before, undoes, stands, created_at}]}. Errors: forbidden, not_found.';
select private.expose('moderation_case(uuid)', 'authenticated');

create function private.moderation_log(p_of_owner_id uuid, p_after jsonb, p_page_size int)
returns table (
  number bigint, id uuid, case_id uuid, kind text, subject_id uuid, seq bigint, owner_id uuid, owner_name text, action text, reason text, until timestamptz,
  stands boolean, undoes uuid, actor_id uuid, actor_name text, created_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  perform private.require_staff();
  perform private.require_page_size(p_page_size);
  if p_after is not null and jsonb_typeof(p_after -> 'number') is distinct from 'number' then
    perform private.fail_input('after', 'needs number of the last row');
  end if;
  return query
    select a.number, a.id, c.id, c.kind, c.subject_id, c.seq, c.owner_id, o.display_name, a.action, a.reason, a.until,
      private.stands(a), a.undoes, a.actor_id, p.display_name, a.created_at
    from public.moderation_actions a
    join private.moderation_cases c on c.id = a.case_id
    join public.profiles o on o.id = c.owner_id
    left join public.profiles p on p.id = a.actor_id
    where (p_of_owner_id is null or c.owner_id = p_of_owner_id) and (p_after is null or a.number < (p_after ->> 'number')::numeric)
    order by a.number desc
    limit p_page_size;
end
$$;
create function public.moderation_log(of_owner_id uuid default null, after jsonb default null, page_size int default 20)
returns table (
  number bigint, id uuid, case_id uuid, kind text, subject_id uuid, seq bigint, owner_id uuid, owner_name text, action text, reason text, until timestamptz,
  stands boolean, undoes uuid, actor_id uuid, actor_name text, created_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.moderation_log(of_owner_id, after, page_size) $$;
comment on function public.moderation_log is 'Staff: lists what staff decided, the newest first, or what concerns one person (`of_owner_id`). `stands` says whether something is hidden or suspended by it now. `after` takes {number} of the last row. Errors: forbidden, invalid_input.';
select private.expose('moderation_log(uuid, jsonb, int)', 'authenticated');

create function private.count_reports_to_review()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.moderation_cases where status = 'open' $$;
create function private.count_reports_to_review_hours()
returns bigint
language sql stable set search_path = ''
as $$ select coalesce(floor(extract(epoch from now() - min(waiting_since)) / 3600), 0)::bigint from private.moderation_cases where status = 'open' $$;
create function private.count_reports_to_review_severe()
returns bigint
language sql stable set search_path = ''
as $$
  select count(distinct r.case_id) from public.reports r
  join public.report_categories t on t.kind = r.kind and t.category = r.category
  where r.status = 'open' and t.severity = 3
$$;
insert into private.health_counts (name, description) values
  ('reports_to_review', 'Listings, people, events, messages and reviews that were reported and wait for a decision.'),
  ('reports_to_review_hours', 'Whole hours that the oldest of them has waited.'),
  ('reports_to_review_severe', 'Those of them by which somebody may be hurt or robbed.');
