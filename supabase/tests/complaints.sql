-- Complaints: who may open, answer and read them, what the record keeps, and what a decision does with the money.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000 where action in ('open_complaint', 'change_complaint');
select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger,
  tests.make_admin('admin') as admin, tests.make_user('support') as support \gset
insert into public.user_roles (user_id, role) values (:'support', 'support');
select tests.make_vehicle(:'host') as vehicle \gset
create function tests.complain(p_payable uuid, p_category text default 'other', p_more jsonb default '{}')
returns uuid
language plpgsql volatile
as $$
begin
  return (private.open_complaint(p_payable, p_category, coalesce(p_more ->> 'description', 'The vehicle was not clean'), coalesce(p_more ->> 'outcome', 'refund'),
    coalesce((p_more ->> 'key')::uuid, gen_random_uuid()), (p_more ->> 'amount')::bigint,
    array(select jsonb_array_elements_text(coalesce(p_more -> 'evidence', '[]'))::uuid))).id;
end
$$;
create function tests.complain_outcome(p_payable uuid, p_category text default 'other', p_more jsonb default '{}')
returns text
language sql volatile
as $$ select tests.outcome(format('select tests.complain(%L, %L, %L)', p_payable, p_category, p_more)) $$;
-- As the admin who decides, for what the preview shows.
create function tests.resolve(p_complaint uuid, p_refund bigint default 0, p_deposit bigint default 0, p_cancels boolean default false)
returns text
language plpgsql volatile
as $$
declare
  v_preview jsonb := public.preview_resolution(p_complaint, p_refund, p_deposit, p_cancels);
begin
  return (public.resolve_complaint(p_complaint, 'As the photos show', (v_preview ->> 'host_change')::bigint, gen_random_uuid(), p_refund, p_deposit, p_cancels)).status;
end
$$;
create function tests.trip(p_renter uuid, p_vehicle uuid, p_from numeric, p_ended numeric default -5)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10));
begin
  perform tests.drive(v_id, -10 + p_ended);
  return v_id;
end
$$;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(900), tests.hours(910)) as ahead,
  tests.make_booking(:'renter', :'vehicle', tests.hours(700), tests.hours(710)) as unpaid,
  tests.trip(:'renter', :'vehicle', 100) as trip \gset
select tests.settle();

-- opening -----------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.complain_outcome(:'ahead'), 'complaint_not_possible', 'nobody complains about a trip before its booked start');
select is(tests.complain_outcome(:'unpaid'), 'complaint_not_possible', 'nobody complains about a booking that was never paid');
select is(tests.complain_outcome(:'trip', 'damage'), 'invalid_input', 'a renter cannot choose a category of hosts');
select is(tests.complain_outcome(:'trip', 'other', '{"description": "short"}'), 'invalid_input', 'a complaint needs a description');
select is(tests.complain_outcome(:'trip', 'other', '{"outcome": "revenge"}'), 'invalid_input', 'a complaint wants something that support can give');
select is(tests.complain_outcome(:'trip', 'other', '{"amount": 99999999}'), 'invalid_input', 'nobody wants more back than was paid');
select is(tests.complain_outcome(:'trip', 'other', '{"outcome": "explanation", "amount": 5}'), 'invalid_input', 'an explanation has no amount');
select tests.as_user(:'stranger');
select is(tests.complain_outcome(:'trip'), 'payable_not_found', 'a stranger cannot complain about a booking of others');
select tests.as_user(:'admin');
select is(tests.complain_outcome(:'trip'), 'payable_not_found', 'an admin who is no party does not complain either');
select tests.as_owner();
select tests.make_media(:'renter', 'evidence_image') as photo, tests.make_media(:'host', 'evidence_image') as host_photo, tests.make_media(:'renter', 'avatar') as avatar, gen_random_uuid() as key \gset
select tests.as_user(:'renter');
select is(tests.complain_outcome(:'trip', 'unclean', jsonb_build_object('evidence', jsonb_build_array(:'host_photo'))), 'media_not_found', 'a picture of somebody else is no evidence of mine');
select is(tests.complain_outcome(:'trip', 'unclean', jsonb_build_object('evidence', jsonb_build_array(:'avatar'))), 'media_not_found', 'a picture for another purpose is no evidence');
select is((select count(*)::int from public.complaints), 0, 'a refused complaint leaves nothing');
select tests.complain(:'trip', 'unclean', jsonb_build_object('key', :'key', 'evidence', jsonb_build_array(:'photo'))) as complaint \gset
select is(tests.complain(:'trip', 'unclean', jsonb_build_object('key', :'key', 'evidence', jsonb_build_array(:'photo'))), :'complaint'::uuid, 'the same complaint with the same key is one complaint');
select is(tests.complain_outcome(:'trip'), 'complaint_exists', 'one side has one complaint about a booking');
select tests.as_owner();
select tests.settle();
select is(private.is_frozen(:'trip'), true, 'opening a complaint freezes the money of the booking');
select is((select status from public.complaints where id = :'complaint'), 'open', 'a new complaint is open');
select conversation_id as thread, code from public.complaints where id = :'complaint' \gset
select is((select array_agg(b) from private.account_blocker_live_complaint(:'host') b), array[:'complaint'::uuid], 'an account is kept until its complaint is decided');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'trip')), 'money_frozen', 'the deposit of a disputed booking does not move');
select tests.as_owner();
update public.bookings set claim_until = now() - interval '1 second' where id = :'trip';
select is(private.return_due_deposits(), 0, 'the job returns no deposit of a disputed booking');
select is(private.schedule_payouts(1), null::uuid, 'nothing of a disputed booking is paid out');

-- who reads ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is((select title || ' ' || is_mine || ' ' || status from public.my_complaints()), 'Toyota Vios Hà Nội false open', 'the other side sees the complaint');
select is((select count(*)::int from public.notifications where template = 'complaint_opened_other'), 1, 'the other side is told');
select is((select count(*)::int from public.media where id = :'photo'), 1, 'the other side sees the evidence');
select is((select count(*)::int from public.messages where conversation_id = :'thread'), 1, 'the other side is in the conversation');
select is(tests.outcome($$ insert into public.complaints (code) values ('x') $$), '42501', 'nobody writes a complaint past the command');
select is(tests.outcome($$ update public.complaints set finding = 'x' $$), '42501', 'nobody changes a complaint past the command');
select tests.as_user(:'stranger');
select is_empty('select from public.complaints', 'a stranger reads no complaint');
select is_empty('select from public.complaint_parties', 'a stranger does not learn who is in dispute');
select is_empty('select from public.complaint_records', 'a stranger reads no record');
select is_empty('select from public.complaint_evidence', 'a stranger reads no evidence');
select is_empty(format('select from public.media where id = %L', :'photo'), 'a stranger sees no picture of it');
select is(tests.outcome(format('select public.complaint_detail(%L)', :'complaint')), 'complaint_not_found', 'a stranger does not learn that there is a complaint');
select is(tests.outcome(format('select public.complaint_record(%L)', :'complaint')), 'complaint_not_found', 'a stranger does not learn that there is a record');
select tests.as_user(:'support');
select is((select count(*)::int from public.notifications where template = 'complaint_opened_staff'), 1, 'every member of support gets a notification');
select is((select code || ' ' || can_decide from public.complaints_to_decide()), :'code' || ' false', 'support finds it in the queue');

-- the record --------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select public.complaint_record(:'complaint') as record \gset
select is((:'record'::jsonb ->> 'sha256'), encode(sha256(convert_to(:'record'::jsonb ->> 'record', 'UTF8')), 'hex'), 'both sides compute the hash of the record themselves');
select is((:'record'::jsonb ->> 'is_intact')::boolean, true, 'the server finds the record intact');
select is((select data ->> 'record_sha256' from public.messages where conversation_id = :'thread' and seq = 1), :'record'::jsonb ->> 'sha256', 'the first message of the conversation has the hash');
select (:'record'::jsonb ->> 'record')::jsonb as frozen \gset
select is((:'frozen'::jsonb #>> '{booking,status}'), 'completed', 'the record has the state of the booking');
select is(jsonb_array_length(:'frozen'::jsonb #> '{booking,inspections}'), 2, 'the record has both inspections');
select is((select array_agg(distinct jsonb_array_length(i -> 'photos')) from jsonb_array_elements(:'frozen'::jsonb #> '{booking,inspections}') i), '{5}', 'the record has each photo of them');
select is(:'frozen'::jsonb #>> '{booking,inspections,0,photos,0,sha256}', repeat('a', 64), 'the record has the hash of a photo');
select is(:'frozen'::jsonb #>> '{booking,inspections,1,odometer_km}', '20', 'the record has the odometer');
select is((select sum((l ->> 'amount')::bigint) from jsonb_array_elements(:'frozen'::jsonb #> '{booking,lines}') l), 4814405::numeric, 'the record has the price lines');
select is(:'frozen'::jsonb #>> '{payment,amount}', '4814405', 'the record has what was paid');
select is(:'frozen'::jsonb #>> '{complaint,evidence,0,media_id}', :'photo', 'the record has the evidence');
select tests.as_owner();
select is(tests.outcome($$ update public.complaint_records set record = '{}' $$), '42501', 'nobody changes a record');
select is(tests.outcome($$ delete from public.complaint_records $$), '42501', 'nobody deletes a record');
select is(private.canonical_json('{"b": [1, 1.50, true, null], "a": "x\"\u00e9\n\\", "aa": {}, "Z": []}'), '{"Z":[],"a":"x\"é\n\\","aa":{},"b":[1,1.5,true,null]}', 'the canonical form sorts names and has no blanks');
alter table public.complaint_records disable trigger immutable;
select is(tests.outcome($$ update public.complaint_records set record = '{}' $$), '23514', 'a record that does not fit its hash cannot be stored');
alter table public.complaint_records enable trigger immutable;

-- the freeze stays --------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.unfreeze_payable(%L)', :'trip')), 'complaint_live', 'an admin cannot end the freeze of a live complaint by ending all freezes');
select tests.as_owner();

-- the statement -----------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format('select private.answer_complaint(%L, %L, %L)', :'complaint', 'Mine', '{}')), 'forbidden', 'the side that complains does not answer itself');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.answer_complaint(%L, %L, %L)', :'complaint', 'Mine', '{}')), 'complaint_not_found', 'a stranger answers no complaint');
select is(tests.outcome(format('select private.add_complaint_evidence(%L, %L)', :'complaint', array[:'photo'])), 'complaint_not_found', 'a stranger adds no evidence');

-- support -----------------------------------------------------------------------------------------------------------
select is(tests.outcome(format('select public.assign_complaint(%L)', :'complaint')), 'forbidden', 'a person takes no complaint');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.reject_complaint(%L, 'no reason') $$, :'complaint')), 'illegal_transition', 'nobody decides a complaint that nobody has taken');
select tests.as_user(:'support');
select is(tests.outcome(format('select public.assign_complaint(%L, %L)', :'complaint', :'stranger')), 'invalid_input', 'a complaint is given to staff only');
select is((public.assign_complaint(:'complaint')).status, 'in_review', 'support takes a complaint');
select is((public.assign_complaint(:'complaint')).assignee_id, :'support'::uuid, 'taking it is safe to repeat');
select is((select array_agg(data ->> 'code' order by seq) from public.messages where conversation_id = :'thread'), '{complaint_opened,complaint_in_review}', 'support reads the conversation from its beginning');
select is(tests.outcome(format('select public.preview_resolution(%L)', :'complaint')), 'forbidden', 'support does not see what a decision would move');
select is(tests.outcome(format($$ select public.resolve_complaint(%L, 'x y z', 0, gen_random_uuid()) $$, :'complaint')), 'forbidden', 'support moves no money');
select is((public.hand_back_complaint(:'complaint', 'Holiday')).status, 'open', 'support hands a complaint back');
select is((public.assign_complaint(:'complaint', :'admin')).assignee_id, :'admin'::uuid, 'support gives a complaint to an admin');
select tests.as_user(:'admin');
select is((select count(*)::int from public.notifications where template = 'complaint_assigned'), 1, 'an admin is told of a complaint that was given to them');
select is((select assignee_name from public.complaints_to_decide(of_assignee_id => :'admin')), 'admin', 'the queue of one of the staff has it');
select tests.as_user(:'renter');
select is((select count(*)::int from public.notifications where template = 'complaint_in_review'), 2, 'who complains is told each time that somebody looks into it');

-- the decision ------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select public.preview_resolution(:'complaint', 500000) as preview \gset
select is(:'preview'::jsonb - '{complaint_id,currency}'::text[], '{"refundable_amount": 1814405, "deposit_left": 3000000, "cancel_refund_amount": 0, "refund_amount": 500000,
  "host_gives": 374779, "platform_gives": 88184, "tax_gives": 37037, "deposit_to_host": 0, "host_change": -374779, "parts": []}', 'the preview says whose money a refund is');
select is(tests.outcome(format('select public.preview_resolution(%L, 1814406)', :'complaint')), 'complaint_amount_too_high', 'nothing beyond what was paid can go back');
select is(tests.outcome(format('select public.preview_resolution(%L, -1)', :'complaint')), 'invalid_input', 'a refund is not negative');
select is(tests.outcome(format('select public.preview_resolution(%L, 0, 3000001)', :'complaint')), 'complaint_amount_too_high', 'nobody gets more of a deposit than there is');
select is(tests.outcome(format('select tests.resolve(%L, 500000)', :'complaint')), 'statement_awaited', 'no money moves before the other side was heard');
select tests.as_user(:'host');
select is((private.answer_complaint(:'complaint', 'It was clean', array[:'host_photo']::uuid[])).speaker_id, :'host'::uuid, 'the other side answers');
select is((private.answer_complaint(:'complaint', 'It was clean', array[:'host_photo']::uuid[])).statement, 'It was clean', 'answering is safe to repeat');
select is(tests.outcome(format('select private.answer_complaint(%L, %L, %L)', :'complaint', 'It was not', '{}')), 'invalid_input', 'nobody changes the own answer');
select tests.as_user(:'renter');
select is((select count(*)::int from public.notifications where template = 'complaint_answered'), 1, 'who complains is told of the answer');
select is((select count(*)::int from public.complaint_evidence where complaint_id = :'complaint'), 2, 'who complains sees the evidence of the other side');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.resolve_complaint(%L, 'As the photos show', 0, gen_random_uuid(), 500000) $$, :'complaint')), 'complaint_amounts_changed', 'nobody decides for other amounts than were shown');
select is(tests.outcome(format($$ select public.resolve_complaint(%L, '', -374779, gen_random_uuid(), 500000) $$, :'complaint')), 'invalid_input', 'a decision needs a reason');
select is(tests.outcome(format($$ select public.resolve_complaint(%L, 'All of it', 0, gen_random_uuid(), 0, 0, true) $$, :'complaint')), 'invalid_input', 'a trip that is over cannot be cancelled');
select tests.as_owner();
delete from private.step_ups where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format('select tests.resolve(%L, 500000)', :'complaint')), 'step_up_required', 'a stolen session moves no money');
select tests.as_owner();
select tests.step_up(:'admin');
select private.balance('host_payable', :'host') as earned \gset
select tests.as_user(:'admin');
select is(tests.resolve(:'complaint', 500000), 'resolved', 'an admin decides for it');
select tests.as_owner();
select tests.settle();
select is(private.balance('host_payable', :'host') - :earned, -374779::bigint, 'the host gives the own share');
select is((select kind || ' ' || amount || ' ' || credit_amount || ' ' || credit_tax_amount from public.refunds where payable_id = :'trip'), 'complaint 500000 500000 37037', 'the refund is ordered with its tax');
select is(private.is_frozen(:'trip'), false, 'the decision ends the freeze');
select is_empty('select * from private.reconcile_ledger()', 'the books prove the refund');
select is(tests.outcome(format($$ update public.complaints set refund_amount = 1, host_gives = 1, platform_gives = 0, tax_gives = 0 where id = %L $$, :'complaint')), '42501', 'nobody changes a decision that moved money');
select tests.as_user(:'host');
select ok((select body like '%As the photos show%' and body like '%500,000%' from public.notifications where template = 'complaint_resolved'), 'the other side reads amount and reason');
select is(tests.outcome(format('select private.add_complaint_evidence(%L, %L)', :'complaint', array[:'host_photo'])), 'complaint_over', 'a decided complaint takes no evidence');
select is(tests.outcome(format('select public.withdraw_complaint(%L)', :'complaint')), 'forbidden', 'the other side withdraws no complaint');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.withdraw_complaint(%L)', :'complaint')), 'complaint_over', 'a decided complaint is not withdrawn');
select is(tests.complain_outcome(:'trip'), 'complaint_exists', 'a decided complaint is not opened anew');
select tests.as_owner();
select is(private.return_due_deposits(), 1, 'the deposit goes back when the freeze has ended');

-- the time to talk --------------------------------------------------------------------------------------------------
update public.complaints set closes_at = now() where id = :'complaint';
select tests.as_user(:'renter');
select is((select status from public.my_complaints(of_payable_id => :'trip')), 'closed', 'a decision is closed at its time, before any job has run');
select tests.as_owner();
select is(private.close_complaints(), 1, 'the job closes what is over');
select is(private.close_complaints(), 0, 'the job closes nothing twice');
select isnt((select closed_at from public.conversations where id = :'thread'), null, 'its conversation is closed with it');

-- a second complaint, of the other side, and what is left -----------------------------------------------------------
select tests.as_user(:'host');
select tests.complain(:'trip', 'unclean', '{"outcome": "explanation"}') as second \gset
select tests.as_user(:'admin');
select public.assign_complaint(:'second') is not null;
select is((public.preview_resolution(:'second') ->> 'refundable_amount')::bigint, 1314405::bigint, 'what went back before is not given twice');
select tests.as_owner();
update public.complaints set statement_until = now() where id = :'second';
select tests.as_user(:'admin');
select is(tests.resolve(:'second', 1314405), 'resolved', 'all that is left can go back when the other side is silent');
select tests.as_owner();
select tests.settle();
select is_empty('select * from private.reconcile_ledger()', 'the books prove the second refund');
select is((select sum(amount) from public.refunds where payable_id = :'trip'), 4814405::numeric, 'everything that was paid is back, and nothing more');
select is((select array_agg(amount order by kind) from private.earned_money(:'trip')), null, 'nobody keeps anything of it');

-- part of the deposit for the host ----------------------------------------------------------------------------------
select tests.make_user('third host') as third_host \gset
select tests.trip(:'renter', tests.make_vehicle(:'third_host'), 150) as scratched \gset
select tests.as_user(:'third_host');
select tests.complain(:'scratched', 'damage', '{"outcome": "deposit", "amount": 1200000}') as damage \gset
select tests.as_owner();
update public.complaints set statement_until = now() where id = :'damage';
select private.balance('host_payable', :'third_host') as before_damage \gset
select tests.as_user(:'admin');
select public.assign_complaint(:'damage') is not null;
select is((public.preview_resolution(:'damage', 0, 1200000) ->> 'host_change')::bigint, 1200000::bigint, 'the preview says what the host gets of the deposit');
select is(tests.resolve(:'damage', 100000, 1200000), 'resolved', 'a decision takes part of the deposit and gives back part of the price');
select tests.as_owner();
select tests.settle();
select is(private.balance('host_payable', :'third_host') - :before_damage, 1200000 - (select host_gives from public.complaints where id = :'damage'), 'the host has that part of the deposit');
update public.bookings set claim_until = now() - interval '1 second' where id = :'scratched';
select is(private.return_due_deposits(), 1, 'the rest of the deposit goes back');
select is((select array_agg(kind || ' ' || amount order by kind) from public.refunds where payable_id = :'scratched'), '{"complaint 100000","deposit 1800000"}', 'the renter gets what is left of it');
select tests.settle();
select is_empty('select * from private.reconcile_ledger()', 'the books prove what was taken of a deposit');

-- earnings that were paid out --------------------------------------------------------------------------------------
select tests.trip(:'renter', :'vehicle', 200, -26) as late \gset
select tests.step_up(:'host');
select tests.as_user(:'host');
select public.set_bank_account('970436', '0123456789', 'HOST', gen_random_uuid());
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = :'host';
update public.bookings set claim_until = now() - interval '1 second' where id = :'late';
select private.return_due_deposits();
select private.schedule_payouts(1) as batch \gset
select is((select amount from public.payouts where user_id = :'host'), 1360001::bigint, 'the host is to be paid for the trip');
select tests.as_user(:'renter');
select tests.complain(:'late', 'overcharged') as overcharged \gset
select tests.as_owner();
select is((select status from public.payouts where user_id = :'host'), 'frozen', 'a payout that is not sent is frozen');
update public.complaints set statement_until = now() where id = :'overcharged';
select tests.as_user(:'admin');
select public.assign_complaint(:'overcharged') is not null;
select tests.resolve(:'overcharged', 1000000);
select tests.as_owner();
select tests.settle();
select is((select status from public.payouts where user_id = :'host'), 'cancelled', 'a payout that was not sent is computed anew');
select private.schedule_payouts(1) as again \gset
select is((select amount from public.payouts where batch_id = :'again'), 610443::bigint, 'the next payout has what is left');
select tests.as_user(:'admin');
select public.approve_payout_batch(:'again');
select tests.as_owner();
update public.payouts set provider = 'manual' where batch_id = :'again';
select tests.as_user(:'admin');
select public.record_manual_payout((select id from public.payouts where batch_id = :'again'), 'FT12345');
select tests.as_user(:'host');
select tests.complain(:'late', 'other', '{"outcome": "explanation"}') as after_payout \gset
select tests.as_owner();
update public.complaints set statement_until = now() where id = :'after_payout';
select tests.as_user(:'admin');
select public.assign_complaint(:'after_payout') is not null;
select tests.resolve(:'after_payout', 814405);
select tests.as_owner();
select tests.settle();
select is(private.balance('host_payable', :'host'), -610443::bigint, 'a host who was paid already owes what goes back');
select is_empty('select * from private.reconcile_ledger()', 'the books prove a refund out of earnings that were paid out');

-- a trip that did not begin -----------------------------------------------------------------------------------------
select tests.make_vehicle(tests.make_user('other host')) as other_vehicle \gset
select tests.make_paid_booking(:'renter', :'other_vehicle', tests.hours(300), tests.hours(310)) as waiting \gset
select tests.move_trip(:'waiting', -1);
select tests.as_user(:'renter');
select tests.complain(:'waiting', 'no_handover') as no_handover \gset
select tests.as_owner();
update public.complaints set statement_until = now() where id = :'no_handover';
select tests.as_user(:'admin');
select public.assign_complaint(:'no_handover') is not null;
select is(tests.outcome(format('select public.preview_resolution(%L, 1)', :'no_handover')), 'complaint_amount_too_high', 'a trip that is not over is not refunded in part');
select is(tests.outcome(format($$ select public.resolve_complaint(%L, 'Nobody came', 0, gen_random_uuid(), 5, 0, true) $$, :'no_handover')), 'complaint_amounts_changed', 'cancelling gives back what the preview shows');
select is(tests.resolve(:'no_handover', 4814405, 0, true), 'resolved', 'a decision cancels a trip that did not begin');
select tests.as_owner();
select tests.settle();
select is((select status || ' ' || cancelled_by from public.bookings where id = :'waiting'), 'cancelled admin', 'the booking is cancelled with it');
select is((select kind || ' ' || amount from public.refunds where payable_id = :'waiting'), 'host_cancellation 4814405', 'everything goes back to the renter');

-- rejected, and taken up again; withdrawn ---------------------------------------------------------------------------
select tests.trip(tests.make_renter('second renter'), :'other_vehicle', 400) as quiet \gset
select renter_id as second_renter from public.bookings where id = :'quiet' \gset
select tests.as_user(:'second_renter');
select tests.complain(:'quiet') as weak \gset
select tests.as_user(:'support');
select public.assign_complaint(:'weak') is not null;
select is((public.reject_complaint(:'weak', 'Nothing to be seen')).status, 'rejected', 'support rejects a complaint');
select is((public.reject_complaint(:'weak', 'Nothing to be seen')).outcome, 'rejected', 'rejecting is safe to repeat');
select tests.as_owner();
select is(private.is_frozen(:'quiet'), false, 'a rejection ends the freeze');
select is((select count(*)::int from public.refunds where payable_id = :'quiet'), 0, 'a rejection moves no money');
select tests.as_user(:'support');
select is((public.reopen_complaint(:'weak', 'New photo')).status, 'in_review', 'support takes a rejected complaint up again');
select tests.as_owner();
select is(private.is_frozen(:'quiet'), true, 'the money is frozen again');
select tests.as_user(:'second_renter');
select is((public.withdraw_complaint(:'weak')).outcome, 'withdrawn', 'who complains withdraws it');
select is((public.withdraw_complaint(:'weak')).status, 'closed', 'withdrawing is safe to repeat');
select tests.as_owner();
select is(private.is_frozen(:'quiet'), false, 'a withdrawn complaint ends the freeze');
select tests.as_user(:'second_renter');
select is(tests.complain_outcome(:'quiet'), 'ok', 'a withdrawn complaint can be opened anew');
select tests.as_owner();
select tests.step_up(:'second_renter');
select tests.as_user(:'second_renter');
select ok(tests.outcome_details('select public.delete_account()') -> 'blockers' @> '[{"code": "live_complaint"}]', 'a party of a live complaint does not delete the account');
select tests.as_owner();
select is(tests.outcome(format($$ update public.complaints set status = 'rejected' where payable_id = %L and status = 'open' $$, :'quiet')), '23514', 'an open complaint cannot be set to rejected without a decision');
select is(tests.outcome($$ delete from public.complaints $$), '42501', 'a complaint is never deleted');

-- too late ----------------------------------------------------------------------------------------------------------
select tests.trip(:'renter', :'other_vehicle', 500) as old \gset
select tests.move_trip(:'old', -400);
select tests.as_user(:'renter');
select is(tests.complain_outcome(:'old'), 'complaint_not_possible', 'nobody complains when the time is over');
select tests.as_owner();

-- orders of tickets -------------------------------------------------------------------------------------------------
select tests.make_user('organizer') as organizer, tests.make_user('buyer') as buyer \gset
select tests.make_event(:'organizer') as event \gset
select tests.make_paid_order(:'buyer', :'event', 2) as bought \gset
select tests.as_user(:'stranger');
select is(tests.complain_outcome(:'bought'), 'payable_not_found', 'a stranger cannot complain about an order of others');
select tests.as_user(:'buyer');
select is(tests.complain_outcome(:'bought', 'no_handover'), 'invalid_input', 'a buyer cannot choose a category of trips');
select tests.complain(:'bought', 'not_as_described') as about_order \gset
select is(tests.outcome(format('select public.cancel_order(%L, 1000000, gen_random_uuid())', :'bought')), 'order_not_cancellable', 'a disputed order is not cancelled by its buyer');
select tests.as_user(:'organizer');
select is((select title from public.my_complaints()), 'Đêm nhạc mùa đông', 'the organizer sees the complaint');
select is((private.answer_complaint(:'about_order', 'The programme had changed', '{}')).speaker_id, :'organizer'::uuid, 'the organizer answers the complaint');
select is(((public.complaint_record(:'about_order') ->> 'record')::jsonb #>> '{order,items,0,amount}')::bigint, 1000000::bigint, 'the record has what was bought');
select tests.as_user(:'admin');
select public.assign_complaint(:'about_order') is not null;
select is((public.preview_resolution(:'about_order', 0, 0, true) ->> 'refund_amount')::bigint, 1000000::bigint, 'the preview says what cancelling the order gives back');
select tests.resolve(:'about_order', 1000000, 0, true);
select tests.as_owner();
select tests.settle();
select is((select status from public.orders where id = :'bought'), 'cancelled', 'a decision cancels the tickets of an order');
select is_empty('select * from private.reconcile_ledger()', 'the books prove the cancelled order');
select private.return_due_deposits();
select tests.settle();
select is(tests.broken_promises(), null, 'every promise is kept');

select * from finish();
rollback;
