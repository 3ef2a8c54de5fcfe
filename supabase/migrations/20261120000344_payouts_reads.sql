-- Payouts: what a host has earned, will be paid and was paid; and the batches and payouts that admins look through.
-- Rule kept here: available and pending together are the host's balance in the ledger; available is what the
-- next payout takes, and may be negative.
-- Left out on purpose: other currencies; there is one row, of VND.

create function private.my_balance()
returns table (currency text, available bigint, pending bigint, on_the_way bigint, payout_minimum bigint, below_minimum boolean)
language sql stable security definer set search_path = ''
as $$
  select 'VND', e.available, e.pending, p.on_the_way, s.payout_minimum, e.available > 0 and e.available < s.payout_minimum
  from (select (private.setting('payout_minimum'))::bigint as payout_minimum) s,
  (
    select coalesce(sum(u.amount) filter (where not u.waits), 0)::bigint as available,
           coalesce(sum(u.amount) filter (where u.waits), 0)::bigint as pending
    from private.unpaid_entries(auth.uid(), 'VND') u
  ) e,
  (
    select coalesce(sum(o.amount), 0)::bigint as on_the_way
    from public.payouts o
    where o.user_id = auth.uid() and o.status not in ('paid', 'returned', 'cancelled')
  ) p
$$;
create function public.my_balance()
returns table (currency text, available bigint, pending bigint, on_the_way bigint, payout_minimum bigint, below_minimum boolean)
language sql stable set search_path = ''
as $$ select * from private.my_balance() $$;
comment on function public.my_balance is 'Answers what the caller has earned as a host, in minor units. `available` goes into the next payout, and is negative when the host owes more than was earned. `pending` waits for claim windows to close and freezes to end. `on_the_way` is in payouts that are not paid yet. Less than `payout_minimum` is not paid out but waits for more: then `below_minimum` is true.';
select private.expose('my_balance()', 'authenticated');

create function public.my_payouts(after jsonb default null, page_size int default 20)
returns setof public.payouts
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(after, 'created_at', page_size);
begin
  return query
    select o.*
    from public.payouts o
    where o.user_id = v_user_id
      and (v_start.id is null or (o.created_at, o.id) < (v_start.at, v_start.id))
    order by o.created_at desc, o.id desc
    limit page_size;
end
$$;
comment on function public.my_payouts is 'Lists the caller''s payouts, newest first. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_payouts(jsonb, int)', 'authenticated');

create function private.payout_statement(p_payout_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_payout public.payouts;
begin
  select * into v_payout from public.payouts
  where id = p_payout_id and (user_id = v_user_id or private.is_admin());
  if not found then
    perform private.fail('payout_not_found');
  end if;
  return jsonb_build_object(
    'payout', to_jsonb(v_payout),
    'account', (
      select jsonb_build_object('bank_bin', a.bank_bin, 'account_last4', a.account_last4, 'holder_name', a.holder_name)
      from public.bank_accounts a where a.id = v_payout.bank_account_id
    ),
    'lines', coalesce((
      select jsonb_agg(jsonb_build_object('posted_at', t.posted_at, 'event', t.event, 'payable', private.payable_view(t.payable_id), 'amount', -e.amount)
        order by t.posted_at, e.id)
      from private.payout_items i
      join private.ledger_entries e on e.id = i.entry_id
      join private.ledger_transactions t on t.id = e.transaction_id
      where i.payout_id = p_payout_id
    ), '[]')
  );
end
$$;
create function public.payout_statement(payout_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.payout_statement(payout_id) $$;
comment on function public.payout_statement is 'Answers what a payout of the caller is made of; admins may ask for any payout: {payout, account {bank_bin, account_last4, holder_name}, lines [{posted_at, event, payable, amount}]}. `payable` is as in payment_status, or null. The lines add up to the amount of the payout. A cancelled payout has no lines. Errors: payout_not_found.';
select private.expose('payout_statement(uuid)', 'authenticated');

create function private.list_payout_batches(p_status text, p_after jsonb, p_page_size int)
returns setof public.payout_batches
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  if p_status is not null and p_status not in ('proposed', 'approved') then
    perform private.fail_input('status', 'must be proposed or approved');
  end if;
  return query
    select b.*
    from public.payout_batches b
    where case p_status
        when 'approved' then b.approved_at is not null
        when 'proposed' then exists (select from public.payouts o where o.batch_id = b.id and o.status = 'scheduled')
        else true
      end
      and (v_start.id is null or (b.created_at, b.id) < (v_start.at, v_start.id))
    order by b.created_at desc, b.id desc
    limit p_page_size;
end
$$;
create function public.list_payout_batches(status text default null, after jsonb default null, page_size int default 20)
returns setof public.payout_batches
language sql stable set search_path = ''
as $$ select * from private.list_payout_batches($1, $2, $3) $$;
comment on function public.list_payout_batches is 'Admin: lists batches of payouts, newest first. `status` is proposed (a payout in it waits for approval, perhaps because it was unfrozen later), approved, or null for all. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_payout_batches(text, jsonb, int)', 'authenticated');

create index payouts_created_idx on public.payouts (created_at desc, id desc);

-- Planned anew for each call, as which index serves depends on what is asked for. The columns are those of payouts but
-- for the count of sendings, and whose claim it is (transfers_claims).
create function private.list_payouts(p_batch_id uuid, p_status text, p_host_id uuid, p_after jsonb, p_page_size int)
returns table (
  id uuid, user_id uuid, batch_id uuid, bank_account_id uuid, bank_account_usable_from timestamptz, amount bigint, currency text,
  status text, scheduled_at timestamptz, provider text, provider_payout_id text, bank_reference text, failure_code text,
  freeze_reason text, created_at timestamptz, paid_at timestamptz, claimed_by uuid, claimed_at timestamptz
)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  if p_status is not null and not exists (select from private.transitions t where t.machine = 'payout' and t.to_state = p_status) then
    perform private.fail_input('status', 'must be a state of payouts');
  end if;
  return query
    select o.id, o.user_id, o.batch_id, o.bank_account_id, o.bank_account_usable_from, o.amount, o.currency,
      o.status, o.scheduled_at, o.provider, o.provider_payout_id, o.bank_reference, o.failure_code,
      o.freeze_reason, o.created_at, o.paid_at, c.claimed_by, c.claimed_at
    from public.payouts o
    left join private.manual_claims c on c.subject_id = o.id and c.expires_at > now()
    where (p_batch_id is null or o.batch_id = p_batch_id)
      and (p_status is null or o.status = p_status)
      and (p_host_id is null or o.user_id = p_host_id)
      and (v_start.id is null or (o.created_at, o.id) < (v_start.at, v_start.id))
    order by o.created_at desc, o.id desc
    limit p_page_size;
end
$$;
create function public.list_payouts(
  batch_id uuid default null, status text default null, host_id uuid default null, after jsonb default null, page_size int default 20
)
returns table (
  id uuid, user_id uuid, batch_id uuid, bank_account_id uuid, bank_account_usable_from timestamptz, amount bigint, currency text,
  status text, scheduled_at timestamptz, provider text, provider_payout_id text, bank_reference text, failure_code text,
  freeze_reason text, created_at timestamptz, paid_at timestamptz, claimed_by uuid, claimed_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_payouts($1, $2, $3, $4, $5) $$;
comment on function public.list_payouts is 'Admin: lists payouts, newest first: of one batch, in one state, of one host, or all. claimed_by and claimed_at say which admin is transferring it by hand now. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_payouts(uuid, text, uuid, jsonb, int)', 'authenticated');
