import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyShuffle } from '../../sdk/src/index.ts';
import { seedOf } from '../support/seed.ts';
import { createRandom } from './random.ts';
import { runSale, type Seen, settleSale } from './sale.ts';
import { type SaleCluster, startSaleCluster } from './sale-cluster.ts';
import { openSale, type SaleEvent } from './sale-event.ts';
import { findPassedOver, type Round, type ServedPlace } from './sale-fairness.ts';
import { checkouts } from './sale-story.ts';

// 5,000 for the whole run; another CHAOS_SEED draws other buyers
const buyers = Number(process.env.TICKET_BUYERS ?? 400);
const seed = seedOf('CHAOS_SEED');
const size = { buyers, tickets: Math.floor(buyers / 10), capacity: Math.ceil(buyers / 60) };
const connections = 64;

let cluster: SaleCluster;
let event: SaleEvent;
let people: string[];
let seen: Seen;

beforeAll(async () => {
  console.log(`sale: seed ${seed}, ${buyers} buyers, ${size.tickets} tickets, ${connections} connections`);
  const began = performance.now();
  const say = (what: string) =>
    console.log(`sale: ${what} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  cluster = await startSaleCluster(connections);
  say('the database is there');
  const opened = await openSale(cluster, size);
  event = opened.event;
  people = opened.buyers;
  say('the event and its buyers are there');
  seen = await runSale(cluster, event, people, size, createRandom(seed));
  say('everybody has bought or gone');
  await settleSale(cluster);
  say('nothing is open');
  const { tally } = seen.told;
  console.log(
    [
      `PostgreSQL was killed once and away for ${seen.awayMs} ms; ${cluster.lost} calls lost their connection and were made again`,
      `${seen.samples} samples`,
      `turns: ${tally.list('turn: ')}`,
      `money: ${tally.list('money: ')}`,
      `waited to the end: ${tally.list('waited: ')}; came after it: ${tally.get('came too late')}`,
      `asked for more than was left: ${tally.get('asked for more than was left')}`,
    ]
      .map((line) => `sale: ${line}`)
      .join('\n'),
  );
}, 1_800_000);

afterAll(async () => {
  await cluster?.stop();
});

describe('a sale to a crowd, with PostgreSQL killed in the middle', () => {
  it('never had more sold and held than there are tickets, nor more people buying than slots', () => {
    expect(seen.oversold).toEqual([]);
    expect(seen.samples).toBeGreaterThan(20);
  });

  it('kept its promises while it went on', () => {
    expect(seen.broken).toEqual([]);
  });

  it('answered nobody with an error that is not about their own wish', () => {
    expect(seen.told.surprises).toEqual([]);
  });

  it('has met every kind of buyer, and a lost connection', () => {
    const { tally } = seen.told;
    expect(checkouts.filter((checkout) => tally.get(`turn: ${checkout}`) === 0)).toEqual([]);
    expect(tally.get('waited: expired')).toBeGreaterThan(0);
    expect(cluster.lost).toBeGreaterThan(0);
    expect(seen.awayMs).toBeGreaterThan(0);
  });

  it('kept whatever was answered', async () => {
    const [kept] = await cluster.sql<{ entries: number; orders: number }>(
      `select (select count(*)::int from public.queue_entries where id = any ($1)) as entries,
              (select count(*)::int from public.orders where id = any ($2)) as orders`,
      [seen.told.answered.entries, seen.told.answered.orders],
    );
    expect(kept).toEqual({
      entries: new Set(seen.told.answered.entries).size,
      orders: new Set(seen.told.answered.orders).size,
    });
  });

  it('sold each ticket once, and what was sold and what is free add up to all', async () => {
    const rows = await cluster.sql<{
      total: number;
      capacity: number;
      held: number;
      sold: number;
      valid: number;
    }>(
      `select c.total, s.capacity, s.held, s.sold,
         (select count(*)::int from public.tickets t where t.class_id = c.id and t.status <> 'cancelled') as valid
       from public.ticket_classes c
       join lateral (select sum(capacity)::int as capacity, sum(held)::int as held, sum(sold)::int as sold
                     from private.stock_shards where pool_id = c.id) s on true
       where c.event_id = $1`,
      [event.id],
    );
    expect(rows).toHaveLength(3);
    for (const { total, capacity, held, sold, valid } of rows)
      expect({ capacity, held, sold }).toEqual({ capacity: total, held: 0, sold: valid });
    const [ever] = await cluster.sql<{ closed: boolean }>(
      `select r.status = 'closed' as closed from public.waiting_rooms r where r.event_id = $1`,
      [event.id],
    );
    // it closed when the last was sold; what came back after that is free
    expect(ever).toEqual({ closed: true });
  });

  it('has nobody left in the queue, and has told everybody how it ended', async () => {
    const open = await cluster.sql(
      `select status, count(*) from public.queue_entries where status in ('waiting', 'admitted') group by 1`,
    );
    expect(open).toEqual([]);
    const untold = await cluster.sql(`
      select e.id, e.status, e.end_reason from public.queue_entries e
      where (e.end_reason = 'sold_out' and not exists (
          select from public.notifications n where n.user_id = e.user_id and n.template = 'queue_sold_out'))
        or (e.admitted_at is not null and not exists (
          select from public.notifications n where n.user_id = e.user_id and n.template = 'queue_admitted'))`);
    expect(untold).toEqual([]);
    const unconfirmed = await cluster.sql(`
      select o.id from public.orders o
      where o.completed_at is not null and (
        select count(*) from public.notifications n where n.data ->> 'order_id' = o.id::text and n.template = 'order_completed') <> 1`);
    expect(unconfirmed).toEqual([]);
  });

  it('served the pre-queue in the order that the promised seed gives', async () => {
    const [room] = await cluster.sql<{ seed: string }>(
      'select seed from public.waiting_rooms where event_id = $1',
      [event.id],
    );
    const places: { number: number; entry_id: string }[] = [];
    for (;;) {
      const page = await cluster.sql<{ number: number; entry_id: string }>(
        'select number::int, entry_id from public.queue_shuffle($1, $2, 1000)',
        [event.id, places.at(-1)?.number ?? 0],
      );
      places.push(...page);
      if (page.length < 1000) break;
    }
    expect(places.length).toBeGreaterThan(buyers * 0.4);
    expect(await verifyShuffle({ seed: room?.seed ?? '', seedHash: event.seedHash, places })).toMatchObject({
      valid: true,
      places: places.length,
    });
    // by round, and within one by number, the served ones of the pre-queue come in the order of the shuffle
    const served = await cluster.sql<{ id: string }>(
      `select id from public.queue_entries where event_id = $1 and admission_round is not null and number = shuffle_number
       order by admission_round, number`,
      [event.id],
    );
    const at = new Map(places.map(({ entry_id, number }) => [entry_id, number]));
    const numbers = served.map(({ id }) => at.get(id) ?? 0);
    expect(numbers.length).toBeGreaterThan(size.tickets / 3);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it('admitted nobody before a lower number that was there and alive', async () => {
    const rows = await cluster.sql<{
      id: string;
      number: number;
      joined_xid: string;
      ended_at: Date | null;
      end_reason: string | null;
      round: number | null;
    }>(
      `select id, number::int, joined_xid::text, ended_at, end_reason, admission_round::int as round
       from public.queue_entries where event_id = $1 and number is not null`,
      [event.id],
    );
    const rounds = await cluster.sql<Round>(
      `select id::int, extract(epoch from at)::float8 * 1000 as at, snapshot::text
       from private.admission_rounds where event_id = $1 order by id`,
      [event.id],
    );
    const places: ServedPlace[] = rows.map((row) => ({
      ...row,
      joinedXid: BigInt(row.joined_xid),
      endedAt: row.ended_at?.getTime() ?? null,
      endReason: row.end_reason,
      silentSince: seen.told.silent.get(row.id) ?? null,
    }));
    expect(rounds.length).toBeGreaterThan(10);
    expect(findPassedOver(places, rounds)).toEqual([]);
    // and the check sees it when two are swapped
    const [first, last] = [
      places.find(({ round }) => round === rounds[0]?.id),
      places.find(({ endReason }) => endReason === 'sold_out'),
    ];
    if (!first || !last) throw new Error('nobody was admitted, or nobody waited in vain');
    const swapped = places.map((place) =>
      place === first
        ? { ...place, number: last.number }
        : place === last
          ? { ...place, number: first.number }
          : place,
    );
    expect(findPassedOver(swapped, rounds).length).toBeGreaterThan(0);
  });

  it("has everybody's money right: what was taken is in tickets or goes back", async () => {
    const rows = await cluster.sql<{ user_id: string; kept: string; back: string }>(
      `select u.id as user_id,
         (select coalesce(sum(t.paid_amount), 0) from public.tickets t join public.orders o on o.id = t.order_id
          where o.buyer_id = u.id and t.status <> 'cancelled') as kept,
         (select coalesce(sum(r.amount), 0) from public.refunds r where r.payer_id = u.id)
           + (select coalesce(sum(m.amount), 0) from private.unmatched_money m where m.payer_id = u.id and m.status = 'open') as back
       from unnest($1::uuid[]) u (id)`,
      [people],
    );
    const wrong = rows.filter(
      ({ user_id, kept, back }) => Number(kept) + Number(back) !== (seen.told.taken.get(user_id) ?? 0),
    );
    expect(wrong).toEqual([]);
    expect(rows.some(({ back }) => Number(back) > 0)).toBe(true);
  });

  it('leaves no invariant broken and no movement of money unexplained', async () => {
    expect(await cluster.sql('select * from private.check_invariants()')).toEqual([]);
    expect(await cluster.sql('select * from private.reconcile_ledger()')).toEqual([]);
  });
});
