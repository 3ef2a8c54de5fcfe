import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  createJourney,
  type Journey,
  type QueueStatus,
  type QueueSubscription,
  verifyShuffle,
} from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  closeSql,
  eventually,
  invariantViolations,
  ok,
  type Person,
  person,
  refusal,
  sql,
} from '../support/world.ts';

/** Somebody with an app whose sockets a test can cut, as a lost network does. */
interface Fan extends Person {
  cut(): void;
}

async function fan(name: string): Promise<Fan> {
  const sockets = new Set<WebSocket>();
  class CountedSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      sockets.add(this);
    }
  }
  const journey: Journey = createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: CountedSocket, reconnectAfterMs: () => 100 },
  });
  const email = `${name}.${crypto.randomUUID()}@journey.example`;
  const { user } = await ok(
    journey.auth.signUp({ email, password: 'correct horse battery', displayName: name, locale: 'en' }),
  );
  return {
    journey,
    id: user.id,
    email,
    cut: () => {
      for (const socket of sockets) socket.terminate();
      sockets.clear();
    },
  };
}

let organizer: Person;
const open: QueueSubscription[] = [];

beforeAll(async () => {
  organizer = await person('organizer');
});

afterAll(async () => {
  for (const one of open) one.unsubscribe();
  await closeSql();
});

/** A published event of the organizer, with so many tickets. */
async function publish(total: number): Promise<string> {
  const { organizers, events } = organizer.journey;
  const { id: organizerId } = await ok(organizers.create({ name: 'Red River Stage' }));
  await sql('update public.organizers set is_verified = true where id = $1', [organizerId]);
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  const { id } = await ok(
    events.create(organizerId, {
      title: 'Winter concert',
      category: 'music',
      venue: 'Opera House',
      address: '1 Trang Tien',
      city: 'Hanoi',
      starts_at: inDays(20),
      ends_at: inDays(21),
    }),
  );
  await ok(events.addClass(id, { name: 'Standard', price: 500_000, total }));
  await ok(events.configure(id, {}));
  await ok(events.review({ eventId: id, approve: true }));
  await ok(events.publish(id));
  return id;
}

/** What an app shows of a place. */
class Screen {
  readonly seen: QueueStatus[] = [];
  readonly admissions: (string | null)[] = [];
  ended: QueueStatus | null = null;
  place: QueueSubscription | null = null;

  async watch({ journey }: Fan, eventId: string): Promise<this> {
    this.place = await ok(
      journey.waitingRoom.watch(
        eventId,
        {
          onStatus: (status) => this.seen.push(status),
          onAdmitted: ({ admission_id }) => this.admissions.push(admission_id),
          onEnded: (status) => {
            this.ended = status;
          },
        },
        { checkInterruptedMs: 300 },
      ),
    );
    open.push(this.place);
    return this;
  }

  get last(): QueueStatus | undefined {
    return this.seen.at(-1);
  }
}

/** Looks until what is seen is what is expected. */
const until = <T>(look: () => Promise<T>, isThere: (seen: T) => boolean): Promise<true> =>
  eventually(async () => isThere(await look()) || null);

describe('a waiting room, seen from an app', () => {
  it('tells the person who is next the moment somebody leaves, and moves everybody else on', async () => {
    const { waitingRoom } = organizer.journey;
    const event = await publish(100);
    expect(await refusal(waitingRoom.get(event))).toBe('waiting_room_off');
    await ok(waitingRoom.set(event, { capacity: 1 }));
    expect((await ok(waitingRoom.open(event))).status).toBe('open');
    const [first, second, third] = [await fan('first'), await fan('second'), await fan('third')];
    expect((await ok(first.journey.waitingRoom.join(event))).status).toBe('admitted');
    expect(await ok(second.journey.waitingRoom.join(event))).toMatchObject({ status: 'waiting', number: 2 });
    await ok(third.journey.waitingRoom.join(event));
    const [two, three] = [await new Screen().watch(second, event), await new Screen().watch(third, event)];
    expect(two.last).toMatchObject({ status: 'waiting', position: 1, serving_number: 1 });
    expect(three.last).toMatchObject({ status: 'waiting', position: 2, waiting: 2 });

    await ok(first.journey.waitingRoom.leave(event));
    await until(
      async () => two.admissions.length,
      (count) => count === 1,
    );
    await until(
      async () => three.last?.position,
      (position) => position === 1,
    );
    const { admission_id } = await ok(second.journey.waitingRoom.status(event));
    expect(two.admissions).toEqual([admission_id]);

    // the same person on another device
    const tablet = createJourney({
      url: setting('API_URL'),
      publishableKey: setting('PUBLISHABLE_KEY'),
      auth: { persistSession: false, autoRefreshToken: false },
    });
    await ok(tablet.auth.signIn({ email: third.email, password: 'correct horse battery' }));
    expect(await ok(tablet.waitingRoom.join(event))).toMatchObject({ status: 'waiting', number: 3 });
    await tablet.close();

    expect(await ok(waitingRoom.analytics(event))).toMatchObject({
      joined: 3,
      waiting: 1,
      admitted: 2,
      buying: 1,
      lapsed: 1,
      converted: 0,
    });
    await ok(waitingRoom.turnOff(event));
    await until(
      async () => three.ended?.end_reason,
      (reason) => reason === 'closed',
    );
  });

  it('keeps a place and admits somebody whose connection is cut again and again', async () => {
    const { waitingRoom } = organizer.journey;
    const event = await publish(100);
    await ok(waitingRoom.set(event, { capacity: 1 }));
    await ok(waitingRoom.open(event));
    const [first, second] = [await fan('first'), await fan('second')];
    await ok(first.journey.waitingRoom.join(event));
    await ok(second.journey.waitingRoom.join(event));
    const screen = await new Screen().watch(second, event);
    // four minutes of silence, as of a locked phone
    await sql(
      "update public.queue_entries set seen_at = now() - interval '4 minutes' where event_id = $1 and user_id = $2",
      [event, second.id],
    );
    const cutting = setInterval(() => second.cut(), 150);
    try {
      await until(
        async () =>
          (
            await sql<{ fresh: boolean }>(
              "select seen_at > now() - interval '1 minute' as fresh from public.queue_entries where event_id = $1 and user_id = $2",
              [event, second.id],
            )
          )[0]?.fresh,
        (fresh) => fresh === true,
      );
      await ok(first.journey.waitingRoom.leave(event));
      await until(
        async () => screen.admissions.length,
        (count) => count === 1,
      );
    } finally {
      clearInterval(cutting);
    }
    expect(await ok(second.journey.waitingRoom.heartbeat(event))).toBe('admitted');
    expect(await refusal(organizer.journey.waitingRoom.heartbeat(event))).toBe('no_queue_place');
  });

  it('pauses, goes on and changes while people wait, for organizers alone', async () => {
    const { waitingRoom } = organizer.journey;
    const event = await publish(100);
    const [one, two] = [await fan('one'), await fan('two')];
    expect(await refusal(one.journey.waitingRoom.set(event))).toBe('organizer_not_found');
    await ok(waitingRoom.set(event, { capacity: 1, admissionsPerMinute: 600 }));
    await ok(waitingRoom.open(event));
    expect((await ok(waitingRoom.pause(event))).status).toBe('paused');
    await ok(one.journey.waitingRoom.join(event));
    await ok(two.journey.waitingRoom.join(event));
    const screens = [await new Screen().watch(one, event), await new Screen().watch(two, event)];
    expect(screens.map(({ last }) => last?.room_status)).toEqual(['paused', 'paused']);
    await ok(waitingRoom.open(event));
    await until(
      async () => screens.map(({ admissions }) => admissions.length),
      (counts) => counts[0] === 1 && counts[1] === 0,
    );
    await ok(waitingRoom.set(event, { capacity: 2 }));
    await until(
      async () => screens.map(({ admissions }) => admissions.length),
      (counts) => counts[0] === 1 && counts[1] === 1,
    );
    expect(await refusal(waitingRoom.set(event, { capacity: 0 }))).toBe('invalid_input');
    expect(await invariantViolations(event)).toEqual([]);
  });

  it('lets anybody recompute the shuffle of a pre-queue', async () => {
    const { waitingRoom } = organizer.journey;
    const event = await publish(100);
    await ok(waitingRoom.set(event, { capacity: 2, opensAt: new Date(Date.now() + 3_600_000) }));
    await ok(waitingRoom.open(event));
    const { seed, seed_hash: promised } = await ok(waitingRoom.get(event));
    expect(seed).toBeNull();
    const fans = [await fan('one'), await fan('two'), await fan('three'), await fan('four')];
    const places = [];
    for (const { journey } of fans) places.push(await ok(journey.waitingRoom.join(event)));
    expect(places.map(({ number }) => number)).toEqual([null, null, null, null]);
    const [first] = fans;
    if (!first) throw new Error('nobody joined');
    expect((await ok(first.journey.waitingRoom.verifyShuffle(event))).valid).toBe(false);
    const screen = await new Screen().watch(first, event);
    expect(screen.last).toMatchObject({ status: 'waiting', position: null, number: null });
    // the organizer brings the opening forward
    await ok(waitingRoom.set(event, { capacity: 2, opensAt: new Date(Date.now() - 1000) }));
    const late = await fan('late');
    expect(await ok(late.journey.waitingRoom.join(event))).toMatchObject({ number: 5 });
    for (const [i, { journey }] of fans.entries()) {
      const proof = await ok(journey.waitingRoom.verifyShuffle(event, places[i]?.id));
      expect(proof).toMatchObject({ valid: true, places: 4 });
      expect((await ok(journey.waitingRoom.status(event))).number).toBe(proof.number);
    }
    expect((await ok(late.journey.waitingRoom.verifyShuffle(event))).number).toBeNull();
    const room = await ok(waitingRoom.get(event));
    expect(room.seed_hash).toBe(promised);
    expect((await verifyShuffle({ seed: room.seed ?? '', seedHash: promised, places: [] })).valid).toBe(true);
    await until(
      async () => screen.last?.number,
      (number) => number !== null,
    );
  });
});
