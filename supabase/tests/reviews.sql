-- Reviews: who may write, what nobody reads before its time, and what counts.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000 where action = 'write_review';
select tests.make_vehicle(:'host') as vehicle \gset
create function tests.trip(p_renter uuid, p_vehicle uuid, p_from numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10));
begin
  perform tests.drive(v_id, 10);
  return v_id;
end
$$;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(900), tests.hours(910)) as ahead \gset
select tests.trip(:'renter', :'vehicle', 100) as trip \gset
select tests.trip(:'renter', :'vehicle', 200) as second \gset
select tests.trip(:'renter', :'vehicle', 300) as third \gset

-- the renter --------------------------------------------------------------------------------------------------------
select is((select status from public.bookings where id = :'trip'), 'completed', 'the trip is over');
select tests.as_user(:'renter');
select is((select count(*)::int from public.reviews_to_write()), 3, 'a renter is asked to review each completed trip');
select is((select count(*)::int from public.review_invitations), 3, 'a renter sees the own invitations only');
select is(tests.outcome(format($$ select private.write_review(%L, 5, 'x', '{}') $$, :'ahead')), 'review_not_possible', 'a trip that is not over cannot be reviewed');
select is(tests.outcome(format($$ select private.write_review(%L, 6, 'x', '{}') $$, :'trip')), 'invalid_input', 'a rating above 5 is refused');
select is(tests.outcome(format($$ select private.write_review(%L, 0, 'x', '{}') $$, :'trip')), 'invalid_input', 'a rating below 1 is refused');
select is(tests.outcome(format($$ select private.write_review(%L, null, 'x', '{}') $$, :'trip')), 'invalid_input', 'a review without a rating is refused');
select is(tests.outcome(format($$ select private.write_review(%L, 5, 'x', '{"care": 5}') $$, :'trip')), 'invalid_input', 'an aspect of the other side is refused');
select is(tests.outcome(format($$ select private.write_review(%L, 5, 'x', '{"value": 6}') $$, :'trip')), 'invalid_input', 'an aspect above 5 is refused');
select is(tests.outcome(format($$ select private.write_review(%L, 5, 'x', '[5]') $$, :'trip')), 'invalid_input', 'aspects that are no object are refused');
select is(tests.outcome(format($$ select private.write_review(%L, 5, repeat('x', 2001), '{}') $$, :'trip')), 'invalid_input', 'a comment of more than 2000 characters is refused');
select (public.write_review(:'trip', 2, 'Dirty car', '{"cleanliness": 1}')) ->> 'status' as written \gset
select is(:'written'::text, 'written', 'a first review waits for the other side');
select is((select comment from public.reviews where booking_id = :'trip'), 'Dirty car', 'an author reads the own review');
select public.write_review(:'trip', 3, 'Rather dirty car', '{"cleanliness": 2}') is not null;
select is((select rating || ' ' || comment from public.reviews where booking_id = :'trip'), '3 Rather dirty car', 'an author can change a review that waits');
select is(tests.outcome($$ insert into public.reviews (rating) values (5) $$), '42501', 'nobody writes a review past the command');
select is(tests.outcome($$ update public.reviews set rating = 5 $$), '42501', 'nobody changes a review past the command');

-- the other side reads nothing of it --------------------------------------------------------------------------------
select tests.as_user(:'host');
select is_empty(format($$ select from public.reviews where booking_id = %L $$, :'trip'), 'the other side does not read a review that waits');
select is((select other_has_written from public.reviews_to_write() where booking_id = :'trip'), true, 'the other side learns that there is one');
select is((select other_has_written from public.reviews_to_write() where booking_id = :'second'), false, 'nobody has written about the second trip');
select is_empty($$ select from public.notifications where data ? 'rating' or body like '%Dirty%' or body like '%dirty%' $$, 'no notification carries the rating or the words of a review that waits');
select is((select count(*)::int from public.notifications where template = 'review_written_subject'), 1, 'the other side is told once that there is a review');
select is_empty($$ select * from public.list_reviews(of_user_id => auth.uid()) $$, 'no list shows a review that waits');
select tests.as_owner();
select id as review from public.reviews where booking_id = :'trip' \gset
select tests.as_user(:'host');
select is(tests.outcome(format($$ select public.reply_to_review(%L, 'Sorry') $$, :'review')), 'review_not_found', 'a review that waits cannot be answered');
select is(tests.outcome(format($$ select public.withdraw_review(%L) $$, :'review')), 'review_not_found', 'nobody withdraws the review of another');
select is((select rating_count from public.vehicles where id = :'vehicle'), 0, 'a review that waits does not count');
select tests.as_user(:'stranger');
select is_empty($$ select from public.reviews $$, 'a stranger reads no review that waits');
select is_empty($$ select from public.review_invitations $$, 'a stranger sees no invitation');
select is(tests.outcome(format($$ select private.write_review(%L, 5, 'x', '{}') $$, :'trip')), 'review_not_possible', 'a stranger cannot review a trip');

-- both have written -------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select public.write_review(:'trip', 4, 'Friendly renter', '{"punctuality": 5}') ->> 'status' as second_status \gset
select is(:'second_status'::text, 'released', 'the second review makes both public');
select is((select count(*)::int from public.reviews where booking_id = :'trip' and status = 'released'), 2, 'each side reads both reviews');
select is(tests.outcome(format($$ select private.write_review(%L, 1, 'Revenge', '{}') $$, :'trip')), 'review_released', 'nobody changes a review after reading the other one');
select tests.as_visitor();
select is((select array_agg(comment order by comment) from public.reviews), '{"Friendly renter","Rather dirty car"}', 'a visitor reads public reviews');
select is((select array_agg(rating) from public.list_reviews(of_vehicle_id => :'vehicle')), '{3}', 'the list of a vehicle has the reviews of renters only');
select is((select author_name from public.list_reviews(of_user_id => :'renter')), 'host', 'the list of a person names the author');
select is((select array_agg((r ->> 'rating') || ' ' || (r ->> 'author_name')) from jsonb_array_elements(public.vehicle_detail(:'vehicle') -> 'reviews') r), array['3 renter'], 'the page of a vehicle shows its newest reviews');
select is(tests.outcome($$ select public.list_reviews() $$), 'invalid_input', 'a list needs a vehicle or a person');
select tests.as_owner();
select is((select rating_average || ' ' || rating_count from public.vehicles where id = :'vehicle'), '3.00 1', 'the vehicle has the rating of the renter');
select is((select rating_average || ' ' || rating_count from public.profiles where id = :'host'), '3.00 1', 'the host has the rating of the renter');
select is((select rating_average || ' ' || rating_count from public.profiles where id = :'renter'), '4.00 1', 'the renter has the rating of the host');
select is((select rating_rank from public.vehicles where id = :'vehicle'), 4.0000, 'few reviews count less than many');

-- a reply -----------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome(format($$ select public.reply_to_review(%L, '   ') $$, :'review')), 'invalid_input', 'a blank reply is refused');
select is((public.reply_to_review(:'review', 'We have cleaned it.')).reply, 'We have cleaned it.', 'its subject can answer a public review');
select is((public.reply_to_review(:'review', 'We have cleaned it.')).reply, 'We have cleaned it.', 'the same reply again is the same reply');
select is(tests.outcome(format($$ select public.reply_to_review(%L, 'Another') $$, :'review')), 'review_answered', 'a review is answered once');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.reply_to_review(%L, 'Mine') $$, :'review')), 'review_not_found', 'an author cannot answer the own review');
select is((select count(*)::int from public.notifications where template = 'review_answered_author'), 1, 'the author is told of the reply');

-- staff -------------------------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ select public.hide_review(%L, 'insult') $$, :'review')), 'forbidden', 'a person cannot hide a review');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.hide_review(%L, '') $$, :'review')), 'invalid_input', 'hiding needs a reason');
select public.hide_review(:'review', 'Names a third person');
select is(tests.outcome(format($$ select public.hide_review(%L, 'again') $$, :'review')), 'review_not_found', 'a hidden review is not hidden again');
select tests.as_visitor();
select is_empty(format($$ select from public.reviews where id = %L $$, :'review'), 'a visitor does not read a hidden review');
select tests.as_user(:'renter');
select is((select hidden_reason from public.my_reviews() where id = :'review'), 'Names a third person', 'an author reads why a review was hidden');
select is(tests.outcome(format($$ select public.withdraw_review(%L) $$, :'review')), 'review_not_found', 'an author cannot take a hidden review out of the hands of staff');
select is((select body like '%Names a third person%' from public.notifications where template = 'review_hidden_author'), true, 'the author is told the reason');
select tests.as_owner();
select is((select rating_count from public.vehicles where id = :'vehicle'), 0, 'a hidden review does not count');
select tests.as_user(:'admin');
select public.restore_review(:'review', 'Appeal');
select is(tests.outcome(format($$ select public.restore_review(%L, 'x') $$, :'review')), 'review_not_found', 'a public review cannot be restored');
select tests.as_owner();
select is((select rating_average || ' ' || rating_count from public.vehicles where id = :'vehicle'), '3.00 1', 'a restored review counts again');

-- the time to write -------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select public.write_review(:'second', 5, '', '{}') is not null;
select tests.as_owner();
alter table public.reviews disable trigger store_ratings;
update public.review_invitations set write_until = now() where booking_id = :'second';
update public.reviews set write_until = now() where booking_id = :'second';
alter table public.reviews enable trigger store_ratings;
select tests.as_visitor();
select is((select count(*)::int from public.reviews where booking_id = :'second'), 1, 'a review is readable when the time to write is over, before any job has run');
select tests.as_user(:'host');
select is(tests.outcome(format($$ select private.write_review(%L, 1, 'late', '{}') $$, :'second')), 'review_not_possible', 'nobody writes when the time is over');
select is_empty(format($$ select from public.reviews_to_write() where booking_id = %L $$, :'second'), 'nobody is asked for a review when the time is over');
select tests.as_owner();
select is(private.release_due_reviews(), 1, 'the job releases what is due');
select is(private.release_due_reviews(), 0, 'the job releases nothing twice');
select is((select rating_average || ' ' || rating_count from public.vehicles where id = :'vehicle'), '4.00 2', 'a review that was released by its time counts');

-- withdrawn ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select public.write_review(:'third', 1, 'Never again', '{}') is not null;
select id as withdrawn from public.reviews where booking_id = :'third' \gset
select public.withdraw_review(:'withdrawn');
select public.withdraw_review(:'withdrawn');
select tests.as_user(:'host');
select public.write_review(:'third', 5, 'Fine', '{}') ->> 'status' as alone \gset
select is(:'alone'::text, 'written', 'a review that was withdrawn does not make the other one public');
select tests.as_user(:'renter');
select public.write_review(:'third', 2, 'Not so good', '{}') ->> 'status' as rewritten \gset
select is(:'rewritten'::text, 'released', 'a review that was withdrawn before it was public can be written again');
select public.withdraw_review(:'withdrawn');
select is(tests.outcome(format($$ select private.write_review(%L, 1, 'Revenge', '{}') $$, :'third')), 'review_released', 'a review that was public is not written again');
select tests.as_owner();
select is((select rating_average || ' ' || rating_count from public.vehicles where id = :'vehicle'), '4.00 2', 'a review that was withdrawn no longer counts');

-- what cannot be stored ---------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ insert into public.reviews (booking_id, side, author_id, subject_id, vehicle_id, rating, write_until) values (%L, 'renter', %L, %L, %L, 5, now()) $$, :'ahead', :'renter', :'host', :'vehicle')), '23503', 'a review of a trip that is not over cannot be stored');
select is(tests.outcome(format($$ update public.reviews set author_id = %L where id = %L $$, :'stranger', :'review')), '23503', 'a review by somebody else cannot be stored');
select is(tests.outcome($$ delete from public.reviews $$), '42501', 'a review is never deleted');
select is(tests.outcome(format($$ update public.reviews set status = 'written', released_at = null, reply = null, replied_at = null where id = %L $$, :'review')), 'illegal_transition', 'a public review does not wait again');
select tests.settle();
select is(tests.broken_promises(), null, 'every promise is kept');

select * from finish();
rollback;
