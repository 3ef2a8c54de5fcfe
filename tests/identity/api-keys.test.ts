import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../local/config.ts';
import { functionsLog } from '../../local/functions/host.ts';
import type { Vehicle } from '../../sdk/src/index.ts';
import { apiKey } from '../support/api-keys.ts';
import { setting } from '../support/setting.ts';
import {
  admin,
  book,
  closeSql,
  eventually,
  listing,
  ok,
  type Person,
  period,
  person,
  refusal,
  renter,
  sql,
  stepUp,
} from '../support/world.ts';

const everything = ['vehicles:read', 'calendar:read', 'calendar:write', 'bookings:read', 'bookings:write'];
let host: Person;
let other: Person;
let guest: Person;
let car: Vehicle;
let foreignCar: Vehicle;

beforeAll(async () => {
  const reviewer = await admin();
  [host, other, guest] = await Promise.all([person('host'), person('other'), renter(reviewer)]);
  [car, foreignCar] = await Promise.all([
    listing(host, reviewer, { instant_book: false }),
    listing(other, reviewer),
  ]);
});

afterAll(closeSql);

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many endpoints
  body: any;
}

/** A call as a partner's server makes it. */
async function partner(
  key: string | null,
  method: string,
  path: string,
  options: { body?: unknown; idempotencyKey?: string | null; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body, idempotencyKey = crypto.randomUUID(), headers = {} } = options;
  const answer = await fetch(`${setting('FUNCTIONS_URL')}/partner${path}`, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(method === 'GET' || idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

function times(fromHours: number, hours: number): { starts_at: string; ends_at: string } {
  const { startsAt, endsAt } = period(fromHours, hours);
  return { starts_at: startsAt.toISOString(), ends_at: endsAt.toISOString() };
}

function calendarPath(vehicle: Vehicle): string {
  const { starts_at, ends_at } = times(0, 24 * 300);
  return `/vehicles/${vehicle.id}/calendar?from_at=${starts_at}&to_at=${ends_at}`;
}

async function eventsOf(keyId: string): Promise<string[]> {
  const rows = await sql<{ operation: string }>(
    `select data ->> 'operation' as operation from private.domain_events where subject_id = $1 and type = 'api_key.called' order by id`,
    [keyId],
  );
  return rows.map((row) => row.operation);
}

describe('a partner with an API key', () => {
  it('reads the vehicles of its owner page by page', async () => {
    const key = await apiKey(host, ['vehicles:read']);
    const second = await ok(
      host.journey.vehicles.create({
        kind: 'car',
        brand: 'VinFast',
        model: 'VF 6',
        year: 2024,
        seats: 5,
        transmission: 'automatic',
        fuel: 'electric',
        title: 'A draft',
        city: 'Hà Nội',
        price_per_hour: 90_000,
        price_per_day: 800_000,
        lat: 21,
        lng: 105,
        address: '1 Test Street',
        plate: '30A-999.99',
      }),
    );
    const first = await partner(key.text, 'GET', '/vehicles?page_size=1');
    expect(first.status).toBe(200);
    expect(first.body.rows.map((row: Vehicle) => row.id)).toEqual([second.id]);
    const next = await partner(key.text, 'GET', `/vehicles?page_size=1&after=${first.body.next}`);
    expect(next.body.rows.map((row: Vehicle) => row.id)).toEqual([car.id]);
    const end = await partner(key.text, 'GET', `/vehicles?page_size=1&after=${next.body.next}`);
    expect(end.body).toEqual({ rows: [], next: null });
    expect((await partner(key.text, 'GET', `/vehicles/${car.id}`)).body).toMatchObject({ title: car.title });
    const nowhere = await partner(key.text, 'GET', `/vehicles/${crypto.randomUUID()}`);
    expect([nowhere.status, nowhere.body.error.code]).toEqual([404, 'vehicle_not_found']);
    await ok(host.journey.vehicles.archive(second.id));
  });

  it('blocks a time and opens it again, each once however often it is asked', async () => {
    const key = await apiKey(host, ['calendar:read', 'calendar:write']);
    const again = { body: times(48, 5), idempotencyKey: crypto.randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => partner(key.text, 'POST', `/vehicles/${car.id}/blocks`, again)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const [block] = answers.map(({ body }) => body);
    const listed = await partner(key.text, 'GET', calendarPath(car));
    expect(listed.body.rows).toMatchObject([{ id: block.id, kind: 'host_block' }]);
    const taken = await partner(key.text, 'POST', `/vehicles/${car.id}/blocks`, { body: times(50, 1) });
    expect([taken.status, taken.body.error.code]).toEqual([409, 'vehicle_unavailable']);

    const removal = { idempotencyKey: crypto.randomUUID() };
    for (let n = 0; n < 2; n += 1) {
      expect((await partner(key.text, 'DELETE', `/blocks/${block.id}`, removal)).status).toBe(200);
    }
    expect((await partner(key.text, 'GET', calendarPath(car))).body.rows).toEqual([]);
    expect(await eventsOf(key.id)).toEqual(['block_period', 'unblock_period']);
  });

  it('reads bookings and answers a request as the host', async () => {
    const key = await apiKey(host, ['bookings:read', 'bookings:write']);
    const request = await book(guest, car, period(100, 10));
    const found = await partner(key.text, 'GET', '/bookings?statuses=requested,confirmed');
    expect(found.body.rows).toMatchObject([{ id: request.id, status: 'requested' }]);
    const again = { body: { accept: true }, idempotencyKey: crypto.randomUUID() };
    for (let n = 0; n < 2; n += 1) {
      const answer = await partner(key.text, 'POST', `/bookings/${request.id}/answer`, again);
      expect([answer.status, answer.body.status]).toEqual([200, 'pending_payment']);
    }
    const { body } = await partner(key.text, 'GET', `/bookings/${request.id}`);
    expect(body).toMatchObject({ side: 'host', booking: { id: request.id }, payment: null });
    const strange = await partner(key.text, 'GET', `/bookings/${crypto.randomUUID()}`);
    expect([strange.status, strange.body.error.code]).toEqual([404, 'booking_not_found']);
  });

  it('cannot touch what is not its owner’s', async () => {
    const key = await apiKey(host, everything);
    const block = await ok(other.journey.vehicles.block({ vehicleId: foreignCar.id, ...period(48, 5) }));
    const tries = [
      await partner(key.text, 'POST', `/vehicles/${foreignCar.id}/blocks`, { body: times(80, 5) }),
      await partner(key.text, 'DELETE', `/blocks/${block.id}`),
      await partner(key.text, 'GET', calendarPath(foreignCar)),
    ];
    expect(tries.map(({ status, body }) => [status, body.error.code])).toEqual([
      [404, 'vehicle_not_found'],
      [404, 'not_found'],
      [404, 'vehicle_not_found'],
    ]);
    const entries = await ok(
      other.journey.vehicles.entries({
        vehicleId: foreignCar.id,
        from: new Date(),
        to: period(0, 200).endsAt,
      }),
    );
    expect(entries.map(({ id }) => id)).toEqual([block.id]);
  });
});

describe('a scope', () => {
  const calls: [scope: string, method: string, path: () => string, body?: () => unknown][] = [
    ['vehicles:read', 'GET', () => '/vehicles'],
    ['vehicles:read', 'GET', () => `/vehicles/${car.id}`],
    ['calendar:read', 'GET', () => calendarPath(car)],
    ['calendar:write', 'POST', () => `/vehicles/${car.id}/blocks`, () => times(200, 5)],
    ['calendar:write', 'DELETE', () => `/blocks/${crypto.randomUUID()}`],
    ['bookings:read', 'GET', () => '/bookings'],
    ['bookings:read', 'GET', () => `/bookings/${crypto.randomUUID()}`],
    [
      'bookings:write',
      'POST',
      () => `/bookings/${crypto.randomUUID()}/answer`,
      () => ({ accept: false, reason: 'Not free' }),
    ],
  ];

  it.each(everything)('%s is asked for by its endpoints, and no other scope opens them', async (scope) => {
    const without = await apiKey(
      other,
      everything.filter((one) => one !== scope),
    );
    const only = await apiKey(other, [scope]);
    for (const [needed, method, path, body] of calls) {
      const options = { body: body?.() };
      const address = path();
      const refused = await partner((needed === scope ? without : only).text, method, address, options);
      expect([method, address, refused.status]).toEqual([method, address, 403]);
      expect(refused.body.error).toMatchObject({ code: 'scope_missing', details: { scope: needed } });
      if (needed !== scope) continue;
      const passed = await partner(only.text, method, address, options);
      expect([200, 404]).toContain(passed.status);
    }
    for (const { id } of [without, only]) await ok(other.journey.apiKeys.revoke(id));
    expect(await eventsOf(without.id)).toEqual([]);
  });

  it('is tried for every endpoint of the function and every scope there is', async () => {
    const handler = readFileSync(
      new URL('../../supabase/functions/partner/handler.ts', import.meta.url),
      'utf8',
    );
    expect(handler.match(/path: '/g)).toHaveLength(calls.length);
    expect((await ok(host.journey.apiKeys.scopes())).map(({ scope }) => scope)).toEqual(
      [...everything].sort(),
    );
  });
});

describe('an API key', () => {
  const shown = ({ status, body }: Answer) => {
    const { correlation_id, ...error } = body.error;
    return { status, error };
  };

  it('is refused alike when it is unknown, mistyped, expired, revoked or absent', async () => {
    const owner = await person('owner');
    const [good, expired, revoked] = await Promise.all(
      ['Good', 'Expired', 'Revoked'].map((name) => apiKey(owner, ['vehicles:read'], name)),
    );
    if (!good || !expired || !revoked) throw new Error('no keys');
    await ok(owner.journey.apiKeys.revoke(revoked.id));
    await sql('alter table public.api_keys disable trigger immutable');
    await sql(
      `update public.api_keys set created_at = now() - interval '2 days', expires_at = now() - interval '1 second' where id = $1`,
      [expired.id],
    );
    await sql('alter table public.api_keys enable trigger immutable');
    const [{ text: unknown = '' } = {}] = await sql<{ text: string }>(
      `select private.api_key_text('000000000000', repeat('0', 64)) as text`,
    );
    const [{ text: wrongSecret = '' } = {}] = await sql<{ text: string }>(
      `select private.api_key_text($1, repeat('0', 64)) as text`,
      [good.prefix],
    );
    const keys = [
      unknown,
      wrongSecret,
      expired.text,
      revoked.text,
      `${good.text.slice(0, -1)}g`,
      setting('PUBLISHABLE_KEY'),
      setting('SECRET_KEY'),
      null,
    ];
    const answers = await Promise.all(keys.map(async (key) => shown(await partner(key, 'GET', '/vehicles'))));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, error: { code: 'api_key_invalid', details: {} } });
    expect((await partner(good.text, 'GET', '/vehicles')).status).toBe(200);
  });

  it('stops working with its revocation, and a second key goes on', async () => {
    const owner = await person('owner');
    const old = await apiKey(owner, ['vehicles:read'], 'Old');
    const renewed = await apiKey(owner, ['vehicles:read'], 'New');
    expect((await partner(old.text, 'GET', '/vehicles')).status).toBe(200);
    await ok(owner.journey.apiKeys.revoke(old.id));
    expect((await partner(old.text, 'GET', '/vehicles')).status).toBe(401);
    expect((await partner(renewed.text, 'GET', '/vehicles')).status).toBe(200);
    const { rows } = await ok(owner.journey.apiKeys.list());
    expect(rows.map((key) => [key.name, key.revoked_at !== null, key.last_used_at !== null])).toEqual([
      ['New', false, true],
      ['Old', true, true],
    ]);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });

  it('needs a step-up code to be created', async () => {
    const owner = await person('owner');
    const wish = { name: 'x', scopes: ['vehicles:read'], expiresAt: new Date(Date.now() + 86_400_000) };
    expect(await refusal(owner.journey.apiKeys.create(wish))).toBe('step_up_required');
    await stepUp(owner);
    const idempotencyKey = crypto.randomUUID();
    const key = await ok(owner.journey.apiKeys.create(wish, { idempotencyKey }));
    const repeated = await ok(owner.journey.apiKeys.create(wish, { idempotencyKey }));
    expect(repeated).toEqual({ ...key, api_key: null });
    await eventually(async () => {
      const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(owner.email)}`);
      const subjects = ((await answer.json()) as { subject: string }[]).map((mail) => mail.subject);
      return subjects.includes('An API key was created') || undefined;
    });
  });

  it('is one of ten at most, also when they are created at the same moment', async () => {
    const owner = await person('owner');
    for (let n = 0; n < 6; n += 1) await apiKey(owner, ['vehicles:read'], `Key ${n}`);
    await sql(`delete from private.rate_buckets where action = 'create_api_key' and subject = $1`, [
      owner.id,
    ]);
    const expiresAt = new Date(Date.now() + 86_400_000);
    const results = await Promise.all(
      Array.from({ length: 9 }, (_, n) =>
        owner.journey.apiKeys.create({ name: `More ${n}`, scopes: ['vehicles:read'], expiresAt }),
      ),
    );
    expect(results.filter(({ data }) => data !== null)).toHaveLength(4);
    expect(new Set(results.flatMap(({ error }) => error?.code ?? []))).toEqual(
      new Set(['too_many_api_keys']),
    );
  });

  it('has a limit of its own, which is answered with 429 and when to come back', async () => {
    const owner = await person('owner');
    const [busy, quiet] = [await apiKey(owner, ['vehicles:read']), await apiKey(owner, ['vehicles:read'])];
    await sql(
      `insert into private.rate_buckets (action, subject, tokens, refilled_at) values ('api_call', $1, 0, now() + interval '30 seconds')`,
      [busy.id],
    );
    const refused = await partner(busy.text, 'GET', '/vehicles');
    expect([refused.status, refused.body.error.code]).toEqual([429, 'rate_limited']);
    expect(Number(refused.headers.get('retry-after'))).toBe(refused.body.error.details.retry_after);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await partner(quiet.text, 'GET', '/vehicles')).status).toBe(200);
  });

  it('is in no log, even when a client puts it where it does not belong', async () => {
    const owner = await person('owner');
    const key = await apiKey(owner, ['vehicles:read']);
    const secret = key.text.split('_')[3] ?? '';
    const inAddress = await partner(null, 'GET', `/vehicles?api_key=${key.text}`);
    expect([inAddress.status, inAddress.body.error.details.field]).toEqual([400, 'authorization']);
    const inBoth = await partner(key.text, 'GET', `/vehicles?api_key=${key.text}`);
    expect(inBoth.status).toBe(400);
    await partner(key.text, 'GET', `/${key.text}`);
    await partner(key.text, 'GET', '/vehicles', { headers: { 'x-correlation-id': key.text } });
    const traced = crypto.randomUUID();
    await partner(key.text, 'GET', '/vehicles', { headers: { 'x-correlation-id': traced } });
    const log = await eventually(async () => {
      const text = readFileSync(functionsLog(loadConfig('test')), 'utf8');
      return text.includes(traced) ? text : null;
    });
    expect(log).toContain(key.prefix);
    expect(log).not.toContain(secret);
    const [{ found = true } = {}] = await sql<{ found: boolean }>(
      `select exists (select from private.domain_events where domain_events::text like '%' || $1 || '%')
         or exists (select from private.idempotency_keys where idempotency_keys::text like '%' || $1 || '%') as found`,
      [secret],
    );
    expect(found).toBe(false);
  });

  it('opens nothing but the function', async () => {
    const key = await apiKey(host, everything);
    const url = `${setting('API_URL')}/rest/v1`;
    const asToken = await fetch(`${url}/calendar_entries`, {
      headers: { apikey: setting('PUBLISHABLE_KEY'), authorization: `Bearer ${key.text}` },
    });
    expect(asToken.status).toBe(401);
    const asPerson = await host.journey.supabase.rpc(
      'call_with_api_key' as never,
      {
        key_prefix: key.prefix,
        secret_digest: 'x',
        operation: 'my_vehicles',
        arguments: {},
        idempotency_key: null,
        ip: 'x',
      } as never,
    );
    expect(asPerson.error?.code).toBe('42501');
  });

  it('is asked for commands in the right form', async () => {
    const key = await apiKey(host, everything);
    const blocks = `/vehicles/${car.id}/blocks`;
    const field = async (answer: Promise<Answer>) => (await answer).body.error?.details.field;
    expect(
      await field(partner(key.text, 'POST', blocks, { body: times(300, 5), idempotencyKey: null })),
    ).toBe('idempotency-key');
    expect(await field(partner(key.text, 'POST', blocks, { body: times(300, 5), idempotencyKey: '1' }))).toBe(
      'idempotency-key',
    );
    expect(await field(partner(key.text, 'POST', blocks, { body: { starts_at: 'soon' } }))).toBe('starts_at');
    expect(await field(partner(key.text, 'POST', '/vehicles/1/blocks', { body: times(300, 5) }))).toBe('id');
    expect(await field(partner(key.text, 'GET', '/vehicles?page_size=1000'))).toBe('page_size');
    expect(await field(partner(key.text, 'GET', '/vehicles?after=x'))).toBe('after');
    expect(await field(partner(key.text, 'GET', '/vehicles?host_id=x'))).toBe('host_id');
    const big = await partner(key.text, 'POST', blocks, {
      body: { ...times(300, 5), kind: 'x'.repeat(70_000) },
    });
    expect([big.status, big.body.error.code]).toEqual([413, 'payload_too_large']);
    const deep = await partner(key.text, 'POST', blocks, {
      body: `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    });
    expect([deep.status, deep.body.error.code]).toEqual([400, 'invalid_input']);
  });
});
