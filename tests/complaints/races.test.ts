import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeListing } from '../support/acts.ts';
import {
  type Act,
  addAccounts,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let admin: string;

beforeAll(async () => {
  world = await openWorld();
  await addAccounts(world);
  admin = await world.make('make_admin', 'admin');
  await world.sql.query(`
    update private.rate_limits set capacity = 1000 where action in ('open_complaint', 'change_complaint');
    create function tests.dispute(p_booking uuid, p_user uuid, p_admin uuid)
    returns uuid
    language plpgsql volatile
    as $$
    declare
      v_id uuid;
    begin
      perform set_config('request.jwt.claims', tests.claims(p_user), true);
      v_id := (private.open_complaint(p_booking, 'other', 'The vehicle was not clean', 'refund', gen_random_uuid(), null, '{}')).id;
      update public.complaints set statement_until = now() where id = v_id;
      perform set_config('request.jwt.claims', tests.claims(p_admin), true);
      perform private.assign_complaint(v_id, null);
      perform set_config('request.jwt.claims', '', true);
      return v_id;
    end
    $$`);
});

afterAll(() => world?.close());

interface Trip {
  booking: string;
  renter: string;
  host: string;
}

/** A trip that is over, whose earnings can be paid out. */
async function trip(): Promise<Trip> {
  const { host, vehicle } = await makeListing(world);
  const renter = await world.make<string>('make_renter', 'renter');
  await world.make('set_account', host);
  const booking = await world.value<string>(
    'select tests.make_paid_booking($1, $2, tests.hours(300), tests.hours(310))',
    renter,
    vehicle,
  );
  await world.make('drive', booking, -40);
  return { booking, renter, host };
}

const open = (user: string, booking: string, key: string = randomUUID()): Act => ({
  user,
  text: "(private.open_complaint($1, 'other', 'The vehicle was not clean', 'refund', $2, null, '{}')).side",
  args: [booking, key],
});
const resolve = (complaint: string, refund: number, change: number): Act => ({
  user: admin,
  text: "(private.resolve_complaint($1, 'As the photos show', $3, gen_random_uuid(), $2, 0, false)).status",
  args: [complaint, refund, change],
});
const previewed = (complaint: string, refund: number): Promise<number> =>
  world.value<number>(
    `select (private.complaint_amounts(c, $2, 0) ->> 'host_change')::int from public.complaints c where c.id = $1`,
    complaint,
    refund,
  );
const refunds = (booking: string): Promise<string> =>
  world.value<string>(
    "select coalesce(string_agg(kind || ' ' || amount, ', ' order by kind), '') from public.refunds where payable_id = $1",
    booking,
  );

describe('complaints', () => {
  it('lets each side open one when both and a repeat come at once', async () => {
    const { booking, renter, host } = await trip();
    const key = randomUUID();
    const outcomes = await allAtOnce([
      open(renter, booking, key),
      open(renter, booking, key),
      open(renter, booking),
      open(host, booking),
      open(host, booking),
    ]);
    expect(surprises(outcomes, 'complaint_exists')).toEqual([]);
    expect(
      await world.value(
        'select array_agg(side order by side) from public.complaints where payable_id = $1',
        booking,
      ),
    ).toEqual(['host', 'renter']);
    expect(
      await world.value(
        'select count(*)::int from private.payable_freezes where payable_id = $1 and ended_at is null',
        booking,
      ),
    ).toBe(2);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('moves the money once when two admins decide at once', async () => {
    const { booking, renter } = await trip();
    const complaint = await world.make<string>('dispute', booking, renter, admin);
    const change = await previewed(complaint, 900_000);
    const outcomes = await allAtOnce(Array.from({ length: 4 }, () => resolve(complaint, 900_000, change)));
    expect(tally(outcomes)).toEqual({ ok: 1, illegal_transition: 3 });
    expect(await refunds(booking)).toContain('complaint 900000');
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('never gives back more than was paid when both complaints are decided at once', async () => {
    const { booking, renter, host } = await trip();
    const first = await world.make<string>('dispute', booking, renter, admin);
    const second = await world.make<string>('dispute', booking, host, admin);
    const change = await previewed(first, 1_500_000);
    const outcomes = await allAtOnce([resolve(first, 1_500_000, change), resolve(second, 1_500_000, change)]);
    expect(tally(outcomes)).toEqual({ ok: 1, complaint_amount_too_high: 1 });
    expect(await refunds(booking)).toContain('complaint 1500000');
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('keeps every đồng in one place when payouts are scheduled while complaints are opened and decided', async () => {
    const trips = await Promise.all(Array.from({ length: 4 }, trip));
    await world.sql.query(
      `update public.bookings set claim_until = now() - interval '1 second' where id = any ($1)`,
      [trips.map(({ booking }) => booking)],
    );
    const decided = trips.slice(0, 2);
    const complaints: string[] = [];
    for (const { booking, renter } of decided)
      complaints.push(await world.make<string>('dispute', booking, renter, admin));
    const changes = await Promise.all(complaints.map((id) => previewed(id, 700_000)));
    const outcomes = await allAtOnce([
      { text: 'private.schedule_payouts(1)::text' },
      ...complaints.map((id, i) => resolve(id, 700_000, changes[i] ?? 0)),
      ...trips.slice(2).map(({ renter, booking }) => open(renter, booking)),
      { text: 'private.schedule_payouts(1)::text' },
      { text: 'private.return_due_deposits()' },
    ]);
    expect(surprises(outcomes)).toEqual([]);
    await world.sql.query('select private.schedule_payouts(1), private.return_due_deposits()');
    for (const [i, { host }] of trips.entries()) {
      const [live] = (
        await world.sql.query<{ paid: string }>(
          `select coalesce(sum(amount), 0)::text as paid from public.payouts where user_id = $1 and status in ('scheduled', 'approved')`,
          [host],
        )
      ).rows;
      // 1,360,001 earned; of a refund of 700,000 the host gives the own share
      expect(Number(live?.paid)).toBe(i < 2 ? 1_360_001 + (changes[i] ?? 0) : 0);
    }
    expect(await invariantViolations(world)).toEqual([]);
    expect(await world.value('select count(*)::int from private.reconcile_ledger()')).toBe(0);
  });
});
