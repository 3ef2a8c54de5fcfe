-- Reports: what must always hold.
-- Rule kept here: each invariant names the row that breaks it.

create view private.restricted_subjects with (security_invoker = true) as
select 'vehicle' as kind, v.id as subject_id, null::bigint as seq from public.vehicles v where v.status = 'suspended'
union all
select 'person', s.user_id, null from private.suspended_people s
union all
select 'event', e.id, null from public.events e where e.hidden_at is not null
union all
select 'review', r.id, null from public.reviews r where r.status = 'hidden'
union all
select 'message', m.conversation_id, m.seq from public.messages m where m.hidden_at is not null;

comment on view private.restricted_subjects is 'Everything that is hidden or suspended now.';

create function private.invariant_hidden_without_action()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select concat_ws(' ', s.kind, s.subject_id, s.seq), 'is hidden or suspended, and no action of staff says so'
  from private.restricted_subjects s
  where not exists (
    select from private.moderation_cases c
    join public.moderation_actions a on a.case_id = c.id and private.stands(a)
    where c.kind = s.kind and c.subject_id = s.subject_id and c.seq is not distinct from s.seq)
$$;

create function private.invariant_action_without_effect()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select concat_ws(' ', c.kind, c.subject_id, c.seq), format('is shown, and action %s of %s says that it is not', a.action, a.created_at)
  from public.moderation_actions a
  join private.moderation_cases c on c.id = a.case_id
  where private.stands(a) and not exists (
    select from private.restricted_subjects s
    where s.kind = c.kind and s.subject_id = c.subject_id and s.seq is not distinct from c.seq)
$$;

create function private.invariant_case_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, format('%s, with %s open reports', c.status, count(r.id))
  from private.moderation_cases c
  left join public.reports r on r.case_id = c.id and r.status = 'open'
  group by c.id
  having (c.status = 'open') <> (count(r.id) > 0)
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('hidden_without_action', 'critical', 'Something is hidden or suspended without an action that says who did it and why, so nobody can take it back by command.',
    'Triggers write the action, so somebody switched them off. Put the row back to how it was, and take it down again by restrict_subject.'),
  ('action_without_effect', 'critical', 'An action says that something is hidden or suspended, and people see it.',
    'Triggers keep this, so somebody changed rows with them switched off. Hide it again by hand, and restore it by restore_subject if it is to be seen.'),
  ('case_disagrees', 'critical', 'A case waits without an open report, or has open reports that nobody sees in the queue.',
    'Commands keep this, so somebody changed rows by SQL. Set status and waiting_since of the case by its open reports.');
