-- Bookings with all that belongs to them, for measuring check_invariants().
-- Rule kept here: what is measured is real: a few families of bookings are lived through command by command
-- (supabase/tests/helpers.psql), and then copied row by row, each copy with ids of its own.
-- Left out on purpose: what no invariant reads: answers of repeated commands, broadcasts that were sent.

create schema bench;

-- Tables that are empty now hold nothing but what the families will leave.
create table bench.copied (name regclass primary key, step bigint not null default 0);
do $$
declare
  v_table regclass;
  v_empty boolean;
begin
  for v_table in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition or c.oid in ('auth.users'::regclass, 'storage.objects'::regclass)
  loop
    execute format('select not exists (select from %s)', v_table) into v_empty;
    if v_empty and v_table not in ('private.idempotency_keys'::regclass) then
      insert into bench.copied (name) values (v_table);
    end if;
  end loop;
end
$$;

-- One host with one vehicle, one renter, and twelve bookings, from paid out to never paid.
create function bench.live(p_admin uuid)
returns void
language plpgsql volatile
as $$
declare
  v_host uuid := tests.make_user('host');
  v_renter uuid := tests.make_renter('renter');
  v_vehicle uuid := tests.make_vehicle(v_host);
  v_bookings uuid[] := '{}';
  v_booking uuid;
  v_refund record;
begin
  perform tests.step_up(v_host);
  perform set_config('request.jwt.claims', tests.claims(v_host), true);
  perform public.set_bank_account('970436', '0123456789', 'Nguyen Van A', gen_random_uuid());
  update public.bank_accounts set created_at = now() - interval '2 days', usable_from = now() - interval '1 day' where user_id = v_host;
  for i in 0 .. 11 loop
    v_booking := tests.make_booking(v_renter, v_vehicle, tests.hours(24 + 30 * i), tests.hours(44 + 30 * i));
    v_bookings := v_bookings || v_booking;
    perform case when i < 11 then tests.provider_says(tests.start_payment(v_booking), p_transaction_id => gen_random_uuid()::text) end;
    -- one to nine have been driven, and are paid out up to eight; the host of the ninth may still claim
    if i between 1 and 9 then
      perform tests.drive(v_booking, case when i < 9 then -30 * i - 30 else -24 end);
      if i < 9 then
        perform set_config('request.jwt.claims', json_build_object('sub', v_host, 'role', 'authenticated')::text, true);
        perform public.release_deposit(v_booking, gen_random_uuid());
      end if;
    elsif i = 10 then
      perform set_config('request.jwt.claims', json_build_object('sub', v_renter, 'role', 'authenticated')::text, true);
      perform tests.cancel_booking(v_booking);
    end if;
  end loop;
  perform tests.run_out(v_bookings[12]);
  perform private.expire_overdue_payments();
  for v_refund in select r.id from public.refunds r join public.payments p on p.id = r.payment_id where p.payer_id = v_renter loop
    perform public.record_refund_result(v_refund.id, 'succeeded', gen_random_uuid()::text);
  end loop;
  perform tests.step_up(p_admin);
  perform set_config('request.jwt.claims', tests.claims(p_admin), true);
  perform public.approve_payout_batch(b.id) from public.propose_payouts() b;
  perform public.record_payout_result(p.id, 'succeeded', gen_random_uuid()::text) from public.payouts p where p.user_id = v_host;
  perform public.issue_receipt(o.payload ->> 'kind', (o.payload ->> 'subject_id')::uuid)
  from private.outbox o where o.topic = 'receipt' and o.status = 'pending';
  update private.outbox set status = 'done', finished_at = now() where status = 'pending';
end
$$;

-- The id of a copy is that of its original with k in front, and of another version (8) than any original.
-- A value of a copied row, as an expression over t (the row) and k (which copy it is).
create function bench.copied_value(p_table regclass, p_column text, p_type regtype)
returns text
language plpgsql stable
as $$
declare
  v_column text := format('t.%I', p_column);
  -- of the table whose numbers this column holds
  v_step bigint := (
    select c.step from pg_attribute a
    left join pg_constraint f on f.conrelid = a.attrelid and f.contype = 'f' and a.attnum = any (f.conkey)
    join pg_attribute i on i.attidentity <> ''
      and (i.attrelid, i.attnum) in ((a.attrelid, a.attnum), (f.confrelid, f.confkey[array_position(f.conkey, a.attnum)]))
    join bench.copied c on c.name = i.attrelid
    where a.attrelid = p_table and a.attname = p_column
    limit 1
  );
  v_in_text text := 'regexp_replace(%s::text, ''[0-9a-f]{4}([0-9a-f]{4}-[0-9a-f]{4}-)4([0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})'', lpad(to_hex(k), 4, ''0'') || ''\18\2'', ''g'')';
begin
  return case
    when p_table = 'private.ledger_entries'::regclass and p_column = 'account_id'
      then format('t.account_id + case when t.account_id = any ((select bench.shared_accounts())::bigint[]) then 0 else %s * k end', v_step)
    when v_step is not null then format('%s + %s * k', v_column, v_step)
    -- the smaller id of a pair stays first
    when p_table = 'public.conversations'::regclass and p_column in ('first_user_id', 'second_user_id') then format('%s(%s, %s)',
      case p_column when 'first_user_id' then 'least' else 'greatest' end,
      'overlay(overlay(t.first_user_id::text placing lpad(to_hex(k), 4, ''0'') from 1) placing ''8'' from 15)::uuid',
      'overlay(overlay(t.second_user_id::text placing lpad(to_hex(k), 4, ''0'') from 1) placing ''8'' from 15)::uuid')
    when p_type = 'uuid'::regtype then format('overlay(overlay(%s::text placing lpad(to_hex(k), 4, ''0'') from 1) placing ''8'' from 15)::uuid', v_column)
    when (p_table, p_column) in (
        ('public.bookings'::regclass, 'code'), ('public.payables'::regclass, 'code'), ('public.payment_attempts'::regclass, 'reference'))
      then format('%s || to_hex(k)', v_column)
    when p_column = 'plate' then format('upper(to_hex(k)) || translate(%s, ''.-'', '''')', v_column)
    when p_column = 'number_hash' then format('sha256(%s || int4send(k))', v_column)
    when p_table = 'public.receipts'::regclass and p_column = 'seq' then 't.seq + k * (select s.last_seq from private.receipt_series s where s.series = t.series)'
    when p_table = 'public.receipts'::regclass and p_column = 'content' then format(
      'jsonb_set(%s::jsonb, ''{number}'', to_jsonb(private.receipt_number(t.series, t.seq + k * (select s.last_seq from private.receipt_series s where s.series = t.series))))',
      format(v_in_text, v_column))
    when p_type in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'private.ledger_line[]'::regtype) then format(v_in_text || '::%s', v_column, p_type)
    else v_column
  end;
end
$$;

-- Accounts that belong to nobody's booking: the platform's and the providers'.
create function bench.shared_accounts()
returns bigint[]
language sql stable
as $$ select array_agg(id) from private.ledger_accounts where owner !~ '^[0-9a-f]{8}-' $$;

-- Copies everything p_times. Triggers and foreign keys are off, as the copies repeat what they have allowed; every
-- other constraint holds.
create function bench.copy_all(p_times int)
returns void
language plpgsql volatile set session_replication_role = 'replica' set synchronous_commit = 'off' set work_mem = '256MB'
as $$
declare
  v_copied record;
  v_identity text;
  v_values record;
  v_links regclass := 'private.inspection_links';
begin
  create temp table links on commit drop as table private.inspection_links;
  for v_copied in select name from bench.copied loop
    select attname into v_identity from pg_attribute where attrelid = v_copied.name and attidentity <> '';
    if found then
      execute format('update bench.copied set step = (select coalesce(max(%I), 0) from %s) where name = %L::regclass', v_identity, v_copied.name, v_copied.name);
    end if;
  end loop;
  for v_copied in select name from bench.copied where name not in ('private.receipt_series'::regclass, v_links) loop
    select string_agg(format('%I', attname), ', ' order by attnum) as columns,
           string_agg(bench.copied_value(attrelid, attname, atttypid), ', ' order by attnum) as expressions
    into v_values
    from pg_attribute where attrelid = v_copied.name and attnum > 0 and not attisdropped and attgenerated = '';
    execute format('insert into %s (%s) overriding system value select %s from %s t cross join generate_series(1, %s) k %s',
      v_copied.name, v_values.columns, v_values.expressions, v_copied.name, p_times,
      case v_copied.name when 'private.ledger_accounts'::regclass then 'where t.id <> all ((select bench.shared_accounts())::bigint[])' end);
  end loop;
  -- each link of a chain holds the hash of the one before
  for v_number in 1 .. (select coalesce(max(number), 0) from links) loop
    execute format($q$
      insert into private.inspection_links (booking_id, number, inspection_id, record, sha256)
      select x.booking_id, x.number, x.inspection_id, x.record, private.sha256_hex(x.record)
      from (
        select %1$s as booking_id, t.number, %2$s as inspection_id, replace(%3$s, coalesce(o.sha256, ''), coalesce(c.sha256, '')) as record
        from links t cross join generate_series(1, $1) k
        left join links o on o.booking_id = t.booking_id and o.number = t.number - 1
        left join private.inspection_links c on c.booking_id = %1$s and c.number = t.number - 1
        where t.number = $2
      ) x$q$, bench.copied_value(v_links, 'booking_id', 'uuid'), bench.copied_value(v_links, 'inspection_id', 'uuid'), bench.copied_value(v_links, 'record', 'text'))
    using p_times, v_number;
  end loop;
  update private.domain_events e set data = e.data || jsonb_build_object('sha256', l.sha256)
  from private.inspection_links l
  where e.type = 'inspection.linked' and e.subject_id = l.booking_id and e.data -> 'number' = to_jsonb(l.number);
  update private.receipt_series set last_seq = last_seq * (p_times + 1);
end
$$;
