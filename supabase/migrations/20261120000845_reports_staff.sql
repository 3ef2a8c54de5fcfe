-- Reports: what staff decides, and takes back.
-- Rule kept here: a decision is a row with its reason; nobody decides about what is their own or what they reported; a
-- restoring action puts back exactly what was there, and says so when it changed since.
-- Left out on purpose: an end by itself for what is hidden: nobody would have looked whether it is better by then.

create function private.require_disinterested(p_owner_id uuid, p_case_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_owner_id = auth.uid() or exists (
    select from public.reports r where r.case_id = p_case_id and r.reporter_id = auth.uid() and r.status = 'open'
  ) then
    perform private.fail('forbidden');
  end if;
  perform private.check_review_claim('report', p_case_id);
end
$$;

create function private.restrict_subject(p_kind text, p_subject_id uuid, p_reason text, p_seq bigint, p_until timestamptz)
returns public.moderation_actions
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_subject private.report_subject;
  v_case_id uuid;
begin
  perform private.require_staff();
  perform private.require_report_kind(p_kind, p_seq);
  perform private.require_reason(p_reason, 3);
  if p_until is not null and p_kind <> 'person' then
    perform private.fail_input('until', 'must be null: only the suspension of a person ends by itself');
  end if;
  perform private.lock_subject(p_kind, p_subject_id, p_seq);
  v_subject := private.look_at_subject(p_kind, p_subject_id, p_seq);
  select c.id into v_case_id from private.moderation_cases c where c.kind = p_kind and c.subject_id = p_subject_id and c.seq is not distinct from p_seq;
  if v_subject.owner_id is null then
    perform private.fail(case when v_case_id is null then 'not_found' else 'subject_gone' end);
  elsif v_subject.is_restricted and p_kind <> 'person' then
    perform private.fail('subject_restricted');
  end if;
  perform private.require_disinterested(v_subject.owner_id, v_case_id);
  perform private.set_audit_context('staff', p_reason);
  perform private.take_down(p_kind, p_subject_id, p_seq, p_reason, p_until);
  return (
    select private.last_action(c.id) from private.moderation_cases c
    where c.kind = p_kind and c.subject_id = p_subject_id and c.seq is not distinct from p_seq);
end
$$;
create function public.restrict_subject(kind text, subject_id uuid, reason text, seq bigint default null, until timestamptz default null)
returns public.moderation_actions
language sql volatile set search_path = ''
as $$ select * from private.restrict_subject($1, $2, $3, $4, $5) $$;
comment on function public.restrict_subject is 'Staff: takes something down, whether or not anybody reported it: suspends a vehicle, hides an event, message or review; an admin suspends a person, until a time or until it is restored, or changes reason and end of a suspension. `kind`, `subject_id` and `seq` as in create_report. The owner reads the reason, of 3 to 500 characters; open reports about it are upheld, and reporters are told. Not for what is the caller''s own, or what the caller has reported. Errors: forbidden, not_found, subject_gone, subject_restricted, illegal_transition (a vehicle that is not offered), review_claimed, invalid_input.';
select private.expose('restrict_subject(text, uuid, text, bigint, timestamptz)', 'authenticated');

create function private.restore_subject(p_action_id uuid, p_reason text, p_version text)
returns public.moderation_actions
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_action public.moderation_actions;
  v_case private.moderation_cases;
  v_subject private.report_subject;
begin
  perform private.require_staff();
  perform private.require_reason(p_reason, 3);
  select * into v_action from public.moderation_actions where id = p_action_id and action in ('hide', 'suspend');
  if not found then
    perform private.fail('not_found');
  end if;
  select * into strict v_case from private.moderation_cases where id = v_action.case_id;
  perform private.lock_subject(v_case.kind, v_case.subject_id, v_case.seq);
  v_subject := private.look_at_subject(v_case.kind, v_case.subject_id, v_case.seq);
  if (private.last_action(v_case.id)).id <> p_action_id then
    perform private.fail('action_over');
  elsif v_subject.owner_id is null then
    perform private.fail('subject_gone');
  elsif not v_subject.is_restricted then
    perform private.fail('action_over');
  elsif v_subject.version <> coalesce(p_version, v_action.version) then
    perform private.fail('subject_changed', jsonb_build_object('version', v_subject.version));
  end if;
  perform private.require_disinterested(v_subject.owner_id, v_case.id);
  perform private.set_audit_context('staff', p_reason);
  perform private.put_back(v_case.kind, v_case.subject_id, v_case.seq, p_reason, v_action.before);
  return private.last_action(v_case.id);
end
$$;
create function public.restore_subject(action_id uuid, reason text, version text default null)
returns public.moderation_actions
language sql volatile set search_path = ''
as $$ select * from private.restore_subject($1, $2, $3) $$;
comment on function public.restore_subject is 'Staff: takes a hiding or suspending action back; of a person, an admin does. The subject is as it was before, with another row in the log, and its owner is told. Where its owner has changed it since, it answers subject_changed with the version of now: look at it, and pass that `version` to restore it so. The reason, of 3 to 500 characters, is for the log. Errors: forbidden, not_found, action_over, subject_gone, subject_changed (details.version), plate_taken (another offered vehicle has it), review_claimed, invalid_input.';
select private.expose('restore_subject(uuid, text, text)', 'authenticated');

create function private.decide_reports(p_case_id uuid, p_uphold boolean, p_reason text, p_reports int)
returns public.moderation_actions
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_case private.moderation_cases;
  v_action public.moderation_actions;
  v_open int;
begin
  perform private.require_staff();
  if p_uphold is null then
    perform private.fail_input('uphold', 'must be true or false');
  end if;
  perform private.require_reason(p_reason, 3);
  select * into v_case from private.moderation_cases where id = p_case_id for no key update;
  if not found then
    perform private.fail('not_found');
  elsif v_case.status <> 'open' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'moderation_case', 'from', v_case.status, 'to', 'decided'));
  end if;
  perform private.require_disinterested(v_case.owner_id, p_case_id);
  v_open := (select count(*) from public.reports r where r.case_id = p_case_id and r.status = 'open');
  if p_reports <> v_open then
    perform private.fail('reports_changed', jsonb_build_object('reports', v_open));
  end if;
  perform private.set_audit_context('staff', p_reason);
  insert into public.moderation_actions (case_id, action, reason, actor_id, cause, version)
  values (p_case_id, case when p_uphold then 'uphold' else 'dismiss' end, private.audit_reason(), auth.uid(), private.audit_cause(),
    (private.look_at_subject(v_case.kind, v_case.subject_id, v_case.seq)).version)
  returning * into v_action;
  perform private.answer_reports(p_case_id, v_action.id, case when p_uphold then 'upheld' else 'dismissed' end);
  return v_action;
end
$$;
create function public.decide_reports(case_id uuid, uphold boolean, reason text, reports int default null)
returns public.moderation_actions
language sql volatile set search_path = ''
as $$ select * from private.decide_reports($1, $2, $3, $4) $$;
comment on function public.decide_reports is 'Staff: answers all open reports of a case without taking anything down: `uphold` says whether they were right, for example when staff has talked to the owner, or the message is deleted. Reporters are told. `reports` is how many open ones the caller has looked at; when there are more by now, nothing is decided. The reason, of 3 to 500 characters, is for the log. Errors: forbidden (also about what is the caller''s own or reported by the caller), not_found, illegal_transition (nothing is open), reports_changed (details.reports), review_claimed, invalid_input.';
select private.expose('decide_reports(uuid, boolean, text, int)', 'authenticated');
