-- Ticketing: giving a ticket to somebody else.
-- Rule kept here: a ticket changes hands only when the other person accepts; at that moment the earlier code is worth
-- nothing. A ticket has one open offer.
-- Left out on purpose: a price. Money for a ticket goes between the two outside of this platform, or not at all.

insert into private.transitions (machine, from_state, event, to_state) values
  ('ticket_transfer', 'initial', 'offer', 'offered'),
  ('ticket_transfer', 'offered', 'accept', 'accepted'),
  ('ticket_transfer', 'offered', 'decline', 'declined'),
  ('ticket_transfer', 'offered', 'withdraw', 'withdrawn');

create table public.ticket_transfers (
  id uuid primary key default gen_random_uuid(),
  ticket_id uuid not null references public.tickets on delete restrict,
  from_id uuid not null references public.profiles on delete restrict,
  to_id uuid references public.profiles on delete restrict,
  code_hash bytea,
  status text not null default 'offered',
  expires_at timestamptz not null,
  answered_at timestamptz,
  created_at timestamptz not null default now(),
  constraint ticket_transfers_two_people check (from_id <> to_id),
  -- for one person, or for anybody who has the code
  constraint ticket_transfers_addressed check (to_id is not null or code_hash is not null),
  constraint ticket_transfers_accepted_by_somebody check (status <> 'accepted' or to_id is not null),
  constraint ticket_transfers_answered_dated check ((status = 'offered') = (answered_at is null))
);
create unique index ticket_transfers_one_open on public.ticket_transfers (ticket_id) where status = 'offered';
create index ticket_transfers_from_idx on public.ticket_transfers (from_id, created_at desc, id desc);
create index ticket_transfers_to_idx on public.ticket_transfers (to_id, created_at desc, id desc);
comment on table public.ticket_transfers is 'Offers of tickets to other people, and what became of them.';
comment on column public.ticket_transfers.to_id is 'For whom it is. Null while it is for anybody who has the code; then who accepted.';
comment on column public.ticket_transfers.status is 'Machine ticket_transfer. offered until expires_at, accepted, declined, or withdrawn by the giver. An offer that was not answered in time is over, whatever its status says.';
comment on column public.ticket_transfers.expires_at is 'Until when it can be accepted; over at that moment.';
comment on column public.ticket_transfers.answered_at is 'When it was answered or withdrawn. Null before.';
select private.attach_state_machine('public.ticket_transfers', 'ticket_transfer');

alter table public.ticket_transfers enable row level security;
revoke all on public.ticket_transfers from anon, authenticated, service_role;
grant select (id, ticket_id, from_id, to_id, status, expires_at, answered_at, created_at) on public.ticket_transfers to authenticated;
grant select on public.ticket_transfers to service_role;
create policy select_party on public.ticket_transfers for select to authenticated
  using ((select auth.uid()) in (from_id, to_id) or (select private.is_staff()));

select private.only_live_persons('public.ticket_transfers', 'from_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.ticket_transfers', '$1 in (r.from_id, r.to_id)', 'retain', '{id,ticket_id,from_id,to_id,status,expires_at,answered_at,created_at}', 'Says who gave a ticket to whom, for disputes at the door.');
select private.retain_columns('public.ticket_transfers', 'The two sides of the transfer, which is retained.', 'from_id', 'to_id');
select private.retain_columns('public.ticket_transfers', 'Proves that somebody had the code; it cannot be read back.', 'code_hash');

create function private.offer_ticket(p_ticket_id uuid, p_to_user_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_ticket public.tickets;
  v_transfer public.ticket_transfers;
  v_code text;
begin
  perform private.take_token('offer_ticket', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  v_ticket := private.require_own_ticket(p_ticket_id);
  perform private.require_changeable(v_ticket);
  if not (select transfers_allowed from public.event_configs where event_id = v_ticket.event_id) then
    perform private.fail('transfers_forbidden');
  end if;
  if p_to_user_id = v_user_id then
    perform private.fail_input('to_user_id', 'must be somebody else');
  elsif p_to_user_id is null then
    v_code := private.base64url_from(encode(extensions.gen_random_bytes(18), 'base64'));
  elsif private.is_blocked(v_user_id, p_to_user_id)
     or not exists (select from public.profiles where id = p_to_user_id and deleted_at is null) then
    -- the same for somebody who is not there and for a block
    perform private.fail('not_found');
  end if;
  -- a second offer takes the place of the first
  update public.ticket_transfers set status = 'withdrawn', answered_at = now() where ticket_id = p_ticket_id and status = 'offered';
  insert into public.ticket_transfers (ticket_id, from_id, to_id, code_hash, expires_at)
  values (p_ticket_id, v_user_id, p_to_user_id, extensions.digest(v_code, 'sha256'),
    now() + make_interval(hours => (private.setting('ticket_transfer_hours'))::int))
  returning * into v_transfer;
  return to_jsonb(v_transfer) - 'code_hash' || jsonb_build_object('code', v_code);
end
$$;
create function public.offer_ticket(ticket_id uuid, to_user_id uuid default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.offer_ticket($1, $2) $$;
comment on function public.offer_ticket is 'Offers a ticket of the caller to a person, or without `to_user_id` to anybody who has the answer''s code, which is shown once. The ticket stays the caller''s, with a code that is good, until the other person accepts. It is open for 72 hours (setting ticket_transfer_hours); an earlier offer of the ticket ends. Answers {id, ticket_id, from_id, to_id, status, expires_at, answered_at, created_at, code}. Errors: ticket_not_found, ticket_cancelled, ticket_over, ticket_used, ticket_fixed (details.until), transfers_forbidden, not_found, account_suspended, invalid_input, rate_limited.';
select private.expose_limited('offer_ticket(uuid, uuid)', 'offer_ticket', 'auth.uid()', 'authenticated');

-- Locks ticket, then transfer: the order of all commands here.
create function private.lock_transfer(p_transfer_id uuid)
returns public.ticket_transfers
language plpgsql volatile set search_path = ''
as $$
declare
  v_transfer public.ticket_transfers;
begin
  perform 1 from public.tickets where id = (select ticket_id from public.ticket_transfers where id = p_transfer_id) for no key update;
  select * into v_transfer from public.ticket_transfers where id = p_transfer_id for no key update;
  return v_transfer;
end
$$;

create function private.accept_ticket(p_transfer_id uuid, p_code text)
returns public.tickets
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_transfer public.ticket_transfers;
  v_ticket public.tickets;
begin
  perform private.take_token('accept_ticket', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  v_transfer := private.lock_transfer(p_transfer_id);
  if v_transfer.id is null or v_transfer.from_id = v_user_id or not coalesce(
    v_transfer.to_id = v_user_id or v_transfer.to_id is null and v_transfer.code_hash = extensions.digest(p_code, 'sha256'), false
  ) or private.is_blocked(v_user_id, v_transfer.from_id) then
    perform private.fail('transfer_not_found');
  end if;
  select * into v_ticket from public.tickets where id = v_transfer.ticket_id;
  if v_transfer.status = 'accepted' and v_ticket.holder_id = v_user_id then
    return v_ticket;
  elsif v_transfer.status <> 'offered' or v_transfer.expires_at <= now() or v_ticket.holder_id <> v_transfer.from_id then
    perform private.fail('transfer_over');
  end if;
  perform private.require_changeable(v_ticket);
  update public.ticket_transfers set status = 'accepted', to_id = v_user_id, answered_at = now() where id = p_transfer_id;
  update public.tickets set holder_id = v_user_id where id = v_ticket.id returning * into v_ticket;
  return v_ticket;
end
$$;
create function public.accept_ticket(transfer_id uuid, code text default null)
returns public.tickets
language sql volatile set search_path = ''
as $$ select private.accept_ticket($1, $2) $$;
comment on function public.accept_ticket is 'Accepts a ticket that was offered to the caller, or with `code` one that was offered to anybody who has it. The ticket is the caller''s from then on, and the code of the giver no longer opens the door. Repeatable. Errors: transfer_not_found, transfer_over, ticket_cancelled, ticket_over, ticket_used, ticket_fixed (details.until), account_suspended, rate_limited.';
select private.expose_limited('accept_ticket(uuid, text)', 'accept_ticket', 'auth.uid()', 'authenticated');

create function private.end_transfer(p_transfer_id uuid, p_status text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_transfer public.ticket_transfers := private.lock_transfer(p_transfer_id);
begin
  if v_transfer.id is null or v_user_id is distinct from (case p_status when 'declined' then v_transfer.to_id else v_transfer.from_id end) then
    perform private.fail('transfer_not_found');
  elsif v_transfer.status = 'offered' then
    update public.ticket_transfers set status = p_status, answered_at = now() where id = p_transfer_id;
  elsif v_transfer.status <> p_status then
    perform private.fail('transfer_over');
  end if;
end
$$;
create function public.decline_ticket(transfer_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.end_transfer($1, 'declined') $$;
comment on function public.decline_ticket is 'Declines a ticket that was offered to the caller. Repeatable. Errors: transfer_not_found, transfer_over.';
create function public.withdraw_ticket_offer(transfer_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.end_transfer($1, 'withdrawn') $$;
comment on function public.withdraw_ticket_offer is 'Takes back an offer of the caller that nobody has accepted. Repeatable. Errors: transfer_not_found, transfer_over.';
select private.expose('decline_ticket(uuid)', 'authenticated');
select private.expose('withdraw_ticket_offer(uuid)', 'authenticated');
revoke all on function private.end_transfer(uuid, text) from public, anon, service_role;
grant execute on function private.end_transfer(uuid, text) to authenticated;

-- An order that is cancelled, or a ticket that is used, leaves no offer open.
create function private.end_offers_of_ticket()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.ticket_transfers set status = 'withdrawn', answered_at = now() where ticket_id = new.id and status = 'offered';
  return null;
end
$$;
create trigger end_offers after update on public.tickets
  for each row when (new.status <> 'valid' and old.status = 'valid' or new.admitted_at is not null and old.admitted_at is null)
  execute function private.end_offers_of_ticket();
