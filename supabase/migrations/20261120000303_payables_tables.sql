-- Payables: what a payment pays, whatever it is.
-- Rule kept here: what was agreed never changes; the parts of a payable add up to its amount; every kind registers
-- the functions to call at each step of its payment, and they must exist.
-- Left out on purpose: until when it can be paid, which its payment says; and what becomes of the money once the thing
-- paid for has happened, which the module that owns the kind posts to the ledger.

create table private.payable_kinds (
  kind text primary key,
  -- (payable id) takes every lock that moving it needs, before its payment is locked
  lock_function text not null,
  -- (payable id) answers the code of the error why it cannot be paid now, or null; null where nothing can be in the way
  check_function text,
  -- (payable id) its money has come: keeps the slot or takes it again, and answers true; false when it is gone
  settle_function text not null,
  -- (payable id) the time to pay it is over, and its payment is closed
  expire_function text not null,
  -- (payable id, reason) an admin calls it off; orders what goes back, or raises that it is too late
  cancel_function text not null,
  -- (payable id) what its receipt lists: [{code, amount}], which add up to what is sold
  lines_function text not null,
  -- (payable id, refund id) a refund of it was paid; null where nothing follows from that
  refunded_function text,
  -- its money moves when that of what it is part of does, so a freeze of it is one of the whole
  moves_with_whole boolean not null default false
);
comment on table private.payable_kinds is 'Who owns what is paid: the functions of schema private that the payment side calls. Each finds the locks of lock_function taken.';

create function private.check_payable_kind()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.lock_function, 'uuid', 'void');
  if new.check_function is not null then
    perform private.require_function(new.check_function, 'uuid', 'text');
  end if;
  perform private.require_function(new.settle_function, 'uuid', 'boolean');
  perform private.require_function(new.expire_function, 'uuid', 'void');
  perform private.require_function(new.cancel_function, 'uuid, text', 'void');
  perform private.require_function(new.lines_function, 'uuid', 'jsonb');
  if new.refunded_function is not null then
    perform private.require_function(new.refunded_function, 'uuid, uuid', 'void');
  end if;
  return new;
end
$$;
create trigger functions_exist before insert or update on private.payable_kinds
  for each row execute function private.check_payable_kind();

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('escrow', 'Paid for what is not over yet (per payable)', true, false);

-- A constraint calls it at each insert, so it is one loop: a query would cost more than the insert.
create function private.adds_up(p_amount bigint, p_split private.ledger_line[], p_sold_amount bigint, p_tax_amount bigint)
returns boolean
language plpgsql immutable set search_path = ''
as $$
declare
  v_line private.ledger_line;
  v_left bigint := p_amount;
begin
  foreach v_line in array p_split loop
    v_left := v_left + v_line.amount;
  end loop;
  return coalesce(v_left = 0 and p_tax_amount >= 0 and p_sold_amount between p_tax_amount and p_amount, false);
end
$$;

create table public.payables (
  -- the id of the row that owns it: a booking's payable has the booking's id
  id uuid primary key,
  kind text not null references private.payable_kinds,
  part_of uuid references public.payables on delete restrict,
  payer_id uuid not null references public.profiles on delete restrict,
  code text not null,
  title text not null,
  starts_at timestamptz,
  ends_at timestamptz,
  amount bigint not null,
  currency text not null,
  split private.ledger_line[] not null,
  sold_amount bigint not null,
  tax_amount bigint not null,
  earnings_wait_until timestamptz,
  created_at timestamptz not null default now(),
  constraint payables_title_tidy check (private.is_tidy(title)),
  constraint payables_adds_up check (private.adds_up(amount, split, sold_amount, tax_amount))
);
comment on table public.payables is 'What a payment pays: a booking today; later also an order, an extension or a charge. Amounts are in minor units. The module that owns the kind writes the row.';
create index payables_part_of_idx on public.payables (part_of) where part_of is not null;
comment on column public.payables.part_of is 'The payable that this one belongs to, such as the booking of an extension or charge. Null for what stands alone. A freeze of the whole freezes its parts.';
comment on column public.payables.code is 'What people know it by, such as the code of the booking.';
comment on column public.payables.title is 'What it is, as shown to the payer, such as the title of the vehicle.';
comment on column public.payables.starts_at is 'When what is paid for takes place. Null where it has no time.';
comment on column public.payables.amount is 'What is to be paid; minor units of `currency`, as all amounts here. 0 when a discount covers everything: then it has no payment.';
comment on column public.payables.split is 'Ledger accounts that are credited when the money comes; they add up to amount.';
comment on column public.payables.sold_amount is 'What of it is sold: the total of its receipt. The rest is only held, such as a deposit.';
comment on column public.payables.tax_amount is 'The tax within sold_amount.';
comment on column public.payables.earnings_wait_until is 'What is earned by it is not paid out before. Null until the owner knows the time.';
create trigger immutable before update on public.payables for each row
  when ((old.id, old.kind, old.part_of, old.payer_id, old.code, old.title, old.starts_at, old.ends_at, old.amount, old.currency, old.split, old.sold_amount, old.tax_amount)
    is distinct from (new.id, new.kind, new.part_of, new.payer_id, new.code, new.title, new.starts_at, new.ends_at, new.amount, new.currency, new.split, new.sold_amount, new.tax_amount))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.payables
  for each statement execute function private.forbid_change();

alter table private.ledger_transactions
  add constraint ledger_transactions_payable foreign key (payable_id) references public.payables on delete restrict;

alter table public.payables enable row level security;
revoke all on public.payables from anon, authenticated, service_role;
grant select (id, kind, part_of, payer_id, code, title, starts_at, ends_at, amount, currency, sold_amount, tax_amount, created_at)
  on public.payables to authenticated;
grant select on public.payables to service_role;
create policy select_payer on public.payables for select to authenticated
  using (payer_id = (select auth.uid()) or (select private.is_admin()));

-- The payable, or nulls. It takes every lock of the row that owns it.
create function private.lock_payable(p_payable_id uuid)
returns public.payables
language plpgsql volatile set search_path = ''
as $$
declare
  v_payable public.payables;
  v_function text;
begin
  select * into v_payable from public.payables where id = p_payable_id;
  if found then
    select lock_function into strict v_function from private.payable_kinds where kind = v_payable.kind;
    execute 'select private.' || quote_ident(v_function) || '($1)' using p_payable_id;
  end if;
  return v_payable;
end
$$;

-- What the owner says is in the way of paying: the code of an error, or null. Callers hold the locks.
create function private.payable_problem(p_payable_id uuid)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
  v_problem text;
begin
  select k.check_function into v_function
  from public.payables y join private.payable_kinds k on k.kind = y.kind where y.id = p_payable_id;
  if v_function is not null then
    execute 'select private.' || quote_ident(v_function) || '($1)' into v_problem using p_payable_id;
  end if;
  return v_problem;
end
$$;

-- Callers hold the locks. True means that the payer has what was paid for; false means that it is gone.
create function private.settle_payable(p_payable public.payables)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
  v_kept boolean;
begin
  select settle_function into strict v_function from private.payable_kinds where kind = p_payable.kind;
  execute 'select private.' || quote_ident(v_function) || '($1)' into v_kept using p_payable.id;
  return v_kept;
end
$$;

create function private.expire_payable(p_payable public.payables)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
begin
  select expire_function into strict v_function from private.payable_kinds where kind = p_payable.kind;
  execute 'select private.' || quote_ident(v_function) || '($1)' using p_payable.id;
end
$$;

create function private.lines_of(p_payable public.payables)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
  v_lines jsonb;
begin
  select lines_function into strict v_function from private.payable_kinds where kind = p_payable.kind;
  execute 'select private.' || quote_ident(v_function) || '($1)' into v_lines using p_payable.id;
  return v_lines;
end
$$;

create function private.tell_refunded(p_payable_id uuid, p_refund_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_function text;
begin
  select k.refunded_function into v_function
  from public.payables y join private.payable_kinds k on k.kind = y.kind where y.id = p_payable_id;
  if v_function is not null then
    execute 'select private.' || quote_ident(v_function) || '($1, $2)' using p_payable_id, p_refund_id;
  end if;
end
$$;

-- What notifications about the money of a payable say about it. With booking_id or order_id an app opens its screen; a part
-- has the id of its whole for that.
create function private.payable_data(p_payable public.payables)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((select jsonb_build_object(y.kind || '_id', y.id) from public.payables y where y.id = p_payable.part_of), '{}') || jsonb_build_object(
    'payable_id', p_payable.id, 'payable_kind', p_payable.kind, p_payable.kind || '_id', p_payable.id, 'code', p_payable.code,
    'title', p_payable.title, 'total', private.money_value(p_payable.amount, p_payable.currency));
end
$$;

-- A payable as the answers of commands show it.
create function private.payable_view(p_payable_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', y.id, 'kind', y.kind, 'code', y.code, 'title', y.title, 'starts_at', y.starts_at, 'ends_at', y.ends_at,
    'amount', y.amount, 'currency', y.currency)
  from public.payables y where y.id = p_payable_id
$$;
grant execute on function private.payable_view(uuid) to authenticated;
