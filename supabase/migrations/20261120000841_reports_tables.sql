-- Reports: what was reported, by whom, and what staff did.
-- Rule kept here: one case for each subject, one open report of a person in it; an open case has open reports and no other
-- has. What staff did is only added: undoing it is another row.
-- Left out on purpose: any effect of a number of reports. People decide.

insert into private.transitions (machine, from_state, event, to_state) values
  ('moderation_case', 'initial', 'report', 'open'),
  ('moderation_case', 'initial', 'act', 'decided'),
  ('moderation_case', 'open', 'decide', 'decided'),
  ('moderation_case', 'decided', 'report_again', 'open'),
  ('report', 'initial', 'create', 'open'),
  ('report', 'open', 'uphold', 'upheld'),
  ('report', 'open', 'dismiss', 'dismissed');

create table private.moderation_cases (
  id uuid primary key default gen_random_uuid(),
  kind text not null references private.report_kinds,
  subject_id uuid not null,
  seq bigint,
  owner_id uuid not null references public.profiles on delete restrict,
  status text not null,
  waiting_since timestamptz,
  created_at timestamptz not null default now(),
  constraint moderation_cases_one_per_subject unique nulls not distinct (kind, subject_id, seq),
  constraint moderation_cases_status_known check (status in ('open', 'decided')),
  constraint moderation_cases_waits_while_open check ((status = 'open') = (waiting_since is not null))
);
create index moderation_cases_waiting_idx on private.moderation_cases (waiting_since, id) where status = 'open';
create index moderation_cases_owner_idx on private.moderation_cases (owner_id);
comment on table private.moderation_cases is 'Everything that was ever reported or taken down: one row for each subject.';
comment on column private.moderation_cases.subject_id is 'The vehicle, person, event, review, or conversation of the message.';
comment on column private.moderation_cases.seq is 'Of a message: its number in the conversation. Null otherwise.';
comment on column private.moderation_cases.owner_id is 'Host, person, owner of the organizer, author or sender: who is told what happens to it.';
comment on column private.moderation_cases.status is 'Machine moderation_case. open (reports wait) or decided.';
comment on column private.moderation_cases.waiting_since is 'When the oldest open report came. Null when decided.';
select private.attach_state_machine('private.moderation_cases', 'moderation_case');

create table public.moderation_actions (
  id uuid primary key default gen_random_uuid(),
  number bigint not null generated always as identity unique,
  case_id uuid not null references private.moderation_cases on delete restrict,
  action text not null,
  reason text,
  until timestamptz,
  actor_id uuid references public.profiles on delete restrict,
  cause text,
  version text,
  before jsonb not null default '{}',
  undoes uuid unique references public.moderation_actions on delete restrict,
  created_at timestamptz not null default now(),
  constraint moderation_actions_action_known check (action in ('hide', 'suspend', 'restore', 'uphold', 'dismiss')),
  constraint moderation_actions_restore_undoes check ((action = 'restore') = (undoes is not null)),
  constraint moderation_actions_reason_tidy check (reason is null or private.says_something(reason) and private.is_tidy_lines(reason)),
  constraint moderation_actions_until_of_suspension check (until is null or action = 'suspend')
);
create index moderation_actions_case_idx on public.moderation_actions (case_id, number desc);
create index moderation_actions_actor_idx on public.moderation_actions (actor_id) where actor_id is not null;
comment on table public.moderation_actions is 'Append-only: what staff decided about reports, and what was hidden, suspended and restored, whatever did it.';
comment on column public.moderation_actions.number is 'Counts up: the order in which they happened.';
comment on column public.moderation_actions.action is 'hide (review, message, event), suspend (vehicle, person), restore (takes `undoes` back), uphold (the reports were right; nothing was taken down with this row) or dismiss (they were not).';
comment on column public.moderation_actions.reason is 'Of hide and suspend its owner reads it; otherwise for staff. Null when a row was changed by hand without one.';
comment on column public.moderation_actions.until is 'When a suspension of a person ends by itself. Null: when somebody ends it.';
comment on column public.moderation_actions.actor_id is 'Who of the staff. Null when a row was changed by hand.';
comment on column public.moderation_actions.cause is 'As private.set_audit_context() said.';
comment on column public.moderation_actions.version is 'What readers saw of the subject then: a restoring action compares it.';
comment on column public.moderation_actions.before is 'The state of the subject before, for example {"status": "published", "revision": 3}.';
comment on column public.moderation_actions.undoes is 'Of a restoring action: what it takes back.';
create trigger append_only before update or delete or truncate on public.moderation_actions
  for each statement execute function private.forbid_change();

create table public.reports (
  id uuid primary key default gen_random_uuid(),
  case_id uuid not null references private.moderation_cases on delete restrict,
  kind text not null,
  category text not null,
  reporter_id uuid not null references public.profiles on delete restrict,
  description text not null default '',
  status text not null default 'open',
  action_id uuid references public.moderation_actions on delete restrict,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  constraint reports_category_known foreign key (kind, category) references public.report_categories on update cascade on delete restrict,
  constraint reports_status_known check (status in ('open', 'upheld', 'dismissed')),
  constraint reports_description_tidy check (private.is_tidy_lines(description) and char_length(description) <= 2000),
  constraint reports_decided_by_action check ((status = 'open') = (action_id is null) and (status = 'open') = (decided_at is null))
);
create unique index reports_one_open on public.reports (case_id, reporter_id) where status = 'open';
create index reports_case_idx on public.reports (case_id, created_at);
create index reports_reporter_idx on public.reports (reporter_id, created_at desc, id desc);
create index reports_category_idx on public.reports (kind, category);
create index reports_action_idx on public.reports (action_id) where action_id is not null;
comment on table public.reports is 'What people reported. Only the reporter and staff read a report; whom it is about never learns of it.';
comment on column public.reports.kind is 'vehicle, person, event, message or review.';
comment on column public.reports.case_id is 'All reports about one subject have one.';
comment on column public.reports.description is 'In the words of the reporter. May be empty unless the category is other.';
comment on column public.reports.status is 'Machine report. open, upheld (staff acted) or dismissed. The reporter is told.';
comment on column public.reports.action_id is 'What decided it. Null while it is open.';
select private.attach_state_machine('public.reports', 'report', 'case_id', 'action_id');
create trigger never_deleted before delete or truncate on public.reports
  for each statement execute function private.forbid_change();

create table private.report_evidence (
  report_id uuid primary key references public.reports on delete restrict,
  version text not null,
  shown jsonb not null
);
comment on table private.report_evidence is 'What the reporter saw, as it was then, so that changing or deleting it afterwards does not undo the report. Staff reads it. It goes with the account of whom it is about.';
comment on column private.report_evidence.shown is 'As moderation_case answers it: the texts of the subject, and of a message what the reporter had read before it.';
create trigger never_changed before update or truncate on private.report_evidence
  for each statement execute function private.forbid_change();

alter table private.moderation_cases enable row level security;
alter table private.report_evidence enable row level security;
alter table public.moderation_actions enable row level security;
alter table public.reports enable row level security;
revoke all on public.moderation_actions, public.reports from anon, authenticated, service_role;
-- staff reads by the functions who of them did it
grant select (id, number, case_id, action, reason, until, cause, version, before, undoes, created_at) on public.moderation_actions to authenticated;
grant select on public.moderation_actions to service_role;
grant select on public.reports to authenticated, service_role;
create policy select_staff on public.moderation_actions for select to authenticated using ((select private.is_staff()));
create policy select_own on public.reports for select to authenticated
  using (reporter_id = (select auth.uid()) or (select private.is_staff()));
select private.only_live_persons('public.reports', 'reporter_id');

insert into private.review_kinds (kind, relation, waits_as) values ('report', 'private.moderation_cases', 'open');
create trigger drop_review_claim after update of status on private.moderation_cases
  for each row when (old.status = 'open' and new.status <> 'open') execute function private.drop_review_claim('report');

-- Whether an action keeps its subject down now: nothing took it back or replaced it, and its time is not over.
create function private.stands(p_action public.moderation_actions)
returns boolean
language sql stable set search_path = ''
as $$
  select p_action.action in ('hide', 'suspend') and (p_action.until is null or p_action.until > now()) and not exists (
    select from public.moderation_actions n
    where n.case_id = p_action.case_id and n.number > p_action.number and n.action in ('hide', 'suspend', 'restore'))
$$;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.moderation_cases', 'r.owner_id = $1', 'retain', '{}', 'Says what staff did and why; the account shows its owner each action, and nobody may learn from an export that something was reported.'),
  ('public.moderation_actions', 'r.action in (''hide'', ''suspend'', ''restore'') and exists (select from private.moderation_cases c where c.id = r.case_id and c.owner_id = $1)',
    'retain', '{action,until,created_at}', 'The log of what staff did, which is append-only. Decisions that only say that something was reported are not shown.'),
  ('public.reports', 'r.reporter_id = $1', 'retain', '{id,kind,category,description,status,created_at,decided_at}', 'A report protects other people. It stays under the name of a deleted user.'),
  ('private.report_evidence', 'exists (select from public.reports p join private.moderation_cases c on c.id = p.case_id where p.id = r.report_id and c.owner_id = $1)',
    'erase', '{}', 'Copies what its person wrote. The export shows the rows themselves, and not that somebody reported them.');
select private.retain_columns('private.moderation_cases', 'Names what was reported or taken down.', 'kind', 'subject_id');
select private.retain_columns('public.moderation_actions', 'Who of the staff decided what, and why.', 'actor_id', 'reason', 'cause', 'version', 'before', 'id', 'case_id', 'undoes');
select private.retain_columns('public.reports', 'What somebody reported, for those who decide.', 'description');
