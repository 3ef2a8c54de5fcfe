-- Notifications: rows, templates and inboxes.
-- Rule kept here: one row per person and cause (dedupe key), numbered without gaps per person, so that a
-- client sees at once when one is missing; texts are rendered from versioned templates and stored.
-- Left out on purpose: preferences, push, SMS and quiet hours: later files of this module.

create table private.inboxes (
  user_id uuid primary key references public.profiles on delete cascade,
  last_seq bigint not null default 0
) with (fillfactor = 50);
comment on table private.inboxes is 'The counter of each person''s notifications. Its row is locked last and for a short time by every transaction that numbers or counts them.';
comment on column private.inboxes.last_seq is 'The seq of the newest notification; 0 without one.';

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  -- null only until the transaction commits
  seq bigint,
  category text not null,
  template text not null,
  template_version int not null,
  locale text not null,
  title text not null,
  body text not null,
  data jsonb not null,
  dedupe_key text not null,
  read_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint notifications_seq_once unique (user_id, seq),
  constraint notifications_one_per_cause unique (user_id, dedupe_key)
);
create index notifications_unnumbered_idx on public.notifications (user_id) where seq is null;
create index notifications_unread_idx on public.notifications (user_id) where read_at is null and deleted_at is null;
comment on table public.notifications is 'The notifications of people. `seq` counts without gaps for each person.';
comment on column public.notifications.category is 'Of the template, for filters and settings of a client.';
comment on column public.notifications.title is 'Rendered from the template when it was written, in the language of its person then; so is body.';
comment on column public.notifications.data is 'The values of the text, and ids with which a client opens the thing it speaks of. An amount is {amount, currency} in minor units, a time {at, time_zone}, a period {from, to, time_zone}, a day {day}; everything else is text.';
comment on column public.notifications.dedupe_key is 'The cause. A person gets one notification for one cause.';
comment on column public.notifications.deleted_at is 'Taken off the list by its person. Null while it is shown.';

alter table public.notifications enable row level security;
revoke all on public.notifications from anon, authenticated, service_role;
grant select on public.notifications to authenticated, service_role;
create policy select_own on public.notifications for select to authenticated
  using (user_id = (select auth.uid()) and deleted_at is null);

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.inboxes', 'r.user_id = $1', 'retain', '{}', 'A counter of notifications, which says nothing about its person.'),
  ('public.notifications', 'r.user_id = $1', 'erase', null, 'Messages to somebody who is gone.');
