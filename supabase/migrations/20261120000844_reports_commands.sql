-- Reports: reporting.
-- Rule kept here: whom or what the caller cannot see is not found, whether or not it exists. What the reporter sees is kept
-- as it is, in the same transaction.
-- Left out on purpose: taking a report back; staff decides it, and the reporter is told.

create function private.create_report(p_kind text, p_subject_id uuid, p_category text, p_description text, p_seq bigint)
returns public.reports
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_description text := private.tidy_lines(coalesce(p_description, ''));
  v_subject private.report_subject;
  v_case private.moderation_cases;
  v_report public.reports;
begin
  perform private.take_token('create_report', v_user_id::text);
  perform private.require_report_kind(p_kind, p_seq);
  if not exists (select from public.report_categories c where c.kind = p_kind and c.category = p_category) then
    perform private.fail_input('category', 'must be one of report_categories for this kind');
  elsif char_length(v_description) > 2000 then
    perform private.fail_input('description', 'must have at most 2000 characters');
  elsif p_category = 'other' and not private.says_something(v_description) then
    perform private.fail_input('description', 'must say what is wrong');
  end if;
  if not private.sees_subject(p_kind, p_subject_id, p_seq, v_user_id) then
    perform private.fail('not_found');
  end if;
  v_subject := private.look_at_subject(p_kind, p_subject_id, p_seq);
  -- deleted in the meantime
  if v_subject.owner_id is null then
    perform private.fail('not_found');
  elsif v_subject.owner_id = v_user_id then
    perform private.fail_input('subject_id', 'must not be your own');
  end if;
  v_case := private.lock_case(p_kind, p_subject_id, p_seq, v_subject.owner_id, 'open');
  select * into v_report from public.reports r where r.case_id = v_case.id and r.reporter_id = v_user_id and r.status = 'open';
  if found then
    if (v_report.category, v_report.description) is distinct from (p_category, v_description) then
      perform private.fail('report_exists', jsonb_build_object('report_id', v_report.id));
    end if;
    return v_report;
  end if;
  -- who waited for the case may find that staff has taken it down meanwhile
  if not private.sees_subject(p_kind, p_subject_id, p_seq, v_user_id) then
    perform private.fail('not_found');
  end if;
  insert into public.reports (case_id, kind, category, reporter_id, description)
  values (v_case.id, p_kind, p_category, v_user_id, v_description)
  returning * into v_report;
  insert into private.report_evidence (report_id, version, shown) values (v_report.id, v_subject.version, v_subject.shown);
  update private.moderation_cases set status = 'open', waiting_since = now(), owner_id = v_subject.owner_id where id = v_case.id and status = 'decided';
  return v_report;
end
$$;
create function public.create_report(kind text, subject_id uuid, category text, description text default '', seq bigint default null)
returns public.reports
language sql volatile set search_path = ''
as $$ select private.create_report($1, $2, $3, $4, $5) $$;
comment on function public.create_report is 'Reports a listing, person, event, message or review to staff. `kind` is vehicle, person, event, message or review; `subject_id` is its id, or the conversation of the message whose `seq` is given. `category` is one of report_categories; `description` has at most 2000 characters, and is needed for other. One report of a person about a subject is open at a time; the same again answers it. Its owner never learns who reported, and the caller is told the outcome. Errors: not_found (also what the caller cannot see), report_exists (details.report_id), invalid_input, rate_limited.';
select private.expose_limited('create_report(text, uuid, text, text, bigint)', 'create_report', 'auth.uid()', 'authenticated');
