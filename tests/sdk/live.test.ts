import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { photo } from '../../local/tour/photo.ts';
import {
  canMove,
  createIdempotencyKey,
  createJourney,
  type InboxStatus,
  type Journey,
  type Notification,
  parsePeriod,
  type Result,
  type WebSocketClass,
} from '../../sdk/src/index.ts';
import { anyPlate } from '../support/world.ts';

const { API_URL, PUBLISHABLE_KEY, ADMIN_DB_URL } = process.env;

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
    realtime: { transport: CountedSocket, reconnectAfterMs: () => 100 },
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

function must<T>(result: Result<T>): T {
  if (result.error) throw result.error;
  return result.data;
}

/** A PNG of one pixel, a different file each time. */
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
    expect((await journey.vehicles.mine()).data?.rows).toHaveLength(1);
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

  it('refuses a command of a visitor, and lets the visitor search', async () => {
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
    const live = () => expect.poll(() => statuses.at(-1)).toBe('live');
    const titles = () => got.map((notification) => notification.data.licence_id);
    await live();
    await expect.poll(() => subscription?.gapless).toBe(true);
    await notify(id, 'one');
    await expect.poll(titles).toEqual(['one']);
    await expect.poll(() => unread.at(-1)).toBe(2);

    // The network is gone: what is written now is broadcast to nobody.
    for (const socket of sockets) socket.terminate();
    await notify(id, 'two');
    await notify(id, 'three');
    await expect.poll(titles).toEqual(['one', 'two', 'three']);
    await expect.poll(() => repaired).toBeGreaterThanOrEqual(1);
    await live();
    await expect.poll(() => unread.at(-1)).toBe(4);

    // In the background nothing is delivered; coming back brings everything.
    subscription?.pause();
    await notify(id, 'four');
    expect(statuses.at(-1)).toBe('paused');
    expect(titles()).not.toContain('four');
    subscription?.resume();
    await expect.poll(titles).toEqual(['one', 'two', 'three', 'four']);
    await live();
    await expect.poll(() => subscription?.gapless).toBe(true);

    // Many at once, written by one transaction each, still come in order.
    for (let i = 0; i < 20; i += 1) await notify(id, `burst-${i}`);
    await expect.poll(() => got.length).toBe(24);
    expect(got.map((notification) => notification.seq)).toEqual(got.map((_, i) => (got[0]?.seq ?? 0) + i));

    const first = got[0]?.id ?? '';
    expect((await journey.notifications.markRead(first)).error).toBeNull();
    await expect.poll(() => unread.at(-1)).toBe(24);
    expect((await journey.notifications.unreadCount()).data).toBe(24);
    expect((await journey.notifications.remove(first)).error).toBeNull();
    const listed: string[] = [];
    for await (const { data } of journey.notifications.list({ pageSize: 7 })) if (data) listed.push(data.id);
    expect(listed).toHaveLength(24);
    expect(listed).not.toContain(first);
    expect((await journey.notifications.markAllRead()).error).toBeNull();
    await expect.poll(() => unread.at(-1)).toBe(0);

    subscription?.unsubscribe();
    await notify(id, 'after');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(titles()).not.toContain('after');
  });

  it('joins again when the channel was closed, as it is when a token runs out', async () => {
    const { journey, id } = await person('Tuan');
    const got: unknown[] = [];
    const statuses: InboxStatus[] = [];
    const { data: subscription } = await journey.notifications.subscribe({
      onNotification: ({ data }) => got.push(data.licence_id),
      onStatus: (status) => statuses.push(status),
    });
    await expect.poll(() => statuses.at(-1)).toBe('live');
    // realtime-js reports this as it reports a closing by the server, and does not come back by itself
    await journey.supabase.getChannels()[0]?.unsubscribe();
    await notify(id, 'meanwhile');
    await expect.poll(() => statuses).toEqual(['connecting', 'live', 'interrupted', 'connecting', 'live']);
    await notify(id, 'again');
    await expect.poll(() => got).toEqual(['meanwhile', 'again']);
    subscription?.unsubscribe();
    expect(journey.supabase.getChannels()).toHaveLength(0);
  });

  it('goes on from the sequence an app has stored, past what was deleted meanwhile', async () => {
    const { journey, id } = await person('Nam');
    for (const key of ['a', 'b', 'c']) await notify(id, key);
    const page = await journey.notifications.list();
    await journey.notifications.remove(page.data?.rows[1]?.id ?? '');
    const got: Notification[] = [];
    const { data: subscription } = await journey.notifications.subscribe(
      { onNotification: (notification) => got.push(notification) },
      { since: 0 },
    );
    await expect.poll(() => got.map(({ seq }) => seq)).toEqual([1, 3]);
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
    await expect.poll(() => one.data?.gapless && two.data?.gapless).toBe(true);
    await notify(id, 'x');
    await expect.poll(() => [...got].sort()).toEqual(['one:x', 'two:x']);
    one.data?.unsubscribe();
    await notify(id, 'y');
    await expect.poll(() => got).toContain('two:y');
    expect(got).not.toContain('one:y');
    await journey.auth.signOut();
    await expect.poll(() => ended).toEqual(['two']);
  });

  it('goes the way from a listing to a paid-for slot and back', async () => {
    const host = await person('Minh');
    const renter = await person('Lan');
    const boss = await person('An');
    await admin.query('insert into public.user_roles (user_id, role) values ($1, $2)', [boss.id, 'admin']);

    const vehicleId = must(
      await host.journey.vehicles.create({ ...car, plate: anyPlate(), security_deposit: 2_000_000 }),
    ).id;
    const image = must(
      await host.journey.media.upload({
        purpose: 'vehicle_image',
        file: photo('live'),
        mimeType: 'image/jpeg',
      }),
    );
    expect(image.status).toBe('ready');
    must(await host.journey.vehicles.addImage({ vehicleId, mediaId: image.id, position: 0 }));
    const { status, revision } = must(await host.journey.vehicles.submit(vehicleId));
    expect(status).toBe('pending_review');
    const decision = { vehicleId, decision: 'publish', revision } as const;
    expect((await renter.journey.admin.reviewVehicle(decision)).error?.code).toBe('forbidden');
    const earlier = { ...decision, revision: revision - 1 };
    expect((await boss.journey.admin.reviewVehicle(earlier)).error).toMatchObject({
      code: 'vehicle_changed',
      details: { revision },
    });
    expect(must(await boss.journey.admin.reviewVehicle(decision)).status).toBe('published');

    const startsAt = new Date(Date.now() + 10 * 86_400_000);
    const endsAt = new Date(startsAt.getTime() + 3 * 86_400_000);
    const search = { lat: car.lat, lng: car.lng, radiusM: 20_000, startsAt, endsAt };
    const pages: string[] = [];
    for await (const hit of renter.journey.vehicles.search({ ...search, pageSize: 1, sort: 'price' })) {
      pages.push(must(hit).vehicle_id);
    }
    expect(pages).toContain(vehicleId);
    expect(new Set(pages).size).toBe(pages.length);
    const asksOf: string[] = [];
    const looking = createJourney({
      url: API_URL ?? '',
      publishableKey: PUBLISHABLE_KEY ?? '',
      fetch: (input, init) => {
        asksOf.push(new URL(input instanceof Request ? input.url : input).pathname);
        return fetch(input, init);
      },
    });
    const withCovers = must(await looking.vehicles.search({ ...search, coverUrls: true, pageSize: 50 })).rows;
    expect(asksOf).toEqual(['/rest/v1/rpc/search_vehicles', '/storage/v1/object/sign/vehicle-images']);
    const cover = withCovers.find((hit) => hit.vehicle_id === vehicleId)?.cover_url ?? '';
    expect((await fetch(cover)).headers.get('content-type')).toBe('image/webp');
    const shown = must(await renter.journey.vehicles.get(vehicleId));
    const url = must(await connect().media.signedUrl(shown.images[0] ?? { bucket: '', path: '' }));
    expect((await fetch(url)).headers.get('content-type')).toBe('image/webp');

    const asked = { vehicleId, startsAt, endsAt };
    expect((await renter.journey.quotes.create(asked)).error?.code).toBe('licence_required');
    const [front, back] = [
      must(
        await renter.journey.media.upload({
          purpose: 'licence',
          file: photo('live'),
          mimeType: 'image/jpeg',
        }),
      ),
      must(
        await renter.journey.media.upload({
          purpose: 'licence',
          file: photo('live'),
          mimeType: 'image/jpeg',
        }),
      ),
    ];
    const licence = must(
      await renter.journey.licences.submit({
        number: randomUUID().replaceAll('-', '').slice(0, 12),
        fullName: 'Nguyễn Thị Lan',
        classes: ['B'],
        validUntil: '2060-01-01',
        dateOfBirth: '1990-05-20',
        issuedOn: '2025-03-01',
        frontMediaId: front.id,
        backMediaId: back.id,
      }),
    );
    must(await boss.journey.admin.reviewLicence({ licenceId: licence.id, decision: 'verify' }));
    expect(must(await renter.journey.licences.list()).rows).toMatchObject([
      { id: licence.id, status: 'verified' },
    ]);

    const quote = must(await renter.journey.quotes.create({ ...asked, options: { insurance: 'basic' } }));
    const estimate = must(renter.journey.quotes.estimate({ facts: quote.facts }));
    expect({ lines: estimate.lines, total: estimate.total_amount, version: estimate.version }).toEqual({
      lines: quote.lines,
      total: quote.total_amount,
      version: quote.pricing_version,
    });
    expect(must(await renter.journey.quotes.get(quote.id)).total_amount).toBe(quote.total_amount);

    const booking = must(await renter.journey.bookings.create({ quoteId: quote.id }));
    expect(booking).toMatchObject({ status: 'pending_payment', total_amount: quote.total_amount });
    expect(parsePeriod(booking.period).startsAt?.getTime()).toBe(startsAt.getTime());
    expect((await renter.journey.bookings.create({ quoteId: quote.id })).error?.code).toBe('quote_used');
    expect(must(await renter.journey.vehicles.eligibility(asked))).not.toEqual([]);
    const detail = must(await renter.journey.bookings.get(booking.id));
    expect(detail).toMatchObject({ side: 'renter', location: null, lines: quote.lines });
    expect(canMove('booking', detail.booking.status, 'cancel')).toBe(true);
    expect(must(await host.journey.bookings.get(booking.id)).payment).toBeNull();
    expect(
      must(await renter.journey.bookings.list({ role: 'renter', statuses: ['pending_payment'] })).rows,
    ).toHaveLength(1);
    for (const reason of ['', '   ']) {
      const silent = { bookingId: booking.id, expectedRefundAmount: 0, reason };
      expect((await renter.journey.bookings.cancel(silent)).error).toMatchObject({
        code: 'invalid_input',
        details: { field: 'reason' },
      });
    }

    const paymentId = detail.payment?.id ?? '';
    const idempotencyKey = createIdempotencyKey();
    const start = { paymentId, provider: 'vnpay' } as const;
    const checkout = must(await renter.journey.payments.start(start, { idempotencyKey }));
    expect(checkout.redirect_url).toMatch(/^https?:/);
    expect(checkout.qr.svg).toContain('<svg');
    const repeated = must(await renter.journey.payments.start(start, { idempotencyKey }));
    expect(repeated.attempt.id).toBe(checkout.attempt.id);

    // The message of the cancellation ends the wait long before the next time it would ask.
    const waiting = renter.journey.payments.waitUntilFinal(paymentId);
    const preview = must(await renter.journey.bookings.previewCancel(booking.id));
    const cancelled = must(
      await renter.journey.bookings.cancel({
        bookingId: booking.id,
        expectedRefundAmount: preview.refund_amount,
        reason: 'Đổi kế hoạch',
      }),
    );
    expect(cancelled.status).toBe('cancelled');
    expect(preview.refund_amount + preview.kept_amount).toBeGreaterThanOrEqual(0);
    expect(must(await waiting).payment.status).toBe('cancelled');
    expect(must(await renter.journey.vehicles.eligibility(asked))).toEqual([]);
    expect(must(await host.journey.payouts.balance()).every(({ available }) => available === 0)).toBe(true);
    // other tests move deadlines of theirs in the same database
    const broken = must(await boss.journey.admin.checkInvariants());
    expect(broken.filter(({ subject_id }) => [booking.id, paymentId].includes(subject_id ?? ''))).toEqual([]);
  });

  it('works without a WebSocket: what is new is fetched', async () => {
    class None {
      constructor() {
        throw new Error('there is none');
      }
    }
    const journey = createJourney({
      url: API_URL ?? '',
      publishableKey: PUBLISHABLE_KEY ?? '',
      auth: { persistSession: false },
      realtime: { transport: None as unknown as WebSocketClass },
    });
    const email = `no-socket-${randomUUID()}@example.com`;
    const { user } = must(
      await journey.auth.signUp({ email, password: 'correct horse battery', displayName: 'Ha' }),
    );
    const got: unknown[] = [];
    const { data: subscription } = await journey.notifications.subscribe(
      { onNotification: ({ data }) => got.push(data.licence_id) },
      { checkInterruptedMs: 200 },
    );
    await notify(user.id, 'quiet');
    await expect.poll(() => got).toEqual(['quiet']);
    expect(subscription?.gapless).toBe(false);
    subscription?.unsubscribe();
  });
});
