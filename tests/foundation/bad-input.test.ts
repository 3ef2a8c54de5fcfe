import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { SupabaseClient } from '@supabase/supabase-js';
import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photo } from '../../local/tour/photo.ts';
import { isErrorCode, type Media, type Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  aCar,
  admin,
  book,
  closeSql,
  listing,
  ok,
  type Person,
  payAtSandbox,
  period,
  person,
  quote,
  refusal,
  renter,
  sql,
  startPayment,
} from '../support/world.ts';

let staff: Person;
let host: Person;
let guest: Person;
let other: Person;
let vehicle: Vehicle;

beforeAll(async () => {
  staff = await admin();
  [host, guest, other] = await Promise.all([person('host'), renter(staff), renter(staff)]);
  vehicle = await listing(host, staff);
});

afterAll(closeSql);

const hour = 3_600_000;

/** A client whose types do not stand in the way of what must be refused. */
const untyped = ({ journey }: Person): SupabaseClient => journey.supabase as unknown as SupabaseClient;

describe('periods', () => {
  const refusedPeriods: [name: string, from: number, to: number, code: string][] = [
    ['in the past', -2 * hour, 10 * hour, 'period_in_past'],
    ['inverted', 20 * hour, 10 * hour, 'period_invalid'],
    ['of no length', 10 * hour, 10 * hour, 'period_invalid'],
    ['of ten years', 10 * hour, 10 * 365 * 24 * hour, 'period_too_long'],
    ['that begin in ten years', 10 * 365 * 24 * hour, (10 * 365 * 24 + 5) * hour, 'period_too_long'],
  ];
  it.each(refusedPeriods)('refuses periods %s, in a quote and in a search', async (_name, from, to, code) => {
    const when = { startsAt: new Date(Date.now() + from), endsAt: new Date(Date.now() + to) };
    expect(await refusal(guest.journey.quotes.create({ vehicleId: vehicle.id, ...when }))).toBe(code);
    expect(await refusal(guest.journey.vehicles.search({ lat: 21, lng: 105.8, ...when }))).toBe(code);
  });
});

describe('quotes and bookings', () => {
  it('refuses a quote of somebody else, an expired one, and one that made a booking already', async () => {
    const mine = await quote(guest, vehicle, period(30, 5));
    expect(await refusal(other.journey.bookings.create({ quoteId: mine.id }))).toBe('quote_not_found');
    await ok(guest.journey.bookings.create({ quoteId: mine.id }));
    expect(await refusal(guest.journey.bookings.create({ quoteId: mine.id }))).toBe('quote_used');
    const [expired] = await sql<{ id: string }>(
      `insert into public.quotes (renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount,
         platform_amount, tax_amount, commission_bps, cancellation_policy, facts, pricing_version, expires_at)
       select renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount,
         platform_amount, tax_amount, commission_bps, cancellation_policy, facts, pricing_version, now() - interval '1 second'
       from public.quotes where id = $1 returning id`,
      [mine.id],
    );
    expect(await refusal(guest.journey.bookings.create({ quoteId: expired?.id ?? '' }))).toBe(
      'quote_expired',
    );
    expect(await refusal(guest.journey.bookings.create({ quoteId: crypto.randomUUID() }))).toBe(
      'quote_not_found',
    );
  });

  it('refuses the own vehicle, an unpublished one, an unknown one, and a person without licence', async () => {
    const draft = await ok(host.journey.vehicles.create(aCar));
    const when = period(50, 5);
    const stranger = await person('stranger');
    expect(await refusal(host.journey.quotes.create({ vehicleId: vehicle.id, ...when }))).toBe('own_vehicle');
    expect(await refusal(guest.journey.quotes.create({ vehicleId: draft.id, ...when }))).toBe(
      'vehicle_not_found',
    );
    expect(await refusal(guest.journey.quotes.create({ vehicleId: crypto.randomUUID(), ...when }))).toBe(
      'vehicle_not_found',
    );
    expect(await refusal(stranger.journey.quotes.create({ vehicleId: vehicle.id, ...when }))).toBe(
      'licence_required',
    );
  });

  it('leaves nothing behind of a refused booking', async () => {
    const when = period(70, 5);
    const [first, second] = [await quote(guest, vehicle, when), await quote(other, vehicle, when)];
    await ok(guest.journey.bookings.create({ quoteId: first.id }));
    expect(await refusal(other.journey.bookings.create({ quoteId: second.id }))).toBe('vehicle_unavailable');
    const left = await sql(
      `select 1 from public.bookings where quote_id::text = $1
       union all select 1 from private.idempotency_keys where response ->> 'id' = $1`,
      [second.id],
    );
    expect(left).toEqual([]);
  });
});

/** Calls a command as an app without our SDK would. */
async function raw(one: Person, name: string, body: unknown): Promise<{ status: number; code: string }> {
  const { data } = await one.journey.supabase.auth.getSession();
  const answer = await fetch(`${setting('API_URL')}/rest/v1/rpc/${name}`, {
    method: 'POST',
    headers: {
      apikey: setting('PUBLISHABLE_KEY'),
      authorization: `Bearer ${data.session?.access_token}`,
      'content-type': 'application/json',
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const error = (await answer.json()) as { code?: string; details?: string | null };
  const details = error.details?.startsWith('{') ? (JSON.parse(error.details) as { code?: string }) : {};
  return { status: answer.status, code: details.code ?? error.code ?? '' };
}

const licence = {
  number: '123456789',
  full_name: 'A Person',
  date_of_birth: '1990-05-20',
  classes: ['B'],
  issued_on: '2025-03-01',
  valid_until: '2030-01-01',
  front_media_id: crypto.randomUUID(),
  back_media_id: crypto.randomUUID(),
};

describe('values', () => {
  it.each([
    ['a malformed uuid', 'create_booking', { quote_id: 'nonsense', idempotency_key: crypto.randomUUID() }],
    ['a missing idempotency key', 'create_booking', { quote_id: crypto.randomUUID(), idempotency_key: null }],
    [
      'an unknown argument',
      'create_booking',
      { quote_id: crypto.randomUUID(), idempotency_key: crypto.randomUUID(), price: 1 },
    ],
    ['a body that is no JSON', 'create_booking', '{"quote_id": '],
    ['a text where a number belongs', 'search_vehicles', { lat: 'north', lng: 105 }],
    ['a number where a time belongs', 'search_vehicles', { lat: 21, lng: 105, starts_at: 5 }],
    ['an object where a time belongs', 'search_vehicles', { lat: 21, lng: 105, ends_at: { a: 1 } }],
    ['a list where a time belongs', 'search_vehicles', { lat: 21, lng: 105, ends_at: [1] }],
    ['a number where a list belongs', 'search_vehicles', { lat: 21, lng: 105, features: 5 }],
    ['an object where a list belongs', 'search_vehicles', { lat: 21, lng: 105, features: { a: 1 } }],
    ['an object where a number belongs', 'search_vehicles', { lat: {}, lng: 105 }],
    ['a list where a uuid belongs', 'public_profile', { id: ['x'] }],
    ['a number where a date belongs', 'submit_licence', { ...licence, valid_until: 20300101 }],
    ['a text where a list of texts belongs', 'submit_licence', { ...licence, classes: 'B' }],
    ['an object where a text belongs', 'submit_licence', { ...licence, full_name: { a: 1 } }],
    ['a place off the map', 'search_vehicles', { lat: 123, lng: 105 }],
    [
      'a forged cursor',
      'my_bookings',
      { after: { id: '------------------------------------', created_at: '2026-99-99' } },
    ],
  ])('refuses %s with a 4xx', async (_name, command, body) => {
    const { status, code } = await raw(guest, command, body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(code).not.toBe('');
  });

  it('can compute with every time zone that can be stored, as functions and apps do', async () => {
    const zones = await sql<{ name: string }>('select distinct canonical as name from private.time_zones');
    expect(zones.length).toBeGreaterThan(300);
    const unknown = zones.filter(({ name: timeZone }) => {
      try {
        new Intl.DateTimeFormat('en', { timeZone });
        return false;
      } catch {
        return true;
      }
    });
    expect(unknown).toEqual([]);
  });

  it('names the field of a listing that is wrong', async () => {
    const cases: [details: Record<string, unknown>, field: string, code: string][] = [
      [{ ...aCar, title: 'x'.repeat(200_000) }, 'title', 'invalid_input'],
      [{ ...aCar, price_per_day: -5 }, 'price_per_day', 'invalid_input'],
      [{ ...aCar, price_per_day: '800000' }, 'price_per_day', 'invalid_input'],
      [{ ...aCar, seats: 1e12 }, 'seats', 'invalid_input'],
      [{ ...aCar, brand: null }, 'brand', 'invalid_input'],
      [{ ...aCar, brand: { a: 1 } }, 'brand', 'invalid_input'],
      [{ ...aCar, time_zone: 'Mars/Olympus' }, 'time_zone', 'invalid_input'],
      [{ ...aCar, features: 'gps' }, 'features', 'invalid_input'],
      [{ ...aCar, lat: 95 }, 'lat', 'invalid_input'],
      [{ ...aCar, status: 'published' }, 'status', 'unknown_field'],
      [{ ...aCar, host_id: guest.id }, 'host_id', 'unknown_field'],
    ];
    for (const [details, field, code] of cases) {
      const { error } = await host.journey.vehicles.create(details as unknown as typeof aCar);
      expect([error?.code, error?.details?.field], JSON.stringify(details).slice(0, 80)).toEqual([
        code,
        field,
      ]);
      expect(isErrorCode(error?.code ?? '')).toBe(true);
    }
  });

  it('keeps state tables shut: no insert, update or delete by clients', async () => {
    const booking = await book(guest, vehicle, period(90, 5));
    for (const table of [
      'bookings',
      'payments',
      'quotes',
      'vehicles',
      'calendar_entries',
      'notifications',
      'user_roles',
    ]) {
      const client = untyped(guest).from(table);
      const results = [
        await client.insert({ id: crypto.randomUUID() }),
        await client.update({ status: 'confirmed' }).eq('id', booking.id),
        await client.delete().eq('id', booking.id),
      ];
      for (const { error } of results) expect(error, table).not.toBeNull();
    }
    const [row] = await sql<{ status: string }>('select status from public.bookings where id = $1', [
      booking.id,
    ]);
    expect(row?.status).toBe('pending_payment');
  });

  it('lets nobody make themselves an admin or rate themselves', async () => {
    const supabase = untyped(guest);
    expect(
      (await supabase.from('user_roles').insert({ user_id: guest.id, role: 'admin' })).error,
    ).not.toBeNull();
    expect(
      (await supabase.from('profiles').update({ rating_average: 5 }).eq('id', guest.id)).error,
    ).not.toBeNull();
    expect((await supabase.from('profiles').update({ bio: 'Hello' }).eq('id', guest.id)).error).toBeNull();
    expect(
      await refusal(
        guest.journey.admin.reviewVehicle({ vehicleId: vehicle.id, decision: 'suspend', reason: 'x' }),
      ),
    ).toBe('forbidden');
  });
});

describe('uploads', () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  async function ticket(one: Person, bytes: Uint8Array): Promise<Media> {
    const { data, error } = await one.journey.supabase.rpc('request_upload', {
      purpose: 'vehicle_image',
      mime_type: 'image/jpeg',
      byte_size: bytes.length,
      sha256: sha256(bytes),
    });
    if (error) throw new Error(error.message);
    return data as Media;
  }

  /** Begins an upload under a ticket, and ends it when asked to. Whether it is taken or refused is not said. */
  async function slowUpload(one: Person, { bucket, path }: Media, bytes: Uint8Array) {
    const { data } = await one.journey.supabase.auth.getSession();
    const call = request(`${setting('API_URL')}/storage/v1/object/${bucket}/${path}`, {
      method: 'POST',
      headers: {
        apikey: setting('PUBLISHABLE_KEY'),
        authorization: `Bearer ${data.session?.access_token}`,
        'content-type': 'image/jpeg',
        'content-length': bytes.length,
      },
    });
    const over = new Promise<void>((resolve) => {
      call.on('response', (answer) => answer.resume().on('close', resolve)).on('error', () => resolve());
    });
    const half = Math.floor(bytes.length / 2);
    await new Promise((resolve) => call.write(bytes.subarray(0, half), resolve));
    return {
      async finish(): Promise<void> {
        call.end(bytes.subarray(half));
        await over;
      },
    };
  }

  /** An address for a ticket's path that takes anything, as if row policies allowed it. */
  async function signedByService({ bucket, path }: Media) {
    const service = createClient(setting('API_URL'), setting('SECRET_KEY')).storage.from(bucket);
    const { data, error } = await service.createSignedUploadUrl(path, { upsert: true });
    if (error) throw error;
    return (bytes: Uint8Array<ArrayBuffer>) =>
      service.uploadToSignedUrl(path, data.token, bytes, { contentType: 'image/jpeg' });
  }

  async function complete(one: Person, mediaId: string): Promise<string> {
    const { data } = await one.journey.supabase.auth.getSession();
    const answer = await fetch(`${setting('FUNCTIONS_URL')}/media/complete`, {
      method: 'POST',
      headers: {
        apikey: setting('PUBLISHABLE_KEY'),
        authorization: `Bearer ${data.session?.access_token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ media_id: mediaId }),
    });
    const body = (await answer.json()) as { error?: { code: string } };
    return body.error?.code ?? 'ready';
  }

  it('refuses a kind or a size that does not belong there before any byte is sent', async () => {
    const upload = (mime: string, size: number) =>
      raw(host, 'request_upload', {
        purpose: 'vehicle_image',
        mime_type: mime,
        byte_size: size,
        sha256: 'a'.repeat(64),
      });
    expect(await upload('image/svg+xml', 1000)).toEqual({ status: 415, code: 'media_type_refused' });
    expect(await upload('image/jpeg', 50_000_000)).toEqual({ status: 413, code: 'media_too_large' });
    expect(await upload('image/jpeg', 0)).toEqual({ status: 400, code: 'invalid_input' });
  });

  it('takes bytes only at the path of the own ticket', async () => {
    const bytes = photo('path');
    const { bucket, path } = await ticket(host, bytes);
    const storage = host.journey.supabase.storage.from(bucket);
    const options = { contentType: 'image/jpeg' };
    for (const wrong of [
      `${host.id}/mine.jpeg`,
      `../${path}`,
      `${path}/../x.jpeg`,
      `/etc/passwd`,
      `${host.id}/ảnh.jpeg`,
    ]) {
      expect((await storage.upload(wrong, bytes, options)).error, wrong).not.toBeNull();
    }
    expect(
      (await guest.journey.supabase.storage.from(bucket).upload(path, bytes, options)).error,
    ).not.toBeNull();
    expect((await storage.upload(path, bytes, options)).error).toBeNull();
    expect((await guest.journey.supabase.storage.from(bucket).download(path)).error).not.toBeNull();
  });

  it('refuses bytes that are not what the ticket announced', async () => {
    const announced = photo('announced');
    const cases: [name: string, bytes: Uint8Array<ArrayBuffer>][] = [
      [
        'another picture of the same size',
        announced.map((byte, index) => (index === announced.length - 3 ? byte ^ 1 : byte)),
      ],
      [
        'a script that calls itself a picture',
        new Uint8Array(Buffer.from('<script>alert(1)</script>'.padEnd(announced.length))),
      ],
    ];
    for (const [name, bytes] of cases) {
      const media = await ticket(host, announced);
      const { error } = await host.journey.supabase.storage
        .from(media.bucket)
        .upload(media.path, bytes, { contentType: 'image/jpeg' });
      expect(error).toBeNull();
      expect(['media_mismatch', 'media_type_refused', 'media_too_large'], name).toContain(
        await complete(host, media.id),
      );
      expect(
        await refusal(
          host.journey.vehicles.addImage({ vehicleId: vehicle.id, mediaId: media.id, position: 3 }),
        ),
      ).toBe('media_not_ready');
    }
  });

  it('refuses a file of another size at the door', async () => {
    const announced = photo('announced');
    const media = await ticket(host, announced);
    const storage = host.journey.supabase.storage.from(media.bucket);
    const longer = new Uint8Array([...announced, 0]);
    expect((await storage.upload(media.path, longer, { contentType: 'image/jpeg' })).error).not.toBeNull();
    expect(await complete(host, media.id)).toBe('media_not_ready');
  });

  it('removes a file of another size that got in, and takes the right one after it', async () => {
    const announced = photo('announced');
    const media = await ticket(host, announced);
    const send = await signedByService(media);
    expect((await send(new Uint8Array([...announced, 0]))).error).toBeNull();
    expect(await complete(host, media.id)).toBe('media_mismatch');
    expect(await complete(host, media.id)).toBe('media_not_ready');
    expect((await send(announced)).error).toBeNull();
    expect(await complete(host, media.id)).toBe('ready');
  });

  it('leaves checked bytes as they are, whatever is uploaded under their ticket afterwards', async () => {
    const good = photo('checked');
    const bad = new Uint8Array(Buffer.from('<svg onload="alert(1)"/>'.padEnd(good.length)));
    const media = await ticket(host, good);
    // an upload that is let in before the check and ends after it
    const late = await slowUpload(host, media, bad);
    const sendSigned = await signedByService(media);
    const storage = host.journey.supabase.storage.from(media.bucket);
    expect((await storage.upload(media.path, good, { contentType: 'image/jpeg' })).error).toBeNull();
    expect(await complete(host, media.id)).toBe('ready');
    await late.finish();
    expect((await sendSigned(bad)).error).toBeNull();

    const shown = await ok(host.journey.media.whenReady(media.id, { waitMs: 60_000 }));
    expect(shown.path).not.toBe(media.path);
    const [original] = await sql<{ path: string }>(
      'select path from private.media_originals where media_id = $1',
      [media.id],
    );
    const service = createClient(setting('API_URL'), setting('SECRET_KEY'));
    const stored = await service.storage.from('originals').download(original?.path ?? '');
    expect(Buffer.from((await stored.data?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(Buffer.from(good));
    expect((await storage.download(media.path)).error).not.toBeNull();
    // and the ticket opens nothing any more
    expect((await storage.createSignedUploadUrl(media.path, { upsert: true })).error).not.toBeNull();
    const again = await storage.upload(shown.path, bad, { contentType: 'image/jpeg', upsert: true });
    expect(again.error).not.toBeNull();
  });

  it('refuses to complete an upload that never came, or that is somebody else’s', async () => {
    const media = await ticket(host, photo('never'));
    expect(await complete(host, media.id)).not.toBe('ready');
    expect(await complete(guest, media.id)).toBe('media_not_found');
  });
});

describe('webhooks', () => {
  it('answers a bad signature, a foreign merchant and a wrong amount in the provider’s words and changes nothing', async () => {
    const booking = await book(guest, vehicle, period(110, 5));
    const start = await startPayment(guest, booking);
    await payAtSandbox(start, { notify: { tamper: true } });
    await payAtSandbox(start, { notify: { wrongSecret: true } }).catch(() => {});
    const { booking: now } = await ok(guest.journey.bookings.get(booking.id));
    expect(now.status).toBe('pending_payment');
    const forged = new URL(`${setting('FUNCTIONS_URL')}/payment-webhooks/vnpay`);
    forged.searchParams.set('vnp_TxnRef', start.attempt.reference);
    forged.searchParams.set('vnp_Amount', String(booking.total_amount * 100));
    forged.searchParams.set('vnp_ResponseCode', '00');
    forged.searchParams.set('vnp_TransactionStatus', '00');
    forged.searchParams.set('vnp_SecureHash', 'a'.repeat(128));
    const answer = await fetch(forged);
    expect([answer.status, ((await answer.json()) as { RspCode: string }).RspCode]).toEqual([200, '97']);
  });

  it('refuses with a 4xx, and counts, bodies that no provider sends', async () => {
    const received = async () =>
      (
        await sql<{ n: number }>('select coalesce(sum(received), 0)::int as n from private.unverified_counts')
      )[0]?.n ?? 0;
    const mark = crypto.randomUUID();
    const bodies: [body: BodyInit, status: number][] = [
      [`{"a":"\0${mark}"}`, 400],
      [Buffer.concat([Buffer.from(mark), Buffer.from([0xed, 0xa0, 0x80])]), 400],
      [Buffer.concat([Buffer.from(mark), Buffer.from([0xff, 0xfe])]), 400],
      [mark.repeat(5_000), 413],
    ];
    for (const rail of ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr']) {
      const before = await received();
      for (const [body, status] of bodies) {
        const init = { method: 'POST', body };
        const answer = await fetch(`${setting('FUNCTIONS_URL')}/payment-webhooks/${rail}`, init);
        expect([rail, answer.status]).toEqual([rail, status]);
        await answer.body?.cancel();
      }
      expect(await received()).toBeGreaterThanOrEqual(before + bodies.length);
    }
  });
});
