-- Complaints: what one side of a booking or an order says against the other, and how it ended.
-- Rule kept here: one live complaint for each side of a payable; a decision says whose money it moved, and the parts add up;
-- both sides read all of it, and nobody else but staff.
-- Left out on purpose: the conversation, which is of chat; money, which is in the ledger.

insert into private.transitions (machine, from_state, event, to_state) values
  ('complaint', 'initial', 'open', 'open'),
  ('complaint', 'open', 'review', 'in_review'),
  ('complaint', 'in_review', 'hand_back', 'open'),
  ('complaint', 'in_review', 'resolve', 'resolved'),
  ('complaint', 'in_review', 'reject', 'rejected'),
  ('complaint', 'rejected', 'reopen', 'in_review'),
  ('complaint', 'open', 'withdraw', 'closed'),
  ('complaint', 'in_review', 'withdraw_in_review', 'closed'),
  ('complaint', 'resolved', 'close', 'closed'),
  ('complaint', 'rejected', 'close', 'closed');

create table public.complaints (
  id uuid primary key default gen_random_uuid(),
  code text not null unique default private.new_code('C'),
  payable_id uuid not null references public.payables on delete restrict,
  kind text not null,
  side text not null,
  opener_id uuid not null references public.profiles on delete restrict,
  category text not null,
  description text not null,
  desired_outcome text not null,
  desired_amount bigint,
  currency text not null,
  status text not null default 'open',
  assignee_id uuid references public.profiles on delete restrict,
  conversation_id uuid not null unique,
  statement_until timestamptz not null,
  statement text,
  speaker_id uuid references public.profiles on delete restrict,
  stated_at timestamptz,
  outcome text,
  finding text,
  decided_at timestamptz,
  closes_at timestamptz,
  cancels boolean not null default false,
  refund_amount bigint not null default 0,
  host_gives bigint not null default 0,
  platform_gives bigint not null default 0,
  tax_gives bigint not null default 0,
  deposit_to_host bigint not null default 0,
  earner_id uuid references public.profiles on delete restrict,
  refund_id uuid unique references public.refunds on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint complaints_category_known foreign key (kind, side, category) references public.complaint_categories on update cascade on delete restrict,
  constraint complaints_description_tidy check (private.says_something(description, 1, 4000) and private.is_tidy_lines(description)),
  constraint complaints_desired_outcome_known check (desired_outcome in ('refund', 'deposit', 'explanation')),
  constraint complaints_desired_amount check (desired_amount is null or desired_amount > 0 and desired_outcome <> 'explanation'),
  constraint complaints_statement_tidy check (statement is null or private.says_something(statement, 1, 4000) and private.is_tidy_lines(statement)),
  constraint complaints_statement_signed check ((statement is null) = (speaker_id is null) and (statement is null) = (stated_at is null)),
  constraint complaints_reviewed_by_somebody check (status <> 'in_review' or assignee_id is not null),
  constraint complaints_outcome_known check (outcome in ('resolved', 'rejected', 'withdrawn')),
  constraint complaints_outcome_fits check (case status
    when 'open' then outcome is null when 'in_review' then outcome is null
    when 'closed' then outcome is not null else outcome = status end is true),
  constraint complaints_finding_tidy check (finding is null or private.says_something(finding, 1, 2000) and private.is_tidy_lines(finding)),
  constraint complaints_decided_whole check (
    coalesce(outcome in ('resolved', 'rejected'), false) = (finding is not null)
    and (outcome is null) = (decided_at is null) and (outcome is null) = (closes_at is null)),
  constraint complaints_parts_positive check (least(refund_amount, host_gives, platform_gives, tax_gives, deposit_to_host) >= 0),
  constraint complaints_parts_add_up check (case when cancels then host_gives + platform_gives + tax_gives + deposit_to_host = 0
    else host_gives + platform_gives + tax_gives = refund_amount end),
  constraint complaints_money_only_resolved check (outcome is not distinct from 'resolved' or refund_amount + deposit_to_host = 0 and not cancels),
  constraint complaints_refund_ordered check (case when cancels then refund_id is null else (refund_amount > 0) = (refund_id is not null) end),
  constraint complaints_giver_named check (host_gives = 0 or earner_id is not null)
);
create unique index complaints_one_live on public.complaints (payable_id, side) where status in ('open', 'in_review');
create index complaints_payable_idx on public.complaints (payable_id);
create index complaints_opener_idx on public.complaints (opener_id);
create index complaints_waiting_idx on public.complaints (created_at, id) where status in ('open', 'in_review');
create index complaints_assignee_idx on public.complaints (assignee_id) where assignee_id is not null;
create index complaints_category_idx on public.complaints (kind, side, category);
create index complaints_speaker_idx on public.complaints (speaker_id) where speaker_id is not null;
create index complaints_earner_idx on public.complaints (earner_id) where earner_id is not null;
create index complaints_closing_idx on public.complaints (closes_at) where status in ('resolved', 'rejected');
comment on table public.complaints is 'Complaints about a booking or an order. While one is live the money of its payable is frozen. Amounts are in minor units of `currency`.';
comment on column public.complaints.code is 'For people, such as CB7K2M9Q.';
comment on column public.complaints.payable_id is 'What it is about: the id of the booking or order.';
comment on column public.complaints.kind is 'booking or order.';
comment on column public.complaints.side is 'Which side complains: renter or host, buyer or organizer.';
comment on column public.complaints.desired_outcome is 'What the complaining side wants: refund (money back), deposit (part of the deposit) or explanation.';
comment on column public.complaints.desired_amount is 'How much of it. Null: whatever is right.';
comment on column public.complaints.status is 'Machine complaint. open (nobody looks into it yet), in_review (assignee_id does), resolved (the complaint was right) or rejected, and closed. A decision is closed at closes_at, whether or not that was written.';
comment on column public.complaints.assignee_id is 'Who of the staff looks into it. Null until somebody does.';
comment on column public.complaints.conversation_id is 'Its conversation, with both sides and support.';
comment on column public.complaints.statement_until is 'Until when the other side is waited for. It may answer later, too, as long as nothing is decided.';
comment on column public.complaints.statement is 'What the other side says. Null until then.';
comment on column public.complaints.speaker_id is 'Who of the other side said it.';
comment on column public.complaints.outcome is 'resolved, rejected or withdrawn. Null while it is live.';
comment on column public.complaints.finding is 'Why it was decided so; both sides read it. Null without a decision.';
comment on column public.complaints.closes_at is 'When its conversation closes, after the decision. Null while it is live.';
comment on column public.complaints.cancels is 'Whether the decision cancelled the whole booking or order. Then refund_amount is what that gave back, by the rules of its kind.';
comment on column public.complaints.refund_amount is 'What the decision gives back to the payer. 0 without.';
comment on column public.complaints.host_gives is 'What of the refund comes out of the earnings of host or organizer; the rest is platform_gives (fees) and tax_gives, each by its share in the price.';
comment on column public.complaints.deposit_to_host is 'What of the deposit goes to the host.';
comment on column public.complaints.earner_id is 'Out of whose earnings host_gives comes.';
comment on column public.complaints.refund_id is 'The refund that was ordered. Null without one, and when the booking or order was cancelled.';
select private.attach_state_machine('public.complaints', 'complaint', 'outcome', 'finding', 'refund_amount', 'deposit_to_host');
create trigger touch before update on public.complaints for each row execute function private.touch();
create trigger immutable before update on public.complaints for each row
  when ((old.id, old.code, old.payable_id, old.kind, old.side, old.opener_id, old.description, old.desired_outcome, old.desired_amount, old.currency, old.conversation_id, old.created_at)
      is distinct from (new.id, new.code, new.payable_id, new.kind, new.side, new.opener_id, new.description, new.desired_outcome, new.desired_amount, new.currency, new.conversation_id, new.created_at)
    -- what moved money stays as it was decided
    or (old.outcome = 'resolved' and (old.outcome, old.refund_amount, old.host_gives, old.platform_gives, old.tax_gives, old.deposit_to_host, old.earner_id, old.cancels, old.refund_id)
      is distinct from (new.outcome, new.refund_amount, new.host_gives, new.platform_gives, new.tax_gives, new.deposit_to_host, new.earner_id, new.cancels, new.refund_id))
    or (old.statement is not null and (old.statement, old.speaker_id, old.stated_at) is distinct from (new.statement, new.speaker_id, new.stated_at)))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.complaints
  for each statement execute function private.forbid_change();

create table public.complaint_parties (
  complaint_id uuid not null references public.complaints on delete restrict,
  user_id uuid not null references public.profiles on delete restrict,
  side text not null,
  primary key (complaint_id, user_id),
  constraint complaint_parties_side_known check (side in ('renter', 'host', 'buyer', 'organizer'))
);
create index complaint_parties_user_idx on public.complaint_parties (user_id, complaint_id);
comment on table public.complaint_parties is 'The people of both sides, as they were when the complaint was opened.';
create trigger immutable before update or delete or truncate on public.complaint_parties
  for each statement execute function private.forbid_change();

create table public.complaint_evidence (
  complaint_id uuid not null references public.complaints on delete restrict,
  media_id uuid not null,
  owner_id uuid not null,
  added_at timestamptz not null default now(),
  primary key (complaint_id, media_id),
  constraint complaint_evidence_own_media foreign key (media_id, owner_id) references public.media (id, owner_id) on delete restrict
);
create index complaint_evidence_media_idx on public.complaint_evidence (media_id, owner_id);
comment on table public.complaint_evidence is 'Pictures that the sides add to a complaint. They are never changed or taken back.';
comment on column public.complaint_evidence.owner_id is 'Who uploaded it.';
create trigger immutable before update or delete or truncate on public.complaint_evidence
  for each statement execute function private.forbid_change();

-- The other side reads a complaint as long as it may read the booking or order: who has left an organizer no longer does.
create function private.my_complaint_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select p.complaint_id from public.complaint_parties p
    where p.user_id = auth.uid() and (p.side <> 'organizer' or exists (
      select from public.complaints c
      join public.orders o on o.id = c.payable_id
      join public.events e on e.id = o.event_id
      join public.organizer_members m on m.organizer_id = e.organizer_id and m.user_id = p.user_id and m.role in ('admin', 'editor')
      where c.id = p.complaint_id));
end
$$;
create function private.my_complaint_media_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select e.media_id from public.complaint_evidence e where e.complaint_id in (select private.my_complaint_ids());
end
$$;
grant execute on function private.my_complaint_ids(), private.my_complaint_media_ids() to authenticated;
select private.show_media('evidence_image', 'media.id in (select private.my_complaint_media_ids())', 'authenticated');

alter table public.complaints enable row level security;
alter table public.complaint_parties enable row level security;
alter table public.complaint_evidence enable row level security;
revoke all on public.complaints, public.complaint_parties, public.complaint_evidence from anon, authenticated, service_role;
grant select on public.complaints, public.complaint_parties, public.complaint_evidence to authenticated, service_role;
create policy select_party on public.complaints for select to authenticated
  using (id in (select private.my_complaint_ids()) or (select private.is_staff()));
create policy select_party on public.complaint_parties for select to authenticated
  using (complaint_id in (select private.my_complaint_ids()) or (select private.is_staff()));
create policy select_party on public.complaint_evidence for select to authenticated
  using (complaint_id in (select private.my_complaint_ids()) or (select private.is_staff()));

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.complaints', 'r.id in (select p.complaint_id from public.complaint_parties p where p.user_id = $1)', 'retain', null, 'A dispute about money that was paid, for both sides and the books.'),
  ('public.complaint_parties', 'r.user_id = $1', 'retain', null, 'Says who was heard in a dispute.'),
  ('public.complaint_evidence', 'r.owner_id = $1', 'retain', null, 'Evidence in a dispute, which the other side may need.');
select private.retain_columns('public.complaints', 'Who said and decided what in a dispute.', 'opener_id', 'assignee_id', 'speaker_id', 'earner_id', 'code', 'currency',
  'description', 'statement', 'finding', 'conversation_id');

create function private.account_blocker_live_complaint(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select c.id from public.complaint_parties p join public.complaints c on c.id = p.complaint_id
  where p.user_id = p_user_id and c.status in ('open', 'in_review')
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('live_complaint', 'A complaint that you are a party of is not decided. Wait for the decision, or withdraw it if it is yours.', 'Bạn đang là một bên trong khiếu nại chưa được giải quyết. Vui lòng chờ kết quả, hoặc rút khiếu nại nếu do bạn gửi.');
