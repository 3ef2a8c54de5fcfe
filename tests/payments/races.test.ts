import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  hours,
  makeListing,
  makePeople,
  makeTrip,
  moneyCame,
  providerSays,
  tripPrice,
} from '../support/acts.ts';
import { allAtOnce, invariantViolations, openWorld, said, tally, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

describe('one movement of money', () => {
  it('changes the state once, of 200 deliveries', async () => {
    const { reference, booking } = await makeTrip(world, 'vnpay');
    const answers: string[] = [];
    // in rounds, as every delivery has a connection of its own
    for (let round = 0; round < 5; round += 1) {
      const deliveries = Array.from({ length: 40 }, () =>
        moneyCame('vnpay', reference, `t-${reference}`, tripPrice),
      );
      answers.push(...said(await allAtOnce(deliveries)));
    }
    expect(answers.sort()).toEqual(['applied', ...Array.from({ length: 199 }, () => 'duplicate')]);
    expect(await world.value("private.balance('deposit', $1)", booking)).toBe('3000000');
  });

  it('is kept once when it names no attempt, under however many ids it is reported', async () => {
    const transaction = randomUUID();
    const outcomes = await allAtOnce(
      Array.from({ length: 30 }, (_, i) =>
        moneyCame('vnpay', 'J00000000000001', transaction, 5000, `${transaction}-${i}`),
      ),
    );
    expect(said(outcomes).sort()).toEqual([
      ...Array.from({ length: 29 }, () => 'duplicate'),
      'unknown_reference',
    ]);
  });

  it('is booked once when it is reported under two references of ours and one unknown reference', async () => {
    for (let round = 0; round < 6; round += 1) {
      const [one, two] = [await makeTrip(world, 'vnpay'), await makeTrip(world, 'vnpay')];
      const transaction = randomUUID();
      const references = [one.reference, two.reference, 'J00000000000001'];
      const outcomes = await allAtOnce(
        references.map((reference, i) =>
          moneyCame('vnpay', reference, transaction, tripPrice, `${transaction}-${i}`),
        ),
      );
      expect(tally(outcomes)).toEqual({ ok: 3 });
      expect(
        said(outcomes).filter((answer) => ['applied', 'unknown_reference'].includes(answer)),
      ).toHaveLength(1);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('applies one event of the provider once, of 50 deliveries', async () => {
    const { host, vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const booking = await world.make(
      'make_booking',
      renter,
      vehicle,
      await hours(world, 48),
      await hours(world, 72),
    );
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

  it('applies one payment once when the provider reports it under many event ids', async () => {
    const { vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const booking = await world.make(
      'make_booking',
      renter,
      vehicle,
      await hours(world, 48),
      await hours(world, 72),
    );
    const reference = await world.make('start_payment', booking);
    const outcomes = await allAtOnce(
      Array.from({ length: 20 }, (_, i) => providerSays(reference, `event-${reference}-${i}`)),
    );
    const said = outcomes.map(({ value, error }) => error ?? String(value)).sort();
    expect(said).toEqual(['applied', ...Array.from({ length: 19 }, () => 'duplicate')]);
    expect(await invariantViolations(world)).toEqual([]);
  });
});
