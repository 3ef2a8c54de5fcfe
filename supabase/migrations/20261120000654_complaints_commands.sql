-- Complaints: what the two sides do.
-- Rule kept here: opening one freezes the money of its payable and writes the record in the same transaction; the freeze ends
-- with the complaint and not before.
-- Left out on purpose: taking evidence back, and changing what was said: the conversation is there to correct it.

create function private.complaint_freeze(p_code text)
returns text
language sql immutable set search_path = ''
as $$ select 'complaint ' || p_code $$;

-- Takes the locks of the payable and answers its kind, or null where nobody can complain about it.
create function private.lock_complaint_payable(p_payable_id uuid)
returns private.complaint_kinds
language plpgsql volatile set search_path = ''
as $$
declare
  v_kind private.complaint_kinds;
begin
  select k.* into v_kind from public.payables y join private.complaint_kinds k on k.kind = y.kind where y.id = p_payable_id;
  if found then
    execute format('select private.%I($1)', v_kind.lock_function) using p_payable_id;
  end if;
  return v_kind;
end
$$;

-- A complaint under every lock that changing it needs; nulls when it is not there.
create function private.lock_complaint_row(p_complaint_id uuid)
returns public.complaints
language plpgsql volatile set search_path = ''
as $$
declare
  v_complaint public.complaints;
begin
  perform private.lock_complaint_payable((select c.payable_id from public.complaints c where c.id = p_complaint_id));
  select * into v_complaint from public.complaints where id = p_complaint_id for no key update;
  return v_complaint;
end
$$;

-- The same for a party.
create function private.party_complaint(p_complaint_id uuid)
returns public.complaints
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_user();
  if p_complaint_id is null or p_complaint_id not in (select private.my_complaint_ids()) then
    perform private.fail('complaint_not_found');
  end if;
  return private.lock_complaint_row(p_complaint_id);
end
$$;

create function private.my_complaint_side(p_complaint_id uuid)
returns text
language sql stable set search_path = ''
as $$ select p.side from public.complaint_parties p where p.complaint_id = p_complaint_id and p.user_id = auth.uid() $$;

create function private.require_live_complaint(p_complaint public.complaints)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_complaint.status not in ('open', 'in_review') then
    perform private.fail('complaint_over', jsonb_build_object('status', p_complaint.status, 'outcome', p_complaint.outcome));
  end if;
end
$$;

-- Adds uploads of the caller, at most 20 of one person.
create function private.attach_evidence(p_complaint_id uuid, p_media_ids uuid[], p_field text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
  v_media_id uuid;
begin
  if cardinality(p_media_ids) > 20 or array_position(p_media_ids, null) is not null then
    perform private.fail_input(p_field, 'must be at most 20 ids of uploads');
  end if;
  foreach v_media_id in array coalesce(p_media_ids, '{}') loop
    perform private.require_media(v_media_id, v_user_id, 'evidence_image');
    insert into public.complaint_evidence (complaint_id, media_id, owner_id) values (p_complaint_id, v_media_id, v_user_id) on conflict do nothing;
  end loop;
  if (select count(*) from public.complaint_evidence e where e.complaint_id = p_complaint_id and e.owner_id = v_user_id) > 20 then
    perform private.fail_input(p_field, 'must leave you at most 20 pictures in one complaint');
  end if;
end
$$;

create function private.open_complaint(
  p_payable_id uuid, p_category text, p_description text, p_desired_outcome text, p_idempotency_key uuid, p_desired_amount bigint, p_evidence uuid[]
)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_stored jsonb;
  v_kind private.complaint_kinds;
  v_parties private.complaint_party[];
  v_side text;
  v_window tstzrange;
  v_complaint public.complaints;
  v_hash text;
begin
  perform private.take_token('open_complaint', v_user_id::text);
  v_stored := private.begin_command('open_complaint', p_idempotency_key, jsonb_build_object('payable_id', p_payable_id, 'category', p_category, 'description', p_description,
    'desired_outcome', p_desired_outcome, 'desired_amount', p_desired_amount, 'evidence', p_evidence));
  if v_stored is not null then
    select * into v_complaint from public.complaints where id = (v_stored ->> 'id')::uuid;
    return v_complaint;
  end if;
  if not private.says_something(p_description, 10, 4000) then
    perform private.fail_input('description', 'must have 10 to 4000 characters');
  end if;
  if p_desired_outcome is null or p_desired_outcome not in ('refund', 'deposit', 'explanation') then
    perform private.fail_input('desired_outcome', 'must be refund, deposit or explanation');
  end if;
  if p_desired_amount is not null and (p_desired_amount < 1 or p_desired_outcome = 'explanation') then
    perform private.fail_input('desired_amount', 'must be positive, and absent when an explanation is wanted');
  end if;
  v_kind := private.lock_complaint_payable(p_payable_id);
  if v_kind.kind is not null then
    execute format('select array_agg(p) from private.%I($1) p', v_kind.parties_function) into v_parties using p_payable_id;
    execute format('select private.%I($1)', v_kind.window_function) into v_window using p_payable_id;
  end if;
  v_side := (select p.side from unnest(v_parties) p where p.user_id = v_user_id);
  if v_side is null then
    perform private.fail('payable_not_found');
  end if;
  if not exists (select from public.complaint_categories c where (c.kind, c.side, c.category) = (v_kind.kind, v_side, p_category)) then
    perform private.fail_input('category', 'must be one of public.complaint_categories for this kind and side');
  end if;
  if p_desired_amount > (select y.amount from public.payables y where y.id = p_payable_id) then
    perform private.fail_input('desired_amount', 'must not be more than was paid');
  end if;
  select * into v_complaint from public.complaints c
  where c.payable_id = p_payable_id and c.side = v_side and c.outcome is distinct from 'withdrawn' limit 1;
  if found then
    perform private.fail('complaint_exists', jsonb_build_object('complaint_id', v_complaint.id, 'status', v_complaint.status));
  end if;
  if not coalesce(v_window @> now(), false) or not exists (select from unnest(v_parties) p where p.side <> v_side) then
    perform private.fail('complaint_not_possible', jsonb_build_object('from', lower(v_window), 'until', nullif(upper(v_window), 'infinity')));
  end if;
  perform private.set_audit_context(v_side);
  insert into public.complaints (payable_id, kind, side, opener_id, category, description, desired_outcome, desired_amount, currency, conversation_id, statement_until)
  values (p_payable_id, v_kind.kind, v_side, v_user_id, p_category, private.tidy_lines(p_description), p_desired_outcome, p_desired_amount,
    (select y.currency from public.payables y where y.id = p_payable_id), gen_random_uuid(), now() + make_interval(hours => (private.setting('statement_hours'))::int))
  returning * into v_complaint;
  insert into public.complaint_parties (complaint_id, user_id, side) select v_complaint.id, p.user_id, p.side from unnest(v_parties) p;
  perform private.attach_evidence(v_complaint.id, p_evidence, 'evidence');
  perform private.freeze_money(p_payable_id, private.complaint_freeze(v_complaint.code));
  v_hash := private.write_complaint_record(v_complaint);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_complaint.id));
  -- at the end: it locks inboxes
  perform private.open_complaint_conversation(v_user_id, (select array_agg(p.user_id) from unnest(v_parties) p), jsonb_build_object(
    'complaint_id', v_complaint.id, 'complaint', v_complaint.code, 'payable_id', p_payable_id, v_kind.kind || '_id', p_payable_id, 'record_sha256', v_hash), v_complaint.conversation_id);
  return v_complaint;
end
$$;
create function public.open_complaint(
  payable_id uuid, category text, description text, desired_outcome text, idempotency_key uuid, desired_amount bigint default null, evidence uuid[] default '{}'
)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.open_complaint($1, $2, $3, $4, $5, $6, $7) $$;
comment on function public.open_complaint is 'Renter or host of a booking, or buyer or seller of an order: complains. `payable_id` is the id of the booking or order, `category` one of public.complaint_categories for its kind and the caller''s side, `description` has 10 to 4000 characters, `desired_outcome` is refund, deposit or explanation, `desired_amount` is in minor units, and `evidence` has at most 20 uploads of purpose evidence_image. Possible from the booked start, the payment of the order or a cancellation on, until complaint_days after the end; once for each side. The money of the booking or order is frozen until it is decided, the record of that moment is written (complaint_record), and a conversation with support begins. Errors: payable_not_found, complaint_not_possible (details.from, details.until), complaint_exists (details.complaint_id), media_not_found, media_not_ready, invalid_input, rate_limited.';
select private.expose_limited('open_complaint(uuid, text, text, text, uuid, bigint, uuid[])', 'open_complaint', 'auth.uid()', 'authenticated');

create function private.answer_complaint(p_complaint_id uuid, p_statement text, p_evidence uuid[])
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_statement text := private.tidy_lines(p_statement);
  v_complaint public.complaints;
  v_side text;
begin
  perform private.take_token('change_complaint', v_user_id::text);
  if not private.says_something(p_statement, 1, 4000) then
    perform private.fail_input('statement', 'must have 1 to 4000 characters');
  end if;
  v_complaint := private.party_complaint(p_complaint_id);
  v_side := private.my_complaint_side(p_complaint_id);
  if v_side = v_complaint.side then
    perform private.fail('forbidden');
  end if;
  if v_complaint.statement = v_statement and v_complaint.speaker_id = v_user_id then
    return v_complaint;
  end if;
  perform private.require_live_complaint(v_complaint);
  if v_complaint.statement is not null then
    perform private.fail_input('statement', 'was given already: write in the conversation');
  end if;
  perform private.set_audit_context(v_side);
  perform private.attach_evidence(p_complaint_id, p_evidence, 'evidence');
  update public.complaints set statement = v_statement, speaker_id = v_user_id, stated_at = now() where id = p_complaint_id returning * into v_complaint;
  perform private.record_event('complaint.answered', p_complaint_id);
  perform private.tell_of_statement(v_complaint);
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_statement', 'user_id', v_user_id, 'complaint_id', p_complaint_id));
  return v_complaint;
end
$$;
create function public.answer_complaint(complaint_id uuid, statement text, evidence uuid[] default '{}')
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.answer_complaint($1, $2, $3) $$;
comment on function public.answer_complaint is 'The other side of a complaint: says what it has to say, once, in 1 to 4000 characters, with at most 20 uploads of purpose evidence_image. It may come after statement_until as long as nothing is decided. Repeatable with the same text. Errors: complaint_not_found, forbidden (the side that complains), complaint_over, media_not_found, media_not_ready, invalid_input, rate_limited.';
select private.expose_limited('answer_complaint(uuid, text, uuid[])', 'change_complaint', 'auth.uid()', 'authenticated');

create function private.add_complaint_evidence(p_complaint_id uuid, p_media_ids uuid[])
returns setof public.complaint_evidence
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if coalesce(cardinality(p_media_ids), 0) = 0 then
    perform private.fail_input('media_ids', 'must be 1 to 20 ids of uploads');
  end if;
  perform private.require_live_complaint(private.party_complaint(p_complaint_id));
  perform private.attach_evidence(p_complaint_id, p_media_ids, 'media_ids');
  return query select * from public.complaint_evidence e where e.complaint_id = p_complaint_id and e.owner_id = v_user_id order by e.added_at, e.media_id;
end
$$;
create function public.add_complaint_evidence(complaint_id uuid, media_ids uuid[])
returns setof public.complaint_evidence
language sql volatile set search_path = ''
as $$ select * from private.add_complaint_evidence($1, $2) $$;
comment on function public.add_complaint_evidence is 'Party of a complaint: adds uploads of purpose evidence_image, at most 20 of one person in all. They stay, and both sides see them. Answers the caller''s pictures in it. Repeatable. Errors: complaint_not_found, complaint_over, media_not_found, media_not_ready, invalid_input.';
select private.expose('add_complaint_evidence(uuid, uuid[])', 'authenticated');

-- Ends a live complaint without money. Callers hold its locks and have said why (set_audit_context).
create function private.end_complaint(p_complaint public.complaints, p_status text, p_outcome text, p_finding text)
returns public.complaints
language plpgsql volatile set search_path = ''
as $$
declare
  v_complaint public.complaints;
begin
  update public.complaints
  set status = p_status, outcome = p_outcome, finding = p_finding, decided_at = now(),
      closes_at = now() + case when p_status = 'closed' then interval '0' else make_interval(days => (private.setting('complaint_closing_days'))::int) end
  where id = p_complaint.id
  returning * into v_complaint;
  perform private.unfreeze_money(v_complaint.payable_id, private.complaint_freeze(v_complaint.code));
  return v_complaint;
end
$$;

create function private.withdraw_complaint(p_complaint_id uuid)
returns public.complaints
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_complaint public.complaints := private.party_complaint(p_complaint_id);
  v_side text := private.my_complaint_side(p_complaint_id);
begin
  if v_side <> v_complaint.side then
    perform private.fail('forbidden');
  end if;
  if v_complaint.outcome = 'withdrawn' then
    return v_complaint;
  end if;
  perform private.require_live_complaint(v_complaint);
  perform private.set_audit_context(v_side);
  v_complaint := private.end_complaint(v_complaint, 'closed', 'withdrawn', null);
  perform private.speak(v_complaint.conversation_id, jsonb_build_object('code', 'complaint_withdrawn', 'user_id', v_user_id, 'complaint_id', p_complaint_id));
  perform private.close_complaint_conversation(v_complaint.conversation_id);
  return v_complaint;
end
$$;
create function public.withdraw_complaint(complaint_id uuid)
returns public.complaints
language sql volatile set search_path = ''
as $$ select private.withdraw_complaint($1) $$;
comment on function public.withdraw_complaint is 'The side that complains: takes a live complaint back. The money moves on, and the conversation is closed. Repeatable. Errors: complaint_not_found, forbidden (the other side), complaint_over.';
select private.expose('withdraw_complaint(uuid)', 'authenticated');

-- A freeze of a complaint ends with it, whatever ends it: unfreeze_payable without a reason ends all freezes of a payable.
create function private.keep_complaint_frozen()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_complaint_id uuid := (
    select c.id from public.complaints c
    where c.payable_id in (new.payable_id, (select y.part_of from public.payables y where y.id = new.payable_id)) and private.complaint_freeze(c.code) = new.reason and c.status in ('open', 'in_review'));
begin
  if v_complaint_id is not null then
    perform private.fail('complaint_live', jsonb_build_object('complaint_id', v_complaint_id));
  end if;
  return new;
end
$$;
create trigger keep_complaint_frozen before update of ended_at on private.payable_freezes
  for each row when (old.ended_at is null and new.ended_at is not null)
  execute function private.keep_complaint_frozen();
