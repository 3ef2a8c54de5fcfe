-- Operations: a daily check of every invariant, and what it found.
-- Rule kept here: what was found stays for 90 days, so that a violation that somebody mended, or that went away, can be looked up.
-- Left out on purpose: telling somebody. The metrics and the health count what the last run found, and alerts are set there.

create table private.invariant_runs (
  id bigint generated always as identity primary key,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz not null,
  critical int not null,
  warnings int not null,
  constraint invariant_runs_ends_later check (ended_at >= started_at),
  constraint invariant_runs_counted check (critical >= 0 and warnings >= 0)
);
comment on table private.invariant_runs is 'One row per daily run of check_invariants().';
comment on column private.invariant_runs.critical is 'How many violations of invariants of this severity it found.';
comment on column private.invariant_runs.warnings is 'How many violations of invariants of this severity it found.';
create table private.invariant_findings (
  run_id bigint not null references private.invariant_runs on delete cascade,
  number int not null,
  invariant text not null,
  severity text not null,
  subject_id text,
  detail text,
  primary key (run_id, number)
);
comment on table private.invariant_findings is 'What a run found: the first 1,000 violations of each invariant. docs/invariants.md says what to do about each.';
comment on column private.invariant_findings.subject_id is 'The row that it is about. Null when the invariant could not be checked.';
select private.hold_no_persons('private.invariant_runs', 'private.invariant_findings');
alter table private.invariant_runs enable row level security;
alter table private.invariant_findings enable row level security;

create function private.run_invariants()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_started_at timestamptz := clock_timestamp();
  v_found jsonb;
  v_run_id bigint;
begin
  v_found := coalesce((select jsonb_agg(jsonb_build_array(c.invariant, c.severity, c.subject_id, c.detail)) from private.check_invariants() c), '[]');
  insert into private.invariant_runs (started_at, ended_at, critical, warnings)
  select v_started_at, clock_timestamp(), count(*) filter (where f ->> 1 = 'critical'), count(*) filter (where f ->> 1 <> 'critical')
  from jsonb_array_elements(v_found) f
  returning id into v_run_id;
  insert into private.invariant_findings (run_id, number, invariant, severity, subject_id, detail)
  select v_run_id, x.n, x.f ->> 0, x.f ->> 1, x.f ->> 2, x.f ->> 3
  from (select f, n, row_number() over (partition by f ->> 0 order by n) as nth from jsonb_array_elements(v_found) with ordinality e (f, n)) x
  where x.nth <= 1000;
  delete from private.invariant_runs where started_at < now() - interval '90 days';
end
$$;
select private.schedule_job('journey_invariants', 'Checks every invariant and keeps what it found for 90 days (private.invariant_runs, private.invariant_findings).',
  '43 20 * * *', '26 hours', 'select private.run_invariants()');

create function private.count_invariants_violated()
returns bigint
language sql stable set search_path = ''
as $$ select coalesce((select r.critical + r.warnings from private.invariant_runs r order by r.id desc limit 1), 0)::bigint $$;
insert into private.health_counts (name, description) values
  ('invariants_violated', 'Violations of invariants that the last daily run found.');
