-- Identity: the credit score of a person, and each event that made it.
-- Rule kept here: the score is one function of the events of a person, and the stored one is what that function answers.
-- Events are only added. One that no longer holds gets a counter-event. The order in which they came changes nothing.
-- Left out on purpose: what earns or costs points. Rows of trust_rules say so for the moves of state machines.

create table private.trust_kinds (
  kind text primary key,
  points int not null,
  cap int not null,
  reason_en text not null,
  reason_vi text not null,
  constraint trust_kinds_kind_form check (kind ~ '^[a-z][a-z_]{2,40}$'),
  constraint trust_kinds_points_range check (points between -500 and 500 and points <> 0),
  constraint trust_kinds_cap_range check (cap between abs(points) and 1000)
);
comment on table private.trust_kinds is 'What changes a credit score. A change of points counts from the next event on; a change of a cap counts at once, for everybody.';
comment on column private.trust_kinds.cap is 'What all events of this kind together add or take at most.';
insert into private.trust_kinds (kind, points, cap, reason_en, reason_vi) values
  ('licence_verified', 50, 50, 'Your driver licence was verified.', 'Giấy phép lái xe của bạn đã được xác minh.'),
  ('trip_completed', 10, 200, 'You returned a vehicle on time.', 'Bạn đã trả xe đúng hạn.'),
  ('trip_hosted', 10, 200, 'A trip with your vehicle was completed.', 'Một chuyến đi với xe của bạn đã hoàn tất.'),
  ('returned_late', -20, 200, 'You returned a vehicle late.', 'Bạn đã trả xe trễ.'),
  ('cancelled_late', -30, 200, 'You cancelled a booking shortly before its start.', 'Bạn đã hủy đơn sát giờ nhận xe.'),
  ('host_cancelled', -40, 300, 'You cancelled a booking of a renter.', 'Bạn đã hủy đơn của khách thuê.'),
  ('no_show', -60, 300, 'You did not come to a booked trip.', 'Bạn đã không đến nhận xe.');

create table private.trust_events (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.profiles on delete restrict,
  kind text not null references private.trust_kinds on delete restrict,
  points int not null,
  source text not null,
  source_id uuid not null,
  voids bigint unique references private.trust_events on delete restrict,
  occurred_at timestamptz not null default now(),
  -- one event of a kind for one cause, and one counter-event for each
  constraint trust_events_once unique nulls not distinct (user_id, kind, source, source_id, voids),
  constraint trust_events_source_form check (source ~ '^[a-z][a-z_]{2,40}$')
);
create index trust_events_source_idx on private.trust_events (source_id, kind);
create index trust_events_kind_idx on private.trust_events (kind);
comment on table private.trust_events is 'Append-only: what changed a credit score, with its cause. Only the person and the score see them.';
comment on column private.trust_events.points is 'As its kind said when it was written; of a counter-event the opposite of what it voids.';
comment on column private.trust_events.source is 'What kind of row caused it, the name of a state machine such as booking; `source_id` is its id.';
comment on column private.trust_events.voids is 'The event that this one takes back. Null otherwise.';
alter table private.trust_kinds enable row level security;
alter table private.trust_events enable row level security;
create trigger append_only before update or delete or truncate on private.trust_events
  for each statement execute function private.forbid_change();

-- A counter-event takes back exactly what it voids.
create function private.check_counter_event()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (
    select from private.trust_events e
    where e.id = new.voids and e.voids is null and e.points = -new.points
      and (e.user_id, e.kind, e.source, e.source_id) = (new.user_id, new.kind, new.source, new.source_id)
  ) then
    raise exception 'a counter-event has the opposite points of the event that it voids' using errcode = '23514', constraint = 'trust_events_counter';
  end if;
  return new;
end
$$;
create trigger check_counter_event before insert on private.trust_events
  for each row when (new.voids is not null) execute function private.check_counter_event();

-- Version 1: everybody begins at 500; each kind adds its points up to its cap; the sum stays within 0 and 1000. It is a sum
-- of sums, so the order of events changes nothing. p_until: as it was when that event had come.
create function private.trust_score(p_user_id uuid, p_until bigint default null)
returns int
language sql stable set search_path = ''
as $$
  select greatest(0, least(1000, 500 + coalesce(sum(k.points), 0)))::int
  from (
    select greatest(-t.cap, least(t.cap, sum(e.points))) as points
    from private.trust_events e
    join private.trust_kinds t on t.kind = e.kind
    where e.user_id = p_user_id and (p_until is null or e.id <= p_until)
    group by t.kind
  ) k
$$;
create function private.trust_score_version()
returns int
language sql immutable set search_path = ''
as $$ select 1 $$;

-- Writes the scores of those who got events at the end of the transaction: in one order, and before inboxes are locked
-- (notifications_writing), because a review locks the people whom it rates before their inboxes, too.
create function private.note_trust_event()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform set_config('journey.trust', concat_ws(' ', nullif(current_setting('journey.trust', true), ''), new.user_id), true);
  return null;
end
$$;
create trigger note_trust_event after insert on private.trust_events
  for each row execute function private.note_trust_event();

create function private.write_noted_trust_scores()
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  -- every row calls this; the first call serves all of them
  if coalesce(current_setting('journey.trust', true), '') = '' then
    return;
  end if;
  for v_user_id in
    select distinct u::uuid from regexp_split_to_table(coalesce(current_setting('journey.trust', true), ''), ' ') u where u <> '' order by 1
  loop
    -- locked before it is counted, so that the count sees what another transaction has just added
    perform from public.profiles where id = v_user_id for no key update;
    update public.profiles set credit_score = private.trust_score(v_user_id) where id = v_user_id;
  end loop;
  perform set_config('journey.trust', '', true);
end
$$;
create function private.store_trust_scores()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.write_noted_trust_scores();
  return null;
end
$$;
create constraint trigger store_trust_scores after insert on private.trust_events
  deferrable initially deferred for each row execute function private.store_trust_scores();

create function private.store_all_trust_scores()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.profiles p set credit_score = s.score
  from (select e.user_id, private.trust_score(e.user_id) as score from private.trust_events e group by e.user_id order by e.user_id) s
  where s.user_id = p.id and p.credit_score <> s.score;
  return null;
end
$$;
create trigger store_all_trust_scores after update of cap on private.trust_kinds
  for each statement execute function private.store_all_trust_scores();

-- One event of a kind for one cause: a second call does nothing.
create function private.record_trust_event(p_user_id uuid, p_kind text, p_source text, p_source_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.trust_events (user_id, kind, points, source, source_id)
  values (p_user_id, p_kind, (select points from private.trust_kinds where kind = p_kind), p_source, p_source_id)
  on conflict do nothing;
end
$$;

-- Takes back what one cause has given or taken. A second call does nothing.
create function private.void_trust_event(p_kind text, p_source text, p_source_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.trust_events (user_id, kind, points, source, source_id, voids)
  select e.user_id, e.kind, -e.points, e.source, e.source_id, e.id
  from private.trust_events e
  where e.source_id = p_source_id and e.kind = p_kind and e.source = p_source and e.voids is null
  on conflict do nothing;
end
$$;

-- Which move of a state machine is an event, as data (compare notification_rules).
create table private.trust_rules (
  machine text not null,
  event text not null,
  from_state text,
  audience text not null,
  kind text not null references private.trust_kinds on delete restrict,
  voids boolean not null default false,
  only_if jsonb not null default '{}',
  constraint trust_rules_once unique nulls not distinct (machine, event, audience, kind, from_state),
  constraint trust_rules_audience_known foreign key (machine, audience) references private.notification_audiences,
  constraint trust_rules_condition_form check (jsonb_typeof(only_if) = 'object')
);
create index trust_rules_kind_idx on private.trust_rules (kind);
create index trust_rules_audience_idx on private.trust_rules (machine, audience);
comment on table private.trust_rules is 'Which moves of which machine are trust events, and of whom. A row added or removed takes effect with the next move, whatever makes it.';
comment on column private.trust_rules.voids is 'Whether the move takes back the event of the same row instead of adding one.';
comment on column private.trust_rules.only_if is 'What private.trust_facts(row) must contain, for example {"late": true}. {} asks for nothing.';
alter table private.trust_rules enable row level security;

-- What rules may ask about a row. A module has one for the row type of its table where its rules ask something.
create function private.trust_facts(p_row anyelement)
returns jsonb
language sql stable set search_path = ''
as $$ select '{}'::jsonb $$;

create function private.trust_of_transition(
  p_machine text, p_from_state text, p_event text, p_id uuid, p_addressees private.addressee[], p_facts jsonb
)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_rule record;
begin
  for v_rule in
    select r.kind, r.voids, a.user_id
    from unnest(p_addressees) a
    join private.trust_rules r on r.machine = p_machine and r.event = p_event and r.audience = a.audience
    where a.user_id is not null and coalesce(r.from_state = p_from_state, true) and p_facts @> r.only_if
    order by a.user_id, r.kind
  loop
    if v_rule.voids then
      perform private.void_trust_event(v_rule.kind, p_machine, p_id);
    else
      perform private.record_trust_event(v_rule.user_id, v_rule.kind, p_machine, p_id);
    end if;
  end loop;
end
$$;

create function private.check_trust_rule()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (
    select from private.transitions t
    where t.machine = new.machine and t.event = new.event and t.from_state = coalesce(new.from_state, t.from_state)
  ) then
    raise exception 'machine % has no move % from %', new.machine, new.event, coalesce(new.from_state, 'any state')
      using errcode = '23503', constraint = 'trust_rules_move_exists';
  end if;
  return null;
end
$$;
create trigger check_rule after insert or update on private.trust_rules
  for each row execute function private.check_trust_rule();

-- Keeps transitions.has_trust_rules (compare mark_moves_with_rules).
create function private.mark_moves_with_trust_rules()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  lock table private.trust_rules in share row exclusive mode;
  update private.transitions t
  set has_trust_rules = not t.has_trust_rules
  where t.has_trust_rules <> exists (
    select from private.trust_rules r
    where r.machine = t.machine and r.event = t.event and coalesce(r.from_state, t.from_state) = t.from_state
  );
  return null;
end
$$;
create trigger mark_moves after insert or update or delete or truncate on private.trust_rules
  for each statement execute function private.mark_moves_with_trust_rules();
create trigger mark_moves_with_trust after insert or update of machine, from_state, event on private.transitions
  for each statement execute function private.mark_moves_with_trust_rules();

insert into private.trust_rules (machine, event, audience, kind, voids) values
  ('driver_licence', 'verify', 'owner', 'licence_verified', false),
  ('driver_licence', 'revoke', 'owner', 'licence_verified', true);

create function private.trust_history(p_after jsonb, p_page_size int)
returns table (id bigint, kind text, reason_en text, reason_vi text, points int, score int, voids bigint, source text, source_id uuid, occurred_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_after bigint;
begin
  perform private.require_page_size(p_page_size);
  if p_after is not null then
    if coalesce(p_after ->> 'id', '') !~ '^[0-9]{1,18}$' then
      perform private.fail_input('after', 'needs id of the last row');
    end if;
    v_after := (p_after ->> 'id')::bigint;
  end if;
  return query
    select e.id, e.kind, k.reason_en, k.reason_vi, e.points, private.trust_score(e.user_id, e.id), e.voids, e.source, e.source_id, e.occurred_at
    from private.trust_events e
    join private.trust_kinds k on k.kind = e.kind
    where e.user_id = v_user_id and (v_after is null or e.id < v_after)
    order by e.id desc
    limit p_page_size;
end
$$;
create function public.trust_history(after jsonb default null, page_size int default 20)
returns table (id bigint, kind text, reason_en text, reason_vi text, points int, score int, voids bigint, source text, source_id uuid, occurred_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.trust_history($1, $2) $$;
comment on function public.trust_history is 'Lists what made the caller''s credit score, the newest first: the reason in two languages, the points, and the score as it was then (0 to 1000, everybody begins at 500). All events of one kind together count up to a limit, so the score may move by less than the points. An event with `voids` takes back the event of that id. `source` and `source_id` name the row that caused it, such as a booking. Nobody else sees it. `after` takes {id} of the last row. Errors: invalid_input.';
select private.expose('trust_history(jsonb, int)', 'authenticated');

create function private.invariant_trust_score_stale()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  -- as private.trust_score() has it, for all at once: the function for each person took ten times as long
  select p.id::text, 'stored ' || p.credit_score || ', of the events ' || coalesce(s.score, 500)
  from public.profiles p
  left join (
    select k.user_id, greatest(0, least(1000, 500 + sum(k.points)))::int as score
    from (
      select e.user_id, greatest(-t.cap, least(t.cap, sum(e.points))) as points
      from private.trust_events e
      join private.trust_kinds t on t.kind = e.kind
      group by e.user_id, t.kind
    ) k
    group by k.user_id
  ) s on s.user_id = p.id
  where p.credit_score <> coalesce(s.score, 500)
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('trust_score_stale', 'warning', 'The stored credit score of a person is not what the events of that person make.',
    'Somebody wrote the column by hand. Store it again: update public.profiles set credit_score = private.trust_score(id) where id = ''…''.');

-- What becomes of it when a person deletes the account.
select private.hold_no_persons('private.trust_kinds', 'private.trust_rules');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.trust_events', 'r.user_id = $1', 'retain', '{kind,points,source,occurred_at}', 'Append-only, and names the person by id alone.');
select private.retain_columns('private.trust_events', 'What caused the event, by its id.', 'source', 'source_id');
