-- Ledger: the proof that the books and the rows say the same.
-- Rule kept here: every movement of the ledger belongs to a row of some module and has the accounts and amounts that this
-- row gives; and every such row has its movement.
-- Left out on purpose: which rows those are, which each module says in a file of its own name; and a provider's own
-- statements, which differ by contract.

-- A line that the ledger must have because of a row; debit positive.
create type private.expected_line as (
  movement text, subject text, payable_id uuid, currency text, kind text, owner text, amount bigint
);
-- What is wrong although every line is there. Amounts are as in reconcile_ledger.
create type private.ledger_problem as (problem text, provider text, subject text, expected_amount bigint, found_amount bigint);

create table private.ledger_proofs (
  function_name text primary key,
  answers text not null,
  constraint ledger_proofs_answers_known check (answers in ('expected_line', 'ledger_problem'))
);
comment on table private.ledger_proofs is 'Functions without arguments, by which each module says what the ledger must hold because of its rows (expected_line), or what disagrees otherwise (ledger_problem).';

create function private.check_ledger_proof()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.function_name, '', 'SETOF private.' || new.answers);
  return new;
end
$$;
create trigger function_exists before insert or update on private.ledger_proofs
  for each row execute function private.check_ledger_proof();

-- These functions say a second time how commands post, so that a mistake in one place is found by the other.
create function private.expected_ledger()
returns setof private.expected_line
language plpgsql stable set search_path = ''
as $$
declare
  v_function text;
begin
  for v_function in select function_name from private.ledger_proofs where answers = 'expected_line' loop
    return query execute format('select * from private.%I()', v_function);
  end loop;
end
$$;

create function private.ledger_problems()
returns setof private.ledger_problem
language plpgsql stable set search_path = ''
as $$
declare
  v_function text;
begin
  for v_function in select function_name from private.ledger_proofs where answers = 'ledger_problem' loop
    return query execute format('select * from private.%I()', v_function);
  end loop;
end
$$;

create function private.reconcile_ledger()
returns table (problem text, provider text, subject text, expected_amount bigint, found_amount bigint)
-- every line of the books is in memory once; sorting on disk or compiling the query would only be slower
language sql stable security definer set search_path = '' set work_mem = '64MB' set jit = off
as $$
  -- Both sides are summed by the ids of movement and account. Grouping by what the lines say, six columns of text, took half
  -- as long again.
  with compared as materialized (
    select s.movement_id, s.account_id, nullif(sum(s.expected), 0)::bigint as expected_amount, nullif(sum(s.posted), 0)::bigint as found_amount
    from (
      -- a movement of another payable or currency is not the one that the row means
      select case when m.payable_id is not distinct from x.payable_id and m.currency = x.currency then m.id end as movement_id,
             a.id as account_id, x.amount as expected, null::bigint as posted
      from private.expected_ledger() x
      left join private.ledger_transactions m on m.event = x.movement and m.reference = x.subject
      left join private.ledger_accounts a on a.kind = x.kind and a.owner = x.owner and a.currency = x.currency
      where x.amount <> 0
      union all
      -- a movement counts together with its corrections
      select coalesce(k.corrects, e.transaction_id), e.account_id, null, e.amount
      from private.ledger_entries e
      left join (
        select k.id, k.corrects
        from private.ledger_transactions k
        join private.ledger_transactions m on m.id = k.corrects and m.payable_id is not distinct from k.payable_id
      ) k on k.id = e.transaction_id
      -- ISO 4217 keeps this code for tests; nothing is paid out in it
      where e.currency <> 'XTS'
    ) s
    group by s.movement_id, s.account_id
    having coalesce(sum(s.expected), 0) <> coalesce(sum(s.posted), 0) or s.movement_id is null or s.account_id is null
  ), lines as (
    select l.*,
           -- the line of the provider says the most about a movement; the other lines follow from it
           rank() over (partition by l.movement, l.subject order by l.kind <> 'clearing') as place
    from (
      select m.event as movement, m.reference as subject, a.kind, a.owner, c.expected_amount, c.found_amount
      from compared c
      join private.ledger_transactions m on m.id = c.movement_id
      join private.ledger_accounts a on a.id = c.account_id
      union all
      -- lines whose movement or account is not there at all: asked for again only when there is one
      select x.movement, x.subject, x.kind, x.owner, sum(x.amount)::bigint, null
      from private.expected_ledger() x
      left join private.ledger_transactions m on m.event = x.movement and m.reference = x.subject
        and m.payable_id is not distinct from x.payable_id and m.currency = x.currency
      left join private.ledger_accounts a on a.kind = x.kind and a.owner = x.owner and a.currency = x.currency
      where exists (select from compared c where c.movement_id is null or c.account_id is null)
        and (m.id is null or a.id is null)
      group by x.movement, x.subject, x.payable_id, x.currency, x.kind, x.owner
      having sum(x.amount) <> 0
    ) l
  )
  select movement || case kind when 'clearing' then '' else ' on ' || kind end, owner, subject, expected_amount, found_amount
  from lines
  where place = 1
  union all
  select problem, provider, subject, expected_amount, found_amount from private.ledger_problems()
$$;
comment on function private.reconcile_ledger is 'One row per line of a movement where the ledger and the rows disagree, with what the rows say (expected_amount) and what the ledger says, corrections included (found_amount), in minor units. `provider` is the owner of the account: a provider where the problem names no other kind. None means proven.';

create function private.reconcile_ledger_as_admin()
returns table (problem text, provider text, subject text, expected_amount bigint, found_amount bigint)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  return query select * from private.reconcile_ledger();
end
$$;
create function public.reconcile_ledger()
returns table (problem text, provider text, subject text, expected_amount bigint, found_amount bigint)
language sql stable set search_path = ''
as $$ select * from private.reconcile_ledger_as_admin() $$;
comment on function public.reconcile_ledger is 'Admin: compares the ledger with the rows it was posted for. Answers one row per line of a movement where they disagree, and no row when all agree. Amounts are in minor units. Errors: forbidden.';
revoke all on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() from public, anon, authenticated, service_role;
grant execute on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() to authenticated;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.ledger_accounts', 'r.owner = $1::text', 'retain', '{kind,currency}', 'The books are kept for ten years (Law on Accounting 88/2015/QH13, article 41).'),
  ('private.ledger_entries', 'r.account_id in (select a.id from private.ledger_accounts a where a.owner = $1::text)', 'retain', '{amount,currency}', 'Part of the books.'),
  ('private.ledger_transactions', 'r.id in (select e.transaction_id from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where a.owner = $1::text)',
    'retain', '{event,posted_at}', 'Part of the books.');
select private.retain_columns('private.ledger_accounts', 'Names the person by id.', 'currency');
select private.retain_columns('private.ledger_entries', 'Says nothing of a person.', 'currency');
select private.retain_columns('private.ledger_transactions', 'What moved the money, by ids.', 'event', 'reference', 'currency');
select private.hold_no_persons('private.ledger_account_kinds', 'private.ledger_proofs');

create function private.account_blocker_money_owed(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select p_user_id
  where exists (
    select from private.ledger_accounts a join private.ledger_entries e on e.account_id = a.id
    where a.owner = p_user_id::text group by a.id having sum(e.amount) <> 0
  )
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('money_owed', 'We owe you money, or you owe us. Wait for your payout, or contact support.', 'Bạn còn khoản tiền chưa nhận hoặc chưa thanh toán. Vui lòng chờ chuyển khoản hoặc liên hệ hỗ trợ.');
