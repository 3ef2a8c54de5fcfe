-- Identity: what becomes of what identity stores about a person, by the registry of foundation.
-- Rule kept here: what somebody must keep is retained with the reason; all else goes when the account is deleted.
-- Left out on purpose: rows of other modules, which register theirs beside their tables.

-- The profile is anonymised after everything that refers to it, because conditions below read it.
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.profiles', 'r.id = $1', 'anonymise', null,
    'Trips, payments and receipts refer to it, so the row stays without what says who it was.'),
  ('public.user_roles', 'r.user_id = $1', 'erase', null, 'Somebody who is gone has no role.'),
  ('private.banks', null, 'none', null, 'Holds nothing about persons.'),
  ('public.driver_licences', 'r.user_id = $1', 'erase', null,
    'It is needed to book and for nothing afterwards. The hash of the number goes too, so that the person may come back; who is banned cannot delete the account.'),
  ('public.bank_accounts', 'r.user_id = $1', 'retain', null,
    'Accounting records name where money was sent, and are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('private.bank_account_numbers', 'r.bank_account_id in (select a.id from public.bank_accounts a where a.user_id = $1)', 'erase', '{}',
    'Nothing is sent there any more. People read the last four characters alone, here as well.'),
  ('private.otp_challenges', 'r.user_id = $1', 'erase', '{purpose,channel,address,created_at}', 'Proves nothing any more.'),
  ('private.otp_codes', 'r.challenge_id in (select c.id from private.otp_challenges c where c.user_id = $1)', 'erase', '{}',
    'A code that was to prove something. Nobody may read one.'),
  ('public.api_keys', 'r.user_id = $1', 'erase', null, 'A key acts for an account that is gone.'),
  ('private.step_ups', 'r.user_id = $1', 'erase', '{valid_until}', 'Belongs to a session that has ended.'),
  ('private.auth_messages', 'lower(r.address) = (select lower(u.email) from auth.users u where u.id = $1) and r.template <> ''account_deleted''', 'erase', '{template,created_at}',
    'A mail that was sent, removed a day later. The mail about the deletion itself waits for its sender.'),
  ('private.rate_buckets', $$r.subject = $1::text or r.subject like $1::text || ':%'
      or r.subject like '%:' || (select nullif(lower(u.email), '') from auth.users u where u.id = $1)
      or r.subject like '%:' || (select p.phone from public.profiles p where p.id = $1)$$, 'erase', '{}',
    'Counts calls of a person or an address for a day. It says nothing that the person entered.');
insert into private.personal_data (relation, column_name, treatment, becomes, why) values
  ('public.profiles', 'display_name', 'anonymise', $$case r.locale when 'vi' then 'Tài khoản đã xóa' else 'Deleted user' end$$, 'A name that others see beside past trips.'),
  ('public.profiles', 'bio', 'anonymise', $$''$$, 'Text of the person.'),
  ('public.profiles', 'links', 'anonymise', $$'[]'$$, 'They lead to the person elsewhere.'),
  ('public.profiles', 'avatar_media_id', 'anonymise', 'null', 'A picture of the person.'),
  ('public.profiles', 'phone', 'anonymise', 'null', 'Free for another account.'),
  ('public.profiles', 'phone_verified_at', 'anonymise', 'null', 'Belongs to the number.'),
  ('public.profiles', 'email_verified_at', 'anonymise', 'null', 'Belongs to the address.');
select private.retain_columns('public.driver_licences', 'The admin who decided; the row goes with its person, not with the admin.', 'reviewed_by');
select private.retain_columns('private.step_ups', 'A session of the person; the row goes.', 'session_id');
select private.retain_columns('public.bank_accounts', 'What was sent where must stay readable; the number itself is erased.', 'account_last4', 'holder_name');
