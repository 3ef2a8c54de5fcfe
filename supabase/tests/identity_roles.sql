-- Identity: roles, the first and the last admin, what support may do, and claims on cases.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

-- the first admin ------------------------------------------------------------------------------------------------------
select tests.make_user('founder') as founder, tests.make_user('unconfirmed') as unconfirmed, tests.make_user('person') as person, tests.make_user('helper') as helper \gset
select email as founder_mail from auth.users where id = :'founder' \gset
select email as unconfirmed_mail from auth.users where id = :'unconfirmed' \gset
update auth.users set email_confirmed_at = now() where id = :'founder';
alter table public.user_roles disable trigger user;
delete from public.user_roles;
alter table public.user_roles enable trigger user;
select is(tests.outcome(format('select private.make_first_admin(%L)', 'nobody-at-all@example.com')), 'not_found', 'an address without an account makes no admin');
select is(tests.outcome(format('select private.make_first_admin(%L)', :'unconfirmed_mail')), 'not_found', 'an address that nobody confirmed makes no admin');
select is((private.make_first_admin(upper(:'founder_mail'))).user_id, :'founder', 'the first admin is made by the confirmed mail address');
select is(tests.outcome(format('select private.make_first_admin(%L)', :'founder_mail')), 'admin_exists', 'there is one first admin');
select is((select cause || ' ' || (data ->> 'role') from private.domain_events where subject_id = :'founder' and type = 'role.granted'), 'first_admin admin', 'the log says how the first admin was made');
select is(array(select r from unnest(array['anon', 'authenticated', 'service_role']) r where has_function_privilege(r, 'private.make_first_admin(text)', 'execute')), '{}', 'no role of the API can make the first admin');

-- giving and taking ----------------------------------------------------------------------------------------------------
select tests.as_user(:'person');
select is(tests.outcome(format($$ select public.grant_role(%L, 'admin', 'me') $$, :'person')), 'forbidden', 'a person cannot give a role');
select is(tests.outcome(format($$ select public.revoke_role(%L, 'admin', 'you') $$, :'founder')), 'forbidden', 'a person cannot take a role');
select tests.as_visitor();
select is(tests.outcome(format($$ select public.grant_role(%L, 'admin', 'me') $$, :'person')), '42501', 'a visitor cannot give a role');
select tests.as_user(:'founder');
select is(tests.outcome(format($$ select public.grant_role(%L, 'support', 'me too') $$, :'founder')), 'invalid_input', 'an admin gives no role to the own account');
select is(tests.outcome(format($$ select public.grant_role(%L, 'owner', 'x') $$, :'helper')), 'invalid_input', 'a role that does not exist is refused');
select is(tests.outcome(format($$ select public.grant_role(%L, 'support', ' ') $$, :'helper')), 'invalid_input', 'a role is given for a reason');
select is(tests.outcome(format($$ select public.grant_role(%L, 'support', 'x') $$, gen_random_uuid())), 'not_found', 'nobody gets no role');
select is((public.grant_role(:'helper', 'support', 'new colleague')).role, 'support', 'an admin makes somebody support');
select is((public.grant_role(:'helper', 'support', 'again')).role, 'support', 'giving a role again changes nothing');
select tests.as_owner();
select is((select array_agg(actor_id || ' ' || reason) from private.domain_events where subject_id = :'helper' and type = 'role.granted'), array[:'founder' || ' new colleague'], 'the log says once who gave the role and why');

-- the last admin -------------------------------------------------------------------------------------------------------
select tests.as_user(:'founder');
select is(tests.outcome(format($$ select public.revoke_role(%L, 'admin', 'leaving') $$, :'founder')), 'last_admin', 'the last admin cannot go');
select tests.as_owner();
select is(tests.outcome('delete from public.user_roles'), 'last_admin', 'the last admin cannot be deleted in a table editor');
select is(tests.outcome($$ update public.user_roles set role = 'support' where role = 'admin' $$), 'last_admin', 'the last admin cannot be made less in a table editor');
select is(tests.outcome('truncate public.user_roles'), '42501', 'the roles cannot be emptied');
select tests.as_user(:'founder');
select (public.grant_role(:'person', 'admin', 'second')).role as second \gset
select is(tests.outcome(format($$ select public.revoke_role(%L, 'admin', 'leaving') $$, :'founder')), 'ok', 'an admin can go when there is another');
select is(tests.outcome(format($$ select public.grant_role(%L, 'admin', 'back') $$, :'founder')), 'forbidden', 'a role that was taken has no effect from the next statement on');
select tests.as_owner();
select is((select reason from private.domain_events where subject_id = :'founder' and type = 'role.revoked'), 'leaving', 'the log says why a role was taken');

-- support --------------------------------------------------------------------------------------------------------------
select tests.make_user('host') as host, tests.make_user('rider') as rider, tests.make_user('colleague') as colleague \gset
insert into public.user_roles (user_id, role) values (:'colleague', 'support');
select tests.make_draft(:'host') as vehicle \gset
insert into public.vehicle_images (vehicle_id, media_id, host_id, position) values (:'vehicle', tests.make_media(:'host', 'vehicle_image'), :'host', 0);
update public.vehicles set status = 'pending_review' where id = :'vehicle';
select tests.make_licence(:'rider') as licence \gset
update public.driver_licences set status = 'rejected', reason = 'x' where id = :'licence';
insert into public.driver_licences (user_id, number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id)
select user_id, uuid_send(gen_random_uuid()), '0001', full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id from public.driver_licences where id = :'licence'
returning id as waiting \gset
select tests.as_user(:'helper');
select is((select count(*)::int from public.licences_to_review(page_size => 100) where id = :'waiting'), 1, 'support reads the licences that wait');
select is((select count(*)::int from public.vehicles_to_review(page_size => 100) where id = :'vehicle'), 1, 'support reads the listings that wait');
select is((select count(*)::int from public.profiles where id in (:'host', :'rider')), 2, 'support reads the profiles of people');
select is((select count(*)::int from public.media m join public.driver_licences l on m.id in (l.front_media_id, l.back_media_id) where l.id = :'waiting'), 2, 'support sees the photos of a licence');
select is((select count(*)::int from public.user_roles where user_id <> :'helper'), 0, 'support does not read who has a role');
select is(tests.outcome(format($$ select public.grant_role(%L, 'support', 'x') $$, :'rider')), 'forbidden', 'support gives no role');
-- every command of admins that support may not call
select is(tests.outcome(statement), 'forbidden', 'support may not: ' || statement)
from unnest(array[
  'select public.refund_payment(gen_random_uuid(), 1, ''x'', gen_random_uuid())', 'select * from public.list_refunds()',
  'select public.propose_payouts()', 'select * from public.list_payouts()', 'select public.freeze_payout(gen_random_uuid(), ''x'')',
  'select public.freeze_payable(gen_random_uuid(), ''x'')', 'select public.cancel_payable(gen_random_uuid(), ''x'', gen_random_uuid())',
  'select * from public.unmatched_money()', 'select * from public.reconcile_ledger()', 'select * from public.check_invariants()',
  'select public.settle_trip(gen_random_uuid(), ''x'', gen_random_uuid())', 'select public.decide_inspection(gen_random_uuid(), true, ''x'')'
]) statement;
select is((select count(*)::int from public.payments) + (select count(*)::int from public.refunds) + (select count(*)::int from public.payouts) + (select count(*)::int from public.bank_accounts), 0, 'support reads no payments, refunds, payouts and bank accounts');

-- claims ---------------------------------------------------------------------------------------------------------------
select is(public.claim_review('licence', :'waiting') ->> 'claimed_by_name', 'helper', 'support claims a case');
select is(public.claim_review('licence', :'waiting') ->> 'claimed_by', :'helper', 'claiming again keeps the case');
select is(tests.outcome(format($$ select public.claim_review('licence', %L) $$, gen_random_uuid())), 'not_found', 'a case that does not exist cannot be claimed');
select is(tests.outcome(format($$ select public.claim_review('licence', %L) $$, :'licence')), 'illegal_transition', 'a case that does not wait cannot be claimed');
select is(tests.outcome(format($$ select public.claim_review('payout', %L) $$, :'licence')), 'invalid_input', 'what is reviewed is a licence or a vehicle');
select tests.as_user(:'colleague');
select is(tests.outcome_details(format($$ select public.claim_review('licence', %L) $$, :'waiting')) - '{claimed_at,expires_at}'::text[], jsonb_build_object('code', 'review_claimed', 'claimed_by', :'helper', 'claimed_by_name', 'helper'), 'another reviewer is told who has the case');
select is(tests.outcome(format($$ select public.review_licence(%L, 'verify') $$, :'waiting')), 'review_claimed', 'another reviewer does not decide a claimed case');
select is((select claim ->> 'claimed_by_name' from public.licences_to_review(page_size => 100) where id = :'waiting'), 'helper', 'the queue shows who has a case');
select is(tests.outcome(format($$ select public.release_review('licence', %L) $$, :'waiting')), 'ok', 'giving back what one has not is no error');
select is(tests.outcome(format($$ select public.claim_review('licence', %L) $$, :'waiting')), 'review_claimed', 'giving back leaves the claim of another reviewer');
select tests.as_user(:'rider');
select is(tests.outcome(format($$ select public.claim_review('licence', %L) $$, :'waiting')), 'forbidden', 'a person cannot claim a case');
select tests.as_owner();
update private.review_claims set claimed_at = now() - interval '20 minutes', expires_at = now() where subject_id = :'waiting';
select tests.as_user(:'colleague');
select is(public.claim_review('licence', :'waiting') ->> 'claimed_by_name', 'colleague', 'a claim whose time is over keeps nobody away');
select tests.as_owner();
delete from public.user_roles where user_id = :'colleague';
select tests.as_user(:'helper');
select is(public.claim_review('licence', :'waiting') ->> 'claimed_by_name', 'helper', 'the claim of one who is no reviewer any more keeps nobody away');
select is((public.review_licence(:'waiting', 'verify')).status, 'verified', 'support decides the case it has claimed');
select is(public.claim_review('vehicle', :'vehicle') ->> 'claimed_by_name', 'helper', 'support claims a listing');
select is(tests.outcome(format($$ select public.release_review('vehicle', %L) $$, :'vehicle')), 'ok', 'support gives a case back');
select tests.as_owner();
select is((select count(*)::int from private.review_claims where subject_id in (:'waiting', :'vehicle')), 0, 'a decided case and one that was given back have no claim');

select * from finish();
rollback;
