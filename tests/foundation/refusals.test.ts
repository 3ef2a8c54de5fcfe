import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JourneyError, Result } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { aCar, anyPlate, closeSql, ok, type Person, period, person, sql } from '../support/world.ts';

let one: Person;

beforeAll(async () => {
  one = await person('impatient');
});

afterAll(closeSql);

const nowhere = crypto.randomUUID();
const licence = {
  number: '12',
  fullName: 'Nobody',
  classes: ['B'],
  validUntil: '2045-12-31',
  dateOfBirth: '1990-05-20',
  issuedOn: '2025-03-01',
  frontMediaId: nowhere,
  backMediaId: nowhere,
};

async function refused(call: Promise<Result<unknown>>): Promise<JourneyError> {
  const { error } = await call;
  if (!error) throw new Error('expected a refusal');
  return error;
}

/** What is left of a limit for a person, as it was written last. */
async function tokensLeft(action: string): Promise<number | undefined> {
  const [row] = await sql<{ taken: string }>(
    `select l.capacity - b.tokens as taken from private.rate_buckets b join private.rate_limits l using (action)
     where b.action = $1 and b.subject = $2`,
    [action, one.id],
  );
  return row && Number(row.taken);
}

const inADay = new Date(Date.now() + 86_400_000);

const calls: { action: string; code: string; status: number; call: () => Promise<Result<unknown>> }[] = [
  {
    action: 'submit_licence',
    code: 'invalid_input',
    status: 400,
    call: () => one.journey.licences.submit(licence),
  },
  {
    action: 'search_users',
    code: 'invalid_input',
    status: 400,
    call: () => one.journey.profiles.search({ query: 'x' }),
  },
  {
    action: 'set_billing_details',
    code: 'invalid_input',
    status: 400,
    call: () => one.journey.profiles.setBilling({ legalName: 'x', address: 'Nowhere 1' }),
  },
  {
    action: 'set_bank_account',
    code: 'invalid_input',
    status: 400,
    call: () =>
      one.journey.payouts.setBankAccount({ bankBin: 'x', accountNumber: '0123456789', holderName: 'Nobody' }),
  },
  {
    action: 'save_address',
    code: 'address_not_found',
    status: 404,
    call: () => one.journey.addresses.update(nowhere, { label: 'Home' }),
  },
  {
    action: 'register_device',
    code: 'invalid_input',
    status: 400,
    call: () => one.journey.devices.register({ platform: 'ios', token: 'x' }),
  },
  {
    action: 'block_user',
    code: 'not_found',
    status: 404,
    call: () => one.journey.blocks.add(nowhere),
  },
  {
    action: 'delete_account',
    code: 'step_up_required',
    status: 403,
    call: () => one.journey.account.delete(),
  },
  {
    action: 'export_my_data',
    code: 'step_up_required',
    status: 403,
    call: () => one.journey.account.export(),
  },
  {
    action: 'create_api_key',
    code: 'step_up_required',
    status: 403,
    call: () => one.journey.apiKeys.create({ name: 'x', scopes: ['vehicles:read'], expiresAt: inADay }),
  },
  {
    action: 'request_upload',
    code: 'media_type_refused',
    status: 415,
    call: () =>
      one.journey.media.upload({ purpose: 'avatar', file: new Uint8Array(1), mimeType: 'image/gif' }),
  },
  {
    action: 'create_vehicle',
    code: 'invalid_input',
    status: 400,
    call: () => one.journey.vehicles.create({ ...aCar, year: 1 }),
  },
  {
    action: 'create_booking',
    code: 'quote_not_found',
    status: 404,
    call: () => one.journey.bookings.create({ quoteId: nowhere }),
  },
  {
    action: 'quote',
    code: 'vehicle_not_found',
    status: 404,
    call: () => one.journey.quotes.create({ vehicleId: nowhere, ...period(30, 24) }),
  },
  {
    action: 'start_payment',
    code: 'payment_not_found',
    status: 404,
    call: () => one.journey.payments.start({ paymentId: nowhere, provider: 'vnpay' }),
  },
  {
    action: 'check_payment',
    code: 'payment_not_found',
    status: 404,
    call: () => one.journey.payments.check(nowhere),
  },
  {
    action: 'send_message',
    code: 'conversation_not_found',
    status: 404,
    call: () => one.journey.chat.send(nowhere, { body: 'Hello' }),
  },
  {
    action: 'change_message',
    code: 'conversation_not_found',
    status: 404,
    call: () => one.journey.chat.edit(nowhere, 1, 'Hello'),
  },
  {
    action: 'change_conversation',
    code: 'not_found',
    status: 404,
    call: () => one.journey.chat.openDirect(nowhere),
  },
];

describe('a refusal', () => {
  it.each(calls)(
    'of $action costs a token, and names its code and status',
    async ({ action, code, status, call }) => {
      expect(await tokensLeft(action)).toBeUndefined();
      const error = await refused(call());
      expect([error.code, error.status, error.outcome]).toEqual([code, status, 'not_applied']);
      expect(await tokensLeft(action)).toBe(1);
    },
  );

  it('is followed by rate_limited once the tokens are spent, which says when to come back', async () => {
    const codes: string[] = [];
    let error = await refused(one.journey.licences.submit(licence, { retries: 0 }));
    while (error.code !== 'rate_limited' && codes.length < 30) {
      codes.push(error.code);
      error = await refused(one.journey.licences.submit(licence, { retries: 0 }));
    }
    expect(error).toMatchObject({ code: 'rate_limited', status: 429, retryable: true });
    expect(error.details.retry_after).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['invalid_input']));
  });

  it('stores no answer: the same key works once the request is right', async () => {
    const idempotencyKey = crypto.randomUUID();
    const wrong = await refused(one.journey.vehicles.create({ ...aCar, year: 1 }, { idempotencyKey }));
    expect(wrong.details).toMatchObject({ field: 'year' });
    const right = { ...aCar, plate: anyPlate() };
    const vehicle = await ok(one.journey.vehicles.create(right, { idempotencyKey }));
    expect((await ok(one.journey.vehicles.create(right, { idempotencyKey }))).id).toBe(vehicle.id);
  });

  it('has the body that an error of the Data API has', async () => {
    const { data } = await one.journey.supabase.auth.getSession();
    const answer = await fetch(`${setting('API_URL')}/rest/v1/rpc/create_booking`, {
      method: 'POST',
      headers: {
        apikey: setting('PUBLISHABLE_KEY'),
        authorization: `Bearer ${data.session?.access_token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ quote_id: nowhere, idempotency_key: crypto.randomUUID() }),
    });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      code: 'PT404',
      message: expect.any(String),
      details: '{"code": "quote_not_found"}',
      hint: null,
    });
  });
});
