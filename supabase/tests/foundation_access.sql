-- Who may touch what, as data: every table in public has a row here, every function its callers.
-- A new table or function fails until somebody has decided.
begin;
\ir helpers.psql
select no_plan();

create temporary table expected_access (relation text primary key, anon text, authenticated text, service_role text);
insert into expected_access values
  -- relation, then the verbs per role; (columns) means only some columns
  ('booking_inspections', '', 'select', 'select'),
  ('bookings', '', 'select', 'select'),
  ('calendar_entries', '', 'select', 'select'),
  ('driver_licences', '', 'select(columns)', 'select(columns)'),
  ('inspection_photos', '', 'select', 'select'),
  ('media', 'select', 'select', 'select'),
  ('notification_templates', '', '', 'select'),
  ('notifications', '', 'select', 'select'),
  ('payment_attempts', '', 'select(columns)', 'select'),
  ('payments', '', 'select', 'select'),
  ('profiles', '', 'select update(columns)', 'select'),
  ('quotes', '', 'select', 'select'),
  ('refunds', '', 'select(columns)', 'select'),
  ('user_roles', '', 'select', 'select'),
  ('vehicle_features', 'select', 'select', 'select'),
  ('vehicle_images', 'select', 'select', 'select'),
  ('vehicle_locations', '', 'select', 'select'),
  ('vehicles', 'select', 'select', 'select'),
  ('bank_accounts', '', 'select', 'select'),
  ('payout_batches', '', 'select', 'select'),
  ('payouts', '', 'select', 'select'),
  ('receipts', '', 'select', 'select');

create temporary table columns_kept_back (relation text, kept_back text[]);
insert into columns_kept_back values
  ('driver_licences', '{number_hash}'),
  ('payment_attempts', '{provider_data,transaction_amount,checked_at,checks,recheck_at}'),
  ('refunds', '{payer_id,attempt_id,unmatched_id,bank_account_id,reason,ordered_at}');

create function tests.access_of(p_role text, p_relation regclass)
returns text
language sql stable
as $$
  select coalesce(string_agg(v || case when not has_table_privilege(p_role, p_relation, v) then '(columns)' else '' end, ' ' order by i), '')
  from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) with ordinality u (v, i)
  where has_table_privilege(p_role, p_relation, v)
     or (v in ('select', 'insert', 'update', 'references') and has_any_column_privilege(p_role, p_relation, v))
$$;

select is(
  array(select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') order by 1),
  array(select relation from expected_access order by 1),
  'every relation in public has a row in the matrix, and no row is left over'
);

select is(
  tests.access_of(r.name, ('public.' || e.relation)::regclass),
  case r.name when 'anon' then e.anon when 'authenticated' then e.authenticated else e.service_role end,
  r.name || ' on ' || e.relation
)
from expected_access e, (values ('anon'), ('authenticated'), ('service_role')) r (name)
order by e.relation, r.name;

select is(
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = ('public.' || k.relation)::regclass and a.attnum > 0 and not a.attisdropped
      and not has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')
    order by 1
  ),
  array(select unnest(k.kept_back) order by 1),
  k.relation || ' keeps back exactly these columns'
)
from columns_kept_back k;

select is(
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = 'public.profiles'::regclass and a.attnum > 0 and not a.attisdropped
      and has_column_privilege('authenticated', a.attrelid, a.attnum, 'update')
    order by 1
  ),
  array['avatar_media_id', 'bio', 'display_name', 'locale', 'time_zone'],
  'a person writes the plain columns of a profile and no other'
);

-- Row security ---------------------------------------------------------------------------------------------

select is_empty(
  $$ select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity $$,
  'every table in public has row security'
);
select is_empty(
  $$ select c.relname, r.rolname from pg_class c, pg_roles r
     where c.relnamespace = 'private'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
       and r.rolname in ('anon', 'authenticated', 'service_role')
       and (case when c.relkind = 'S' then has_sequence_privilege(r.rolname, c.oid, 'usage, select, update')
            else has_table_privilege(r.rolname, c.oid, 'select, insert, update, delete, truncate, references, trigger')
              or has_any_column_privilege(r.rolname, c.oid, 'select, insert, update, references') end) $$,
  'no table or sequence of private can be reached by a client role'
);
select is_empty(
  $$ select tablename, policyname from pg_policies
     where schemaname = 'public' and (cmd = 'ALL' or roles && '{public}' or not (roles <@ '{anon,authenticated}')) $$,
  'every policy names one verb and its roles'
);
select is_empty(
  $$ select tablename, policyname from pg_policies
     where schemaname in ('public', 'storage', 'realtime')
       and (coalesce(qual, '') || coalesce(with_check, '')) ~ 'auth\.(uid|jwt|role)\(\)'
       and regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), 'SELECT auth\.\w+\(\) AS \w+', '', 'g') ~ 'auth\.(uid|jwt|role)\(\)' $$,
  'no policy asks who is calling once per row'
);
select is(
  array(select schemaname || '.' || tablename || ' ' || policyname || ' ' || cmd from pg_policies
    where schemaname in ('storage', 'realtime', 'auth') order by 1),
  array['realtime.messages select_own_inbox SELECT', 'storage.objects insert_with_ticket INSERT', 'storage.objects select_by_media SELECT'],
  'files and topics have these policies and no other'
);

-- Functions ------------------------------------------------------------------------------------------------

create temporary table expected_callers (name text primary key, callers text);
insert into expected_callers (name, callers)
select unnest(array['error_catalog', 'public_profile', 'transition_catalog']), 'anon authenticated service_role'
union all
select unnest(array['explain_unavailable', 'payment_methods', 'search_vehicles', 'vehicle_calendar', 'vehicle_detail']), 'anon authenticated'
union all
select unnest(array[
  'acknowledge_inspection', 'add_vehicle_image', 'answer_booking', 'archive_vehicle', 'block_period', 'booking_detail',
  'cancel_booking', 'cancel_booking_preview', 'check_in', 'check_invariants', 'check_out', 'create_booking', 'create_vehicle',
  'delete_notification', 'list_notifications', 'mark_all_notifications_read', 'mark_notification_read', 'my_balance', 'my_bookings',
  'notifications_since', 'payment_status', 'release_deposit', 'remove_vehicle_image', 'request_upload', 'retry_refund', 'settle_payout', 'settle_refund', 'acknowledge_payment_event', 'check_payment', 'payment_events_needing_review', 'reconcile_ledger', 'record_manual_refund', 'refund_payment', 'settle_unmatched_money', 'unmatched_money',
  'review_licence', 'review_vehicle', 'start_payment', 'submit_licence', 'submit_vehicle', 'unblock_period', 'unread_count', 'update_vehicle'
]), 'authenticated'
union all
select unnest(array[
  'apply_payment_event', 'apply_refund_event', 'claim_refund', 'settle_payment_event', 'attach_checkout', 'attempt_to_reconcile', 'complete_media', 'complete_outbox', 'defer_outbox', 'fail_outbox', 'health_facts',
  'lease_outbox', 'mail_to_send', 'media_to_check', 'save_feed_cursor', 'note_reconciliation', 'quote_facts', 'record_payment_event',
  'record_refund_result', 'refund_to_send', 'store_quote'
]), 'service_role'
union all
select unnest(array[
  'approve_payout_batch', 'cancel_payout', 'hold_booking_money', 'hold_payout', 'my_payouts', 'my_receipts', 'my_refunds', 'payout_statement',
  'list_payout_batches', 'list_payouts', 'list_refunds', 'payment_attempts_needing_review',
  'claim_manual_payout', 'claim_manual_refund', 'release_manual_payout', 'release_manual_refund',
  'propose_payouts', 'receipt', 'record_manual_payout', 'release_booking_money', 'release_payout', 'remove_bank_account', 'retry_payout',
  'set_bank_account'
]), 'authenticated'
union all
select unnest(array['issue_receipt', 'payout_to_send', 'record_payout_result']), 'service_role';

create function tests.callers_of(p_function oid)
returns text
language sql stable
as $$
  select coalesce(string_agg(r, ' ' order by r), '')
  from unnest(array['anon', 'authenticated', 'service_role']) r
  where has_function_privilege(r, p_function, 'execute')
$$;

select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace group by 1 having count(*) > 1 $$,
  'no function in public is overloaded: a client could not say which one it means'
);
select is(
  array(select proname::text from pg_proc where pronamespace = 'public'::regnamespace order by 1),
  array(select name from expected_callers order by 1),
  'every function in public has its callers listed, and no line is left over'
);
select is(tests.callers_of(p.oid), e.callers, 'callers of public.' || e.name)
from expected_callers e
join pg_proc p on p.pronamespace = 'public'::regnamespace and p.proname = e.name
order by e.name;

-- What a client may call in private: the twin of its own command, and a few helpers by name.
create temporary table expected_helpers (name text primary key, callers text);
insert into expected_helpers values
  ('check_invariants_as_admin', 'authenticated'),
  ('fail', 'anon authenticated'),
  ('fail_input', 'anon authenticated'),
  ('is_admin', 'anon authenticated'),
  ('list_unmatched_money', 'authenticated'),
  ('my_booked_vehicle_ids', 'authenticated'),
  ('my_booking_ids', 'authenticated'),
  ('my_unread_count', 'authenticated'),
  ('my_vehicle_ids', 'authenticated'),
  ('read_page', 'authenticated'),
  ('require_page_size', 'authenticated'),
  ('tidy_text', 'authenticated'),
  ('reconcile_ledger_as_admin', 'authenticated'),
  ('refund_view', 'authenticated'),
  ('require_user', 'anon authenticated'),
  -- of anybody, so nobody's; people have my_unread_count
  ('unread_count', '');

select is_empty(
  $$ select p.proname, tests.callers_of(p.oid)
     from pg_proc p
     left join expected_callers e on e.name = p.proname and p.proname not in ('check_invariants', 'reconcile_ledger')
     left join expected_helpers h on h.name = p.proname
     where p.pronamespace = 'private'::regnamespace
       and tests.callers_of(p.oid) <> coalesce(h.callers, e.callers, '') $$,
  'a function of private has the callers of its command in public, or is a listed helper, or has none'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'private') and has_function_privilege('public', p.oid, 'execute') $$,
  'nothing is executable by PUBLIC'
);
select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef $$,
  'no function in public runs with its owner''s rights'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'private') and not ('search_path=""' = any (coalesce(p.proconfig, '{}'))) $$,
  'every function has an empty search path'
);
select is_empty(
  $$ select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and p.proowner <> 'postgres'::regrole and n.nspname in ('public', 'private') $$,
  'what runs with its owner''s rights belongs to postgres'
);
select is_empty(
  $$ select proname from pg_proc where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null $$,
  'every function in public says what it does'
);
select is_empty(
  $$ select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and obj_description(oid, 'pg_class') is null $$,
  'every table in public says what it holds'
);
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint c
     where c.contype = 'f' and c.confdeltype = 'c'
       and c.conrelid::regclass::text in ('bookings', 'payments', 'payment_attempts', 'refunds', 'quotes', 'booking_inspections',
         'inspection_photos', 'calendar_entries', 'driver_licences', 'private.ledger_entries', 'private.ledger_transactions', 'private.unmatched_money',
         'bank_accounts', 'private.bank_account_numbers', 'private.booking_holds', 'payouts', 'payout_batches', 'private.payout_items', 'receipts') $$,
  'money, evidence and legal rows are never deleted along with something else'
);
-- An unindexed foreign key makes deletes of the parent scan the child; those never deleted are left out.
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint c
     where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.confdeltype = 'c'
       and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1]) $$,
  'what is deleted by cascade is found by index'
);

select * from finish();
rollback;
