import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, invariantViolations, openWorld, tally, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(async () => {
  await world?.close();
});

/** Times some hours from now. */
async function hours(count: number): Promise<Date> {
  return world.make<Date>('hours', count);
}

async function makePeople(count: number): Promise<string[]> {
  const { rows } = await world.sql.query<{ id: string }>(
    "select tests.make_renter('renter') as id from generate_series(1, $1::int)",
    [count],
  );
  return rows.map((row) => row.id);
}

/** Far from where other tests search. */
const farAway = { lat: -44.5, lng: 170.5 };

async function makeListing(more: object = {}): Promise<{ host: string; vehicle: string }> {
  const host = await world.make('make_user', 'host');
  return { host, vehicle: await world.make('make_vehicle', host, JSON.stringify({ ...farAway, ...more })) };
}

const book = (user: string, quote: string, key: string = randomUUID()): Act => ({
  user,
  text: '(public.create_booking($1, $2)).id',
  args: [quote, key],
});
const cancel = (user: string, booking: string): Act => ({
  user,
  text: "(public.cancel_booking($1, 'changed plans', $2)).status",
  args: [booking, randomUUID()],
});
const answer = (user: string, booking: string, accept: boolean): Act => ({
  user,
  text: '(public.answer_booking($1, $2, $3)).status',
  args: [booking, accept, randomUUID()],
});
const providerSays = (reference: string, event = `event-${reference}`): Act => ({
  text: "tests.provider_says($1, 'succeeded', null, 'VND', 'tx-' || $1, $2)",
  args: [reference, event],
});
const expireOverdue: Act = { text: 'private.expire_overdue_bookings()' };

/** Outcomes without their refusals of which the reader was told. */
function surprises(outcomes: { error: string | null }[], ...expected: string[]): string[] {
  return outcomes.flatMap(({ error }) => (error === null || expected.includes(error) ? [] : [error]));
}

describe('one vehicle, one period', () => {
  it('lets exactly one of 64 renters win, tells the others, and never deadlocks', async () => {
    const { vehicle } = await makeListing();
    const renters = await makePeople(64);
    const [starts, ends] = [await hours(48), await hours(72)];
    const acts: Act[] = [];
    for (const renter of renters) {
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 1, vehicle_unavailable: 63 });
    expect(
      await world.value<number>('select count(*)::int from public.bookings where vehicle_id = $1', vehicle),
    ).toBe(1);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('lets exactly one of many partly overlapping periods through where all share an hour', async () => {
    const { vehicle } = await makeListing({ buffer_minutes: 60 });
    const renters = await makePeople(24);
    const acts: Act[] = [];
    for (const [i, renter] of renters.entries()) {
      const [starts, ends] = [await hours(48 + i * 0.5), await hours(60 + i * 0.5)];
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
    }
    const outcomes = await allAtOnce(acts);
    expect(tally(outcomes)).toEqual({ ok: 1, vehicle_unavailable: 23 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('books back-to-back periods all at once', async () => {
    const { vehicle } = await makeListing();
    const renters = await makePeople(16);
    const acts: Act[] = [];
    for (const [i, renter] of renters.entries()) {
      const [starts, ends] = [await hours(48 + i * 2), await hours(50 + i * 2)];
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 16 });
  });

  it('gives a slot to either the host who blocks it or a renter, without a deadlock', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { host, vehicle } = await makeListing();
      const renters = await makePeople(8);
      const [starts, ends] = [await hours(48), await hours(72)];
      const acts: Act[] = [];
      for (const renter of renters) {
        acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
        acts.push({
          user: host,
          text: '(public.block_period($1, $2, $3)).id',
          args: [vehicle, starts, ends],
        });
      }
      expect(tally(await allAtOnce(acts))).toEqual({ ok: 1, vehicle_unavailable: 15 });
    }
  });

  it('lets one renter win what overdue holds still seem to keep, while the job removes them', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { vehicle } = await makeListing();
      const late = await makePeople(4);
      for (const [i, renter] of late.entries()) {
        const booking = await world.make(
          'make_booking',
          renter,
          vehicle,
          await hours(48 + i),
          await hours(49 + i),
        );
        await world.make('run_out', booking);
      }
      const renters = await makePeople(12);
      const acts: Act[] = [expireOverdue, expireOverdue];
      for (const renter of renters) {
        acts.push(
          book(renter, await world.make('make_quote', renter, vehicle, await hours(48), await hours(52))),
        );
      }
      const outcomes = await allAtOnce(acts);
      expect(surprises(outcomes, 'vehicle_unavailable')).toEqual([]);
      expect(
        await world.value<number>(
          "select count(*)::int from public.bookings where vehicle_id = $1 and status = 'pending_payment'",
          vehicle,
        ),
      ).toBeLessThanOrEqual(1);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('the same thing twice', () => {
  it('makes one booking of one key from 20 connections, and tells all of them which', async () => {
    const { vehicle } = await makeListing();
    const [renter] = (await makePeople(1)) as [string];
    const quote = await world.make('make_quote', renter, vehicle, await hours(48), await hours(72));
    const key = randomUUID();
    const outcomes = await allAtOnce(Array.from({ length: 20 }, () => book(renter, quote, key)));
    expect(tally(outcomes)).toEqual({ ok: 20 });
    expect(new Set(outcomes.map(({ value }) => value)).size).toBe(1);
  });

  it('makes one booking of one quote under different keys', async () => {
    const { vehicle } = await makeListing();
    const [renter] = (await makePeople(1)) as [string];
    const quote = await world.make('make_quote', renter, vehicle, await hours(48), await hours(72));
    const outcomes = await allAtOnce(Array.from({ length: 15 }, () => book(renter, quote)));
    expect(tally(outcomes)).toEqual({ ok: 1, quote_used: 14 });
  });

  it('applies one event of the provider once, of 50 deliveries', async () => {
    const { host, vehicle } = await makeListing();
    const [renter] = (await makePeople(1)) as [string];
    const booking = await world.make('make_booking', renter, vehicle, await hours(48), await hours(72));
    const reference = await world.make('start_payment', booking);
    const outcomes = await allAtOnce(Array.from({ length: 50 }, () => providerSays(reference)));
    const said = outcomes.map(({ value, error }) => error ?? String(value)).sort();
    expect(said).toEqual(['applied', ...Array.from({ length: 49 }, () => 'duplicate')]);
    expect(await world.value('select status from public.bookings where id = $1', booking)).toBe('confirmed');
    expect(await world.value("private.balance('escrow', $1)", booking)).toBe('1814405');
    expect(
      await world.value<number>(
        "select count(*)::int from public.notifications where user_id = $1 and template = 'booking_confirmed_host'",
        host,
      ),
    ).toBe(1);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('applies one payment once when the provider tells of it under many event ids', async () => {
    const { vehicle } = await makeListing();
    const [renter] = (await makePeople(1)) as [string];
    const booking = await world.make('make_booking', renter, vehicle, await hours(48), await hours(72));
    const reference = await world.make('start_payment', booking);
    const outcomes = await allAtOnce(
      Array.from({ length: 20 }, (_, i) => providerSays(reference, `event-${reference}-${i}`)),
    );
    const said = outcomes.map(({ value, error }) => error ?? String(value)).sort();
    expect(said).toEqual(['applied', ...Array.from({ length: 19 }, () => 'duplicate')]);
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('money against time', () => {
  it('confirms or gives back a payment that races with the end of its hold and with another renter', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing();
      const [first, second] = (await makePeople(2)) as [string, string];
      const [starts, ends] = [await hours(48), await hours(72)];
      const booking = await world.make('make_booking', first, vehicle, starts, ends);
      const reference = await world.make('start_payment', booking);
      await world.make('run_out', booking);
      const rival = await world.make('make_quote', second, vehicle, starts, ends);
      const outcomes = await allAtOnce([
        providerSays(reference),
        expireOverdue,
        book(second, rival),
        expireOverdue,
      ]);
      expect(surprises(outcomes, 'vehicle_unavailable')).toEqual([]);
      const status = await world.value<string>('select status from public.bookings where id = $1', booking);
      expect(outcomes[0]?.value).toBe(status === 'confirmed' ? 'applied' : 'refunded_late');
      expect(status === 'confirmed').toBe(outcomes[2]?.error === 'vehicle_unavailable');
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('keeps or gives back the money when cancelling races with paying', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing();
      const [renter] = (await makePeople(1)) as [string];
      const booking = await world.make('make_booking', renter, vehicle, await hours(480), await hours(500));
      const reference = await world.make('start_payment', booking);
      const outcomes = await allAtOnce([cancel(renter, booking), providerSays(reference)]);
      expect(surprises(outcomes)).toEqual([]);
      expect(await world.value('select status from public.bookings where id = $1', booking)).toBe(
        'cancelled',
      );
      expect(await world.value('select sum(amount) from public.refunds where booking_id = $1', booking)).toBe(
        '4814405',
      );
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('gives a refund once, however many workers report it', async () => {
    const { vehicle } = await makeListing();
    const [renter] = (await makePeople(1)) as [string];
    const booking = await world.make(
      'make_paid_booking',
      renter,
      vehicle,
      await hours(480),
      await hours(500),
    );
    await allAtOnce([cancel(renter, booking)]);
    const refund = await world.value('select id from public.refunds where booking_id = $1', booking);
    const report: Act = {
      text: "(public.record_refund_result($1, 'succeeded', 'r-1')).status",
      args: [refund],
    };
    expect(tally(await allAtOnce(Array.from({ length: 12 }, () => report)))).toEqual({ ok: 12 });
    expect(
      await world.value('select refunded_amount from public.payments where booking_id = $1', booking),
    ).toBe('4814405');
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('requests', () => {
  it('holds one of many overlapping requests that the host accepts at once', async () => {
    const { host, vehicle } = await makeListing({ instant_book: false });
    const renters = await makePeople(8);
    const bookings: string[] = [];
    for (const renter of renters) {
      bookings.push(await world.make('make_booking', renter, vehicle, await hours(48), await hours(72)));
    }
    const outcomes = await allAtOnce(bookings.map((booking) => answer(host, booking, true)));
    expect(tally(outcomes)).toEqual({ ok: 1, illegal_transition: 7 });
    const { rows } = await world.sql.query(
      'select status, count(*)::int from public.bookings where vehicle_id = $1 group by 1 order by 1',
      [vehicle],
    );
    expect(rows).toEqual([
      { status: 'declined', count: 7 },
      { status: 'pending_payment', count: 1 },
    ]);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('lets a renter cancel one request while the host accepts another of the same renter', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { host, vehicle } = await makeListing({ instant_book: false });
      const [renter] = (await makePeople(1)) as [string];
      const bookings: string[] = [];
      for (let i = 0; i < 6; i += 1) {
        bookings.push(await world.make('make_booking', renter, vehicle, await hours(48), await hours(72)));
      }
      const [first, ...others] = bookings as [string, ...string[]];
      const outcomes = await allAtOnce([
        answer(host, first, true),
        ...others.map((other) => cancel(renter, other)),
      ]);
      expect(surprises(outcomes, 'booking_not_cancellable')).toEqual([]);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('notifications', () => {
  it('numbers them without gaps when many write to the same two people in opposite roles', async () => {
    const people = await makePeople(2);
    const [one, two] = people as [string, string];
    const vehicles = [
      await world.make('make_vehicle', one, JSON.stringify(farAway)),
      await world.make('make_vehicle', two, JSON.stringify(farAway)),
    ] as const;
    const acts: Act[] = [];
    for (let i = 0; i < 16; i += 1) {
      const renter = people[(i + 1) % 2] as string;
      const vehicle = vehicles[i % 2] as string;
      const booking = await world.make(
        'make_booking',
        renter,
        vehicle,
        await hours(48 + i * 3),
        await hours(50 + i * 3),
      );
      acts.push(providerSays(await world.make('start_payment', booking)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 16 });
    for (const person of people) {
      const { rows } = await world.sql.query<{ count: number; min: string; max: string }>(
        'select count(*)::int, min(seq), max(seq) from public.notifications where user_id = $1',
        [person],
      );
      expect(rows[0]).toEqual({ count: 16, min: '1', max: '16' });
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('does not deadlock when the job tells many people while hosts and renters cancel', async () => {
    for (let round = 0; round < 4; round += 1) {
      const people = await makePeople(6);
      const vehicles: string[] = [];
      for (const person of people)
        vehicles.push(await world.make('make_vehicle', person, JSON.stringify(farAway)));
      const acts: Act[] = [expireOverdue, expireOverdue];
      for (const [i, host] of people.entries()) {
        for (const [j, renter] of people.entries()) {
          if (i === j) continue;
          const booking = await world.make(
            'make_booking',
            renter,
            vehicles[i],
            await hours(48 + j * 3),
            await hours(50 + j * 3),
          );
          if ((i + j) % 2 === 0) await world.make('run_out', booking);
          else acts.push(cancel(i < j ? host : renter, booking));
        }
      }
      expect(surprises(await allAtOnce(acts))).toEqual([]);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('tells a person once of one cause, however many say it at the same time', async () => {
    const [person] = (await makePeople(1)) as [string];
    const tell: Act = { text: "private.notify($1, 'licence_verified', '{}', 'once')", args: [person] };
    expect(tally(await allAtOnce(Array.from({ length: 20 }, () => tell)))).toEqual({ ok: 20 });
    expect(
      await world.value<number>('select count(*)::int from public.notifications where user_id = $1', person),
    ).toBe(1);
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('work to share out', () => {
  it('leases no row to two workers', async () => {
    await world.sql.query(
      "select private.enqueue('races', '{}', gen_random_uuid()::text, now() - interval '1 day') from generate_series(1, 200)",
    );
    const lease: Act = { text: 'select array_agg(l.id) from public.lease_outbox(20, 60) l' };
    const outcomes = await allAtOnce(Array.from({ length: 12 }, () => lease));
    const ids = outcomes.flatMap(({ value }) => (value as string[] | null) ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(200);
    await world.sql.query("delete from private.outbox where topic = 'races'");
  });
});
