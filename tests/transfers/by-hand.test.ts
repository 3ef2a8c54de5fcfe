import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Act,
  addAccounts,
  addEarnings,
  allAtOnce,
  invariantViolations,
  type Outcome,
  openWorld,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let admins: [string, string];

beforeAll(async () => {
  world = await openWorld();
  await addAccounts(world);
  await addEarnings(world);
  admins = [await world.make('make_admin', 'one'), await world.make('make_admin', 'two')];
  await world.sql.query(`
    -- what a worker of the outbox does to get at the money of one order
    create function tests.lease(p_topic text, p_id uuid)
    returns bigint
    language sql volatile
    as $$
      update private.outbox o
      set status = 'leased', attempts = o.attempts + 1, lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute'
      where o.id in (
        select d.id from private.outbox d
        where d.status = 'pending' and d.available_at <= now() and d.topic = p_topic and starts_with(d.dedupe_key, p_id || ':')
        for update skip locked
      )
      returning o.id
    $$`);
});

afterAll(async () => {
  await world?.close();
});

const hours = (count: number) => world.make<Date>('hours', count);
const by = (admin: string, text: string, ...args: unknown[]): Act => ({ user: admin, text, args });

interface Order {
  what: 'refund' | 'payout';
  id: string;
  /** Who gets the money. */
  owner: string;
}

/** A paid booking that was called off: its refund, by bank transfer where the rail cannot give back. */
async function makeRefund(withAccount: boolean, rail = 'payos'): Promise<Order> {
  const host = await world.make('make_user', 'host');
  const owner = await world.make('make_renter', 'renter');
  const vehicle = await world.make('make_vehicle', host, JSON.stringify({ lat: -44.5, lng: 170.5 }));
  const booking = await world.make('make_booking', owner, vehicle, await hours(480), await hours(500));
  await world.make('provider_says', await world.make('start_payment', booking, rail));
  if (withAccount) await world.make('set_account', owner);
  const cancelled = await allAtOnce([
    { user: owner, text: '(tests.cancel_booking($1)).status', args: [booking] },
  ]);
  expect(tally(cancelled)).toEqual({ ok: 1 });
  const id = await world.value<string>('select id from public.refunds where payable_id = $1', booking);
  return { what: 'refund', id, owner };
}

/** More than the hosts of earlier rounds have left, so that only the new host is paid. */
const much = 900_000_000;

async function makePayout(): Promise<Order> {
  const owner = await world.make('make_user', 'host');
  await world.make('set_account', owner);
  await world.make('earn', owner, much);
  const batch = await world.value<string>(`private.schedule_payouts(${much})`);
  await allAtOnce([by(admins[0], '(public.approve_payout_batch($1)).status', batch)]);
  const id = await world.value<string>('select id from public.payouts where user_id = $1', owner);
  return { what: 'payout', id, owner };
}

const oneByOne = async ([first, ...rest]: Act[]): Promise<Outcome[]> =>
  first ? [...(await allAtOnce([first])), ...(await oneByOne(rest))] : [];

const claim = (admin: string, { what, id }: Order): Act =>
  by(admin, `public.claim_manual_${what}($1) ->> 'claimed_by'`, id);
const record = (admin: string, { what, id }: Order): Act =>
  by(admin, `(public.record_manual_${what}($1, $2)).status`, id, `FT ${id} ${admin}`);
const statusOf = ({ what, id }: Order) =>
  world.value<string>(`select status from public.${what}s where id = $1`, id);
const claimOf = ({ id }: Order) =>
  world.value<string | null>('select claimed_by from private.manual_claims where subject_id = $1', id);
const timesPaid = ({ what, id }: Order) =>
  world.value<number>(
    'select count(*)::int from private.ledger_transactions where event = $1 and reference = $2',
    `${what}_paid`,
    id,
  );

describe.each([
  ['a refund', () => makeRefund(true)],
  ['a payout', () => makePayout()],
])('%s that is transferred by hand', (_, make) => {
  it('is one admin’s, though two go to the bank at the same moment', async () => {
    for (let round = 0; round < 6; round += 1) {
      const order = await make();
      const [one, two] = admins;
      const claims = await allAtOnce([
        claim(one, order),
        claim(two, order),
        claim(one, order),
        claim(two, order),
      ]);
      expect(tally(claims)).toEqual({ ok: 2, transfer_claimed: 2 });
      const winners = new Set(claims.flatMap(({ value }) => value ?? []));
      expect(winners.size).toBe(1);
      const winner = winners.has(one) ? one : two;
      const loser = winner === one ? two : one;
      const records = await allAtOnce([record(loser, order), record(winner, order), record(loser, order)]);
      expect(records[1]?.error).toBeNull();
      for (const { error } of [records[0], records[2]].flatMap((outcome) => outcome ?? []))
        expect(['transfer_claimed', 'already_paid']).toContain(error);
      expect([await timesPaid(order), await claimOf(order)]).toEqual([1, null]);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is paid once when nobody claims it and both record, and the second hears by what', async () => {
    const order = await make();
    const outcomes = await allAtOnce(admins.map((admin) => record(admin, order)));
    expect(tally(outcomes)).toEqual({ ok: 1, already_paid: 1 });
    expect(await timesPaid(order)).toBe(1);
  });

  it('is either claimed or sent, whichever comes first', async () => {
    const ends = new Set<string>();
    for (let round = 0; round < 8; round += 1) {
      const order = await make();
      const ordered = await world.value<string | null>(
        "select to_jsonb(r) ->> 'ordered_at' from public.refunds r where id = $1",
        order.id,
      );
      const lease: Act = { text: 'tests.lease($1, $2)', args: [order.what, order.id] };
      const send: Act =
        order.what === 'refund'
          ? { text: 'public.claim_refund($1, $2)', args: [order.id, ordered] }
          : { text: 'public.payout_to_send($1) is not null', args: [order.id] };
      const acts = round % 2 === 0 ? [claim(admins[0], order), lease] : [lease, claim(admins[0], order)];
      // at the same moment, and at first one after the other
      const both = round < 2 ? await oneByOne(acts) : await allAtOnce(acts);
      const claimed = both.some(({ value }) => value === admins[0]);
      const leased = both.some(({ value }) => value !== null && value !== admins[0]);
      expect(claimed).toBe(!leased);
      // whoever holds an older lease, or none, gets at a claimed one no more
      const [sent] = await allAtOnce([send]);
      expect(sent).toEqual(
        claimed ? { value: null, error: 'transfer_claimed' } : { value: true, error: null },
      );
      expect(await claimOf(order)).toBe(claimed ? admins[0] : null);
      ends.add(await statusOf(order));
    }
    expect([...ends].every((status) => ['pending', 'approved', 'processing'].includes(status))).toBe(true);
  });

  it('is either claimed or retried by a provider', async () => {
    for (let round = 0; round < 6; round += 1) {
      const order = await make();
      if (order.what === 'payout') await world.value('public.payout_to_send($1)', order.id);
      await world.value(`(public.record_${order.what}_result($1, 'failed', null, 'no')).status`, order.id);
      const retry = by(admins[1], `(public.retry_${order.what}($1)).status`, order.id);
      await allAtOnce([claim(admins[0], order), retry]);
      const due = await world.value<number>(
        `select count(*)::int from private.outbox
         where status = 'pending' and topic = $1 and starts_with(dedupe_key, $2 || ':') and available_at <= now()
           and exists (select from private.manual_claims where subject_id = $2::uuid)`,
        order.what,
        order.id,
      );
      // one that was retried first and claimed then waits in the outbox for a day
      expect(due).toBe(0);
    }
  });
});

describe('a refund that waits for an account', () => {
  it('is not sent to the one its payer names while an admin claims it', async () => {
    for (let round = 0; round < 6; round += 1) {
      const order = await makeRefund(false);
      await world.make('step_up', order.owner);
      const outcomes = await allAtOnce([
        claim(admins[0], order),
        {
          user: order.owner,
          text: "(private.set_bank_account('970436', '0123456789', 'Nguyen Van A', $1)).id",
          args: [randomUUID()],
        },
      ]);
      expect(tally(outcomes)).toEqual({ ok: 2 });
      expect(
        await world.value<number>(
          `select count(*)::int from private.outbox o join private.manual_claims c on c.subject_id = $1
           where o.status = 'pending' and o.topic = 'refund' and starts_with(o.dedupe_key, $1 || ':')
             and o.available_at >= c.expires_at`,
          order.id,
        ),
      ).toBe(1);
    }
  });
});

describe('a refund turned into a transfer', () => {
  it('goes one way, when an admin sends it back to its rail while its payer names an account', async () => {
    for (let round = 0; round < 10; round += 1) {
      const order = await makeRefund(false, 'vnpay');
      await world.make('step_up', order.owner);
      await world.sql.query("select public.record_refund_result($1, 'failed', null, 'refused')", [order.id]);
      await oneByOne([by(admins[0], "(public.retry_refund($1, 'bank_transfer')).status", order.id)]);
      const outcomes = await allAtOnce([
        by(admins[1], "(public.retry_refund($1, 'provider')).status", order.id),
        {
          user: order.owner,
          text: "(private.set_bank_account('970436', '0123456789', 'Nguyen Van A', $1)).account_last4",
          args: [randomUUID()],
        },
      ]);
      expect(tally(outcomes.slice(1))).toEqual({ ok: 1 });
      const way = await world.value<string>(
        `select r.method || ' ' || (r.bank_account_id is not null) || ' ' || string_agg(o.payload ->> 'provider', ' ' order by o.id)
         from public.refunds r join private.outbox o on o.topic = 'refund' and starts_with(o.dedupe_key, r.id || ':')
         where r.id = $1 and r.status = 'pending' group by r.id`,
        order.id,
      );
      // the first order of all was VNPay's, and was refused
      expect(['provider false vnpay vnpay', 'bank_transfer true vnpay payos']).toContain(way);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('goodwill', () => {
  it('is given once, however often an app that makes a new key each time is clicked', async () => {
    const host = await world.make('make_user', 'host');
    const renter = await world.make('make_renter', 'renter');
    const vehicle = await world.make('make_vehicle', host, JSON.stringify({ lat: -44.5, lng: 170.5 }));
    const booking = await world.make(
      'make_paid_booking',
      renter,
      vehicle,
      await hours(480),
      await hours(500),
    );
    await world.make('move_trip', booking, -1);
    await world.make('inspect', 'check_in', renter, booking, 10);
    await world.make('inspect', 'check_out', renter, booking, 20);
    const payment = await world.value<string>(
      'select id from public.payments where payable_id = $1',
      booking,
    );
    const give = (reason: string) =>
      by(admins[0], '(public.refund_payment($1, 50000, $2, $3)).status', payment, reason, randomUUID());
    const outcomes = await allAtOnce([
      ...Array.from({ length: 6 }, () => give('sorry')),
      give('for the rain'),
    ]);
    expect(tally(outcomes)).toEqual({ ok: 2, refund_repeated: 5 });
    expect(await invariantViolations(world)).toEqual([]);
  });
});
