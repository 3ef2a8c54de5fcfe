-- What the schema allows at most: the rows of a command, written by plain statements that know everything beforehand.
-- Rule kept here: nobody types these rows. The command itself is called, the rows that it leaves are caught by a trigger
-- on every table, the calls are undone, and one function writes the same rows again: one statement for each row, in the
-- order in which the command wrote them, with triggers off. Constraints, foreign keys and indexes are those of the tables.
-- Left out on purpose: every rule of a command, and every row that the command changed or removed again before its end.

grant usage on schema bench to service_role;

create unlogged table if not exists bench.captured (
  ord bigint generated always as identity,
  call bigint not null,
  phase int not null,
  relation text not null,
  key text not null,
  op text not null,
  old text,
  new text
);

-- Which rows of which call are written now; a phase is one transaction of the command.
create or replace function bench.capture()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_row jsonb := case tg_op when 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
begin
  insert into bench.captured (call, phase, relation, key, op, old, new)
  values (
    current_setting('bench.call')::bigint, current_setting('bench.phase')::int, coalesce(pg_partition_root(tg_relid), tg_relid)::regclass::text,
    (select string_agg(v_row ->> k, ' ' order by k) from unnest(tg_argv) k),
    tg_op, case when tg_op <> 'INSERT' then old::text end, case when tg_op <> 'DELETE' then new::text end
  );
  return null;
end
$$;

-- Ends one transaction of a call: what waits for the end of a transaction happens now.
create or replace function bench.end_phase()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  set constraints all immediate;
  set constraints all deferred;
  perform set_config('role', 'none', true), set_config('bench.phase', (current_setting('bench.phase')::int + 1)::text, true);
end
$$;

-- Calls bench.call_<name>(n) for p_count numbers and catches what they write. Who calls it rolls back.
create or replace function bench.capture_calls(p_name text, p_first bigint, p_count int)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_table record;
begin
  for v_table in
    select c.oid::regclass as name, (
      select string_agg(quote_literal(a.attname), ', ')
      from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
      where i.indrelid = c.oid and i.indisprimary
    ) as key
    from pg_class c
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'realtime'::regnamespace)
      and c.relkind in ('r', 'p') and not c.relispartition
      and exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
  loop
    -- its name comes first, so that a row is caught before those that its other triggers write
    execute format('create trigger "0_capture" after insert or update or delete on %s for each row execute function bench.capture(%s)', v_table.name, v_table.key);
  end loop;
  for v_n in p_first .. p_first + p_count - 1 loop
    perform set_config('bench.call', v_n::text, true), set_config('bench.phase', '1', true);
    execute format('select bench.call_%s($1)', p_name) using v_n;
    perform bench.end_phase();
  end loop;
end
$$;

-- One row for each row that a phase leaves: how it came to be, and its place among those of its call.
create or replace view bench.left_rows as
with each as (
  select call, phase, relation, key, min(ord) as ord,
         (array_agg(op order by ord))[1] as first_op, (array_agg(op order by ord desc))[1] as last_op,
         (array_agg(old order by ord))[1] as old, (array_agg(new order by ord desc))[1] as new
  from bench.captured
  group by call, phase, relation, key
)
select call, phase, relation, op, old, new,
       row_number() over (partition by call, phase order by ord) as place,
       row_number() over (partition by call, phase, relation, op order by ord) as nth
from (
  select *, case when first_op = 'INSERT' then 'INSERT' when last_op = 'DELETE' then 'DELETE' else 'UPDATE' end as op from each
) e
-- a row that came and went within the call is none
where not (first_op = 'INSERT' and last_op = 'DELETE');

-- Writes bench.replay_<name>_<phase>(n), which writes again what call n wrote in this phase. With p_answers, it answers the
-- first row of that table.
create or replace function bench.make_replay(p_name text, p_phase int, p_answers regclass default null)
returns void
language plpgsql volatile set search_path = '' set work_mem = '256MB'
as $$
declare
  v_function text := format('%s_%s', p_name, p_phase);
  v_slot record;
  v_columns record;
  v_declared text := '';
  v_statements text := '';
  v_read text := '';
  v_answer text;
  -- rows of one call stand together in tables whose rows fit a page, so that none is compressed
  v_table int := 0;
  v_size int := 1000000;
  v_parts text[] := '{}';
begin
  drop table if exists bench.slots;
  create table bench.slots as
  select row_number() over (order by avg(l.place), l.relation, l.nth) as slot, l.relation, l.op, l.nth, count(*) as calls,
         max(coalesce(length(l.old), 0) + coalesce(length(l.new), 0)) as size
  from bench.left_rows l
  where l.phase = p_phase
  group by l.relation, l.op, l.nth;
  drop table if exists bench.slot_rows;
  create table bench.slot_rows as
  select l.call, s.slot, l.old, l.new
  from bench.left_rows l join bench.slots s using (relation, op, nth)
  where l.phase = p_phase;
  create index on bench.slot_rows (slot, call);
  analyze bench.slot_rows;

  for v_slot in select * from bench.slots order by slot loop
    if v_size + v_slot.size > 3500 then
      v_table := v_table + 1;
      v_size := 0;
      v_parts := array_append(v_parts, '');
      v_declared := v_declared || format('  r%s bench.replayed_%s_%s;%s', v_table, v_function, v_table, e'\n');
    end if;
    v_size := v_size + v_slot.size;
    v_parts[v_table] := v_parts[v_table] || format(
      ', (select x.new::%2$s from bench.slot_rows x where x.slot = %1$s and x.call = c.call) as n%1$s, (select x.old::%2$s from bench.slot_rows x where x.slot = %1$s and x.call = c.call) as o%1$s',
      v_slot.slot, v_slot.relation);
    v_declared := v_declared || format('  n%1$s %2$s; o%1$s %2$s;%3$s', v_slot.slot, v_slot.relation, e'\n');
    v_read := v_read || format('  n%1$s := r%2$s.n%1$s; o%1$s := r%2$s.o%1$s;%3$s', v_slot.slot, v_table, e'\n');
    select
      string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where a.attgenerated = '') as names,
      string_agg(format('n%s.%I', v_slot.slot, a.attname), ', ' order by a.attnum) filter (where a.attgenerated = '') as news,
      -- a counter goes on from where it is by now: several calls may count at once
      string_agg(format(case when c.counts then '%2$I = t.%2$I + (n%1$s.%2$I - o%1$s.%2$I)' else '%2$I = n%1$s.%2$I' end, v_slot.slot, a.attname), ', ' order by a.attnum)
        filter (where a.attgenerated = '' and c.changes) as changes,
      string_agg(format('t.%2$I = o%1$s.%2$I', v_slot.slot, a.attname), ' and ') filter (where a.attnum = any (i.indkey)) as key
    into v_columns
    from pg_attribute a
    join pg_index i on i.indrelid = a.attrelid and i.indisprimary
    cross join lateral bench.changes_of(v_slot.slot, a.attname, v_slot.relation, a.atttypid) c
    where a.attrelid = v_slot.relation::regclass and a.attnum > 0 and not a.attisdropped;
    v_statements := v_statements || case when v_slot.calls < (select count(distinct call) from bench.slot_rows)
      then format('  if not (%s%s is null) then', case v_slot.op when 'INSERT' then 'n' else 'o' end, v_slot.slot) || e'\n' else '' end;
    v_statements := v_statements || case v_slot.op
      when 'INSERT' then format('  insert into %s (%s) overriding system value values (%s);', v_slot.relation, v_columns.names, v_columns.news)
      when 'UPDATE' then format('  update %s t set %s where %s;', v_slot.relation, v_columns.changes, v_columns.key)
      else format('  delete from %s t where %s;', v_slot.relation, v_columns.key) end || e'\n';
    v_statements := v_statements || case when v_slot.calls < (select count(distinct call) from bench.slot_rows) then e'  end if;\n' else '' end;
    if v_slot.relation::regclass = p_answers then
      v_answer := coalesce(v_answer, 'n' || v_slot.slot);
    end if;
  end loop;

  execute format('drop function if exists bench.replay_%s(bigint)', v_function);
  for i in 1 .. 100 loop
    execute format('drop table if exists bench.replayed_%s_%s', v_function, i);
    continue when i > v_table;
    execute format('create unlogged table bench.replayed_%s_%s with (toast_tuple_target = 8160) as select c.call%s from (select distinct call from bench.slot_rows) c', v_function, i, v_parts[i]);
    execute format('alter table bench.replayed_%s_%s add primary key (call)', v_function, i);
    execute format('analyze bench.replayed_%s_%s', v_function, i);
    v_read := format('  select * into strict r%s from bench.replayed_%s_%s where call = p_call;%s', i, v_function, i, e'\n') || v_read;
  end loop;
  execute format('
create function bench.replay_%1$s(p_call bigint)
returns %2$s
language plpgsql volatile security definer set search_path = ''''
as $body$
declare
%3$sbegin
%4$s%5$s  return%6$s;
end
$body$', v_function, coalesce(p_answers::text, 'void'), v_declared, v_read, v_statements, coalesce(' ' || v_answer, ''));
  execute format('grant execute on function bench.replay_%s(bigint) to authenticated, service_role', v_function);
end
$$;

-- Whether any call changes a column in this slot, and whether it is a whole number that is always there.
create or replace function bench.changes_of(p_slot bigint, p_column text, p_relation text, p_type regtype, out changes boolean, out counts boolean)
language plpgsql stable set search_path = ''
as $$
begin
  execute format(
    'select coalesce(bool_or((x.old::%1$s).%2$I is distinct from (x.new::%1$s).%2$I), false), bool_and((x.old::%1$s).%2$I is not null and (x.new::%1$s).%2$I is not null)
     from bench.slot_rows x where x.slot = $1', p_relation, p_column) into changes, counts using p_slot;
  counts := coalesce(counts, false) and p_type in ('int4'::regtype, 'int8'::regtype);
end
$$;

-- The beginning of a request, as bench/scripts/prelude.sql has it: what a command looks at.
create or replace function bench.begin_request(p_role text, p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform set_config('request.jwt.claims', jsonb_build_object('aud', 'authenticated', 'exp', 4102444800, 'role', p_role, 'sub', p_user_id,
      'session_id', '00000000-0000-4000-8000-000000000000')::text, true),
    set_config('request.method', 'POST', true), set_config('request.path', '/rpc', true),
    set_config('request.headers', '{"x-client-info":"bench","x-correlation-id":"00000000-0000-4000-8000-000000000000","content-type":"application/json"}', true),
    set_config('role', p_role, true);
end
$$;

create or replace function bench.call_booking(p_n bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform bench.begin_request('authenticated', (select q.renter_id from public.quotes q where q.id = bench.id('quote', p_n)));
  perform public.create_booking(bench.id('quote', p_n), gen_random_uuid());
end
$$;

create or replace function bench.call_webhook(p_n bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_event bigint;
begin
  perform bench.begin_request('service_role', null);
  v_event := public.record_payment_event('vnpay', 'W' || p_n || '-1', true, 'W' || p_n, bench.raw_message(p_n),
    '{"content-type":"application/x-www-form-urlencoded","user-agent":"VNPay"}') ->> 'event_id';
  perform bench.end_phase();
  perform bench.begin_request('service_role', null);
  perform public.apply_payment_event(v_event, 'W' || p_n, 'succeeded', 1630000, 'VND', 'T' || p_n, null);
end
$$;

-- The message as VNPay sends it, 530 bytes; nothing here checks its hash, which was done before.
create or replace function bench.raw_message(p_n bigint)
returns text
language sql immutable set search_path = ''
as $$
  select 'vnp_Amount=163000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14000001&vnp_CardType=ATM&vnp_OrderInfo=Thanh+toan+don+dat+xe&vnp_PayDate=20261120101500&vnp_ResponseCode=00&vnp_TmnCode=JOURNEY1&vnp_TransactionNo=14000001&vnp_TransactionStatus=00&vnp_TxnRef=W' || p_n || '&vnp_SecureHash=' || repeat('0123456789abcdef', 8)
$$;
