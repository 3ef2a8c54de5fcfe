import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Act,
  addAccounts,
  allAtOnce,
  connect,
  invariantViolations,
  openWorld,
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
    create function tests.told(p_provider text, p_reference text, p_event text, p_transaction text, p_amount bigint)
    returns text
    language plpgsql volatile
    as $$
    begin
      return public.apply_payment_event(
        (public.record_payment_event(p_provider, p_event, true, p_reference, 'raw') ->> 'event_id')::bigint,
        p_reference, 'succeeded', p_amount, 'VND', p_transaction);
    end
    $$`);
});

afterAll(async () => {
  await world?.close();
});

const due = 4_814_405;
const hours = (count: number) => world.make<Date>('hours', count);

interface Trip {
  renter: string;
  booking: string;
  payment: string;
  reference: string;
}

/** A booking of new people, with a try at paying it. */
async function makeTrip(provider: string): Promise<Trip> {
  const host = await world.make('make_user', 'host');
  const renter = await world.make('make_renter', 'renter');
  const vehicle = await world.make('make_vehicle', host, JSON.stringify({ lat: -44.5, lng: 170.5 }));
  const booking = await world.make('make_booking', renter, vehicle, await hours(480), await hours(500));
  const payment = await world.value<string>('select id from public.payments where booking_id = $1', booking);
  return { renter, booking, payment, reference: await world.make('start_payment', booking, provider) };
}

const told = (
  provider: string,
  reference: string,
  transaction: string,
  amount: number,
  event = transaction,
): Act => ({
  text: 'tests.told($1, $2, $3, $4, $5)',
  args: [provider, reference, event, transaction, amount],
});
const asAdmin = (text: string, ...args: unknown[]): Act => ({ user: admin, text, args });
const settle = (row: string, action: string, payment: string | null = null): Act =>
  asAdmin(
    "public.settle_unmatched_money($1, $2, $3, $4, 'a note') ->> 'result'",
    row,
    action,
    randomUUID(),
    payment,
  );
const unmatched = (transaction: string) =>
  world.value<string>('select id from private.unmatched_money where transaction_id = $1', transaction);
const cancel = ({ renter, booking }: Trip): Act => ({
  user: renter,
  text: '(public.cancel_booking($1, null, $2)).status',
  args: [booking, randomUUID()],
});
const said = (outcomes: { value: unknown; error: string | null }[]) =>
  outcomes.map(({ value, error }) => error ?? String(value));

describe('one movement of money', () => {
  it('changes the state once, of 200 deliveries', async () => {
    const { reference, booking } = await makeTrip('vnpay');
    const answers: string[] = [];
    // in rounds, as every delivery has a connection of its own
    for (let round = 0; round < 5; round += 1) {
      const deliveries = Array.from({ length: 40 }, () => told('vnpay', reference, `t-${reference}`, due));
      answers.push(...said(await allAtOnce(deliveries)));
    }
    expect(answers.sort()).toEqual(['applied', ...Array.from({ length: 199 }, () => 'duplicate')]);
    expect(await world.value("private.balance('deposit', $1)", booking)).toBe('3000000');
  });

  it('that is for nobody is kept once, under however many ids it is told', async () => {
    const transaction = randomUUID();
    const outcomes = await allAtOnce(
      Array.from({ length: 30 }, (_, i) =>
        told('vnpay', 'J00000000000001', transaction, 5000, `${transaction}-${i}`),
      ),
    );
    expect(said(outcomes).sort()).toEqual([
      ...Array.from({ length: 29 }, () => 'duplicate'),
      'unknown_reference',
    ]);
  });

  it('is booked once when it is told under two references of ours and one of nobody', async () => {
    for (let round = 0; round < 6; round += 1) {
      const [one, two] = [await makeTrip('vnpay'), await makeTrip('vnpay')];
      const transaction = randomUUID();
      const references = [one.reference, two.reference, 'J00000000000001'];
      const outcomes = await allAtOnce(
        references.map((reference, i) => told('vnpay', reference, transaction, due, `${transaction}-${i}`)),
      );
      expect(tally(outcomes)).toEqual({ ok: 3 });
      expect(
        said(outcomes).filter((answer) => ['applied', 'unknown_reference'].includes(answer)),
      ).toHaveLength(1);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('money that waits for an admin', () => {
  it('is given back or kept once, or pays with the rest that comes meanwhile', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { reference } = await makeTrip('payos');
      await allAtOnce([told('payos', reference, `p-${reference}`, 4_000_000)]);
      const row = await unmatched(`p-${reference}`);
      const outcomes = await allAtOnce([
        settle(row, 'refund'),
        told('payos', reference, `q-${reference}`, 814_405),
        settle(row, 'keep'),
      ]);
      const [refund, rest, keep] = said(outcomes);
      const settled = [refund, keep].filter((answer) => answer !== 'unmatched_not_found').length;
      expect([settled, rest]).toEqual(settled === 1 ? [1, 'part_received'] : [0, 'applied']);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('pays one of two payments, even when two admins apply two sums crosswise', async () => {
    for (let round = 0; round < 6; round += 1) {
      const trips = [await makeTrip('vnpay'), await makeTrip('vnpay')] as const;
      const rows: string[] = [];
      for (const { reference } of trips) {
        await allAtOnce([told('vnpay', reference, `m-${reference}`, 5_000_000)]);
        rows.push(await unmatched(`m-${reference}`));
      }
      const [first, second] = rows as [string, string];
      const outcomes = await allAtOnce([
        settle(first, 'apply', trips[1].payment),
        settle(second, 'apply', trips[0].payment),
        settle(first, 'apply', trips[1].payment),
        settle(second, 'apply', trips[0].payment),
      ]);
      // each takes both rows: its own, and the one meant for that payment already
      expect(said(outcomes).filter((answer) => answer === 'applied')).toHaveLength(1);
      expect(said(outcomes).filter((answer) => answer.includes(' '))).toEqual([]);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('money on its way back', () => {
  it('goes once, whether a worker, a provider or an admin is first, and nobody waits for another in a circle', async () => {
    for (let round = 0; round < 10; round += 1) {
      const trip = await makeTrip('payos');
      await world.make('set_account', trip.renter);
      await allAtOnce([told('payos', trip.reference, `x-${trip.reference}`, due)]);
      await allAtOnce([cancel(trip)]);
      const { id, ordered_at } = await world.value<{ id: string; ordered_at: string }>(
        'select to_jsonb(r) from public.refunds r where booking_id = $1',
        trip.booking,
      );
      const failed = round % 2 === 1;
      if (failed) await world.value("(public.record_refund_result($1, 'failed', null, 'no')).status", id);
      const outcomes = await allAtOnce([
        asAdmin('(public.record_manual_refund($1, $2)).status', id, `FT${trip.reference}`),
        { text: 'public.claim_refund($1, $2)', args: [id, ordered_at] },
        { text: "(public.record_refund_result($1, 'processing', $2)).status", args: [id, `b-${id}`] },
        asAdmin('(public.retry_refund($1)).status', id),
        asAdmin('(public.record_manual_refund($1, $2)).status', id, `FT${trip.reference}`),
        { text: "(public.record_refund_result($1, 'succeeded', $2)).status", args: [id, `b-${id}`] },
      ]);
      expect(said(outcomes).filter((answer) => answer.includes(' '))).toEqual([]);
      expect(
        await world.value('select refunded_amount from public.payments where id = $1', trip.payment),
      ).toBe(String(due));
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('never goes to the account that its owner is replacing right now', async () => {
    for (let round = 0; round < 10; round += 1) {
      const trip = await makeTrip('payos');
      await world.make('set_account', trip.renter);
      await allAtOnce([told('payos', trip.reference, `y-${trip.reference}`, due)]);
      const replace: Act = {
        user: trip.renter,
        text: "(public.set_bank_account('970436', '99887766', 'TRAN B', $1)).id",
        args: [randomUUID()],
      };
      expect(tally(await allAtOnce([cancel(trip), replace]))).toEqual({ ok: 2 });
      expect(
        await world.value<string>(
          `select r.status || ' ' || a.account_last4 from public.refunds r join public.bank_accounts a on a.id = r.bank_account_id
           where r.booking_id = $1`,
          trip.booking,
        ),
      ).toBe('pending 7766');
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is never more than was paid, however many admins are generous at once', async () => {
    const trip = await makeTrip('vnpay');
    await allAtOnce([told('vnpay', trip.reference, `z-${trip.reference}`, due)]);
    await world.make('move_trip', trip.booking, -1);
    await world.make('inspect', 'check_in', trip.renter, trip.booking, 10);
    await world.make('inspect', 'check_out', trip.renter, trip.booking, 20);
    const outcomes = await allAtOnce(
      Array.from({ length: 12 }, (_, i) =>
        asAdmin(
          '(public.refund_payment($1, 500000, $2, $3)).status',
          trip.payment,
          `sorry, ${i}`,
          randomUUID(),
        ),
      ),
    );
    // 1,814,405 beside the deposit
    expect(tally(outcomes)).toEqual({ ok: 3, payment_not_refundable: 9 });
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('the floor of an account', () => {
  // in the currency of tests, which the proof of the books leaves to them
  const take = `private.post_ledger('test_floor', gen_random_uuid()::text, 'XTS', null, array[
    ('escrow', $1, $2::bigint), ('platform_revenue', '', -$2::bigint)]::private.ledger_line[])`;

  it('holds against many takers at once, none of whom waits for another in a circle', async () => {
    const owner = randomUUID();
    const post = (amount: number): Act => ({ text: take, args: [owner, amount] });
    await allAtOnce([post(-10)]);
    const outcomes = await allAtOnce(Array.from({ length: 30 }, () => post(1)));
    const refused = said(outcomes).filter((answer) => answer.includes('holds less than is taken'));
    expect([outcomes.filter(({ error }) => error === null).length, refused.length]).toEqual([10, 20]);
    expect(await world.value("private.balance('escrow', $1, 'XTS')", owner)).toBe('0');
  });

  it('is not looked at through a snapshot that does not see what others took', async () => {
    const owner = randomUUID();
    await world.value(take, owner, -10);
    const other = await connect();
    await other.query('begin isolation level repeatable read');
    await other.query('select count(*) from private.ledger_entries');
    await world.value(take, owner, 8);
    await other.query(`select ${take}`, [owner, 8]);
    await expect(other.query('commit')).rejects.toMatchObject({ code: '25000' });
    await other.end();
    expect(await world.value("private.balance('escrow', $1, 'XTS')", owner)).toBe('2');
  });
});

describe('putting a movement right', () => {
  it('takes it back once, however many do at once', async () => {
    const owner = randomUUID();
    await world.value(
      `private.post_ledger('test_slip', $1, 'XTS', null, array[
         ('host_payable', $1, -100), ('platform_revenue', '', 100)]::private.ledger_line[])`,
      owner,
    );
    const id = await world.value(
      "(select id from private.ledger_transactions where event = 'test_slip' and reference = $1)",
      owner,
    );
    const outcomes = await allAtOnce(
      Array.from({ length: 8 }, () => ({ text: "private.reverse_movement($1, 'a slip')", args: [id] })),
    );
    expect(tally(outcomes)).toEqual({ ok: 1, [`22023 there is nothing to correct in movement ${id}`]: 7 });
    expect(await world.value("private.balance('host_payable', $1, 'XTS')", owner)).toBe('0');
  });
});
