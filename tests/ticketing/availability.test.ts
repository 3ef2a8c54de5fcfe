import { addDays } from 'date-fns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  createJourney,
  type EventAvailability,
  type EventSubscription,
  type Journey,
  type SeatRow,
} from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { client, closeSql, eventually, ok, type Person, person, refusal, sql } from '../support/world.ts';

let organizer: Person;
let organizerId: string;
const open: EventSubscription[] = [];
const visitors: Journey[] = [];

beforeAll(async () => {
  organizer = await person('organizer');
  organizerId = (await ok(organizer.journey.organizers.create({ name: 'Red River Stage' }))).id;
  await sql('update public.organizers set is_verified = true where id = $1', [organizerId]);
});

afterAll(async () => {
  for (const one of open) one.unsubscribe();
  await Promise.all(visitors.map((one) => one.close()));
  await closeSql();
});

/** A draft of the organizer. */
async function draft(): Promise<string> {
  const { id } = await ok(
    organizer.journey.events.create(organizerId, {
      title: 'Winter concert',
      category: 'music',
      venue: 'Opera House',
      address: '1 Trang Tien',
      city: 'Hanoi',
      starts_at: addDays(new Date(), 20).toISOString(),
      ends_at: addDays(new Date(), 21).toISOString(),
    }),
  );
  return id;
}

async function publish(eventId: string): Promise<void> {
  const { events } = organizer.journey;
  await ok(events.configure(eventId, {}));
  await ok(events.review({ eventId, approve: true }));
  await ok(events.publish(eventId));
}

/** The page of an event, open in the app of somebody who is not signed in; its connection can be cut. */
class Page {
  readonly seen: EventAvailability[] = [];
  readonly rows = new Map<string, SeatRow>();
  readonly connections: boolean[] = [];
  readonly #sockets = new Set<WebSocket>();
  reads = 0;

  async open(eventId: string): Promise<this> {
    const sockets = this.#sockets;
    class CountedSocket extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, protocols);
        sockets.add(this);
      }
    }
    const journey = createJourney({
      url: setting('API_URL'),
      publishableKey: setting('PUBLISHABLE_KEY'),
      auth: { persistSession: false, autoRefreshToken: false },
      realtime: { transport: CountedSocket, reconnectAfterMs: () => 100 },
      fetch: (input, init) => {
        if (String(input).includes('event_availability')) this.reads += 1;
        return fetch(input, init);
      },
    });
    visitors.push(journey);
    const handlers = {
      onChange: (availability: EventAvailability) => this.seen.push(availability),
      onSeats: (rows: SeatRow[]) => {
        for (const row of rows) this.rows.set(row.id, row);
      },
      onConnection: (live: boolean) => this.connections.push(live),
    };
    open.push(
      await ok(
        journey.events.watch(eventId, handlers, { checkLiveMs: 600_000, checkInterruptedMs: 600_000 }),
      ),
    );
    await eventually(async () => this.connections.at(-1) || null);
    return this;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#sockets.clear();
  }

  get last() {
    return this.seen.at(-1)?.classes.map(({ availability, left, price }) => ({ availability, left, price }));
  }

  /** Waits until it shows this of the first kind of tickets. */
  shows(expected: { availability?: string; left?: number; price?: number }): Promise<unknown> {
    return eventually(async () => {
      const first = this.last?.[0];
      return first &&
        Object.entries(expected).every(([key, value]) => first[key as keyof typeof first] === value)
        ? first
        : null;
    });
  }

  get free(): string {
    return [...this.rows.values()]
      .flatMap(({ seats }) => seats.map(({ is_free }) => (is_free ? 'f' : 't')))
      .join('');
  }
}

describe('the page of an event', () => {
  it('shows a visitor each change of what can be had, without asking for it', async () => {
    const eventId = await draft();
    const { events } = organizer.journey;
    const standard = await ok(events.addClass(eventId, { name: 'Standard', price: 500_000, total: 20 }));
    await ok(events.addClass(eventId, { name: 'Crew', price: 0, total: 5, is_hidden: true, position: 9 }));
    await publish(eventId);
    const page = await new Page().open(eventId);
    await page.shows({ availability: 'available', left: 20, price: 500_000 });
    expect(page.last).toHaveLength(1);
    const buyer = await person('buyer');
    const order = (quantity: number) =>
      ok(buyer.journey.orders.create({ eventId, items: [{ classId: standard.id, quantity }] }));
    // what is read now is read by what comes over the wire alone
    await eventually(async () => (page.reads >= 2 ? true : null));
    const { reads } = page;
    await order(9);
    await page.shows({ left: 11 });
    const last = await order(10);
    await page.shows({ availability: 'few_left', left: 1 });
    await ok(events.updateClass(standard.id, { price: 450_000 }));
    await page.shows({ price: 450_000 });
    await order(1);
    await page.shows({ availability: 'sold_out', left: 0 });
    await ok(buyer.journey.orders.cancel({ orderId: last.id, expectedRefundAmount: 0 }));
    await page.shows({ left: 10 });
    await ok(events.postpone({ eventId, reason: 'The singer is ill' }));
    await eventually(async () => (page.seen.at(-1)?.status === 'postponed' ? true : null));
    expect(page.reads).toBe(reads);
  });

  it('is told of a rush at most once a second, and of its last ticket', async () => {
    const eventId = await draft();
    const { id: classId } = await ok(
      organizer.journey.events.addClass(eventId, { name: 'Standard', price: 0, total: 60 }),
    );
    await publish(eventId);
    const page = await new Page().open(eventId);
    await page.shows({ left: 60 });
    const buyers = await Promise.all(Array.from({ length: 6 }, () => person('buyer')));
    await Promise.all(
      buyers.flatMap(({ journey }) =>
        Array.from({ length: 5 }, () =>
          ok(journey.orders.create({ eventId, items: [{ classId, quantity: 2 }] })),
        ),
      ),
    );
    await page.shows({ availability: 'sold_out', left: 0 });
    const broadcasts = await sql<{ at: Date; seq: number }>(
      `select (payload ->> 'at')::timestamptz as at, (payload ->> 'seq')::int as seq from realtime.messages
       where topic = $1 order by 2`,
      [`event:${eventId}`],
    );
    expect(broadcasts.map(({ seq }) => seq)).toEqual(broadcasts.map((_, i) => i + 1));
    for (const [i, { at }] of broadcasts.entries()) {
      const before = broadcasts[i - 1];
      if (before) expect(at.getTime() - before.at.getTime()).toBeGreaterThanOrEqual(999);
    }
  });

  it('shows each seat that is taken or comes back, also after its connection was cut', async () => {
    const eventId = await draft();
    const { events } = organizer.journey;
    const { id: classId } = await ok(
      events.addClass(eventId, { name: 'Stalls', price: 500_000, has_seats: true }),
    );
    const seats = ['1', '2', '3', '4'].map((number) => ({ number }));
    for (const [rank, rowLabel] of ['A', 'B'].entries())
      await ok(events.addSeatRow({ classId, section: 'Stalls', rowLabel, rank, seats }));
    await publish(eventId);
    const page = await new Page().open(eventId);
    expect(page.free).toBe('ffffffff');
    const buyer = await person('buyer');
    const chosen = [...page.rows.values()].flatMap((row) => row.seats.slice(0, 2).map(({ id }) => id));
    const order = await ok(buyer.journey.orders.create({ eventId, items: [], seats: chosen }));
    await eventually(async () => (page.free === 'ttffttff' ? true : null));
    expect(page.last?.[0]?.left).toBe(4);
    page.cut();
    await ok(buyer.journey.orders.cancel({ orderId: order.id, expectedRefundAmount: 0 }));
    await eventually(async () => (page.free === 'ffffffff' ? true : null));
    await page.shows({ left: 8 });
    expect(page.connections).toEqual(expect.arrayContaining([true, false]));
  });

  it('does not open for an event that is not published', async () => {
    const eventId = await draft();
    expect(await refusal(client().events.watch(eventId, { onChange: () => {} }))).toBe('event_not_found');
  });
});
