-- Notifications: what people and staff see of addresses that take no mail, and how one is freed.
-- Rule kept here: a person sees the state of their own present address. Staff see whose address it was, and never an
-- address that is no longer anybody's.
-- Left out on purpose: freeing an address by its owner. Changing it does, after it was verified.

create function private.my_mail_state()
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_found private.suppressed_addresses := private.suppression_of(v_user_id);
begin
  return jsonb_build_object(
    'email', (select nullif(u.email, '') from auth.users u where u.id = v_user_id),
    'state', coalesce(v_found.reason, 'ok'), 'since', v_found.suppressed_at);
end
$$;
create function public.my_mail_state()
returns jsonb
language sql stable set search_path = ''
as $$ select private.my_mail_state() $$;
comment on function public.my_mail_state is 'Answers {email, state, since} of the caller''s mail address: ok, bounced (it does not exist or refuses: no mail goes there until it is changed) or complained (a mail was reported as spam: only what is critical goes there). `since` is null when it is ok.';
select private.expose('my_mail_state()', 'authenticated');

create function private.list_suppressions(p_after jsonb, p_page_size int)
returns table (id uuid, user_id uuid, email text, reason text, detail text, suppressed_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'suppressed_at', p_page_size);
begin
  perform private.require_staff();
  return query
    select private.suppression_id(s.address_hash), s.user_id,
           (select u.email::text from auth.users u where u.id = s.user_id and private.mail_hash(u.email) = s.address_hash), s.reason, s.detail, s.suppressed_at
    from private.suppressed_addresses s
    where v_start.id is null or (s.suppressed_at, private.suppression_id(s.address_hash)) < (v_start.at, v_start.id)
    order by s.suppressed_at desc, private.suppression_id(s.address_hash) desc
    limit p_page_size;
end
$$;

-- An id for a page and for nothing else: a client never sees the hash.
create function private.suppression_id(p_address_hash bytea)
returns uuid
language sql immutable strict parallel safe set search_path = ''
as $$ select encode(substring(p_address_hash from 1 for 16), 'hex')::uuid $$;
create index suppressed_addresses_id_idx on private.suppressed_addresses (private.suppression_id(address_hash));

create function public.list_suppressions(after jsonb default null, page_size int default 20)
returns table (id uuid, user_id uuid, email text, reason text, detail text, suppressed_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.list_suppressions(after, page_size) $$;
comment on function public.list_suppressions is 'Support: lists addresses that take no mail, the newest first. `email` is null when nobody has the address any more. `reason` is bounced or complained. `after` takes {suppressed_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_suppressions(jsonb, int)', 'authenticated');

create function private.lift_suppression(p_suppression_id uuid, p_reason text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_gone private.suppressed_addresses;
begin
  perform private.require_staff();
  perform private.require_reason(p_reason);
  delete from private.suppressed_addresses where private.suppression_id(address_hash) = p_suppression_id returning * into v_gone;
  if not found then
    perform private.fail('suppression_not_found');
  end if;
  perform private.set_audit_context('staff', p_reason);
  perform private.record_event('mail.suppression_lifted', p_suppression_id,
    jsonb_build_object('reason', v_gone.reason, 'suppressed_at', v_gone.suppressed_at, 'user_id', v_gone.user_id));
end
$$;
create function public.lift_suppression(suppression_id uuid, reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.lift_suppression(suppression_id, reason) $$;
comment on function public.lift_suppression is 'Support: lets mail go to an address again. The reason is for the log. Resend has a list of its own, where the address must be removed too. Errors: forbidden, suppression_not_found, invalid_input.';
select private.expose('lift_suppression(uuid, text)', 'authenticated');

create function private.tidy_mail_events()
returns void
language sql volatile set search_path = ''
as $$ delete from private.mail_events where received_at < now() - interval '90 days' $$;
select private.schedule_job('journey_tidy_mail_events', 'Removes reports on mails after 90 days.', '37 20 * * *', '26 hours', 'select private.tidy_mail_events()');

create function private.invariant_mail_event_not_applied()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$ select e.event_id, e.type from private.mail_events e where e.applied_at is null and e.received_at < now() - interval '15 minutes' $$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('mail_event_not_applied', 'warning', 'A report on a mail was stored over 15 minutes ago and its effect failed.',
    'Resend was answered so that it sends the report again. If the row stays, the log of the function mail-webhooks says why.');
