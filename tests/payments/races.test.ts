import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cancel,
  expireOverdue,
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
      // one that was told first under the unknown reference pays all the same, and its row is void
      expect(said(outcomes).filter((answer) => answer === 'applied')).toHaveLength(1);
      expect(
        await world.value<number>(
          "select count(*)::int from private.unmatched_money where transaction_id = $1 and settlement is distinct from 'void'",
          transaction,
        ),
      ).toBe(0);
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

describe('parts of one payment', () => {
  const tryBy = (booking: string, provider: string) => world.make('start_payment', booking, provider);
  const stateOf = (booking: string) =>
    world.value<string>(
      "select b.status || ' ' || p.status from public.bookings b join public.payments p on p.payable_id = b.id where b.id = $1",
      booking,
    );
  /** What was ordered back, and what still waits. */
  const moneyOf = async (payment: string) => {
    const { rows } = await world.sql.query<{ settlement: string | null; sum: string }>(
      `select settlement, sum(u.amount) as sum
       from private.unmatched_money u join public.payment_attempts a on a.id = u.attempt_id
       where a.payment_id = $1 group by 1`,
      [payment],
    );
    return Object.fromEntries(rows.map(({ settlement, sum }) => [settlement ?? 'open', Number(sum)]));
  };
  const refundsOf = (payment: string) =>
    world.value<string>(
      `select coalesce(sum(r.amount), 0) from public.refunds r
       where r.payment_id = $1 or r.attempt_id in (select id from public.payment_attempts where payment_id = $1)`,
      payment,
    );

  it('pay once when the last two come by two rails at the same moment', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { booking, payment, reference: transfer } = await makeTrip(world, 'vietqr');
      const link = await tryBy(booking, 'payos');
      await allAtOnce([moneyCame('vietqr', transfer, `a-${transfer}`, 1_000_000)]);
      // each would be a part, and both together are the rest and 185,595 more
      const outcomes = await allAtOnce([
        moneyCame('vietqr', transfer, `b-${transfer}`, 3_000_000),
        moneyCame('payos', link, `c-${link}`, 1_000_000),
      ]);
      expect(said(outcomes).sort()).toEqual(['applied', 'part_received']);
      expect(await stateOf(booking)).toBe('confirmed succeeded');
      expect(Object.keys(await moneyOf(payment))).toEqual(expect.arrayContaining(['open', 'applied']));
      expect((await moneyOf(payment)).open).toBe(185_595);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('are counted once, of many deliveries of each', async () => {
    const { booking, payment, reference: transfer } = await makeTrip(world, 'vietqr');
    const link = await tryBy(booking, 'payos');
    const deliveries = Array.from({ length: 15 }, (_, i) => [
      moneyCame('vietqr', transfer, `d-${transfer}`, 2_000_000, `d-${transfer}-${i % 3}`),
      moneyCame('payos', link, `e-${link}`, 2_000_000, `e-${link}-${i % 3}`),
    ]).flat();
    const answers = said(await allAtOnce(deliveries));
    expect(new Set(answers)).toEqual(new Set(['part_received', 'duplicate']));
    expect(await moneyOf(payment)).toEqual({ open: 4_000_000 });
    expect(await stateOf(booking)).toBe('pending_payment processing');
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('go back once each when the last comes while the booking is cancelled or expires', async () => {
    for (let round = 0; round < 12; round += 1) {
      const { renter, booking, payment, reference: transfer } = await makeTrip(world, 'vietqr');
      const link = await tryBy(booking, 'payos');
      await allAtOnce([moneyCame('vietqr', transfer, `f-${transfer}`, 4_000_000)]);
      const ended = round % 2 === 0;
      if (!ended) await world.make('run_out', booking);
      const outcomes = await allAtOnce([
        ended ? cancel(renter, booking) : expireOverdue,
        moneyCame('payos', link, `g-${link}`, 814_405),
        moneyCame('payos', link, `g-${link}`, 814_405, `again-${link}`),
      ]);
      expect(said(outcomes).filter((answer) => answer.includes(' '))).toEqual([]);
      const state = await stateOf(booking);
      // the rest may come between the preview and the cancellation, which then refuses
      expect([
        'cancelled cancelled',
        'cancelled succeeded',
        'confirmed succeeded',
        'expired expired',
      ]).toContain(state);
      const paid = state.endsWith('succeeded');
      expect(await moneyOf(payment)).toEqual(paid ? { applied: 4_000_000 } : { refunded: tripPrice });
      // a trip in 20 days that was paid and then cancelled goes back whole, too
      expect(await refundsOf(payment)).toBe(state === 'confirmed succeeded' ? '0' : String(tripPrice));
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('that are given back by an admin while the rest comes are neither lost nor counted twice', async () => {
    const admin = await world.make('make_admin', 'admin');
    for (let round = 0; round < 6; round += 1) {
      const { booking, payment, reference: transfer } = await makeTrip(world, 'vietqr');
      const link = await tryBy(booking, 'payos');
      await allAtOnce([moneyCame('vietqr', transfer, `h-${transfer}`, 4_000_000)]);
      const row = await world.value<string>(
        'select id from private.unmatched_money where transaction_id = $1',
        `h-${transfer}`,
      );
      const settle = {
        user: admin,
        text: "public.settle_unmatched_money($1, 'refund', $2) ->> 'result'",
        args: [row, randomUUID()],
      };
      const [back, rest] = said(await allAtOnce([settle, moneyCame('payos', link, `i-${link}`, 814_405)]));
      const paid = rest === 'applied';
      expect([back, rest]).toEqual(paid ? ['unmatched_not_found', 'applied'] : ['refund', 'part_received']);
      expect(await moneyOf(payment)).toEqual(
        paid ? { applied: 4_000_000 } : { refunded: 4_000_000, open: 814_405 },
      );
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});
