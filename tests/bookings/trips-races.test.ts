import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancel, hours, makeListing, makePeople } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

/** A paid trip of ten hours that starts so many hours from now. */
async function paidTrip(renter: string, vehicle: string, startsIn: number): Promise<string> {
  const booking = await world.make<string>(
    'make_paid_booking',
    renter,
    vehicle,
    await hours(world, 300),
    await hours(world, 310),
  );
  await world.make('move_trip', booking, startsIn);
  return booking;
}

const inspectionOf = (booking: string, kind: string): Promise<string> =>
  world.value('(private.live_inspection($1, $2)).id', booking, kind);

async function report(command: 'check_in' | 'check_out', user: string, booking: string): Promise<Act> {
  const photos = JSON.stringify(await world.make('photos', user));
  return {
    user,
    text: `(public.${command}($1, 500, 80, $2, $3)).status`,
    args: [booking, photos, randomUUID()],
  };
}

const acknowledge = (user: string, inspection: string): Act => ({
  user,
  text: '(public.acknowledge_inspection($1)).status',
  args: [inspection],
});

const objectTo = (user: string, inspection: string): Act => ({
  user,
  text: "(public.object_to_inspection($1, 'not so')).status",
  args: [inspection],
});

const countDue: Act = { text: 'private.count_due_inspections()' };

describe('a hand-over', () => {
  it('is recorded once when both sides record it at once', async () => {
    const { host, vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const trip = await paidTrip(renter, vehicle, 0);
    const outcomes = await allAtOnce([
      await report('check_in', host, trip),
      await report('check_in', renter, trip),
    ]);
    expect(tally(outcomes)).toEqual({ ok: 1, inspection_open: 1 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('of one vehicle is recorded for one of two trips', async () => {
    const { vehicle } = await makeListing(world);
    const [one, other] = (await makePeople(world, 2)) as [string, string];
    const ending = await paidTrip(one, vehicle, -9.5);
    const beginning = await paidTrip(other, vehicle, 0.5);
    const outcomes = await allAtOnce([
      await report('check_in', one, ending),
      await report('check_in', other, beginning),
    ]);
    expect(tally(outcomes)).toEqual({ ok: 1, vehicle_not_returned: 1 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('begins the trip or is cancelled with the booking, whatever is done at once', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { host, vehicle } = await makeListing(world);
      const [renter] = (await makePeople(world, 1)) as [string];
      const trip = await paidTrip(renter, vehicle, 0);
      await world.make('record_inspection', 'check_in', host, trip, 10);
      const inspection = await inspectionOf(trip, 'check_in');
      if (round % 2 === 1) await world.make('let_answer_pass', 'check_in', trip);
      const outcomes = await allAtOnce([
        acknowledge(renter, inspection),
        cancel(renter, trip),
        cancel(host, trip),
        objectTo(renter, inspection),
        countDue,
      ]);
      expect(
        surprises(
          outcomes,
          'booking_not_cancellable',
          'illegal_transition',
          'money_frozen',
          'refund_changed',
        ),
      ).toEqual([]);
      const status = await world.value<string>('select status from public.bookings where id = $1', trip);
      expect(['in_progress', 'cancelled', 'confirmed']).toContain(status);
      if (round % 2 === 1) expect(status).toBe('in_progress');
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('a return', () => {
  it('earns the rent once, whatever counts it', async () => {
    const { host, vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const trip = await paidTrip(renter, vehicle, 0);
    await world.make('inspect', 'check_in', renter, trip, 10);
    await world.make('record_inspection', 'check_out', renter, trip, 20);
    const inspection = await inspectionOf(trip, 'check_out');
    await world.make('let_answer_pass', 'check_out', trip);
    const release: Act = {
      user: host,
      text: '(public.release_deposit($1, $2)).status',
      args: [trip, randomUUID()],
    };
    const outcomes = await allAtOnce([
      countDue,
      countDue,
      acknowledge(host, inspection),
      acknowledge(host, inspection),
      release,
    ]);
    expect(tally(outcomes)).toEqual({ ok: 5 });
    expect(await world.value("private.balance('host_payable', $1)::int", host)).toBe(1_360_001);
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('a deposit', () => {
  beforeAll(async () => {
    await world.sql.query(
      "insert into private.capture_causes values ('race', 'A decision') on conflict do nothing",
    );
  });

  it('is never given twice, when it is taken, released and due at one moment', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { host, vehicle } = await makeListing(world);
      const [renter] = (await makePeople(world, 1)) as [string];
      const trip = await paidTrip(renter, vehicle, 0);
      await world.make('drive', trip, -20);
      await world.sql.query('update public.bookings set claim_until = now() where id = $1', [trip]);
      const take: Act = {
        text: `(select (private.capture_deposit((private.lock_trip($1)).id, $2, 'race', $3, 'charge_fuel')).amount::text)`,
        args: [trip, 1_200_000, randomUUID()],
      };
      const takeToo = { ...take, args: [trip, 1_200_000, randomUUID()] };
      const release: Act = {
        user: host,
        text: '(public.release_deposit($1, $2)).status',
        args: [trip, randomUUID()],
      };
      const due: Act = { text: 'private.return_due_deposits()' };
      const outcomes = await allAtOnce([take, takeToo, release, due, due]);
      expect(surprises(outcomes, 'deposit_not_enough')).toEqual([]);
      await world.value('private.return_due_deposits()');
      const [money] = (
        await world.sql.query<{ captured: number; returned: number; taken: number; refunded: number }>(
          `select b.deposit_captured::int as captured, b.deposit_returned::int as returned,
             (select coalesce(sum(c.amount), 0)::int from public.deposit_captures c where c.booking_id = b.id) as taken,
             (select coalesce(sum(r.amount), 0)::int from public.refunds r where r.payable_id = b.id) as refunded
           from public.bookings b where b.id = $1`,
          [trip],
        )
      ).rows;
      expect(money?.taken).toBe(money?.captured);
      expect(money?.refunded).toBe(money?.returned);
      expect((money?.captured ?? 0) + (money?.returned ?? 0)).toBe(3_000_000);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});
