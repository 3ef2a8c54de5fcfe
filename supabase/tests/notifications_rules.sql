-- Notification rules: who is told of a move, whether a command or a plain UPDATE in Studio makes it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
-- Going back to a savepoint takes pgTAP's own count along, so the number is said here and finish() has none to give.
select plan(37);

select tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"title": "Honda City 2022"}') as vehicle \gset
create function tests.told(p_user_id uuid, p_template text)
returns text[]
language sql stable
as $$ select coalesce(array_agg(body order by created_at), '{}') from public.notifications where user_id = p_user_id and template = p_template $$;

-- Studio: a plain UPDATE by the owner of the tables ------------------------------------------------------------------
select is(cardinality(tests.told(:'renter', 'licence_verified')), 1, 'a licence that is verified in Studio is told to its owner');
select is(cardinality(tests.told(:'host', 'vehicle_published')), 1, 'a listing that is published in Studio is told to its host');
select private.set_audit_context('admin', 'the photos are blurred');
update public.vehicles set status = 'suspended' where id = :'vehicle';
select private.set_audit_context(null);
update public.vehicles set status = 'published' where id = :'vehicle';
update public.vehicles set status = 'suspended' where id = :'vehicle';
select ok((tests.told(:'host', 'vehicle_suspended'))[1] like '%the photos are blurred%', 'the host reads the reason of a suspension in Studio');
select ok((tests.told(:'host', 'vehicle_suspended'))[2] like '%—%', 'a suspension without a reason can be read too');
select is(cardinality(tests.told(:'host', 'vehicle_suspended')), 2, 'a host who is suspended twice is told twice');
select is(cardinality(tests.told(:'host', 'vehicle_published')), 2, 'a host who is reinstated is told');
select is((select count(*)::int from tests.mails() m where m.user_id = :'host'), 2, 'each suspension is mailed, and no publication');
update public.vehicles set status = 'published' where id = :'vehicle';
update public.driver_licences set status = 'rejected', reason = 'it is a copy' where user_id = :'renter';
select ok((tests.told(:'renter', 'licence_rejected'))[1] like '%it is a copy%', 'a licence that is rejected in Studio is told to its owner with the reason');
select count(*) as before from public.notifications \gset
update public.vehicles set title = 'Another car' where id = :'vehicle';
update public.vehicles set status = 'pending_review' where id = :'vehicle';
select is((select count(*) from public.notifications), :before::bigint, 'a move without a rule tells nobody');
update public.vehicles set status = 'published' where id = :'vehicle';

-- a command and Studio tell the same ---------------------------------------------------------------------------------
select tests.make_licence(:'renter') is not null as has_licence \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(300), tests.hours(310)) as booking \gset
savepoint confirmed;
select tests.as_user(:'renter');
select (public.cancel_booking_preview(:'booking') ->> 'refund_amount')::bigint as refund \gset
select (tests.cancel_booking(:'booking')).status as cancelled \gset
select tests.as_owner();
create temporary table by_command on commit drop as
  select user_id, template, title, body from public.notifications where template like 'booking_cancelled%';
select is((select count(*)::int from by_command), 2, 'a cancellation is told to renter and host');
select ok((select bool_and(body like '%' || private.format_money(:refund, 'VND', 'en') || '%') from by_command where user_id = :'renter'), 'the renter reads what comes back');
select json_agg(c)::text as by_command from by_command c \gset
rollback to confirmed;
update public.bookings set status = 'cancelled', cancelled_at = now(), cancelled_by = 'renter', refund_bps = 10000 where id = :'booking';
select set_eq(
  $$ select user_id, template, title, body from public.notifications where template like 'booking_cancelled%' $$,
  format($$ select * from json_to_recordset(%L) c (user_id uuid, template text, title text, body text) $$, :'by_command'),
  'a cancellation in Studio tells the same people the same'
);
rollback to confirmed;

-- one move, and what it means by the state before it ------------------------------------------------------------------
select tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset
select tests.make_booking(:'renter', :'asking', tests.hours(400), tests.hours(410)) as unanswered \gset
select tests.make_booking(:'renter', :'asking', tests.hours(420), tests.hours(430)) as withdrawn \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(400), tests.hours(410)) as unpaid \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(420), tests.hours(430)) as dropped \gset
select tests.make_booking(:'renter', :'asking', tests.hours(440), tests.hours(450)) as promised \gset
select tests.as_user(:'host');
select (public.answer_booking(:'promised', true, gen_random_uuid())).status as accepted \gset
select tests.as_user(:'renter');
select (tests.cancel_booking(:'promised')).status as cancelled \gset
select tests.as_owner();
update public.bookings set status = 'expired' where id in (:'unanswered', :'unpaid');
select tests.as_user(:'renter');
select (tests.cancel_booking(:'withdrawn')).status as cancelled \gset
select (tests.cancel_booking(:'dropped')).status as cancelled \gset
select tests.as_owner();
create function tests.told_of(p_booking_id uuid, p_user_id uuid, p_template text default 'booking_%')
returns text
language sql stable
as $$
  select string_agg(template, ' ' order by template) from public.notifications
  where user_id = p_user_id and data ->> 'booking_id' = p_booking_id::text and template like p_template
$$;
select is(tests.told_of(:'unanswered', :'renter'), 'booking_unanswered_renter', 'a renter whose request got no answer reads that the host did not answer');
select is(tests.told_of(:'unpaid', :'renter'), 'booking_unpaid_renter', 'a renter whose hold ended reads that the payment was not completed');
select is(tests.told_of(:'withdrawn', :'renter'), 'booking_cancelled_unpaid_renter', 'a renter who cancels a request reads of no refund');
select is(tests.told_of(:'dropped', :'renter'), 'booking_cancelled_unpaid_renter', 'a renter who cancels an unpaid hold reads of no refund');
select is(tests.told_of(:'withdrawn', :'host', '%cancelled%'), 'booking_request_cancelled_host', 'a host reads that a cancelled request needs no answer');
select is(tests.told_of(:'dropped', :'host', '%'), null, 'a host who was not asked does not hear of a hold that was never paid');
select is(tests.told_of(:'promised', :'host', '%cancelled%'), 'booking_cancelled_host', 'a host reads that the time of an accepted request is free again');
rollback to confirmed;

-- rules are data -----------------------------------------------------------------------------------------------------
delete from private.notification_rules where machine = 'booking' and event = 'cancel' and audience = 'host';
update private.notification_rules set channels = '{in_app}' where machine = 'booking' and event = 'cancel';
select tests.as_user(:'host');
select (tests.cancel_booking(:'booking')).status as cancelled \gset
select tests.as_owner();
select is(tests.told(:'host', 'booking_cancelled_host'), '{}', 'an audience whose rule is removed is not told');
select is(cardinality(tests.told(:'renter', 'booking_cancelled_renter')), 1, 'the other audience is told');
select is((select count(*)::int from tests.mails() m join public.notifications n on n.id = m.notification_id where n.template = 'booking_cancelled_renter'), 0, 'a rule without the channel email sends no mail');
rollback to confirmed;

create function tests.rule(p_machine text, p_event text, p_audience text, p_template text, p_channels text default '{in_app}', p_from text default null)
returns text
language plpgsql volatile
as $$
declare
  v_constraint text;
begin
  insert into private.notification_rules (machine, event, audience, template, channels, from_state)
  values (p_machine, p_event, p_audience, p_template, p_channels::text[], p_from);
  return 'ok';
exception
  when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    return v_constraint;
end
$$;
select is(tests.rule('booking', 'check_in', 'host', 'booking_confirmed_host'), 'ok', 'a rule is one row');
select is(tests.rule('booking', 'fly', 'host', 'booking_confirmed_host'), 'notification_rules_move_exists', 'a rule names a move that exists');
select is(tests.rule('booking', 'check_in', 'host', 'booking_confirmed_host', '{in_app}', 'requested'), 'notification_rules_move_exists', 'a rule names a state from which the move exists');
select is(tests.rule('booking', 'check_in', 'neighbour', 'booking_confirmed_host'), 'notification_rules_audience_known', 'a rule names an audience of its machine');
select is(tests.rule('booking', 'check_in', 'host', 'no_such_text'), 'notification_rules_text_exists', 'a rule names a text');
insert into public.notification_templates (code, locale, category, title, body) values ('english_only', 'en', 'booking', 'x', 'x');
select is(tests.rule('booking', 'check_in', 'host', 'english_only'), 'notification_rules_text_exists', 'the text of a rule exists in every language');
select is(tests.rule('booking', 'check_in', 'host', 'booking_checked_in_host', '{in_app,email}', 'confirmed'), 'notification_rules_mail_exists', 'a rule with the channel email names a text that has a mail');
select is(tests.rule('booking', 'check_in', 'host', 'booking_cancelled_host', '{in_app,pigeon}'), 'notification_rules_channels_known', 'a channel is known');
select is(tests.rule('booking', 'check_in', 'host', 'booking_cancelled_host', '{email}'), 'notification_rules_in_app', 'every other channel carries what is in the inbox');
insert into private.notification_audiences (machine, audience) values ('payment_attempt', 'payer');
select is(tests.rule('payment_attempt', 'fail', 'payer', 'payment_unmatched'), 'notification_rules_functions_exist', 'a machine with rules has the functions that find people and data');
rollback to confirmed;

-- the moves that have rules -----------------------------------------------------------------------------------------
create function tests.wrongly_marked()
returns text[]
language sql stable
as $$
  select array_agg(t.machine || ' ' || t.from_state || ' ' || t.event)
  from private.transitions t
  where t.has_rules <> exists (
    select from private.notification_rules r
    where r.machine = t.machine and r.event = t.event and (r.from_state is null or r.from_state = t.from_state)
  )
$$;
select is(tests.wrongly_marked(), null, 'every move says whether it has rules');
insert into private.transitions (machine, from_state, event, to_state) values ('booking', 'requested', 'confirm', 'confirmed');
delete from private.notification_rules where machine = 'booking' and event = 'cancel';
update private.notification_rules set from_state = 'pending_payment' where machine = 'booking' and event = 'confirm';
select is(tests.wrongly_marked(), null, 'a move says so after rules and moves have changed');
rollback to confirmed;

-- every text of every rule, filled from real rows ------------------------------------------------------------------
select tests.request_extension(:'booking', 3) as extension \gset
insert into public.booking_drivers (booking_id, user_id, place) select id, host_id, 1 from public.bookings where id = :'booking';
insert into public.booking_no_shows (booking_id, absent, status, note, reporter_id, counts_at) select id, 'host', 'reported', 'I waited', renter_id, now() + interval '1 day' from public.bookings where id = :'booking';
select tests.as_user(:'renter');
select (tests.cancel_booking(:'booking')).status as cancelled \gset
select tests.as_owner();
with account as (
  insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, created_at, usable_from)
  values (:'host', '970436', '0001', 'HOST', now() - interval '2 days', now() - interval '1 day')
  returning id, usable_from
), batch as (
  insert into public.payout_batches (payouts, total, currency) values (1, 50000, 'VND') returning id
)
insert into public.payouts (user_id, batch_id, bank_account_id, bank_account_usable_from, amount, currency)
select :'host', batch.id, account.id, account.usable_from, 50000, 'VND' from account, batch;
insert into public.booking_inspections (booking_id, kind, odometer_km, fuel_percent, recorded_by, counts_at)
values (:'booking', 'check_in', 1, 1, :'host', now() + interval '2 hours');
with c as (
  insert into public.conversations (kind, title, owner_id) values ('group', 'Trip', :'host') returning id
)
insert into public.conversation_members (conversation_id, user_id, status, invited_by, reads_from) select id, :'renter', 'invited', :'host', 1 from c;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(700), tests.hours(710)) as reviewed \gset
select tests.drive(:'reviewed', 10);
insert into public.booking_charges (booking_id, kind, amount, currency, answer_by) values (:'reviewed', 'fuel', 1000, 'VND', now() + interval '1 day');
insert into public.reviews (booking_id, side, author_id, subject_id, vehicle_id, rating, write_until, released_at, status, hidden_reason)
select booking_id, side, author_id, subject_id, vehicle_id, 4, write_until, null, 'written', null from public.review_invitations where booking_id = :'reviewed' and side = 'host';
select tests.make_order(tests.make_user('buyer'), tests.make_event(:'host')) as ticket_order \gset
-- rows that modules bring in files of their own: <module>_rule_rows.psql, with :host, :renter, :vehicle, :booking (cancelled), :reviewed (driven) and :ticket_order
\set rule_rows `cat *_rule_rows.psql`
:rule_rows
-- a ticket that is offered to somebody
select tests.make_paid_order(tests.make_user('giver'), event_id) as given from public.orders where id = :'ticket_order' \gset
insert into public.ticket_transfers (ticket_id, from_id, to_id, expires_at)
select id, holder_id, :'renter', now() + interval '1 hour' from public.tickets where order_id = :'given';
-- waiting for its tickets
select event_id as crowd from public.orders where id = :'ticket_order' \gset
select private.set_waiting_room(:'crowd', 1, null, null), private.open_waiting_room(:'crowd'), private.join_queue(:'crowd')
from set_config('request.jwt.claims', tests.claims(:'host'), true);
select tests.as_owner();
select private.set_audit_context('admin', 'the photos show it');

-- Each text of a rule with the data of a row of its machine, as the row is after the move.
-- a sample of each variable, which notifications_formats.sql fills every text with
create temporary table filled_variables (name text, sample jsonb not null default '"text"');
\set variables `cat *_variables.psql`
:variables
-- text, or the keys of a value
create function tests.kind_of(p_value jsonb)
returns text
language sql stable
as $$ select case jsonb_typeof(p_value) when 'object' then (select string_agg(k, ',' order by k) from jsonb_object_keys(p_value) k) else 'text' end $$;

create function tests.text_problems()
returns setof text
language plpgsql stable
as $$
declare
  v_case record;
  v_data jsonb;
  v_text record;
begin
  for v_case in
    select distinct r.machine, r.event, r.template, t.to_state, private.machine_table(r.machine) as owner
    from private.notification_rules r join private.transitions t using (machine, event)
  loop
    execute format(
      'select private.notification_data(jsonb_populate_record(null::%1$s, to_jsonb(o) || $1)) from %1$s o order by o.id desc limit 1', v_case.owner)
    into v_data
    using jsonb_build_object('status', v_case.to_state)
      || case v_case.to_state
        when 'cancelled' then jsonb_build_object('cancelled_at', now(), 'cancelled_by', 'renter', 'refund_bps', 10000)
        when 'no_show' then '{"no_show_by": "host", "refund_bps": 10000}'
        when 'accepted' then '{"owed_amount": 1000, "captured_amount": 400}'
        when 'settled' then '{"owed_amount": 1000, "captured_amount": 400}'
        when 'unpaid' then '{"owed_amount": 1000, "captured_amount": 400}'
        when 'waived' then '{"owed_amount": 1000, "captured_amount": 400}'
        when 'contested' then '{"objection": "not my car"}'
        when 'requested' then jsonb_build_object('answer_by', now())
        when 'pending_payment' then jsonb_build_object('hold_expires_at', now())
        when 'released' then jsonb_build_object('released_at', now())
        when 'hidden' then jsonb_build_object('released_at', now(), 'hidden_reason', 'an insult')
        when 'frozen' then '{"freeze_reason": "a check"}'
        when 'resolved' then '{"finding": "the photos show it"}'
        when 'rejected' then '{"finding": "nothing to be seen"}'
        else '{}'
      end;
    if v_data is null then
      return next v_case.machine || ' has no row to try';
    end if;
    return query
      select v_case.machine || ' fills ' || v.name || ' otherwise than its sample'
      from filled_variables v
      where v_data -> v.name <> 'null' and tests.kind_of(v_data -> v.name) <> tests.kind_of(v.sample);
    for v_text in
      select n.locale, unnest(array[n.title, n.body, n.email_subject, n.email_body]) as words from public.notification_templates n where n.code = v_case.template
    loop
      begin
        perform private.render(v_text.words, v_data, v_text.locale);
      exception
        when raise_exception then
          return next v_case.machine || ' ' || v_case.event || ' ' || v_case.template || ': ' || sqlerrm;
      end;
    end loop;
  end loop;
end
$$;
select is((select array_agg(p) from tests.text_problems() p), null, 'every text of every rule is filled, in every language');
select is(
  (select array_agg(distinct r.template) from private.notification_rules r
   where (select count(distinct n.locale) from public.notification_templates n where n.code = r.template) <> 2),
  null, 'every text of every rule exists in both languages'
);
insert into public.notification_templates (code, locale, version, category, title, body)
select code, locale, 2, category, 'The {{nobody}}', body from public.notification_templates where code = 'vehicle_published' and locale = 'vi';
select isnt((select array_agg(p) from tests.text_problems() p), null, 'a text with a variable that nobody fills is seen');
rollback to confirmed;

rollback;
