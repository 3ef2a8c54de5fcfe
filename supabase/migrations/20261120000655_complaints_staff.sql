-- Complaints: how support takes, hands back, rejects, reopens and closes them.
-- Rule kept here: who decides has taken the complaint, so that two of the staff do not decide it at once. A rejection moves no
-- money; it only ends the freeze.
-- Left out on purpose: decisions that move money, which are of admins (complaints_resolution).

-- A complaint for staff, locked.
create function private.staff_complaint(p_complaint_id uuid)
returns public.complaints
language plpgsql volatile set search_path = ''
as $$
declare
  v_complaint public.complaints;
begin
  perform private.require_staff();
  v_complaint := private.lock_complaint_row(p_complaint_id);
  if v_complaint.id is null then
    perform private.fail('complaint_not_found');
  end if;
  return v_complaint;
end
$$;

create function private.complaint_move_refused(p_complaint public.complaints, p_to text)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  perform private.fail('illegal_transition', jsonb_build_object('machine', 'complaint', 'from', p_complaint.status, 'to', p_to));
end
$$;

create function private.assign_complaint(p_complaint_id uuid, p_assignee_id uuid)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint public.complaints := private.staff_complaint(p_complaint_id);
  v_assignee_id uuid := coalesce(p_assignee_id, auth.uid());
begin
  if not exists (select from public.user_roles r where r.user_id = v_assignee_id) then
    perform private.fail_input('assignee_id', 'must be a person with the role admin or support');
  end if;
  if exists (select from public.complaint_parties p where p.complaint_id = p_complaint_id and p.user_id = v_assignee_id) then
    perform private.fail_input('assignee_id', 'must not be a party of this complaint');
  end if;
  if v_complaint.status not in ('open', 'in_review') then
    perform private.complaint_move_refused(v_complaint, 'in_review');
  end if;
  if v_complaint.assignee_id = v_assignee_id and v_complaint.status = 'in_review' then
    return v_complaint;
  end if;
  perform private.set_audit_context('staff');
  update public.complaints set status = 'in_review', assignee_id = v_assignee_id where id = p_complaint_id returning * into v_complaint;
  perform private.record_event('complaint.assigned', p_complaint_id, jsonb_build_object('assignee_id', v_assignee_id));
  if v_assignee_id <> auth.uid() then
    perform private.notify(v_assignee_id, 'complaint_assigned', private.notification_data(v_complaint), gen_random_uuid()::text);
  end if;
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_in_review', 'user_id', v_assignee_id, 'complaint_id', p_complaint_id));
  if v_assignee_id = auth.uid() then
    perform private.join_support_conversation(v_complaint.conversation_id);
  end if;
  return v_complaint;
end
$$;
create function public.assign_complaint(complaint_id uuid, assignee_id uuid default null)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.assign_complaint($1, $2) $$;
comment on function public.assign_complaint is 'Support: takes a complaint, or gives it to another of the staff, who is told. It is then in review, and both sides see by whom. Who takes it is in its conversation; others join by join_support_conversation. Repeatable. Errors: forbidden, complaint_not_found, illegal_transition, conversation_not_found, invalid_input.';
select private.expose('assign_complaint(uuid, uuid)', 'authenticated');

create function private.hand_back_complaint(p_complaint_id uuid, p_reason text)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint public.complaints := private.staff_complaint(p_complaint_id);
begin
  perform private.require_reason(p_reason);
  if v_complaint.status = 'open' then
    return v_complaint;
  end if;
  if v_complaint.status <> 'in_review' then
    perform private.complaint_move_refused(v_complaint, 'open');
  end if;
  perform private.set_audit_context('staff', p_reason);
  update public.complaints set status = 'open', assignee_id = null where id = p_complaint_id returning * into v_complaint;
  return v_complaint;
end
$$;
create function public.hand_back_complaint(complaint_id uuid, reason text)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.hand_back_complaint($1, $2) $$;
comment on function public.hand_back_complaint is 'Support: puts a complaint that somebody took back into the queue. The reason is for the log. Repeatable. Errors: forbidden, complaint_not_found, illegal_transition, invalid_input.';
select private.expose('hand_back_complaint(uuid, text)', 'authenticated');

create function private.require_finding(p_finding text)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  if not private.says_something(p_finding, 3, 2000) then
    perform private.fail_input('finding', 'must have 3 to 2000 characters');
  end if;
  return private.tidy_lines(p_finding);
end
$$;

create function private.reject_complaint(p_complaint_id uuid, p_finding text)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint public.complaints := private.staff_complaint(p_complaint_id);
  v_finding text := private.require_finding(p_finding);
begin
  if v_complaint.outcome = 'rejected' and v_complaint.finding = v_finding then
    return v_complaint;
  end if;
  if v_complaint.status <> 'in_review' then
    perform private.complaint_move_refused(v_complaint, 'rejected');
  end if;
  perform private.set_audit_context('staff', p_finding);
  v_complaint := private.end_complaint(v_complaint, 'rejected', 'rejected', v_finding);
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_rejected', 'complaint_id', p_complaint_id));
  return v_complaint;
end
$$;
create function public.reject_complaint(complaint_id uuid, finding text)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.reject_complaint($1, $2) $$;
comment on function public.reject_complaint is 'Support: rejects a complaint that is in review, with a reason of 3 to 2000 characters that both sides read. No money is moved, and its freeze ends. Repeatable with the same reason. Errors: forbidden, complaint_not_found, illegal_transition, invalid_input.';
select private.expose('reject_complaint(uuid, text)', 'authenticated');

create function private.reopen_complaint(p_complaint_id uuid, p_reason text)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint public.complaints := private.staff_complaint(p_complaint_id);
begin
  perform private.require_reason(p_reason);
  if v_complaint.status <> 'rejected' or v_complaint.closes_at <= now() then
    perform private.complaint_move_refused(v_complaint, 'in_review');
  end if;
  perform private.set_audit_context('staff', p_reason);
  update public.complaints
  set status = 'in_review', assignee_id = auth.uid(), outcome = null, finding = null, decided_at = null, closes_at = null
  where id = p_complaint_id
  returning * into v_complaint;
  perform private.freeze_money(v_complaint.payable_id, private.complaint_freeze(v_complaint.code));
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_looked_at_again', 'complaint_id', p_complaint_id));
  perform private.join_support_conversation(v_complaint.conversation_id);
  return v_complaint;
end
$$;
create function public.reopen_complaint(complaint_id uuid, reason text)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.reopen_complaint($1, $2) $$;
comment on function public.reopen_complaint is 'Support: takes a rejected complaint up again before it is closed. What is left of the money is frozen again, and both sides are told. The log keeps the first decision and the reason. Errors: forbidden, complaint_not_found, illegal_transition, conversation_not_found, invalid_input.';
select private.expose('reopen_complaint(uuid, text)', 'authenticated');

-- Decisions whose time to talk is over.
create function private.close_complaints()
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint public.complaints;
  v_count int := 0;
begin
  perform private.set_audit_context('deadline');
  for v_complaint in
    select * from public.complaints where status in ('resolved', 'rejected') and closes_at <= now() order by id limit 200 for no key update skip locked
  loop
    update public.complaints set status = 'closed' where id = v_complaint.id;
    perform private.close_complaint_conversation(v_complaint.conversation_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_complaints', 'Closes decided complaints and their conversations when the time to talk about them is over.',
  '* * * * *', interval '15 minutes', 'select private.close_complaints()');
