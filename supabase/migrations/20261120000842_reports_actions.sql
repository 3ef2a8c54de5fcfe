-- Reports: the log of what is hidden, suspended and restored, and what that means for the reports.
-- Rule kept here: whatever hides or suspends something, a command or Studio, leaves a row with what was before, and answers the
-- open reports about it. Locks: the subject, then its case, then the reports; of a message, whose conversation comes after
-- inboxes, the case and then the conversation (reports_kinds).
-- Left out on purpose: deciding, which is of reports_staff.

create function private.require_report_kind(p_kind text, p_seq bigint)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_has_seq boolean := (select k.has_seq from private.report_kinds k where k.kind = p_kind);
begin
  if v_has_seq is null then
    perform private.fail_input('kind', 'must be ' || (select string_agg(k.kind, ', ' order by k.kind) from private.report_kinds k));
  elsif v_has_seq <> (p_seq is not null) then
    perform private.fail_input('seq', case when v_has_seq then 'must be the seq of a message' else 'must be null for this kind' end);
  end if;
end
$$;

-- The case of a subject, made when it has none, and locked.
create function private.lock_case(p_kind text, p_subject_id uuid, p_seq bigint, p_owner_id uuid, p_status text)
returns private.moderation_cases
language plpgsql volatile set search_path = ''
as $$
declare
  v_case private.moderation_cases;
begin
  insert into private.moderation_cases (kind, subject_id, seq, owner_id, status, waiting_since)
  values (p_kind, p_subject_id, p_seq, p_owner_id, p_status, case when p_status = 'open' then now() end)
  on conflict do nothing;
  select * into strict v_case from private.moderation_cases
  where kind = p_kind and subject_id = p_subject_id and seq is not distinct from p_seq
  for no key update;
  return v_case;
end
$$;

-- Answers all open reports of a case, which is locked.
create function private.answer_reports(p_case_id uuid, p_action_id uuid, p_status text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.reports set status = p_status, action_id = p_action_id, decided_at = now() where case_id = p_case_id and status = 'open';
  update private.moderation_cases set status = 'decided', waiting_since = null where id = p_case_id and status = 'open';
end
$$;

-- The newest action that took a case down or put it back.
create function private.last_action(p_case_id uuid)
returns public.moderation_actions
language sql stable set search_path = ''
as $$
  select * from public.moderation_actions where case_id = p_case_id and action in ('hide', 'suspend', 'restore') order by number desc limit 1
$$;

create function private.record_moderation(p_kind text, p_subject_id uuid, p_seq bigint, p_action text, p_before jsonb, p_until timestamptz default null)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_subject private.report_subject := private.look_at_subject(p_kind, p_subject_id, p_seq);
  v_case private.moderation_cases;
  v_last public.moderation_actions;
  v_id uuid;
begin
  -- a message that was deleted since the caller looked
  if v_subject.owner_id is null then
    perform private.fail('subject_gone');
  end if;
  v_case := private.lock_case(p_kind, p_subject_id, p_seq, v_subject.owner_id, 'decided');
  v_last := private.last_action(v_case.id);
  if p_action = 'restore' and coalesce(v_last.action, 'restore') = 'restore' then
    raise exception '% % is restored, and no row says that it was taken down', p_kind, p_subject_id;
  end if;
  insert into public.moderation_actions (case_id, action, reason, until, actor_id, cause, version, before, undoes)
  values (v_case.id, p_action, private.audit_reason(), p_until, auth.uid(), private.audit_cause(), v_subject.version, p_before,
    case when p_action = 'restore' then v_last.id end)
  returning id into v_id;
  if p_action <> 'restore' then
    perform private.answer_reports(v_case.id, v_id, 'upheld');
  end if;
end
$$;

-- These triggers come after those of the state machines, which refuse a move that is not legal: by their names.
create function private.record_vehicle_moderation()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.record_moderation('vehicle', new.id, null, case when new.status = 'suspended' then 'suspend' else 'restore' end,
    jsonb_build_object('status', old.status, 'revision', old.revision));
  return null;
end
$$;
create trigger write_moderation after update of status on public.vehicles
  for each row when (old.status <> new.status and 'suspended' in (old.status, new.status))
  execute function private.record_vehicle_moderation();

create function private.record_review_moderation()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.record_moderation('review', new.id, null, case when new.status = 'hidden' then 'hide' else 'restore' end,
    jsonb_build_object('status', old.status, 'released_at', old.released_at));
  return null;
end
$$;
create trigger write_moderation after update of status on public.reviews
  for each row when (old.status <> new.status and 'hidden' in (old.status, new.status))
  execute function private.record_review_moderation();

create function private.record_event_moderation()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.record_moderation('event', new.id, null, case when new.hidden_at is null then 'restore' else 'hide' end,
    jsonb_build_object('status', old.status));
  return null;
end
$$;
create trigger write_moderation after update of hidden_at on public.events
  for each row when ((old.hidden_at is null) <> (new.hidden_at is null))
  execute function private.record_event_moderation();

-- A suspension that ends at its time needs no row: `until` says so.
create function private.record_person_moderation()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform private.record_moderation('person', new.user_id, null, 'suspend', '{}', new.until);
  elsif new.ended_at is null then
    perform private.record_moderation('person', new.user_id, null, 'suspend', jsonb_build_object('reason', old.reason, 'until', old.until), new.until);
  else
    perform private.record_moderation('person', new.user_id, null, 'restore', jsonb_build_object('reason', old.reason, 'until', old.until));
  end if;
  return null;
end
$$;
create trigger write_moderation_begun after insert on public.user_suspensions
  for each row when (new.ended_at is null) execute function private.record_person_moderation();
create trigger write_moderation_changed after update on public.user_suspensions
  for each row when (old.ended_at is null and new.ended_at is null and (old.reason, old.until) is distinct from (new.reason, new.until))
  execute function private.record_person_moderation();
create trigger write_moderation_ended after update of ended_at on public.user_suspensions
  for each row when (old.ended_at is null and new.ended_at is not null and (old.until is null or new.ended_at < old.until))
  execute function private.record_person_moderation();
