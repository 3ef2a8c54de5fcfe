-- Transfers: what sends them, and claims of those that an admin makes by hand.
-- Rule kept here: an admin claims a transfer before going to the bank. For a day no provider sends it and no other admin
-- records it. A transfer is paid once, and an admin who comes second reads which transfer paid it.
-- Left out on purpose: the commands, which are in refunds_by_hand and payouts_by_hand; and the transfer itself: the bank's statement
-- has it under the reference that is recorded.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('transfer_claimed', 409, false, 'An admin is making this transfer by hand. Wait until it is recorded or the claim ends; details name the admin.', 'Một quản trị viên đang chuyển khoản thủ công khoản này. Vui lòng chờ kết quả; xem người nhận xử lý trong chi tiết.'),
  ('already_paid', 409, false, 'This was already paid. Do not pay it again; see details.', 'Khoản này đã được chi trả. Vui lòng không chuyển lại; xem chi tiết.');

-- Not columns of payouts, because hosts can read payouts.
create table private.manual_claims (
  -- a refund or a payout
  subject_id uuid primary key,
  claimed_by uuid not null references public.profiles on delete restrict,
  claimed_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '1 day',
  constraint manual_claims_end_later check (expires_at > claimed_at)
);
alter table private.manual_claims enable row level security;
comment on table private.manual_claims is 'Which admin is transferring a refund or a payout by hand; It ends at expires_at, when it is released, or when the transfer is paid.';
comment on column private.manual_claims.expires_at is 'After it another admin may claim the same transfer.';

-- The claim that counts now, or nothing. A claim of a former admin does not count, because nobody could release it.
create function private.manual_claim(p_subject_id uuid)
returns private.manual_claims
language sql stable set search_path = ''
as $$
  select c.* from private.manual_claims c
  where c.subject_id = p_subject_id and c.expires_at > now()
    and exists (select from public.user_roles r where r.user_id = c.claimed_by and r.role = 'admin')
$$;

-- A claim as an answer, and as details of a refusal.
create function private.claim_view(p_claim private.manual_claims)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'claimed_by', p_claim.claimed_by, 'claimed_by_name', (select p.display_name from public.profiles p where p.id = p_claim.claimed_by),
    'claimed_at', p_claim.claimed_at, 'expires_at', p_claim.expires_at)
$$;

-- The caller has locked the refund or the payout, as claiming does.
create function private.require_unclaimed(p_subject_id uuid, p_except uuid default null)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_claim private.manual_claims := private.manual_claim(p_subject_id);
begin
  if v_claim.claimed_by is distinct from p_except and v_claim.claimed_by is not null then
    perform private.fail('transfer_claimed', private.claim_view(v_claim));
  end if;
end
$$;

-- An admin who has paid it a second time must know the first transfer and whom to ask.
create function private.fail_paid(p_subject_id uuid, p_provider text, p_reference text, p_paid_at timestamptz)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_admin public.profiles;
begin
  select p.* into v_admin
  from private.domain_events e
  join public.profiles p on p.id = e.actor_id
  where e.subject_id = p_subject_id and e.to_state in ('paid', 'succeeded')
  order by e.id desc
  limit 1;
  perform private.fail('already_paid', jsonb_build_object(
    'provider', p_provider, 'reference', p_reference, 'paid_at', p_paid_at,
    'recorded_by', v_admin.id, 'recorded_by_name', v_admin.display_name));
end
$$;

-- The caller has locked the refund or the payout. Its rows of the outbox, whose topic is the name of its machine, wait
-- until the claim ends.
create function private.claim_transfer(p_machine text, p_subject_id uuid, p_status text)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_claim private.manual_claims := private.manual_claim(p_subject_id);
begin
  if v_claim.claimed_by = auth.uid() then
    return private.claim_view(v_claim);
  end if;
  perform private.require_unclaimed(p_subject_id);
  perform private.require_idle(p_machine, p_subject_id, p_status, 'paid');
  insert into private.manual_claims as c (subject_id, claimed_by) values (p_subject_id, auth.uid())
  on conflict (subject_id) do update
  set claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
  returning c.* into v_claim;
  update private.outbox
  set status = 'pending', lease_token = null, leased_until = null, available_at = greatest(available_at, v_claim.expires_at)
  where topic = p_machine and starts_with(dedupe_key, p_subject_id || ':')
    and (status = 'pending' or status = 'leased' and leased_until <= now());
  perform private.record_event(p_machine || '.claimed_by_hand', p_subject_id, jsonb_build_object('expires_at', v_claim.expires_at));
  return private.claim_view(v_claim);
end
$$;

-- As above; p_from is when the account it goes to may be used.
create function private.release_transfer(p_machine text, p_subject_id uuid, p_from timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_claim private.manual_claims := private.manual_claim(p_subject_id);
begin
  if v_claim.subject_id is null then
    return;
  end if;
  perform private.require_unclaimed(p_subject_id, auth.uid());
  delete from private.manual_claims where subject_id = p_subject_id;
  update private.outbox set available_at = greatest(now(), p_from)
  where status = 'pending' and topic = p_machine and starts_with(dedupe_key, p_subject_id || ':') and available_at = v_claim.expires_at;
  perform private.record_event(p_machine || '.claim_released', p_subject_id);
end
$$;

-- Who sends our bank transfers: a provider, or an admin by hand.
create function private.transfer_provider()
returns text
language sql stable set search_path = ''
as $$ select private.setting('payout_provider') #>> '{}' $$;

-- Checks what an admin reports about money that was sent: the outcome, the provider's id of it (p_field, when it
-- succeeded), and how the admin knows.
create function private.require_settlement(p_outcome text, p_field text, p_number text, p_note text)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_outcome is null or p_outcome not in ('succeeded', 'failed') then
    perform private.fail_input('outcome', 'must be succeeded or failed');
  end if;
  if not private.says_something(p_note, 3) then
    perform private.fail_input('note', 'must have 3 to 500 characters');
  end if;
  if p_outcome = 'succeeded' and char_length(btrim(coalesce(p_number, ''))) not between 1 and 100 then
    perform private.fail_input(p_field, '1 to 100 characters');
  end if;
end
$$;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.manual_claims', 'r.claimed_by = $1', 'erase', '{}', 'Work of an admin, of a day at most. It says nothing that the admin entered.');
select private.retain_columns('private.manual_claims', 'A refund or a payout.', 'subject_id');
