-- Notifications: one text of an admin to many people, a segment of up to all of them.
-- Rule kept here: people are told in chunks by their ids, each chunk in a transaction of its own, and each person once.
-- A worker that is killed loses its chunk only, and the next one goes on there. Who is in the segment is read chunk by
-- chunk, among those who had an account at the start. Texts and segment never change: another broadcast takes their place.
-- Left out on purpose: mail and push, which are deliveries like any other and ask for the wishes of each person when they leave.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('broadcast_not_found', 404, false, 'This broadcast does not exist.', 'Không tìm thấy thông báo hàng loạt này.');

insert into private.transitions (machine, from_state, event, to_state) values
  ('broadcast', 'initial', 'create', 'draft'),
  ('broadcast', 'draft', 'start', 'running'),
  ('broadcast', 'running', 'pause', 'paused'),
  ('broadcast', 'paused', 'resume', 'running'),
  ('broadcast', 'running', 'complete', 'completed'),
  ('broadcast', 'draft', 'cancel', 'cancelled'),
  ('broadcast', 'running', 'cancel', 'cancelled'),
  ('broadcast', 'paused', 'cancel', 'cancelled');

create table private.broadcast_conditions (
  name text primary key,
  takes text not null,
  condition text not null,
  description text not null,
  constraint broadcast_conditions_name_form check (name ~ '^[a-z][a-z_]{2,40}$'),
  constraint broadcast_conditions_takes_known check (takes in ('true', 'texts', 'days'))
);
comment on table private.broadcast_conditions is 'What a segment may ask of people. A client names conditions and gives values; the SQL is here.';
comment on column private.broadcast_conditions.takes is 'true, texts (1 to 50 of them) or days (1 to 3650).';
comment on column private.broadcast_conditions.condition is 'SQL condition on the profile p; {value} stands for the value as jsonb.';

-- A mistake in a condition is found when it is registered.
create function private.check_broadcast_condition()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  execute format('select from public.profiles p where %s limit 0',
    replace(new.condition, '{value}', format('%L::jsonb', case new.takes when 'true' then 'true' when 'texts' then '["x"]' else '1' end)));
  return new;
end
$$;
create trigger makes_sense before insert or update on private.broadcast_conditions
  for each row execute function private.check_broadcast_condition();

create table public.notification_broadcasts (
  id uuid primary key default gen_random_uuid(),
  template text not null,
  category text not null,
  segment jsonb not null,
  status text not null default 'draft',
  total int,
  written int not null default 0,
  skipped jsonb not null default '{}',
  last_user_id uuid,
  runs int not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  constraint notification_broadcasts_template_once unique (template),
  constraint notification_broadcasts_category_known check (category in ('service', 'marketing')),
  constraint notification_broadcasts_segment_object check (jsonb_typeof(segment) = 'object'),
  constraint notification_broadcasts_status_known check (status in ('draft', 'running', 'paused', 'completed', 'cancelled')),
  constraint notification_broadcasts_counts check (total >= 0 and written >= 0 and runs >= 0),
  constraint notification_broadcasts_started check ((started_at is not null) = (runs > 0) and (started_at is null) = (total is null)),
  constraint notification_broadcasts_status_fits check (case status when 'draft' then runs = 0 when 'cancelled' then true else runs > 0 end),
  constraint notification_broadcasts_ended check ((ended_at is not null) = (status in ('completed', 'cancelled')))
);
create index notification_broadcasts_created_idx on public.notification_broadcasts (created_at desc, id desc);
comment on table public.notification_broadcasts is 'Texts of admins to many people, and how far each is. Written by the commands of admins and the worker; the log has who did what.';
comment on column public.notification_broadcasts.template is 'Its texts in notification_templates.';
comment on column public.notification_broadcasts.category is 'service (about the service people use) or marketing, which goes to those who allowed it.';
comment on column public.notification_broadcasts.segment is 'Conditions of private.broadcast_conditions with their values. {} is everybody.';
comment on column public.notification_broadcasts.status is 'draft, running, paused, completed or cancelled.';
comment on column public.notification_broadcasts.total is 'How many people the segment had at the start. Null before. People who leave it meanwhile are not told, so the sum at the end may be less.';
comment on column public.notification_broadcasts.written is 'How many people were told.';
comment on column public.notification_broadcasts.skipped is 'How many people of the segment were not told, by reason: no_consent (marketing that they did not allow), suspended.';
comment on column public.notification_broadcasts.last_user_id is 'The last person of the last chunk. Null before the first.';
comment on column public.notification_broadcasts.runs is 'How often it was started or resumed.';
select private.attach_state_machine('public.notification_broadcasts', 'broadcast', 'written');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.notification_broadcasts', 'r.last_user_id = $1', 'retain', null, 'Says what the platform told people and how far it is; the log has which admin did it.');
select private.retain_columns('public.notification_broadcasts', 'The name of its texts, and how many people were not told.', 'template', 'skipped');
select private.retain_columns('public.notification_broadcasts', 'How far it is: everybody up to this id has been looked at.', 'last_user_id');
select private.hold_no_persons('private.broadcast_conditions');

alter table public.notification_broadcasts enable row level security;
alter table private.broadcast_conditions enable row level security;
revoke all on public.notification_broadcasts from anon, authenticated, service_role;
grant select on public.notification_broadcasts to authenticated, service_role;
create policy select_admin on public.notification_broadcasts for select to authenticated
  using ((select private.is_admin()));

create function private.last_active_at(p_user_id uuid)
returns timestamptz
language sql stable set search_path = ''
as $$
  select greatest(
    (select max(d.last_seen_at) from private.devices d where d.user_id = p_user_id),
    (select u.last_sign_in_at from auth.users u where u.id = p_user_id))
$$;

insert into private.broadcast_conditions (name, takes, condition, description) values
  ('locales', 'texts', 'p.locale in (select jsonb_array_elements_text({value}))', 'People who read one of these languages.'),
  ('roles', 'texts', 'exists (select from public.user_roles r where r.user_id = p.id and r.role in (select jsonb_array_elements_text({value})))',
    'Staff with one of these roles.'),
  ('provinces', 'texts', 'exists (select from public.addresses a where a.user_id = p.id and private.fold_text(a.province) in (select private.fold_text(v) from jsonb_array_elements_text({value}) v))',
    'People with an address in one of these provinces or cities; diacritics and case do not matter.'),
  ('joined_within_days', 'days', 'p.created_at > now() - make_interval(days => ({value})::int)', 'People who joined in the last days.'),
  ('active_within_days', 'days', 'private.last_active_at(p.id) > now() - make_interval(days => ({value})::int)', 'People who used an app or signed in in the last days.'),
  ('inactive_for_days', 'days', 'coalesce(private.last_active_at(p.id), p.created_at) <= now() - make_interval(days => ({value})::int)', 'People who did neither for so many days.');
