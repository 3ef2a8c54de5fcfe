-- What the measurement of webhooks needs: bookings that wait for their money, each with an attempt under way.

grant insert on bench.plain_bookings to service_role;

-- Stores p_count such bookings and returns the number of the first; attempt n has the reference `W` and n.
-- Written past the commands: triggers and foreign keys are off, every constraint of the tables still holds.
create or replace function bench.make_attempts(p_count int)
returns bigint
language plpgsql volatile set search_path = '' set session_replication_role = 'replica'
as $$
declare
  v_first bigint := bench.make_quotes(p_count);
begin
  insert into public.bookings (
    id, code, quote_id, vehicle_id, renter_id, host_id, period, status, currency, total_amount, deposit_amount,
    tax_amount, cancellation_policy, hold_expires_at
  )
  select bench.id('booking', n), 'W' || n, q.id, q.vehicle_id, q.renter_id, v.host_id, q.period, 'pending_payment', q.currency,
         q.total_amount, q.deposit_amount, q.tax_amount, q.cancellation_policy, now() + interval '1 day'
  from generate_series(v_first, v_first + p_count - 1) n
  join public.quotes q on q.id = bench.id('quote', n)
  join public.vehicles v on v.id = q.vehicle_id;
  insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at, holder_id)
  select b.vehicle_id, 'hold', private.blocked_range(b.starts_at, b.ends_at, v.buffer_minutes), b.id, b.hold_expires_at, b.renter_id
  from generate_series(v_first, v_first + p_count - 1) n
  join public.bookings b on b.id = bench.id('booking', n)
  join public.vehicles v on v.id = b.vehicle_id;
  insert into public.payables (id, kind, payer_id, code, title, starts_at, ends_at, amount, currency, split, sold_amount, tax_amount)
  select b.id, 'booking', b.renter_id, b.code, v.title, b.starts_at, b.ends_at, b.total_amount, b.currency, array[
      ('escrow', b.id::text, b.deposit_amount - b.total_amount)::private.ledger_line,
      ('deposit', b.id::text, -b.deposit_amount)::private.ledger_line
    ], b.total_amount - b.deposit_amount, b.tax_amount
  from generate_series(v_first, v_first + p_count - 1) n
  join public.bookings b on b.id = bench.id('booking', n)
  join public.vehicles v on v.id = b.vehicle_id;
  insert into public.payments (id, payable_id, payer_id, amount, currency, status, expires_at)
  select bench.id('payment', n), b.id, b.renter_id, b.total_amount, b.currency, 'processing', b.hold_expires_at
  from generate_series(v_first, v_first + p_count - 1) n
  join public.bookings b on b.id = bench.id('booking', n);
  insert into public.payment_attempts (payment_id, provider, reference, amount, currency, status, expires_at)
  select p.id, 'vnpay', 'W' || n, p.amount, p.currency, 'pending', p.expires_at
  from generate_series(v_first, v_first + p_count - 1) n
  join public.payments p on p.id = bench.id('payment', n);
  analyze public.bookings, public.calendar_entries, public.payables, public.payments, public.payment_attempts;
  return v_first;
end
$$;
