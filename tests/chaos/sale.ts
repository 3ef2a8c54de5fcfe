import { delay, waitUntil } from '../../local/process.ts';
import type { Random } from './random.ts';
import { bringBuyers, type Told } from './sale-buyers.ts';
import type { SaleCluster } from './sale-cluster.ts';
import type { SaleEvent, SaleSize } from './sale-event.ts';

/** What was seen of a sale while it went on. */
export interface Seen {
  told: Told;
  samples: number;
  oversold: string[];
  broken: string[];
  /** For how long PostgreSQL was away, in milliseconds. */
  awayMs: number;
}

// of the tickets, when PostgreSQL is killed
const killAt = 0.3;
const jobs = ['expire_overdue_payments', 'release_stock', 'tidy_queues'];

/** What is sold and held of each class, counted twice: by the stock, and by orders and tickets. */
async function sample({ sql }: SaleCluster, event: SaleEvent, size: SaleSize, seen: Seen): Promise<number> {
  const rows = await sql<{
    id: string;
    total: number;
    stock: number;
    orders: number;
    sold: number;
    buying: number;
    slots: number;
  }>(
    `select c.id, c.total,
       (select sum(s.held + s.sold)::int from private.stock_shards s where s.pool_id = c.id) as stock,
       (select sum(s.sold)::int from private.stock_shards s where s.pool_id = c.id) as sold,
       (select count(*) from public.tickets t where t.class_id = c.id and t.status <> 'cancelled')::int
         + (select coalesce(sum(i.quantity), 0) from public.order_items i join public.orders o on o.id = i.order_id
            where i.class_id = c.id and o.status = 'pending_payment' and o.hold_expires_at > now())::int as orders,
       (select count(*)::int from public.queue_entries e where e.event_id = c.event_id and e.status = 'admitted') as buying,
       (select count(*)::int from private.checkout_slots k where k.event_id = c.event_id and k.entry_id is not null) as slots
     from public.ticket_classes c where c.event_id = $1 order by c.price`,
    [event.id],
  );
  seen.samples += 1;
  for (const { id, total, stock, orders, buying, slots } of rows) {
    if (stock > total || orders > total)
      seen.oversold.push(`${id}: ${stock} by the stock, ${orders} by orders, of ${total}`);
    if (buying > size.capacity || slots > size.capacity)
      seen.oversold.push(`${buying} people buy in ${slots} slots, of ${size.capacity}`);
  }
  return rows.reduce((sum, { sold }) => sum + sold, 0);
}

async function findBroken({ sql }: SaleCluster): Promise<string[]> {
  const rows = await sql<{ detail: string }>(`
    select 'queue_order ' || detail as detail from private.invariant_queue_order()
    union all select 'queue_slots ' || detail from private.invariant_queue_slots()
    union all select 'stock_miscounted ' || detail from private.invariant_stock_miscounted()
    union all select 'order_not_counted ' || detail from private.invariant_order_not_counted()`);
  return rows.map(({ detail }) => detail);
}

/** One sale, from the pre-queue until everybody has bought or gone; in the middle PostgreSQL is killed. */
export async function runSale(
  cluster: SaleCluster,
  event: SaleEvent,
  people: string[],
  size: SaleSize,
  random: Random,
): Promise<Seen> {
  const { sql } = cluster;
  const buyers = bringBuyers(cluster, event, people, random);
  const seen: Seen = { told: buyers.told, samples: 0, oversold: [], broken: [], awayMs: 0 };
  let isOver = false;
  const untilOver = async (pauseMs: number, work: () => Promise<unknown>): Promise<void> => {
    while (!isOver) {
      await work();
      await delay(pauseMs);
    }
  };
  let killing: Promise<unknown> | undefined;
  const beside = [
    untilOver(100, async () => {
      const sold = await sample(cluster, event, size, seen);
      if (sold < size.tickets * killAt || killing) return;
      killing = cluster.kill().then((awayMs) => {
        seen.awayMs = awayMs;
      });
    }),
    untilOver(1500, async () => seen.broken.push(...(await findBroken(cluster)))),
    untilOver(700, async () => {
      for (const job of jobs) await sql(`select private.${job}()`);
    }),
    // what the room tells people: that it is their turn, that their place is over, that all is sold
    untilOver(60, async () => {
      const rows = await sql<{ user_id: string }>(
        `select e.user_id from public.queue_entries e join public.waiting_rooms r on r.event_id = e.event_id
         where e.event_id = $1 and (e.status in ('admitted', 'expired', 'left') or r.status = 'closed')`,
        [event.id],
      );
      buyers.wake(rows.map(({ user_id }) => user_id));
      buyers.look(12);
    }),
  ];
  try {
    // most of the pre-queue has joined; the others race with the opening
    while (seen.told.answered.entries.length < people.length * 0.5) await delay(50);
    await sql(
      'update public.waiting_rooms set opens_at = clock_timestamp(), due_at = clock_timestamp() where event_id = $1',
      [event.id],
    );
    buyers.open();
    await buyers.over;
    if (!killing) throw new Error('all was sold before PostgreSQL was killed');
    await killing;
  } finally {
    isOver = true;
    await Promise.all(beside);
  }
  return seen;
}

/** The jobs of the next minutes: ends what nobody paid, and empties the room. Jobs of the clock run beside them. */
export async function settleSale({ sql }: SaleCluster): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    for (const job of jobs) await sql(`select private.${job}()`);
    const [left] = await sql<{ left: number }>(`
      select (select count(*) from public.orders where status = 'pending_payment')::int
        + (select count(*) from public.queue_entries where status in ('waiting', 'admitted'))::int as left`);
    return left?.left === 0;
  };
  await waitUntil(isSettled, 60_000);
}
