import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';
import { nextReference, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('stripe');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const config = () => ({ ...sandboxMerchants.stripe, apiUrl: `${rig.url}/stripe`, live: false });
const asked = (checkout: { reference: string; providerData: Record<string, unknown> }) => ({
  ...checkout,
  amount: 1_500_000,
  currency: 'VND',
});

/** The wrapper, with every call it makes written down, and answers that may be replaced. */
function recorded(replace?: (call: number) => Response | 'lost' | null) {
  const calls: { url: string; headers: Headers; form: Record<string, string> }[] = [];
  const spying: typeof fetch = async (input, init) => {
    const form = Object.fromEntries(new URLSearchParams(String(init?.body ?? '')));
    calls.push({ url: String(input), headers: new Headers(init?.headers), form });
    const instead = replace?.(calls.length) ?? null;
    if (instead instanceof Response) return instead;
    const answer = await fetch(input, init);
    if (instead === 'lost') throw new TypeError('the connection was cut');
    return answer;
  };
  return { calls, provider: createStripe(config(), { fetch: spying, now: Date.now }) };
}

function inputOf(changes: Record<string, unknown> = {}) {
  const now = Date.now();
  return {
    reference: nextReference(),
    amount: 1_500_000,
    currency: 'VND',
    createdAt: now,
    expiresAt: now + 900_000,
    description: 'Thanh toán đơn (JB7K2M9Q)!',
    locale: 'vi' as const,
    clientIp: '127.0.0.1',
    returnUrl: 'http://127.0.0.1:9/payments/return/stripe?to=journey%3A%2F%2Fpaid',
    webhookUrl: 'http://127.0.0.1:9/payment-webhooks/stripe',
    ...changes,
  };
}

describe('a Checkout Session', () => {
  it('is requested as Stripe wants it: in đồng, for one payment, with a key of the attempt', async () => {
    const { calls, provider } = recorded();
    const input = inputOf();
    const checkout = await provider.create(input);
    const [call] = calls;
    expect(calls).toHaveLength(1);
    expect(call?.url).toBe(`${rig.url}/stripe/v1/checkout/sessions`);
    expect(call?.headers.get('authorization')).toBe(`Bearer ${sandboxMerchants.stripe.secretKey}`);
    expect(call?.headers.get('idempotency-key')).toBe(`checkout-${input.reference}`);
    expect(call?.headers.get('stripe-version')).toBe('2026-10-28.endive');
    expect(call?.form).toEqual({
      mode: 'payment',
      client_reference_id: input.reference,
      'metadata[reference]': input.reference,
      'payment_intent_data[metadata][reference]': input.reference,
      'payment_intent_data[description]': input.reference,
      'line_items[0][quantity]': '1',
      'line_items[0][price_data][currency]': 'vnd',
      'line_items[0][price_data][unit_amount]': '1500000',
      'line_items[0][price_data][product_data][name]': 'Thanh toán đơn (JB7K2M9Q)!',
      expires_at: String(Math.floor((input.expiresAt + 31 * 60_000) / 1000)),
      success_url: `${input.returnUrl}&session_id={CHECKOUT_SESSION_ID}`,
      cancel_url: input.returnUrl,
      locale: 'vi',
      'adaptive_pricing[enabled]': 'false',
    });
    // what the package would report to Stripe of the call before
    await provider.create(input);
    expect(calls.map(({ headers }) => headers.get('x-stripe-client-telemetry'))).toEqual([null, null]);
    const id = checkout.providerData.session_id;
    expect(id).toMatch(/^cs_test_\w+$/);
    expect(checkout).toEqual({
      redirectUrl: `${rig.url}/stripe/c/pay/${id}`,
      qrPayload: `${rig.url}/stripe/c/pay/${id}`,
      details: {},
      providerData: { session_id: id },
    });
  });

  it('opens a page, escaped, and sends the payer back with the session filled in', async () => {
    const { redirectUrl, reference, providerData } = await rig.checkout({ description: '<b>xe</b>' });
    const answer = await fetch(String(redirectUrl));
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(page).toContain('Pay 1.500.000 VND');
    expect(page).toContain(reference);
    expect(page).toContain('&lt;b&gt;xe&lt;/b&gt;');
    const form = new URLSearchParams({ session: String(providerData.session_id), outcome: 'success' });
    const pressed = await fetch(`${rig.url}/stripe/pay`, { method: 'POST', body: form, redirect: 'manual' });
    expect(pressed.status).toBe(303);
    const back = new URL(pressed.headers.get('location') ?? '');
    expect(back.searchParams.get('to')).toBe('journey://paid');
    expect(back.searchParams.get('session_id')).toBe(providerData.session_id);
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({
      status: 'unverified',
      reference: null,
    });
    expect(await (await fetch(String(redirectUrl))).text()).toContain('This session is complete, paid');
  });

  it('is the same for repeats of one attempt, also when the first answer was lost', async () => {
    const input = inputOf();
    const [first, second] = await Promise.all([rig.provider.create(input), rig.provider.create(input)]);
    expect(second).toEqual(first);
    const { calls, provider } = recorded((call) => (call <= 2 ? 'lost' : null));
    const lost = inputOf();
    await expect(provider.create(lost)).rejects.toMatchObject({ code: 'provider_unavailable' });
    const later = await provider.create(lost);
    expect(calls).toHaveLength(3);
    const sessions = (await (await fetch(`${rig.url}/stripe/api/transactions`)).json()) as {
      id: string;
      reference: string;
    }[];
    const made = sessions.filter(({ reference }) => reference === lost.reference);
    expect(made.map(({ id }) => id)).toEqual([later.providerData.session_id]);
  });

  it('must be started again when the attempt was offered otherwise, or is over', async () => {
    const input = inputOf();
    await rig.provider.create(input);
    const again = expect.objectContaining({ code: 'payment_start_again' });
    await expect(rig.provider.create({ ...input, locale: 'en' })).rejects.toThrow(again);
    await expect(rig.provider.create({ ...input, returnUrl: 'http://127.0.0.1:9/' })).rejects.toThrow(again);
    const old = Date.now() - 7_200_000;
    await expect(rig.provider.create(inputOf({ createdAt: old, expiresAt: old + 900_000 }))).rejects.toThrow(
      again,
    );
  });

  it('can be opened until the very end of the hold, also of a hold of a day', async () => {
    const now = Date.now();
    await rig.provider.create(inputOf({ createdAt: now - 890_000, expiresAt: now + 10_000 }));
    await rig.provider.create(inputOf({ createdAt: now, expiresAt: now + 86_400_000 }));
  });

  it.each([
    [{ amount: 14_999 }],
    [{ amount: 100_000_000 }],
    [{ amount: 1_500_000.5 }],
    [{ amount: Number.NaN }],
    [{ currency: 'USD' }],
    [{ currency: 'vnd' }],
  ])('is not made for %j', async (changes) => {
    const { calls, provider } = recorded();
    await expect(provider.create(inputOf(changes))).rejects.toMatchObject({
      code: 'payment_amount_unsupported',
      status: 400,
      details: { provider: 'stripe', min_amount: 15_000, max_amount: 99_999_999, currency: 'VND' },
    });
    expect(calls).toHaveLength(0);
  });

  it.each([15_000, 99_999_999])('is made for %i VND', async (amount) => {
    expect((await rig.checkout({ amount })).redirectUrl).toContain('/c/pay/cs_test_');
  });

  it('accepts any description, also an empty one and broken characters', async () => {
    for (const description of ['', ' ', 'x'.repeat(5_000), '\ud83d', `${'a'.repeat(199)}\u{1F600}`]) {
      expect((await rig.checkout({ description })).redirectUrl).toContain('/c/pay/');
    }
  });
});

describe('an answer that is not one', () => {
  const stripeError = (status: number, error: Record<string, unknown>) =>
    Response.json({ error }, { status });
  const unavailable = { code: 'provider_unavailable', status: 502 };

  it.each([
    ['500', () => stripeError(500, { type: 'api_error' }), 2],
    ['503 without JSON', () => new Response('<html>', { status: 503 }), 2],
    ['200 without JSON', () => new Response('<html>'), 1],
    ['429', () => stripeError(429, { code: 'rate_limit' }), 1],
    ['409', () => stripeError(409, { code: 'idempotency_key_in_use' }), 2],
    ['401', () => stripeError(401, { message: 'Invalid API Key' }), 1],
    ['403', () => stripeError(403, { code: 'testmode_charges_only' }), 1],
    ['another session', () => Response.json({ id: 'cs_test_1', object: 'checkout.session' }), 1],
  ])('(%s) makes Stripe unavailable, after as many calls as it is worth', async (_what, answer, count) => {
    const { calls, provider } = recorded(answer);
    await expect(provider.create(inputOf())).rejects.toMatchObject(unavailable);
    expect(calls).toHaveLength(count);
    expect(new Set(calls.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1);
  });

  it('(of Stripe’s own limits) is said as such', async () => {
    const { provider } = recorded(() => stripeError(400, { code: 'amount_too_small' }));
    await expect(provider.create(inputOf())).rejects.toMatchObject({ code: 'payment_amount_unsupported' });
  });

  it('(a refusal nobody expects) is an error of ours, and names no secret', async () => {
    const { provider } = recorded(() => stripeError(400, { code: 'url_invalid', param: 'success_url' }));
    await expect(provider.create(inputOf())).rejects.toThrow(
      /^stripe refused the session: url_invalid success_url$/,
    );
  });

  it('(none at all) makes Stripe unavailable', async () => {
    const down = createStripe({ ...config(), apiUrl: 'http://127.0.0.1:9/' });
    await expect(down.create(inputOf())).rejects.toMatchObject(unavailable);
  });
});

describe('cancelling', () => {
  it('ends an open session, which sends an event, and can be repeated', async () => {
    const checkout = await rig.checkout();
    expect(await rig.provider.cancel(asked(checkout))).toBe('cancelled');
    expect(await rig.provider.cancel(asked(checkout))).toBe('cancelled');
    expect((await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' })).status).toBe(400);
    expect(await rig.provider.retrieve(asked(checkout))).toMatchObject({
      kind: 'reports',
      reports: [{ outcome: 'failed', failureCode: 'expired', reference: checkout.reference }],
    });
  });

  it.each(['success', 'pending'])(
    'does not undo a session that the payer has finished (%s)',
    async (outcome) => {
      const checkout = await rig.checkout();
      await rig.pay({ redirectUrl: checkout.redirectUrl, outcome });
      expect(await rig.provider.cancel(asked(checkout))).toBe('unsupported');
    },
  );

  it('says so when there is nothing to end', async () => {
    const input = { reference: 'J26112100000001', amount: 1, currency: 'VND', providerData: {} };
    expect(await rig.provider.cancel(input)).toBe('unsupported');
    const gone = { ...input, providerData: { session_id: 'cs_test_gone' } };
    expect(await rig.provider.cancel(gone)).toBe('unsupported');
  });

  it('must be tried again when Stripe does not answer the state of the session', async () => {
    const checkout = await rig.checkout();
    const { provider } = recorded(() => Response.json({ error: { code: 'lock_timeout' } }, { status: 429 }));
    await expect(provider.cancel(asked(checkout))).rejects.toMatchObject({ code: 'provider_unavailable' });
  });
});
