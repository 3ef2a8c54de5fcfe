import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  createIdempotencyKey,
  createJourney,
  type InboxStatus,
  type Journey,
  type JourneyOptions,
  type Notification,
} from '../../sdk/src/index.ts';

const { API_URL, PUBLISHABLE_KEY, ADMIN_DB_URL } = process.env;

type Transport = NonNullable<NonNullable<JourneyOptions['realtime']>['transport']>;

/** Every socket the client opens, so that a test can cut them as a lost network does. */
const sockets = new Set<WebSocket>();
class CountedSocket extends WebSocket {
  constructor(address: string | URL, protocols?: string | string[]) {
    super(address, protocols);
    sockets.add(this);
  }
}

function connect(): Journey {
  return createJourney({
    url: API_URL ?? '',
    publishableKey: PUBLISHABLE_KEY ?? '',
    auth: { persistSession: false, autoRefreshToken: false },
    // the types of ws and of realtime-js differ in what they leave out
    realtime: { transport: CountedSocket as unknown as Transport, reconnectAfterMs: () => 100 },
  });
}

async function person(name: string): Promise<{ journey: Journey; id: string; email: string }> {
  const journey = connect();
  const email = `${name.toLowerCase()}-${randomUUID().slice(0, 8)}@example.com`;
  const { data, error } = await journey.auth.signUp({
    email,
    password: 'correct horse battery',
    displayName: name,
  });
  expect(error).toBeNull();
  return { journey, id: data?.user.id ?? '', email };
}

const car = {
  kind: 'car',
  brand: 'VinFast',
  model: 'VF 6',
  year: 2024,
  seats: 5,
  transmission: 'automatic',
  fuel: 'electric',
  title: 'VF 6, như mới',
  city: 'Hà Nội',
  price_per_hour: 90_000,
  price_per_day: 800_000,
  lat: 21.0285,
  lng: 105.8542,
  address: '1 Tràng Tiền, Hoàn Kiếm',
  plate: '30A-123.45',
} as const;

describe.skipIf(!API_URL || !ADMIN_DB_URL)('against the running stack', () => {
  const admin = new pg.Client({ connectionString: ADMIN_DB_URL });
  beforeAll(() => admin.connect());
  afterAll(() => admin.end());

  const notify = (userId: string, key: string) =>
    admin.query('select private.notify($1, $2, $3, $4)', [
      userId,
      'licence_verified',
      { licence_id: key, reason: '' },
      key,
    ]);

  it('signs up with a display name, signs in again, and edits the profile', async () => {
    const { journey, id, email } = await person('Lan');
    expect((await journey.profiles.me()).data).toMatchObject({ id, display_name: 'Lan', locale: 'vi' });
    const { data } = await journey.profiles.update({ bio: 'Xin chào', locale: 'en' });
    expect(data).toMatchObject({ bio: 'Xin chào', locale: 'en' });
    expect((await journey.profiles.update({ time_zone: 'Mars/Olympus' })).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'time_zone' },
    });
    const again = connect();
    expect((await again.auth.signIn({ email, password: 'wrong' })).error?.code).toBe('unauthenticated');
    expect((await again.auth.signIn({ email, password: 'correct horse battery' })).error).toBeNull();
    expect((await again.profiles.get(id)).data?.display_name).toBe('Lan');
    expect((await again.profiles.get(randomUUID())).error?.code).toBe('not_found');
    expect((await again.auth.signOut()).error).toBeNull();
    expect((await again.profiles.me()).error?.code).toBe('unauthenticated');
  });

  it('creates one listing however often the same key is sent, and refuses the key for another', async () => {
    const { journey } = await person('Minh');
    const idempotencyKey = createIdempotencyKey();
    const first = await journey.vehicles.create(car, { idempotencyKey });
    const second = await journey.vehicles.create(car, { idempotencyKey });
    expect(first.error).toBeNull();
    expect(second.data?.id).toBe(first.data?.id);
    expect((await journey.vehicles.create({ ...car, seats: 4 }, { idempotencyKey })).error).toMatchObject({
      code: 'idempotency_conflict',
      outcome: 'not_applied',
      idempotencyKey,
    });
    expect((await journey.vehicles.mine()).data).toHaveLength(1);
    const vehicleId = first.data?.id ?? '';
    expect((await journey.vehicles.submit(vehicleId)).error?.code).toBe('vehicle_incomplete');
    expect((await journey.vehicles.get(vehicleId)).data).toMatchObject({ brand: 'VinFast', features: [] });
    expect((await connect().vehicles.get(vehicleId)).error?.code).toBe('vehicle_not_found');
    const bad = await journey.vehicles.create({ ...car, seats: 1000 });
    expect(bad.error).toMatchObject({ code: 'invalid_input', details: { field: 'seats' } });
  });

  it('leaves its correlation id in the database', async () => {
    const { journey } = await person('Hoa');
    const correlationId = randomUUID();
    const { data } = await journey.vehicles.create(car, { correlationId });
    const { rows } = await admin.query(
      'select correlation_id from private.domain_events where subject_id = $1',
      [data?.id],
    );
    expect(rows[0]?.correlation_id).toBe(correlationId);
  });

  it('refuses a visitor a command, and lets him search', async () => {
    const visitor = connect();
    expect((await visitor.vehicles.create(car)).error?.code).toMatch(/^(unauthenticated|forbidden)$/);
    const startsAt = new Date(Date.now() + 86_400_000);
    const endsAt = new Date(startsAt.getTime() + 86_400_000);
    expect((await visitor.vehicles.search({ lat: 21, lng: 105.8, startsAt, endsAt })).error).toBeNull();
    expect(
      (await visitor.vehicles.search({ lat: 21, lng: 105.8, startsAt: endsAt, endsAt: startsAt })).error
        ?.code,
    ).toBe('period_invalid');
  });

  it('delivers each notification once and in order through a connection that is cut', async () => {
    const { journey, id } = await person('Thu');
    const got: Notification[] = [];
    const statuses: InboxStatus[] = [];
    const unread: number[] = [];
    let repaired = 0;
    await notify(id, 'before');
    const { data: subscription, error } = await journey.notifications.subscribe({
      onNotification: (notification) => got.push(notification),
      onStatus: (status) => statuses.push(status),
      onUnread: (count) => unread.push(count),
      onGapRepaired: (count) => {
        repaired += count;
      },
    });
    expect(error).toBeNull();
    const live = () => expect.poll(() => statuses.at(-1), { timeout: 10_000 }).toBe('live');
    const titles = () => got.map((notification) => notification.data.licence_id);
    await live();
    await notify(id, 'one');
    await expect.poll(titles, { timeout: 10_000 }).toEqual(['one']);
    expect(unread.at(-1)).toBe(2);

    // The network is gone: what is written now is broadcast to nobody.
    for (const socket of sockets) socket.terminate();
    await notify(id, 'two');
    await notify(id, 'three');
    await expect.poll(titles, { timeout: 10_000 }).toEqual(['one', 'two', 'three']);
    await expect.poll(() => repaired).toBe(2);
    await live();

    // In the background nothing is delivered; coming back brings everything.
    subscription?.pause();
    await notify(id, 'four');
    expect(statuses.at(-1)).toBe('paused');
    expect(titles()).not.toContain('four');
    subscription?.resume();
    await expect.poll(titles, { timeout: 10_000 }).toEqual(['one', 'two', 'three', 'four']);
    await live();
    await expect.poll(() => subscription?.gapless, { timeout: 10_000 }).toBe(true);

    // Many at once, written by one transaction each, still come in order.
    for (let i = 0; i < 20; i += 1) await notify(id, `burst-${i}`);
    await expect.poll(() => got.length, { timeout: 10_000 }).toBe(24);
    expect(got.map((notification) => notification.seq)).toEqual(got.map((_, i) => (got[0]?.seq ?? 0) + i));

    const first = got[0]?.id ?? '';
    expect((await journey.notifications.markRead(first)).error).toBeNull();
    await expect.poll(() => unread.at(-1), { timeout: 10_000 }).toBe(24);
    expect((await journey.notifications.unreadCount()).data).toBe(24);
    expect((await journey.notifications.remove(first)).error).toBeNull();
    const listed: string[] = [];
    for await (const { data } of journey.notifications.list({ pageSize: 7 })) if (data) listed.push(data.id);
    expect(listed).toHaveLength(24);
    expect(listed).not.toContain(first);
    expect((await journey.notifications.markAllRead()).error).toBeNull();
    await expect.poll(() => unread.at(-1), { timeout: 10_000 }).toBe(0);

    subscription?.unsubscribe();
    await notify(id, 'after');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(titles()).not.toContain('after');
  });

  it('goes on from the sequence an app has stored, past what was deleted meanwhile', async () => {
    const { journey, id } = await person('Nam');
    for (const key of ['a', 'b', 'c']) await notify(id, key);
    const page = await journey.notifications.page();
    await journey.notifications.remove(page.data?.rows[1]?.id ?? '');
    const got: Notification[] = [];
    const { data: subscription } = await journey.notifications.subscribe(
      { onNotification: (notification) => got.push(notification) },
      { since: 0 },
    );
    await expect.poll(() => got.map(({ seq }) => seq), { timeout: 10_000 }).toEqual([1, 3]);
    expect(subscription?.lastSeq).toBe(3);
    subscription?.unsubscribe();
  });

  it('shares one channel among two subscriptions, and ends with the sign-out', async () => {
    const { journey, id } = await person('Vy');
    const got: string[] = [];
    const ended: string[] = [];
    const handlers = (name: string) => ({
      onNotification: ({ data }: Notification) => got.push(`${name}:${data.licence_id}`),
      onStatus: (status: InboxStatus) => (status === 'ended' ? ended.push(name) : undefined),
    });
    const one = await journey.notifications.subscribe(handlers('one'));
    const two = await journey.notifications.subscribe(handlers('two'));
    await expect.poll(() => one.data?.gapless && two.data?.gapless, { timeout: 10_000 }).toBe(true);
    await notify(id, 'x');
    await expect.poll(() => [...got].sort(), { timeout: 10_000 }).toEqual(['one:x', 'two:x']);
    one.data?.unsubscribe();
    await notify(id, 'y');
    await expect.poll(() => got, { timeout: 10_000 }).toContain('two:y');
    expect(got).not.toContain('one:y');
    await journey.auth.signOut();
    await expect.poll(() => ended, { timeout: 10_000 }).toEqual(['two']);
  });
});
