-- Reviews: writing, releasing, answering, hiding.
-- Rule kept here: both sides' reviews become public in one moment: when the second is written, or when the time to write
-- is over. Nobody changes a review after having read the other one.
-- Left out on purpose: reports of reviews, and the log of what was hidden, which are of reports.

-- Locks the trip's invitations, so that two sides who write at once come one after the other and the second sees the first.
create function private.lock_review(p_booking_id uuid, p_author_id uuid)
returns public.review_invitations
language plpgsql volatile set search_path = ''
as $$
declare
  v_invitation public.review_invitations;
begin
  perform from public.review_invitations where booking_id = p_booking_id order by side for no key update;
  select * into v_invitation from public.review_invitations where booking_id = p_booking_id and author_id = p_author_id;
  return v_invitation;
end
$$;

create function private.write_review(p_booking_id uuid, p_rating int, p_comment text, p_aspects jsonb)
returns public.reviews
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_comment text := private.tidy_lines(coalesce(p_comment, ''));
  v_invitation public.review_invitations;
  v_review public.reviews;
begin
  perform private.take_token('write_review', v_user_id::text);
  if p_rating is null or p_rating not between 1 and 5 then
    perform private.fail_input('rating', 'must be 1 to 5');
  end if;
  if char_length(v_comment) > 2000 then
    perform private.fail_input('comment', 'must have at most 2000 characters');
  end if;
  v_invitation := private.lock_review(p_booking_id, v_user_id);
  if v_invitation.booking_id is null then
    -- the same for a trip that is not over and for one of others
    perform private.fail('review_not_possible');
  end if;
  if not private.are_aspects(v_invitation.side, coalesce(p_aspects, '{}')) then
    perform private.fail_input('aspects', case v_invitation.side
      when 'renter' then 'must be ratings of 1 to 5 by the names cleanliness, accuracy, communication, value'
      else 'must be ratings of 1 to 5 by the names care, punctuality, communication' end);
  end if;
  select * into v_review from public.reviews where booking_id = p_booking_id and side = v_invitation.side;
  if v_review.status in ('released', 'hidden') or v_review.released_at is not null then
    perform private.fail('review_released');
  end if;
  if v_invitation.write_until <= now() then
    perform private.fail('review_not_possible');
  end if;
  insert into public.reviews as r (booking_id, side, author_id, subject_id, vehicle_id, rating, aspects, comment, write_until)
  values (p_booking_id, v_invitation.side, v_user_id, v_invitation.subject_id, v_invitation.vehicle_id, p_rating,
    coalesce(p_aspects, '{}'), v_comment, v_invitation.write_until)
  on conflict (booking_id, side) do update
  set rating = excluded.rating, aspects = excluded.aspects, comment = excluded.comment, status = 'written'
  returning * into v_review;
  perform private.release_reviews_of(p_booking_id);
  select * into v_review from public.reviews where id = v_review.id;
  return v_review;
end
$$;

-- Both have written, so both are public.
create function private.release_reviews_of(p_booking_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if (select count(*) from public.reviews where booking_id = p_booking_id and status <> 'withdrawn') = 2 then
    update public.reviews set status = 'released', released_at = now() where booking_id = p_booking_id and status = 'written';
  end if;
end
$$;

create function public.write_review(booking_id uuid, rating int, comment text default '', aspects jsonb default '{}')
returns public.reviews
language sql volatile set search_path = ''
as $$ select private.write_review($1, $2, $3, $4) $$;
comment on function public.write_review is 'Reviews a completed trip of the caller, or changes the review while only the caller can read it. `rating` is 1 to 5, `comment` has at most 2000 characters, `aspects` are ratings by name: {cleanliness, accuracy, communication, value} by a renter, {care, punctuality, communication} by a host. When both sides have written, or 14 days after the trip (setting review_days), both reviews are public. Repeatable. Errors: review_not_possible, review_released, invalid_input, rate_limited.';
select private.expose_limited('write_review(uuid, int, text, jsonb)', 'write_review', 'auth.uid()', 'authenticated');

create function private.withdraw_review(p_review_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_booking_id uuid := (select booking_id from public.reviews where id = p_review_id and author_id = v_user_id and status <> 'hidden');
begin
  if v_booking_id is null then
    perform private.fail('review_not_found');
  end if;
  perform private.lock_review(v_booking_id, v_user_id);
  update public.reviews set status = 'withdrawn' where id = p_review_id and status in ('written', 'released');
end
$$;
create function public.withdraw_review(review_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.withdraw_review(review_id) $$;
comment on function public.withdraw_review is 'Takes a review of the caller back. It no longer counts and nobody else reads it. One that was not public yet can be written again. Repeatable. Errors: review_not_found (also one that staff has hidden).';
select private.expose('withdraw_review(uuid)', 'authenticated');

create function private.reply_to_review(p_review_id uuid, p_reply text)
returns public.reviews
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_review public.reviews;
  v_reply text := private.tidy_lines(coalesce(p_reply, ''));
begin
  perform private.require_not_suspended(v_user_id);
  if not private.says_something(v_reply) or char_length(v_reply) > 2000 then
    perform private.fail_input('reply', 'must have 1 to 2000 characters');
  end if;
  select * into v_review from public.reviews where id = p_review_id and subject_id = v_user_id for no key update;
  -- as if it were not there: before it is public its subject does not know of it
  if v_review.status is distinct from 'released' then
    perform private.fail('review_not_found');
  elsif v_review.reply = v_reply then
    return v_review;
  elsif v_review.reply is not null then
    perform private.fail('review_answered');
  end if;
  update public.reviews set reply = v_reply, replied_at = now() where id = p_review_id returning * into v_review;
  perform private.notify(v_review.author_id, 'review_answered_author', private.notification_data(v_review), p_review_id::text);
  return v_review;
end
$$;
create function public.reply_to_review(review_id uuid, reply text)
returns public.reviews
language sql volatile set search_path = ''
as $$ select private.reply_to_review(review_id, reply) $$;
comment on function public.reply_to_review is 'Answers a public review about the caller, once, in 1 to 2000 characters. Its author is told. Repeatable with the same text. Errors: review_not_found, review_answered, account_suspended, invalid_input.';
select private.expose('reply_to_review(uuid, text)', 'authenticated');

create function private.hide_review(p_review_id uuid, p_reason text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_staff();
  perform private.require_reason(p_reason);
  perform private.set_audit_context('staff', p_reason);
  update public.reviews set status = 'hidden', hidden_reason = private.tidy_lines(left(p_reason, 500)),
    released_at = coalesce(released_at, case when write_until <= now() then write_until end)
  where id = p_review_id and status in ('written', 'released');
  if not found then
    perform private.fail('review_not_found');
  end if;
end
$$;
create function public.hide_review(review_id uuid, reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.hide_review(review_id, reason) $$;
comment on function public.hide_review is 'Staff: hides a review; it no longer counts. Its author is told the reason. Errors: forbidden, review_not_found (also one that is hidden), invalid_input.';
select private.expose('hide_review(uuid, text)', 'authenticated');

create function private.restore_review(p_review_id uuid, p_reason text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_booking_id uuid;
begin
  perform private.require_staff();
  perform private.require_reason(p_reason);
  perform private.set_audit_context('staff', p_reason);
  select booking_id into v_booking_id from public.reviews where id = p_review_id;
  perform from public.review_invitations where booking_id = v_booking_id order by side for no key update;
  -- one that waited for the other side when it was hidden waits again
  update public.reviews
  set status = case when released_at is null and write_until > now() then 'written' else 'released' end, hidden_reason = null,
    released_at = coalesce(released_at, case when write_until <= now() then write_until end)
  where id = p_review_id and status = 'hidden';
  if not found then
    perform private.fail('review_not_found');
  end if;
  perform private.release_reviews_of(v_booking_id);
end
$$;
create function public.restore_review(review_id uuid, reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.restore_review(review_id, reason) $$;
comment on function public.restore_review is 'Staff: takes back that a review was hidden. One that was public is public and counts again; one that waited for the other side waits again. The reason is for the log. Errors: forbidden, review_not_found (also one that is not hidden), invalid_input.';
select private.expose('restore_review(uuid, text)', 'authenticated');

-- Readers see a review from write_until on; the job makes it count and tells people.
create function private.release_due_reviews()
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_count int;
begin
  with due as (
    select id from public.reviews where status = 'written' and write_until <= now() order by id limit 500 for update skip locked
  )
  update public.reviews r set status = 'released', released_at = r.write_until from due where r.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
select private.schedule_job('journey_reviews', 'Makes reviews count whose time to write is over, and tells people.', '* * * * *', interval '15 minutes', 'select private.release_due_reviews()');
