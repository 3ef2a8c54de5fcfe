import { randomUUID } from 'node:crypto';
import type { SaleCluster } from './sale-cluster.ts';

/** People, their vehicles, and codes; each person rents from the others. */
export interface Town {
  people: string[];
  vehicles: { id: string; host: string }[];
  admin: string;
  codes: string[];
}

/** What a command may look at of a trip. */
export interface Trip {
  id: string;
  renter: string;
  host: string;
  vehicle: string;
  status: string;
  ends_at: Date;
  started: boolean;
  ended: boolean;
  /** Paid, and nothing was recorded of it: its times may be moved. */
  untouched: boolean;
  inspection: { id: string; by: string; status: string } | null;
  change: { id: string; status: string } | null;
  charge: { id: string; status: string } | null;
  report: { id: string; by: string; status: string } | null;
  complaint: { id: string; opener: string; status: string } | null;
}

const helpers = `
  -- Begins a try at paying, as the payer; null when there is nothing to pay.
  create function tests.begin_payment(p_payable_id uuid) returns text
  language plpgsql volatile as $$
  declare
    v_payment public.payments;
    v_attempt public.payment_attempts;
  begin
    select * into v_payment from public.payments where payable_id = p_payable_id;
    if not found then
      return null;
    end if;
    perform set_config('request.jwt.claims', tests.claims(v_payment.payer_id), true);
    v_attempt := private.start_payment(v_payment.id, 'vnpay', gen_random_uuid());
    perform set_config('request.jwt.claims', '', true);
    if v_attempt.status = 'created' then
      perform public.attach_checkout(v_attempt.id, 'https://pay.example.com/' || v_attempt.reference, 'qr', '{}', '{}');
    end if;
    return v_attempt.reference;
  end $$;
  -- Moves a paid trip of which nothing was recorded, so that it starts so many hours from now; under its locks.
  create function tests.travel(p_booking_id uuid, p_hours numeric) returns text
  language plpgsql volatile as $$
  declare
    v_booking public.bookings;
    v_by interval;
  begin
    perform private.lock_trip(p_booking_id);
    select * into v_booking from public.bookings where id = p_booking_id;
    v_by := now() + p_hours * interval '1 hour' - v_booking.starts_at;
    if v_booking.status <> 'confirmed' or exists (select from public.booking_inspections where booking_id = p_booking_id)
      or exists (select from public.booking_changes where booking_id = p_booking_id)
      or exists (select from public.booking_no_shows where booking_id = p_booking_id) then
      return 'not any more';
    end if;
    -- a request for that time would have been declined when this trip was paid
    if exists (
      select from public.bookings r
      where r.vehicle_id = v_booking.vehicle_id and r.status = 'requested'
        and r.period && tstzrange(lower(v_booking.period) + v_by, upper(v_booking.period) + v_by)) then
      return 'no room';
    end if;
    perform tests.move_trip(p_booking_id, p_hours);
    return 'there';
  exception
    when exclusion_violation then
      return 'no room';
  end $$;
  -- The time to pay or to answer is over.
  create function tests.let_run_out(p_booking_id uuid) returns void
  language plpgsql volatile as $$
  begin
    perform private.lock_booking_payable(p_booking_id);
    perform tests.run_out(p_booking_id) from public.bookings where id = p_booking_id and status in ('requested', 'pending_payment');
  end $$;
  -- The other side has not answered in time; of a record that is older than two seconds, whose times then need not move.
  create function tests.keep_silent(p_booking_id uuid) returns void
  language plpgsql volatile as $$
  begin
    perform private.lock_trip(p_booking_id);
    perform tests.let_answer_pass(i.kind, p_booking_id) from public.booking_inspections i
    where i.booking_id = p_booking_id and i.status = 'recorded' and i.recorded_at < now() - interval '3 seconds';
  end $$;
  create function tests.view_trip(p_booking_id uuid) returns jsonb
  language sql stable as $$
    select jsonb_build_object(
      'id', b.id, 'renter', b.renter_id, 'host', b.host_id, 'vehicle', b.vehicle_id, 'status', b.status, 'ends_at', b.ends_at,
      'started', b.starts_at <= now(), 'ended', b.ends_at <= now(),
      'untouched', b.status = 'confirmed' and not exists (select from public.booking_inspections i where i.booking_id = b.id)
        and not exists (select from public.booking_changes c where c.booking_id = b.id) and not exists (select from public.booking_no_shows n where n.booking_id = b.id),
      'inspection', (select jsonb_build_object('id', i.id, 'by', i.recorded_by, 'status', i.status) from public.booking_inspections i
        where i.booking_id = b.id and i.status in ('recorded', 'contested') limit 1),
      'change', (select jsonb_build_object('id', c.id, 'status', c.status) from public.booking_changes c
        where c.booking_id = b.id and c.status in ('requested', 'pending_payment') limit 1),
      'charge', (select jsonb_build_object('id', c.id, 'status', c.status) from public.booking_charges c
        where c.booking_id = b.id and c.ended_at is null order by c.id limit 1),
      'report', (select jsonb_build_object('id', n.id, 'by', n.reporter_id, 'status', n.status) from public.booking_no_shows n
        where n.booking_id = b.id and n.status in ('reported', 'contested') limit 1),
      'complaint', (select jsonb_build_object('id', c.id, 'opener', c.opener_id, 'status', c.status) from public.complaints c
        where c.payable_id = b.id and c.status in ('open', 'in_review') order by c.id limit 1))
    from public.bookings b where b.id = p_booking_id
  $$;`;

/** Vehicles of every kind of rule, eight to a kind. */
const kinds = Array.from({ length: 12 }, (_, i) => ({
  notice_hours: 0,
  min_hours: 2,
  max_days: 10,
  buffer_minutes: [0, 30, 60][i % 3],
  instant_book: i % 4 !== 3,
  security_deposit: [0, 500_000, 3_000_000][i % 3],
  daily_km_allowance: 100,
  excess_km_fee: 5000,
}));

/** Fifty people and two hundred vehicles of ten of them, or fewer of both. */
export async function buildTown(cluster: SaleCluster, people: number, vehicles: number): Promise<Town> {
  const { sql, act } = cluster;
  await sql(helpers);
  // what is refused because somebody is quick says nothing here
  await sql('update private.rate_limits set capacity = 1000000, per_minute = 1000000');
  const renters = await sql<{ id: string }>(
    `select tests.make_renter('person') as id from generate_series(1, $1::int)`,
    [people],
  );
  const ids = renters.map(({ id }) => id);
  const hosts = ids.slice(0, Math.ceil(people / 5));
  const listings = await sql<{ id: string; host: string }>(
    `select tests.make_vehicle(k.host, k.more) as id, k.host
     from unnest($1::uuid[], $2::jsonb[]) k (host, more)`,
    [
      Array.from({ length: vehicles }, (_, i) => hosts[i % hosts.length]),
      Array.from({ length: vehicles }, (_, i) =>
        JSON.stringify({ ...kinds[i % kinds.length], lat: 21 + (i % 20) / 100, lng: 105.8 + (i % 13) / 100 }),
      ),
    ],
  );
  const [made] = await sql<{ id: string }>(`select tests.make_admin('admin') as id`);
  const admin = made?.id ?? '';
  const codes = ['HALFOFF', 'TENOFF', 'FIFTYK', 'ALLFREE'];
  const offers = [
    { percent_bps: 5000, max_amount: 400_000, total_limit: Math.ceil(people / 2) },
    { percent_bps: 1000, per_user_limit: null },
    { fixed_amount: 50_000, per_user_limit: 3 },
    { percent_bps: 10_000, total_limit: 10 },
  ];
  for (const [i, offer] of offers.entries()) {
    const details = { code: codes[i], title: 'A code', scope: 'rental', ...offer };
    const { error } = await act(
      admin,
      'public.create_discount($1, $2)',
      JSON.stringify(details),
      randomUUID(),
    );
    if (error !== null) throw new Error(`create_discount: ${error}`);
  }
  // what hosts earn goes out to them, so that freezes meet payouts
  for (const host of hosts) {
    await sql('select tests.step_up($1)', [host]);
    const account = await act(
      host,
      `public.set_bank_account('970436', '0123456789', 'HOST', $1)`,
      randomUUID(),
    );
    if (account.error !== null) throw new Error(`set_bank_account: ${account.error}`);
  }
  await sql(
    `update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days'`,
  );
  return { people: ids, vehicles: listings, admin, codes };
}
