import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdempotencyKey } from '../../sdk/src/index.ts';
import { type FakeApi, functionRefusal, refusal, startFakeApi } from './fake-api.ts';

const booking = { id: 'b1', status: 'pending_payment' };
const search = {
  lat: 21,
  lng: 105,
  startsAt: '2030-01-01T09:00:00+07:00',
  endsAt: '2030-01-02T09:00:00+07:00',
};
const keyOf = (request: { body: Record<string, unknown> }) => request.body.idempotency_key;

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api.close());

describe('errors', () => {
  it('reads the code and details of a refused command', async () => {
    api.answer(
      refusal(409, 'illegal_transition', { machine: 'booking', from: 'completed', to: 'cancelled' }),
    );
    const { data, error } = await api.journey.bookings.cancel({
      bookingId: 'b1',
      expectedRefundAmount: 0,
      reason: 'no',
    });
    expect(data).toBeNull();
    expect(error).toMatchObject({
      code: 'illegal_transition',
      status: 409,
      retryable: false,
      message: 'said illegal_transition',
      details: { machine: 'booking', from: 'completed', to: 'cancelled' },
      outcome: 'not_applied',
      tries: 1,
    });
    expect(error).toBeInstanceOf(Error);
  });

  it('reads the error of an edge function, and takes its correlation id', async () => {
    api.answer(
      functionRefusal(409, 'vehicle_unavailable', { details: { until: 'x' }, correlationId: 'abc' }),
    );
    const { error } = await api.journey.quotes.create({ vehicleId: 'v', ...search });
    expect(error).toMatchObject({
      code: 'vehicle_unavailable',
      status: 409,
      details: { until: 'x' },
      correlationId: 'abc',
    });
  });

  it.each([
    [401, { code: 'PGRST301', message: 'JWT expired', details: null }, 'unauthenticated', false],
    [
      403,
      { code: '42501', message: 'permission denied for table bookings', details: null },
      'forbidden',
      false,
    ],
    [
      400,
      { code: '22P02', message: 'invalid input syntax for type uuid', details: null },
      'invalid_input',
      false,
    ],
    [404, { code: 'PGRST202', message: 'Could not find the function', details: 'x' }, 'unknown', false],
    [409, { code: '23505', message: 'duplicate key value', details: 'Key (id)' }, 'unknown', false],
    [500, { code: 'XX000', message: 'boom', details: null }, 'internal', true],
  ])('maps HTTP %i %o to %s', async (status, body, code, retryable) => {
    api.answer({ status, body: { hint: null, ...body } });
    const { error } = await api.journey.bookings.create({ quoteId: 'q' });
    expect(error).toMatchObject({ code, status, retryable, outcome: 'not_applied' });
  });

  it('names an answer that is not JSON by its status', async () => {
    api.answer({ status: 418, headers: { 'content-type': 'text/html' } });
    const { error } = await api.journey.bookings.previewCancel('b1');
    expect(error).toMatchObject({ code: 'unknown', status: 418, retryable: false });
  });

  it('says vehicle_not_found where the backend answers null', async () => {
    api.answer({ status: 200, body: null });
    expect((await api.journey.vehicles.get('v')).error?.code).toBe('vehicle_not_found');
  });

  it('asks for sign-in without a request when the call needs a user', async () => {
    expect((await api.journey.profiles.me()).error?.code).toBe('unauthenticated');
    expect(api.seen).toHaveLength(0);
  });

  it('reads errors of Auth: a wrong password, a taken address, a limit', async () => {
    const sign = { email: 'a@example.com', password: 'secret-secret' };
    api.answer({
      status: 400,
      body: { code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' },
    });
    expect((await api.journey.auth.signIn(sign)).error).toMatchObject({
      code: 'unauthenticated',
      details: { reason: 'invalid_credentials' },
    });
    api.answer({
      status: 422,
      body: { code: 422, error_code: 'user_already_exists', msg: 'User already registered' },
    });
    expect((await api.journey.auth.signUp({ ...sign, displayName: 'A' })).error).toMatchObject({
      code: 'invalid_input',
      details: { reason: 'user_already_exists', field: 'email' },
    });
    api.answer({ status: 429, body: { code: 429, error_code: 'over_request_rate_limit', msg: 'Too many' } });
    expect((await api.journey.auth.signUp({ ...sign, displayName: 'A' })).error?.code).toBe('rate_limited');
  });

  it('sends what proves that a person and no program signs up, signs in or asks for a code', async () => {
    const { auth } = api.journey;
    const sent: unknown[] = [];
    api.route(({ body }) => {
      sent.push(body);
      return { status: 422, body: { code: 422, error_code: 'captcha_failed', msg: 'captcha' } };
    });
    const sign = { email: 'a@example.com', password: 'secret-secret', captchaToken: 'from-turnstile' };
    await auth.signIn(sign);
    await auth.signUp({ ...sign, displayName: 'A' });
    const refused = await auth.sendCode({ phone: '+84912345678', captchaToken: 'from-turnstile' });
    expect(refused.error).toMatchObject({ code: 'invalid_input', details: { reason: 'captcha_failed' } });
    expect(sent).toEqual(
      Array(3).fill(expect.objectContaining({ gotrue_meta_security: { captcha_token: 'from-turnstile' } })),
    );
    for (const body of sent) expect(body).not.toHaveProperty('captchaToken');
  });

  it('throws for programmer errors only: a naive date, a key that is no UUID, a secret key in an app', async () => {
    const naive = { ...search, startsAt: '2030-01-01T09:00:00' };
    await expect(api.journey.vehicles.search(naive)).rejects.toThrow(TypeError);
    expect(() => api.journey.bookings.create({ quoteId: 'q' }, { idempotencyKey: 'mine' })).toThrow(
      TypeError,
    );
    expect(api.seen).toHaveLength(0);
  });
});

describe('idempotency', () => {
  it('gives a command a key before the first try and keeps it over all of them', async () => {
    api.answer('drop', { status: 503 }, refusal(429, 'rate_limited', { retry_after: 0 }), {
      status: 200,
      body: booking,
    });
    const { data, error } = await api.journey.bookings.create({ quoteId: 'q' });
    expect(error).toBeNull();
    expect(data).toEqual(booking);
    expect(api.seen).toHaveLength(4);
    expect(new Set(api.seen.map(keyOf)).size).toBe(1);
    expect(keyOf(api.seen[0] ?? { body: {} })).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('gives two commands two keys', async () => {
    api.answer({ status: 200, body: booking });
    await api.journey.bookings.create({ quoteId: 'q' });
    await api.journey.bookings.create({ quoteId: 'q' });
    expect(new Set(api.seen.map(keyOf)).size).toBe(2);
  });

  it('uses the key of the caller, and shows it on the error', async () => {
    const idempotencyKey = createIdempotencyKey();
    api.answer(refusal(409, 'quote_expired'));
    const { error } = await api.journey.bookings.create({ quoteId: 'q' }, { idempotencyKey });
    expect(keyOf(api.seen[0] ?? { body: {} })).toBe(idempotencyKey);
    expect(error?.idempotencyKey).toBe(idempotencyKey);
  });

  it('puts the key of a payment into the body of the function', async () => {
    api.answer(functionRefusal(502, 'provider_unavailable'), {
      status: 200,
      body: { redirect_url: 'https://x.test' },
    });
    const { data } = await api.journey.payments.start({ paymentId: 'p', provider: 'vnpay' });
    expect(data?.redirect_url).toBe('https://x.test');
    expect(api.seen.map((request) => request.path)).toEqual([
      '/functions/v1/payments/start',
      '/functions/v1/payments/start',
    ]);
    expect(new Set(api.seen.map(keyOf)).size).toBe(1);
  });

  it('makes valid keys where there is no crypto.randomUUID', () => {
    const real = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
    try {
      for (const value of [{ getRandomValues: crypto.getRandomValues.bind(crypto) }, undefined]) {
        Object.defineProperty(globalThis, 'crypto', { value, configurable: true });
        const keys = Array.from({ length: 500 }, createIdempotencyKey);
        expect(new Set(keys).size).toBe(500);
        for (const key of keys)
          expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
    } finally {
      if (real) Object.defineProperty(globalThis, 'crypto', real);
    }
  });
});

describe('retries', () => {
  it.each(['40001', '40P01'])('repeats a command whose transaction lost a race (%s)', async (code) => {
    const lost = { status: 500, body: { code, message: 'could not serialize', details: null, hint: null } };
    api.answer(lost, lost, { status: 200, body: booking });
    expect((await api.journey.bookings.create({ quoteId: 'q' })).data).toEqual(booking);
    expect(api.seen).toHaveLength(3);
  });

  it.each([502, 503, 504])('repeats a read after HTTP %i', async (status) => {
    api.answer({ status }, { status: 200, body: [] });
    expect((await api.journey.vehicles.search(search)).data).toEqual({ rows: [], next: null });
    expect(api.seen).toHaveLength(2);
  });

  it('gives up after the allowed number of tries', async () => {
    api.answer({ status: 503 });
    const { error } = await api.journey.vehicles.search(search, { retries: 2 });
    expect(error).toMatchObject({ status: 503, retryable: true, tries: 3, outcome: 'not_applied' });
    expect(api.seen).toHaveLength(3);
  });

  it('never repeats a command without a key', async () => {
    api.answer({ status: 503 });
    expect((await api.journey.vehicles.submit('v')).error?.tries).toBe(1);
    api.answer('drop');
    expect((await api.journey.vehicles.submit('v')).error).toMatchObject({
      code: 'network',
      outcome: 'unknown',
      tries: 1,
    });
    expect(api.seen).toHaveLength(2);
  });

  it('does not repeat what the backend refused for good', async () => {
    api.answer(functionRefusal(503, 'provider_not_configured'));
    const { error } = await api.journey.payments.start({ paymentId: 'p', provider: 'vnpay' });
    expect(error).toMatchObject({ code: 'provider_not_configured', retryable: false, tries: 1 });
  });

  it('waits as long as the backend asks, in the body or the header', async () => {
    const began = Date.now();
    api.answer(refusal(429, 'rate_limited', { retry_after: 1 }), { status: 200, body: booking });
    await api.journey.bookings.create({ quoteId: 'q' });
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
    api.answer({ status: 429, headers: { 'retry-after': '1' } }, { status: 200, body: {} });
    await api.journey.quotes.create({ vehicleId: 'v', ...search });
    expect(Date.now() - began).toBeGreaterThanOrEqual(2000);
  });

  it('returns at once when the backend asks for longer than it may wait', async () => {
    api.answer(refusal(429, 'rate_limited', { retry_after: 3600 }));
    const { error } = await api.journey.bookings.create({ quoteId: 'q' });
    expect(error).toMatchObject({
      code: 'rate_limited',
      retryable: true,
      details: { retry_after: 3600 },
      tries: 1,
    });
  });
});

describe('unknown outcomes', () => {
  it('says unknown when a command was sent and its answer never came', async () => {
    api.answer('hang');
    const { error } = await api.journey.bookings.create({ quoteId: 'q' }, { timeoutMs: 500, retries: 1 });
    expect(error).toMatchObject({
      code: 'timeout',
      status: 0,
      retryable: true,
      outcome: 'unknown',
      tries: 2,
    });
    expect(error?.idempotencyKey).toBe(keyOf(api.seen[0] ?? { body: {} }));
  });

  it('says not_applied for a read, whatever happened', async () => {
    api.answer('hang');
    const { error } = await api.journey.vehicles.search(search, { timeoutMs: 500, retries: 0 });
    expect(error).toMatchObject({ code: 'timeout', outcome: 'not_applied' });
  });

  it('knows the outcome once the command itself refused the same key', async () => {
    api.answer('drop', refusal(409, 'vehicle_unavailable'));
    const { error } = await api.journey.bookings.create({ quoteId: 'q' });
    expect(error).toMatchObject({ code: 'vehicle_unavailable', outcome: 'not_applied', tries: 2 });
  });

  it('stays unknown when the repeat was refused before it reached the command', async () => {
    api.answer('drop', refusal(401, 'unauthenticated'));
    const { error } = await api.journey.bookings.create({ quoteId: 'q' });
    expect(error).toMatchObject({ code: 'unauthenticated', outcome: 'unknown' });
  });

  it('reaches the stored answer when the same key is sent again', async () => {
    const stored = new Map<unknown, unknown>();
    let cut = true;
    api.route((request) => {
      const key = keyOf(request);
      if (!stored.has(key)) stored.set(key, { id: `booking-${stored.size}` });
      return cut ? 'drop' : { status: 200, body: stored.get(key) };
    });
    const first = await api.journey.bookings.create({ quoteId: 'q' }, { retries: 0 });
    expect(first.error?.outcome).toBe('unknown');
    cut = false;
    const idempotencyKey = first.error?.idempotencyKey ?? undefined;
    const second = await api.journey.bookings.create({ quoteId: 'q' }, { idempotencyKey });
    expect(second.data).toEqual({ id: 'booking-0' });
    expect(stored.size).toBe(1);
  });
});

describe('aborting', () => {
  it('ends a call under way, and does not try again', async () => {
    api.answer('hang');
    const controller = new AbortController();
    const call = api.journey.bookings.create({ quoteId: 'q' }, { signal: controller.signal });
    await expect.poll(() => api.seen).toHaveLength(1);
    controller.abort();
    const { error } = await call;
    expect(error).toMatchObject({ code: 'aborted', outcome: 'unknown', retryable: false, tries: 1 });
    expect(api.seen).toHaveLength(1);
  });

  it('ends the wait between two tries', async () => {
    api.answer(refusal(429, 'rate_limited', { retry_after: 600 }));
    const controller = new AbortController();
    const call = api.journey.bookings.create({ quoteId: 'q' }, { signal: controller.signal });
    await expect.poll(() => api.seen).toHaveLength(1);
    // the answer is read, and the wait for the second try has begun
    setTimeout(() => controller.abort(), 500);
    const { error } = await call;
    expect(error).toMatchObject({ code: 'aborted', outcome: 'not_applied' });
    expect(api.seen).toHaveLength(1);
  });

  it('sends nothing with a signal that has fired', async () => {
    const { error } = await api.journey.notifications.unreadCount({ signal: AbortSignal.abort() });
    expect(error).toMatchObject({ code: 'aborted', tries: 0, outcome: 'not_applied' });
    expect(api.seen).toHaveLength(0);
  });
});

describe('correlation', () => {
  it('sends one trace id with every try of a call and shows it on the error', async () => {
    api.answer({ status: 503 });
    const { error } = await api.journey.vehicles.search(search, { retries: 1 });
    const ids = api.seen.map((request) => request.headers['x-correlation-id']);
    expect(ids).toEqual([error?.correlationId, error?.correlationId]);
    const parents = api.seen.map((request) => String(request.headers.traceparent));
    for (const parent of parents)
      expect(parent).toMatch(new RegExp(`^00-${error?.correlationId}-[0-9a-f]{16}-01$`));
    expect(new Set(parents).size).toBe(2);
  });

  it('takes a correlation id of the caller, to functions too', async () => {
    api.answer({ status: 200, body: {} });
    await api.journey.quotes.create({ vehicleId: 'v', ...search }, { correlationId: 'order-17' });
    expect(api.seen[0]?.headers['x-correlation-id']).toBe('order-17');
  });
});

describe('lists', () => {
  const hit = (n: number) => ({ vehicle_id: `v${n}`, cursor: { key: n } });

  it('walks the pages with the cursor of the last row', async () => {
    api.route(({ body }) => {
      const start = body.after ? Number((body.after as { key: number }).key) + 1 : 0;
      const rows = [0, 1, 2, 3, 4].slice(start, start + Number(body.page_size)).map(hit);
      return { status: 200, body: rows };
    });
    const found: string[] = [];
    for await (const { data, error } of api.journey.vehicles.search({ ...search, pageSize: 2 })) {
      expect(error).toBeNull();
      if (data) found.push(data.vehicle_id);
    }
    expect(found).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
    expect(api.seen.map(({ body }) => body.after ?? null)).toEqual([null, { key: 1 }, { key: 3 }]);
  });

  it('ends with the error when a page fails', async () => {
    api.answer({ status: 200, body: [hit(0), hit(1)] }, refusal(400, 'invalid_input', { field: 'after' }));
    const items: unknown[] = [];
    for await (const { data, error } of api.journey.vehicles.search({ ...search, pageSize: 2 })) {
      items.push(data?.vehicle_id ?? error?.code);
    }
    expect(items).toEqual(['v0', 'v1', 'invalid_input']);
  });

  it('sends instants as instants and leaves absent filters to the database', async () => {
    api.answer({ status: 200, body: [] });
    await api.journey.vehicles.search({ ...search, startsAt: new Date('2030-01-01T02:00:00Z'), minSeats: 4 });
    expect(api.seen[0]?.body).toEqual({
      lat: 21,
      lng: 105,
      starts_at: '2030-01-01T02:00:00.000Z',
      ends_at: new Date(search.endsAt).toISOString(),
      min_seats: 4,
      page_size: 20,
    });
  });
});
