-- Reviews: what renter and host say of each other after a trip.
-- Rule kept here: only the two sides of a completed booking write, once each: a review points to an invitation, which
-- the completing transaction writes. A review that the other side must not see yet is unreadable by row policy.
-- Left out on purpose: ratings, which follow from the reviews that are out (reviews_ratings).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('review_not_found', 404, false, 'We could not find this review. Reload and try again.', 'Không tìm thấy đánh giá này. Vui lòng tải lại rồi thử lại.'),
  ('review_not_possible', 409, false, 'This trip can no longer be reviewed: the time for it is over, or there was no trip.', 'Không thể đánh giá chuyến đi này: đã hết thời hạn hoặc chuyến đi chưa hoàn tất.'),
  ('review_released', 409, false, 'This review is public already, so it can no longer be changed.', 'Đánh giá này đã được công khai nên không thể sửa nữa.'),
  ('review_answered', 409, false, 'This review has a reply already.', 'Đánh giá này đã có phản hồi.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('write_review', 20, 1);

alter table private.settings
  add constraint settings_review_days check (key <> 'review_days' or private.is_whole(value, 1, 60));
insert into private.settings (key, value, description) values
  ('review_days', '14', 'Days after the end of a trip in which both sides may review it. Then what was written becomes public.');

insert into private.transitions (machine, from_state, event, to_state) values
  ('review', 'initial', 'write', 'written'),
  ('review', 'written', 'release', 'released'),
  ('review', 'written', 'withdraw', 'withdrawn'),
  ('review', 'released', 'withdraw', 'withdrawn'),
  ('review', 'withdrawn', 'rewrite', 'written'),
  ('review', 'written', 'hide', 'hidden'),
  ('review', 'released', 'hide', 'hidden'),
  ('review', 'hidden', 'restore', 'released'),
  ('review', 'hidden', 'restore_unreleased', 'written');

create table public.review_invitations (
  booking_id uuid not null references public.bookings on delete restrict,
  side text not null,
  author_id uuid not null references public.profiles on delete restrict,
  subject_id uuid not null references public.profiles on delete restrict,
  vehicle_id uuid not null references public.vehicles on delete restrict,
  write_until timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (booking_id, side),
  -- what a review repeats
  constraint review_invitations_whole unique (booking_id, side, author_id, subject_id, vehicle_id),
  constraint review_invitations_side_known check (side in ('renter', 'host')),
  constraint review_invitations_two_people check (author_id <> subject_id)
);
create index review_invitations_author_idx on public.review_invitations (author_id, write_until);
create index review_invitations_subject_idx on public.review_invitations (subject_id);
create index review_invitations_vehicle_idx on public.review_invitations (vehicle_id);
comment on table public.review_invitations is 'Who may review which trip, and until when. Written when the booking is completed.';
comment on column public.review_invitations.side is 'Whose review it is: the renter''s, about vehicle and host, or the host''s, about the renter.';
comment on column public.review_invitations.subject_id is 'The person whom it is about.';
comment on column public.review_invitations.write_until is 'Until when it may be written. At that moment what was written is public.';

create function private.are_aspects(p_side text, p_aspects jsonb)
returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select case when jsonb_typeof(p_aspects) = 'object' then
    (select coalesce(bool_and(
        key = any (case p_side when 'renter' then '{cleanliness,accuracy,communication,value}'::text[] else '{care,punctuality,communication}' end)
        and private.is_whole(value, 1, 5)), true)
      from jsonb_each(p_aspects))
    else false end
$$;

create table public.reviews (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null,
  side text not null,
  author_id uuid not null,
  subject_id uuid not null,
  vehicle_id uuid not null,
  status text not null default 'written',
  rating int not null,
  aspects jsonb not null default '{}',
  comment text not null default '',
  reply text,
  replied_at timestamptz,
  hidden_reason text,
  write_until timestamptz not null,
  released_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint reviews_invited foreign key (booking_id, side, author_id, subject_id, vehicle_id)
    references public.review_invitations (booking_id, side, author_id, subject_id, vehicle_id) on delete restrict,
  constraint reviews_one_per_side unique (booking_id, side),
  constraint reviews_rating_range check (rating between 1 and 5),
  constraint reviews_aspects_known check (private.are_aspects(side, aspects)),
  constraint reviews_comment_tidy check (private.is_tidy_lines(comment) and char_length(comment) <= 2000),
  constraint reviews_reply_tidy check (reply is null or private.says_something(reply) and private.is_tidy_lines(reply) and char_length(reply) <= 2000),
  constraint reviews_reply_dated check ((reply is null) = (replied_at is null)),
  constraint reviews_reply_after_release check (reply is null or released_at is not null),
  constraint reviews_hidden_with_reason check ((status = 'hidden') = (hidden_reason is not null)),
  constraint reviews_hidden_reason_tidy check (hidden_reason is null or private.says_something(hidden_reason) and private.is_tidy_lines(hidden_reason)),
  constraint reviews_released_dated check (case status when 'written' then released_at is null when 'released' then released_at is not null else true end)
);
create index reviews_of_vehicle_idx on public.reviews (vehicle_id, released_at desc, id desc) where side = 'renter' and status = 'released';
create index reviews_of_person_idx on public.reviews (subject_id, released_at desc, id desc) where status = 'released';
create index reviews_author_idx on public.reviews (author_id, created_at desc, id desc);
create index reviews_invitation_idx on public.reviews (booking_id, side, author_id, subject_id, vehicle_id);
create index reviews_due_idx on public.reviews (write_until) where status = 'written';
comment on table public.reviews is 'Reviews of trips. One that is written is seen by its author alone until both sides wrote or write_until is over. When an account is deleted, its reviews stay under the name of a deleted user.';
comment on column public.reviews.side is 'renter: about vehicle and host. host: about the renter.';
comment on column public.reviews.subject_id is 'The person whom it is about, who may reply once.';
comment on column public.reviews.status is 'Machine review. written (only its author reads it; public from write_until on, whether or not the move was written), released (public), withdrawn by its author, or hidden by staff.';
comment on column public.reviews.rating is '1 to 5.';
comment on column public.reviews.aspects is 'Ratings of single aspects, 1 to 5 each, all optional: {cleanliness, accuracy, communication, value} of a renter, {care, punctuality, communication} of a host.';
comment on column public.reviews.comment is 'Empty when its author says nothing more.';
comment on column public.reviews.reply is 'What its subject answers, once. Null without one.';
comment on column public.reviews.hidden_reason is 'Why staff has hidden it; its author is told. Null unless hidden.';
comment on column public.reviews.write_until is 'As its invitation says. It is public from then on.';
comment on column public.reviews.released_at is 'When it became public. Null before.';
select private.attach_state_machine('public.reviews', 'review', 'rating');
create trigger touch before update on public.reviews for each row execute function private.touch();
create trigger never_deleted before delete or truncate on public.reviews
  for each statement execute function private.forbid_change();

alter table public.review_invitations enable row level security;
alter table public.reviews enable row level security;
revoke all on public.review_invitations, public.reviews from anon, authenticated, service_role;
grant select on public.review_invitations to authenticated, service_role;
grant select on public.reviews to anon, authenticated, service_role;
create policy select_own on public.review_invitations for select to authenticated
  using (author_id = (select auth.uid()) or (select private.is_staff()));
create policy select_public on public.reviews for select to anon
  using (status = 'released' or (status = 'written' and write_until <= now()));
create policy select_public_or_own on public.reviews for select to authenticated
  using (status = 'released' or (status = 'written' and write_until <= now()) or author_id = (select auth.uid()) or (select private.is_staff()));

-- The completing transaction invites both sides.
create function private.invite_reviews()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_until timestamptz := greatest(now(), coalesce(new.checked_out_at, new.ends_at)) + make_interval(days => (private.setting('review_days'))::int);
begin
  insert into public.review_invitations (booking_id, side, author_id, subject_id, vehicle_id, write_until) values
    (new.id, 'renter', new.renter_id, new.host_id, new.vehicle_id, v_until),
    (new.id, 'host', new.host_id, new.renter_id, new.vehicle_id, v_until);
  return null;
end
$$;
create trigger invite_reviews after update of status on public.bookings
  for each row when (new.status = 'completed' and old.status <> 'completed')
  execute function private.invite_reviews();

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.review_invitations', '$1 in (r.author_id, r.subject_id)', 'retain', '{booking_id,side,write_until}', 'Says between which two people a trip was, as the booking does.'),
  ('public.reviews', 'r.author_id = $1', 'retain', null, 'A review informs others. It stays under the name of a deleted user; who wants it gone withdraws it before.');
select private.retain_columns('public.review_invitations', 'The parties of the booking, which is retained.', 'author_id', 'subject_id');
select private.retain_columns('public.reviews', 'The parties of the booking, which is retained.', 'author_id', 'subject_id');
select private.retain_columns('public.reviews', 'What was said about a trip, for those who decide by it.', 'comment', 'reply', 'hidden_reason', 'aspects');
