import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  book,
  cancel,
  expireOverdue,
  hours,
  makeListing,
  makePeople,
  providerSays,
} from '../support/acts.ts';
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

const answer = (user: string, booking: string, accept: boolean): Act => ({
  user,
  text: '(public.answer_booking($1, $2, $3)).status',
  args: [booking, accept, randomUUID()],
});

describe('one vehicle, one period', () => {
  it('lets exactly one of 64 renters win, refuses the others, and never deadlocks', async () => {
    const { vehicle } = await makeListing(world);
    const renters = await makePeople(world, 64);
    const [starts, ends] = [await hours(world, 48), await hours(world, 72)];
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
    const { vehicle } = await makeListing(world, { buffer_minutes: 60 });
    const renters = await makePeople(world, 24);
    const acts: Act[] = [];
    for (const [i, renter] of renters.entries()) {
      const [starts, ends] = [await hours(world, 48 + i * 0.5), await hours(world, 60 + i * 0.5)];
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
    }
    const outcomes = await allAtOnce(acts);
    expect(tally(outcomes)).toEqual({ ok: 1, vehicle_unavailable: 23 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('books back-to-back periods all at once', async () => {
    const { vehicle } = await makeListing(world);
    const renters = await makePeople(world, 16);
    const acts: Act[] = [];
    for (const [i, renter] of renters.entries()) {
      const [starts, ends] = [await hours(world, 48 + i * 2), await hours(world, 50 + i * 2)];
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 16 });
  });

  it('gives a slot to either the host who blocks it or a renter, without a deadlock', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { host, vehicle } = await makeListing(world);
      const renters = await makePeople(world, 8);
      const [starts, ends] = [await hours(world, 48), await hours(world, 72)];
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
      const { vehicle } = await makeListing(world);
      const late = await makePeople(world, 4);
      for (const [i, renter] of late.entries()) {
        const booking = await world.make(
          'make_booking',
          renter,
          vehicle,
          await hours(world, 48 + i),
          await hours(world, 49 + i),
        );
        await world.make('run_out', booking);
      }
      const renters = await makePeople(world, 12);
      const acts: Act[] = [expireOverdue, expireOverdue];
      for (const renter of renters) {
        acts.push(
          book(
            renter,
            await world.make('make_quote', renter, vehicle, await hours(world, 48), await hours(world, 52)),
          ),
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
    const { vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const quote = await world.make(
      'make_quote',
      renter,
      vehicle,
      await hours(world, 48),
      await hours(world, 72),
    );
    const key = randomUUID();
    const outcomes = await allAtOnce(Array.from({ length: 20 }, () => book(renter, quote, key)));
    expect(tally(outcomes)).toEqual({ ok: 20 });
    expect(new Set(outcomes.map(({ value }) => value)).size).toBe(1);
  });

  it('makes one booking of one quote under different keys', async () => {
    const { vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const quote = await world.make(
      'make_quote',
      renter,
      vehicle,
      await hours(world, 48),
      await hours(world, 72),
    );
    const outcomes = await allAtOnce(Array.from({ length: 15 }, () => book(renter, quote)));
    expect(tally(outcomes)).toEqual({ ok: 1, quote_used: 14 });
  });
});

describe('one renter, many holds', () => {
  it('makes five of 16 bookings of one renter that come at once over 16 connections', async () => {
    const [renter] = (await makePeople(world, 1)) as [string];
    const acts: Act[] = [];
    for (let i = 0; i < 16; i += 1) {
      const { vehicle } = await makeListing(world, { instant_book: i % 2 === 0 });
      acts.push(
        book(
          renter,
          await world.make('make_quote', renter, vehicle, await hours(world, 48), await hours(world, 50)),
        ),
      );
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 5, too_many_open_bookings: 11 });
    const { rows } = await world.sql.query<{ open_number: number }>(
      'select open_number from public.bookings where renter_id = $1 order by 1',
      [renter],
    );
    expect(rows.map((row) => row.open_number)).toEqual([1, 2, 3, 4, 5]);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('lets one renter hold one vehicle for 30 days at most, however many bookings come at once', async () => {
    const { vehicle } = await makeListing(world, { max_days: 30 });
    const [renter] = (await makePeople(world, 1)) as [string];
    const acts: Act[] = [];
    for (let i = 0; i < 5; i += 1) {
      const [from, to] = [await hours(world, 48 + i * 360), await hours(world, 48 + (i + 1) * 360)];
      acts.push(book(renter, await world.make('make_quote', renter, vehicle, from, to)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 2, too_many_days_held: 3 });
  });

  it('does not deadlock when a renter books again what late money comes for', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing(world);
      const [renter] = (await makePeople(world, 1)) as [string];
      const [from, to] = [await hours(world, 48), await hours(world, 72)];
      const booking = await world.make('make_booking', renter, vehicle, from, to);
      const reference = await world.make('start_payment', booking);
      await world.make('run_out', booking);
      const again = await world.make('make_quote', renter, vehicle, from, to);
      const outcomes = await allAtOnce([
        book(renter, again),
        providerSays(reference),
        expireOverdue,
        cancel(renter, booking),
      ]);
      expect(surprises(outcomes, 'vehicle_unavailable', 'booking_not_cancellable', 'refund_changed')).toEqual(
        [],
      );
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('money against time', () => {
  it('confirms or refunds a payment that races with the end of its hold and with another renter', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing(world);
      const [first, second] = (await makePeople(world, 2)) as [string, string];
      const [starts, ends] = [await hours(world, 48), await hours(world, 72)];
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

  it('keeps the booking or gives the money back when cancelling races with paying', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing(world);
      const [renter] = (await makePeople(world, 1)) as [string];
      const booking = await world.make(
        'make_booking',
        renter,
        vehicle,
        await hours(world, 480),
        await hours(world, 500),
      );
      const reference = await world.make('start_payment', booking);
      const outcomes = await allAtOnce([cancel(renter, booking), providerSays(reference)]);
      // the money may come between the look at the refund and the cancellation
      expect(surprises(outcomes, 'refund_changed')).toEqual([]);
      const status = await world.value('select status from public.bookings where id = $1', booking);
      const changed = outcomes[0]?.error === 'refund_changed';
      expect(status).toBe(changed ? 'confirmed' : 'cancelled');
      expect(await world.value('select sum(amount) from public.refunds where payable_id = $1', booking)).toBe(
        changed ? null : '4814405',
      );
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('requests', () => {
  it('holds one of many overlapping requests that the host accepts at once', async () => {
    const { host, vehicle } = await makeListing(world, { instant_book: false });
    const renters = await makePeople(world, 8);
    const bookings: string[] = [];
    for (const renter of renters) {
      bookings.push(
        await world.make('make_booking', renter, vehicle, await hours(world, 48), await hours(world, 72)),
      );
    }
    const outcomes = await allAtOnce(bookings.map((booking) => answer(host, booking, true)));
    expect(tally(outcomes)).toEqual({ ok: 1, vehicle_unavailable: 7 });
    const { rows } = await world.sql.query(
      'select status, count(*)::int from public.bookings where vehicle_id = $1 group by 1 order by 1',
      [vehicle],
    );
    expect(rows).toEqual([
      { status: 'pending_payment', count: 1 },
      { status: 'requested', count: 7 },
    ]);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('declines every request that overlaps when the winner pays while others are cancelled, answered and made', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { host, vehicle } = await makeListing(world, { instant_book: false });
      const [from, to] = [await hours(world, 48), await hours(world, 72)];
      const renters = await makePeople(world, 8);
      const bookings: string[] = [];
      for (const renter of renters)
        bookings.push(await world.make('make_booking', renter, vehicle, from, to));
      const late = await world.make('make_quote', await world.make('make_renter', 'late'), vehicle, from, to);
      const quoteOwner = await world.value<string>('select renter_id from public.quotes where id = $1', late);
      const [winner, ...others] = bookings as [string, ...string[]];
      await allAtOnce([answer(host, winner, true)]);
      const reference = await world.make('start_payment', winner);
      const outcomes = await allAtOnce([
        providerSays(reference),
        ...others.slice(0, 3).map((booking, i) => cancel(renters[i + 1] as string, booking)),
        ...others.slice(3).map((booking) => answer(host, booking, false)),
        book(quoteOwner, late),
      ]);
      expect(
        surprises(outcomes, 'booking_not_cancellable', 'illegal_transition', 'vehicle_unavailable'),
      ).toEqual([]);
      expect(await world.value('select status from public.bookings where id = $1', winner)).toBe('confirmed');
      expect(
        await world.value(
          "select count(*)::int from public.bookings where vehicle_id = $1 and status = 'requested'",
          vehicle,
        ),
      ).toBe(0);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('lets a renter cancel one request while the host accepts another of the same renter', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { host, vehicle } = await makeListing(world, { instant_book: false });
      const [renter] = (await makePeople(world, 1)) as [string];
      const bookings: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        bookings.push(
          await world.make('make_booking', renter, vehicle, await hours(world, 48), await hours(world, 72)),
        );
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
