-- Identity: a person deletes the account. Who may, what is in the way, and what is true afterwards.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_renter('lan') as lan, tests.make_renter('minh') as minh, tests.make_renter('renter') as renter, tests.make_user('host') as host,
  tests.make_user('earner') as earner, tests.make_admin('admin') as admin, tests.make_user('nobody') as nobody \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'earner') as rented \gset

-- who may --------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.delete_account()'), '42501', 'a visitor cannot delete an account');
select tests.as_user(:'nobody');
select is(tests.outcome('select public.delete_account()'), 'step_up_required', 'a person cannot delete the account without a step-up');
select is(tests.outcome(format('select public.erase_leftovers(%L)', :'nobody')), '42501', 'a person cannot erase what is left of somebody');
select is(tests.outcome(format('select private.delete_person(%L, %L)', :'lan', 'x')), '42501', 'a person cannot delete the account of somebody else');
select tests.as_owner();
select is(tests.outcome(format('select private.erase_leftovers(%L)', :'lan')), 'not_found', 'the worker erases nobody whose account is not deleted');

-- what is in the way ---------------------------------------------------------------------------------------------
create function tests.blockers(p_user uuid) returns text language sql volatile as $$
  select string_agg(b ->> 'code' || ' ' || (b ->> 'count'), ', ' order by b ->> 'code') from jsonb_array_elements(private.what_blocks_deletion(p_user)) b $$;
select is(tests.blockers(:'lan'), null, 'nothing is in the way of an account that never did anything');
select is(tests.blockers(:'host'), null, 'a listing without a trip is not in the way');
select is(tests.blockers(:'admin'), 'platform_role 1', 'a role on the platform is in the way');
select tests.make_booking(:'minh', :'vehicle', tests.hours(30), tests.hours(31)) as held, tests.make_paid_booking(:'minh', :'vehicle', tests.hours(50), tests.hours(51)) as paid \gset
select is(tests.blockers(:'minh'), 'live_booking 2, open_payment 1', 'trips and payments that are under way are in the way of their renter');
select is(tests.blockers(:'host'), 'live_booking 2', 'a listing with live trips is in the way of its host');
select tests.step_up(:'minh');
select tests.as_user(:'minh');
select is(tests.outcome_details('select public.delete_account()') -> 'blockers' -> 0 ->> 'code', 'live_booking', 'the refusal names what is in the way');
select is(jsonb_array_length(tests.outcome_details('select public.delete_account()') -> 'blockers'), 2, 'the refusal names all that is in the way at once');
select ok(tests.outcome_details('select public.delete_account()') #> '{blockers,0,ids}' ? :'paid', 'the refusal names the trips by id');
select ok(tests.outcome_details('select public.delete_account()') #>> '{blockers,1,message_vi}' like 'Bạn còn%', 'the refusal says in Vietnamese what to do');
select tests.as_owner();
select tests.as_user(:'minh');
select tests.cancel_booking(:'paid');
select tests.as_owner();
select tests.run_out(:'held');
select is(tests.blockers(:'minh'), 'open_payment 1, open_refund 1', 'a refund that is under way is in the way, and a hold that is over is not');
select tests.make_paid_booking(:'renter', :'rented', tests.hours(30), tests.hours(31)) as driven \gset
select tests.drive(:'driven', -3);
select is(tests.blockers(:'renter'), 'live_booking 1', 'a deposit that is not returned is in the way');
update public.bookings set claim_until = now() - interval '1 second' where id = :'driven';
select is(tests.blockers(:'earner'), 'live_booking 1, money_owed 1', 'money that is owed to a host is in the way');
update public.bookings set deposit_status = 'returned', deposit_returned = deposit_amount where id = :'driven';
select private.freeze_money(:'driven', 'under review');
select is(tests.blockers(:'renter'), 'frozen_money 1', 'money that is frozen is in the way');
select private.unfreeze_money(:'driven');
select tests.provider_says(a.reference, 'succeeded', p_transaction_id => 'twice')
from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = :'driven';
select is(tests.blockers(:'renter'), 'unmatched_money 1', 'money that fits no payment is in the way');
select tests.step_up(:'earner');
select tests.as_user(:'earner');
select public.set_bank_account('970436', '0123456789', 'EARNER', gen_random_uuid());
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = :'earner';
select private.schedule_payouts();
select is(tests.blockers(:'earner'), 'open_payout 1', 'a payout that is under way is in the way');
select tests.make_user('banned') as banned \gset
insert into public.user_suspensions (user_id, reason) values (:'banned', 'abuse');
select is(tests.blockers(:'banned'), 'suspension 1', 'a suspension is in the way, so that nobody deletes the account to begin anew');
-- groups are tried in chat.sql, the others in the files of charges, complaints and ticketing
select is((select array_agg(name order by name) from private.account_blockers where name <> all ('{group_admin,live_complaint,live_event,live_order,open_charge,unearned_tickets,valid_ticket,waiting_place}')),
  array['frozen_money', 'live_booking', 'money_owed', 'open_payment', 'open_payout', 'open_refund', 'platform_role', 'suspension', 'unmatched_money'], 'every blocker is met above');
select is(tests.outcome($$ insert into private.account_blockers values ('no_such', 'x', 'x') $$), '42883', 'a blocker without a function is refused');

-- gone -----------------------------------------------------------------------------------------------------------
select lower(email) as lan_email from auth.users where id = :'lan' \gset
select tests.make_quote(:'lan', :'vehicle', tests.hours(200), tests.hours(210)) as quote \gset
select tests.make_vehicle(:'lan') as listing, tests.make_draft(:'lan') as draft \gset
select tests.settle();
delete from private.outbox;
select tests.step_up(:'lan');
select tests.as_user(:'lan');
select ok(public.delete_account() ? 'deleted_at', 'a person can delete the account after a step-up');
select is((public.delete_account() ->> 'deleted_at')::timestamptz, now(), 'deleting the account again answers when it was deleted, although its session has ended');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'licence_required', 'a token that lives on cannot book for a deleted account');
select is(tests.outcome($$ select public.set_bank_account('970436', '0123456789', 'LAN', gen_random_uuid()) $$), 'step_up_required', 'a token that lives on cannot add a bank account to a deleted account');
update public.profiles set display_name = 'Back again' where id = :'lan';
select set_config('role', 'none', true);
select is(tests.outcome('select private.require_step_up()'), 'step_up_required', 'the token of a deleted account opens no sensitive command');
select tests.as_owner();
select is(tests.outcome(format('select tests.make_licence(%L)', :'lan')), 'account_deleted', 'no licence can be stored for a deleted account');
select is((select display_name || bio from public.profiles where id = :'lan'), 'Deleted user', 'the name is gone, and a token that lives on cannot set another');
select is_empty(format('select * from public.public_profile(%L)', :'lan'), 'nobody sees a deleted profile');
select is((select count(*) from auth.sessions where user_id = :'lan'), 0::bigint, 'all sessions of a deleted account end');
select ok((select banned_until > now() + interval '10 years' from auth.users where id = :'lan'), 'nobody signs in to a deleted account before Auth has deleted it');
select is((select array_agg(status order by status) from public.vehicles where host_id = :'lan'), array['archived', 'archived'], 'the listings of a deleted account are archived');
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(300), tests.hours(310))', :'renter', :'listing')), 'vehicle_not_found', 'nobody can book a listing of a deleted account');
select is((select array_agg(topic order by topic) from private.outbox where payload ->> 'user_id' = :'lan'), array['delete_auth_user', 'erase_leftovers', 'erase_leftovers'], 'Auth and the files are left to the outbox');
select is(
  (select private.auth_message_to_send((payload ->> 'auth_message_id')::uuid) ->> 'to' from private.outbox where topic = 'auth_message'), :'lan_email',
  'the address that the account had is told of the deletion');
select is((select count(*)::int from jsonb_array_elements(public.erase_leftovers(:'lan')) f where f ->> 'path' like :'lan' || '/%'), 3, 'the worker is told of the photos of licence and listing');
select is((public.erase_leftovers(:'lan') -> 0) ? 'bucket', true, 'what the worker is told can be repeated until the bytes are gone');
select is((select count(*) from public.media where owner_id = :'lan' and status <> 'deleted'), 0::bigint, 'no file of a deleted account can be read');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ insert into private.personal_data values ('a', 'b', 'retain', null, 'X.') $$)), '42501', 'a person cannot touch the registry');
select tests.as_owner();
update auth.users set email = 'hash', encrypted_password = null, deleted_at = now() where id = :'lan';
select lives_ok(format($$ insert into auth.users (id, email) values (gen_random_uuid(), %L) $$, :'lan_email'), 'the mail address is free for a new account once Auth has deleted the old one');

select * from finish();
rollback;
