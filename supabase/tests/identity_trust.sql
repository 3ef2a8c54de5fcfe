-- Identity: the credit score as a fold over events, and suspended people.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_admin('boss') as boss, tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_user('other') as other \gset
select tests.make_vehicle(:'host', '{"lat": 8.7, "lng": 104.9}') as vehicle \gset

create function tests.score(p_user uuid)
returns int
language plpgsql volatile
as $$
begin
  set constraints all immediate;
  set constraints all deferred;
  return (select credit_score from public.profiles where id = p_user);
end
$$;

-- events ---------------------------------------------------------------------------------------------------------------
select is(tests.score(:'other'), 500, 'everybody begins at 500');
select is(tests.score(:'renter'), 550, 'a verified licence adds its points');
update public.driver_licences set status = 'rejected', reason = 'forged' where user_id = :'renter';
select is(tests.score(:'renter'), 500, 'a revoked licence takes its points back, also in a table editor');
select is((select count(*)::int from private.trust_events where user_id = :'renter'), 2, 'what was taken back stays as an event and its counter-event');
select tests.make_licence(:'renter') as licence \gset
select private.record_trust_event(:'other', 'trip_completed', 'booking', '10000000-0000-4000-8000-000000000001') from generate_series(1, 3);
select is(tests.score(:'other'), 510, 'one cause counts once');
select private.void_trust_event('trip_completed', 'booking', '10000000-0000-4000-8000-000000000001') from generate_series(1, 3);
select is(tests.score(:'other'), 500, 'one cause is taken back once');
select is(tests.outcome(format($$ select private.record_trust_event(%L, 'kindness', 'booking', gen_random_uuid()) $$, :'other')), '23502', 'a kind that is not registered is refused');
select is(tests.outcome('update private.trust_events set points = 100'), '42501', 'an event cannot be changed');
select is(tests.outcome('delete from private.trust_events'), '42501', 'an event cannot be deleted');
select is(tests.outcome('truncate private.trust_events cascade'), '42501', 'the events cannot be emptied');
select is(tests.outcome(format($$ insert into private.trust_events (user_id, kind, points, source, source_id, voids) select user_id, kind, 5, source, source_id, id from private.trust_events where user_id = %L and voids is null limit 1 $$, :'renter')), '23514', 'a counter-event takes back exactly what it voids');

-- trips ----------------------------------------------------------------------------------------------------------------
create function tests.last_events(p_user uuid)
returns text
language sql stable
as $$ select coalesce(string_agg(kind, ' ' order by id), '') from private.trust_events where user_id = p_user and source = 'booking' $$;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as driven \gset
select tests.drive(:'driven', -20);
select is(tests.last_events(:'renter') || ', ' || tests.last_events(:'host'), 'trip_completed, trip_hosted', 'a completed trip earns both sides trust');
create function tests.under_way(p_renter uuid, p_vehicle uuid, p_hours_ago numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(300), tests.hours(310));
begin
  perform tests.move_trip(v_id, 0);
  perform tests.inspect('check_in', p_renter, v_id, 10);
  perform tests.move_trip(v_id, -p_hours_ago);
  return v_id;
end
$$;
select tests.make_renter('slow') as slow, tests.make_renter('nearly') as nearly, tests.make_vehicle(:'host') as car \gset
select tests.under_way(:'slow', :'car', 10.6) as late \gset
select tests.inspect('check_out', :'host', :'late', 20);
select is(tests.last_events(:'slow'), 'returned_late', 'a vehicle that comes back late costs trust');
select tests.under_way(:'nearly', tests.make_vehicle(:'host'), 10.4) as nearly_late \gset
select tests.inspect('check_out', :'host', :'nearly_late', 20);
select is(tests.last_events(:'nearly'), 'trip_completed', 'some minutes are not late');
select tests.make_renter('fickle') as fickle, tests.make_user('weary') as weary \gset
select tests.make_vehicle(:'weary', '{"cancellation_policy": "strict", "notice_hours": 0}') as strict \gset
select tests.make_paid_booking(:'fickle', :'strict', tests.hours(20), tests.hours(30)) as near, tests.make_paid_booking(:'fickle', :'strict', tests.hours(100), tests.hours(110)) as far,
  tests.make_paid_booking(:'fickle', :'strict', tests.hours(200), tests.hours(210)) as by_host, tests.make_booking(:'fickle', :'strict', tests.hours(18), tests.hours(19)) as unpaid,
  tests.make_paid_booking(:'fickle', :'strict', tests.hours(400), tests.hours(410)) as missed \gset
select tests.as_user(:'fickle');
select (tests.cancel_booking(b)).status from unnest(array[:'near', :'far', :'unpaid']::uuid[]) b;
select tests.as_owner();
select is(tests.last_events(:'fickle'), 'cancelled_late', 'a paid booking that its renter cancels shortly before the start costs trust, another one does not');
select tests.as_user(:'weary');
select (tests.cancel_booking(:'by_host')).status as by_host_status \gset
select tests.as_owner();
select is(tests.last_events(:'weary'), 'host_cancelled', 'a host who cancels a paid booking loses trust');
update public.bookings set status = 'no_show', no_show_by = 'renter', refund_bps = 0 where id = :'missed';
select is(tests.last_events(:'fickle'), 'cancelled_late no_show', 'a move that is made in a table editor counts as well');
select is(tests.score(:'fickle'), 500 + 50 - 30 - 60, 'the score is what the events make');
select is(tests.outcome($$ insert into private.trust_rules (machine, event, audience, kind) values ('booking', 'fly', 'renter', 'trip_completed') $$), '23503', 'a rule names a move that exists');

-- caps -----------------------------------------------------------------------------------------------------------------
select private.record_trust_event(:'other', 'trip_completed', 'booking', gen_random_uuid()) from generate_series(1, 40);
select is(tests.score(:'other'), 700, 'one kind of event adds no more than its cap');
select private.record_trust_event(:'other', 'no_show', 'booking', gen_random_uuid());
select is(tests.score(:'other'), 640, 'a cap of one kind does not soften another');
update private.trust_kinds set cap = 100 where kind = 'trip_completed';
select is(tests.score(:'other'), 540, 'a new cap counts at once');
update private.trust_kinds set points = 20 where kind = 'trip_completed';
select is(tests.score(:'other'), 540, 'new points do not change what was earned');

-- who reads it ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'fickle');
select is((select array_agg(kind || ' ' || points || ' ' || score order by id) from public.trust_history()), '{"licence_verified 50 550","cancelled_late -30 520","no_show -60 460"}', 'a person reads why the score is what it is, step by step');
select is((select array_agg(h.kind) from public.trust_history(jsonb_build_object('id', (select max(id) from public.trust_history())), 1) h), '{cancelled_late}', 'the history is read page by page');
select is((select credit_score from public.profiles where id = :'fickle'), 460, 'a person reads the own score');
select is((select count(*)::int from public.profiles where id = :'slow'), 0, 'a person does not read the score of another');
select is(tests.outcome('select * from private.trust_events'), '42501', 'nobody reads events but by the own history');
select is(tests.outcome(format('update public.profiles set credit_score = 1000 where id = %L', :'fickle')), '42501', 'nobody writes the own score');
select tests.as_visitor();
select is(to_jsonb(p) ? 'credit_score', false, 'a public profile has no score') from public.public_profile(:'slow') p;
select tests.as_owner();
update private.settings set value = '500' where key = 'instant_min_score';
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(24), tests.hours(30))', :'fickle', :'car')), 'score_too_low', 'a setting asks for a score to book without the answer of the host');
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(24), tests.hours(30))', :'nearly', :'car')), 'ok', 'a person with enough trust is not asked');
select is(tests.outcome(format($$ select tests.make_quote(%L, tests.make_vehicle(%L, '{"instant_book": false}'), tests.hours(24), tests.hours(30)) $$, :'fickle', :'host')), 'ok', 'a host who answers requests judges alone');
update private.settings set value = '0' where key = 'instant_min_score';

-- suspended people -----------------------------------------------------------------------------------------------------
select tests.make_renter('rogue') as rogue, tests.make_user('shady') as shady \gset
select tests.make_vehicle(:'shady', '{"lat": 8.7, "lng": 104.9}') as shadys, tests.make_vehicle(:'host', '{"lat": 8.71, "lng": 104.91}') as good \gset
select tests.make_paid_booking(:'rogue', :'good', tests.hours(50), tests.hours(60)) as paid, tests.make_booking(:'rogue', :'good', tests.hours(80), tests.hours(90)) as held,
  tests.make_quote(:'rogue', :'good', tests.hours(100), tests.hours(110)) as quote,
  tests.make_paid_booking(:'renter', :'shadys', tests.hours(30), tests.hours(40)) as of_shady \gset
select tests.as_user(:'rogue');
select is(tests.outcome(format($$ select public.suspend_user(%L, 'x') $$, :'host')), 'forbidden', 'a person cannot suspend another');
select tests.as_user(:'boss');
select is(tests.outcome(format($$ select public.suspend_user(%L, '') $$, :'rogue')), 'invalid_input', 'a suspension has a reason');
select is(tests.outcome(format($$ select public.suspend_user(%L, 'x', now()) $$, :'rogue')), 'invalid_input', 'a suspension does not end before it begins');
select is(tests.outcome(format($$ select public.suspend_user(%L, 'x') $$, :'boss')), 'invalid_input', 'an admin cannot be suspended');
select is((public.suspend_user(:'rogue', 'forged papers', now() + interval '3 days')).reason, 'forged papers', 'an admin suspends a person');
select is((public.suspend_user(:'shady', 'fraud')).until, null, 'a suspension may have no end');
select tests.as_owner();
select is((select count(*)::int from public.notifications where user_id = :'rogue' and template = 'account_suspended'), 1, 'the person is told');
select is((select count(*)::int from private.domain_events where subject_id = :'rogue' and type = 'user.suspended' and actor_id = :'boss'), 1, 'the log says who suspended a person');
select tests.as_user(:'rogue');
select is((select array_agg(code) from public.booking_eligibility(:'good', tests.hours(100), tests.hours(110))), '{account_suspended}', 'a suspended person is told that this is in the way');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'account_suspended', 'a suspended person does not book, also by an older quote');
select is(tests.outcome(format('select public.start_payment(%L, ''vnpay'', gen_random_uuid())', p.id)), 'party_suspended', 'a suspended person does not pay a hold') from public.payments p where p.payable_id = :'held';
select is((select reason from public.user_suspensions), 'forged papers', 'a suspended person reads why');
select tests.as_user(:'shady');
select is(tests.outcome(format('select public.create_vehicle(%L, gen_random_uuid())', tests.listing(jsonb_build_object('plate', '30A-999.99')))), 'account_suspended', 'a suspended person lists nothing');
select tests.as_visitor();
select is((select array_agg(s ->> 'vehicle_id') from public.search_vehicles(8.7, 104.9, 3000, tests.hours(140), tests.hours(150)) s where s ->> 'vehicle_id' = :'shadys'), null, 'the vehicles of a suspended host are not found');
select is((select count(*)::int from public.search_vehicles(8.71, 104.91, 3000, tests.hours(140), tests.hours(150)) s where s ->> 'vehicle_id' = :'good'), 1, 'the vehicles of others are found');
select is((select array_agg(code) from public.booking_eligibility(:'shadys', tests.hours(140), tests.hours(150))), '{unauthenticated,vehicle_not_published}', 'others do not learn that a host is suspended');
select tests.as_owner();
select is((select array_agg(b ->> 'code') from jsonb_array_elements(private.what_blocks_deletion(:'shady')) b where b ->> 'code' = 'suspension'), '{suspension}', 'a suspended person cannot delete the account and begin anew');
select tests.move_trip(:'paid', 0.2);
select is(tests.outcome(format($$ select tests.record_inspection('check_in', %L, %L, 10) $$, :'host', :'paid')), 'party_suspended', 'a vehicle is not handed to a suspended renter');
select tests.as_user(:'renter');
select is(public.cancel_booking_preview(:'of_shady') ->> 'refund_bps', '10000', 'a renter whose host is suspended gets everything back');
select tests.as_owner();

-- the same person with another account
select tests.make_user('again') as again \gset
insert into public.driver_licences (user_id, number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id)
select :'again', number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, tests.make_media(:'again', 'licence'), tests.make_media(:'again', 'licence')
from public.driver_licences where user_id = :'rogue';
select tests.as_user(:'boss');
select is((select l.suspended from public.licences_to_review(page_size => 100) l where l.user_id = :'again'), jsonb_build_array(jsonb_build_object('user_id', :'rogue', 'reason', 'forged papers', 'same', 'licence')), 'a reviewer sees that a suspended person has the same licence number');
select tests.as_owner();
update public.profiles set phone = '+84912000111', phone_verified_at = now() where id = :'other';
select tests.as_user(:'boss');
select (public.suspend_user(:'other', 'abuse')).reason as abuse \gset
select tests.as_owner();
update public.profiles set phone = null, phone_verified_at = null where id = :'other';
update public.profiles set phone = '+84912000111', phone_verified_at = now() where id = :'again';
select tests.as_user(:'boss');
select is((select jsonb_path_query_array(l.suspended, '$[*].same') from public.licences_to_review(page_size => 100) l where l.user_id = :'again' ), '["phone", "licence"]'::jsonb, 'a reviewer sees that a suspended person had the same phone number') where (:'other' < :'rogue')
union all
select is((select jsonb_path_query_array(l.suspended, '$[*].same') from public.licences_to_review(page_size => 100) l where l.user_id = :'again' ), '["licence", "phone"]'::jsonb, 'a reviewer sees that a suspended person had the same phone number') where (:'other' > :'rogue');

-- the end
select is(tests.outcome(format($$ select public.reinstate_user(%L, 'appeal') $$, :'shady')), 'ok', 'an admin ends a suspension');
select is(tests.outcome(format($$ select public.reinstate_user(%L, 'appeal') $$, :'shady')), 'not_found', 'a suspension ends once');
select tests.as_owner();
update public.user_suspensions set created_at = now() - interval '2 days', until = now() where user_id = :'rogue';
select tests.as_user(:'rogue');
select is((select array_agg(code) from public.booking_eligibility(:'good', tests.hours(100), tests.hours(110))), null, 'a suspension is over at its time, though nothing was written');
select tests.as_user(:'boss');
select is((public.suspend_user(:'rogue', 'once more')).reason, 'once more', 'a person can be suspended again');
select tests.as_owner();
select is((select count(*)::int from public.user_suspensions where user_id = :'rogue'), 2, 'the former suspension stays');

select is_empty('select * from private.invariant_trust_score_stale()', 'every stored score is what the events make') from (select tests.settle()) s;
select * from finish();
rollback;
