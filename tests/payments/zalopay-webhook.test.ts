import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';

const { appId, key1, key2 } = sandboxMerchants.zalopay;
const zalopay = createZalopay({ appId, key1, key2, apiUrl: 'http://127.0.0.1:9' });
const hmac = (text: string, key = key2) => createHmac('sha256', key).update(text).digest('hex');

const paid = {
  app_id: Number(appId),
  app_trans_id: '261121_J26112100000042',
  app_time: 1_795_219_200_000,
  app_user: 'journey',
  amount: 1_500_000,
  embed_data: '{"redirecturl":"https://a.example/?zp_trans_id=1"}',
  item: '[]',
  zp_trans_id: 261_121_000_000_389,
  server_time: 1_795_219_260_000,
  channel: 38,
};

function construct(body: string) {
  return zalopay.constructEvent({ method: 'POST', query: '', body, headers: new Headers() });
}

/** As it comes from ZaloPay: the text and its signature. */
const constructFrom = (data: string) => construct(JSON.stringify({ data, mac: hmac(data), type: 1 }));
const changed = (changes: Record<string, unknown>) => constructFrom(JSON.stringify({ ...paid, ...changes }));

describe('a notification', () => {
  it('is read as money that came', async () => {
    expect(await changed({})).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          outcome: 'succeeded',
          reference: 'J26112100000042',
          amount: 1_500_000,
          currency: 'VND',
          transactionId: '261121000000389',
          failureCode: null,
          eventId: 'J26112100000042:261121000000389:succeeded:1500000',
        },
      },
    });
  });

  it('keeps every digit of an id beyond what a number can hold, written as number or text', async () => {
    const id = '9223372036854775807';
    const expected = { event: { report: { transactionId: id } } };
    const written = JSON.stringify({ ...paid, zp_trans_id: 0 }).replace(
      '"zp_trans_id":0',
      `"zp_trans_id":${id}`,
    );
    expect(written).toContain(id);
    expect(await constructFrom(written)).toMatchObject(expected);
    expect(await changed({ zp_trans_id: id })).toMatchObject(expected);
  });

  it('is signed over its text as it stands, however that is written', async () => {
    const spaced = JSON.stringify(paid, null, 2);
    expect(await constructFrom(spaced)).toMatchObject({ verified: true });
    const again = JSON.stringify(JSON.parse(spaced));
    expect(again).not.toBe(spaced);
    const restated = JSON.stringify({ data: again, mac: hmac(spaced), type: 1 });
    expect(await construct(restated)).toEqual({ verified: false, reason: 'bad_signature' });
    // the same text, escaped in another way
    const body = JSON.stringify({ data: spaced, mac: hmac(spaced), type: 1 });
    const escaped = body.replace('journey', '\\u006aourney');
    expect(escaped).not.toBe(body);
    expect(await construct(escaped)).toMatchObject({ verified: true });
  });

  it('takes an upper-case mac, and does not read the unsigned type', async () => {
    const data = JSON.stringify(paid);
    const body = { data, mac: hmac(data).toUpperCase(), type: 2 };
    expect(await construct(JSON.stringify(body))).toMatchObject({ verified: true });
  });

  it('signed with key1, which is for our own calls, is refused', async () => {
    const data = JSON.stringify(paid);
    const body = JSON.stringify({ data, mac: hmac(data, key1), type: 1 });
    expect(await construct(body)).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it('about another app is foreign, although the signature fits', async () => {
    for (const app_id of [Number(appId) + 1, 0, `${appId}.0`]) {
      expect(await changed({ app_id })).toEqual({ verified: false, reason: 'foreign_merchant' });
    }
    expect(await changed({ app_id: appId })).toMatchObject({ verified: true });
  });

  it('about an order we cannot have made names no reference, so that its money is kept apart', async () => {
    for (const app_trans_id of ['261121_X', '261122_J26112100000042', 'J26112100000042']) {
      expect(await changed({ app_trans_id })).toMatchObject({
        verified: true,
        event: {
          report: { reference: null, amount: 1_500_000, eventId: expect.stringContaining(app_trans_id) },
        },
      });
    }
  });

  it.each([
    ...[0, -1, 1.5, 1e21, '1'.repeat(16), '', ' 1', '1e3', '0x10', '+5', null, true, [1_000], {}].map(
      (amount) => ({ amount }),
    ),
    ...[0, -5, 1.5, 'x', '', '00', null, [1], { toString: 1 }, '1'.repeat(65)].map((zp_trans_id) => ({
      zp_trans_id,
    })),
    ...['', null, 'a'.repeat(41), 'a b', ['261121_J26112100000042'], '261121_J26112100000042\n'].map(
      (app_trans_id) => ({ app_trans_id }),
    ),
    ...['', null, undefined, [Number(appId)]].map((app_id) => ({ app_id })),
  ])('signed, with %j, is genuine and unreadable', async (changes) => {
    expect(await changed(changes)).toMatchObject({ verified: true, event: { kind: 'unreadable' } });
  });

  it.each(['', 'null', '[]', '7', '"x"', '{', '{"amount":01}', 'undefined'])(
    'signed, of the text %j, is genuine and unreadable',
    async (data) => {
      expect(await constructFrom(data)).toMatchObject({
        verified: true,
        event: { kind: 'unreadable', reference: null },
      });
    },
  );

  it.each([
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"data":{},"mac":"00"}',
    `{"data":"{}","mac":${JSON.stringify([hmac('{}')])}}`,
    'data=%7B%7D&mac=00',
    '[{"data":"{}","mac":"00"}]',
  ])('of the body %j is malformed', async (body) => {
    expect(await construct(body)).toEqual({ verified: false, reason: 'malformed' });
  });

  it.each(['', '0', 'zz', hmac('{}').slice(1), `${hmac('{}')}00`, 'é'.repeat(64)])(
    'with the mac %j is refused',
    async (mac) => {
      expect(await construct(JSON.stringify({ data: '{}', mac }))).toEqual({
        verified: false,
        reason: 'bad_signature',
      });
    },
  );
});

describe('whatever anybody sends', () => {
  it('never throws and is never verified', async () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constant(JSON.stringify(paid)));
    const envelope = fc
      .record({
        data: fc.oneof(part, fc.jsonValue()),
        mac: fc.oneof(part, fc.jsonValue()),
        type: fc.jsonValue(),
      })
      .map((one) => JSON.stringify(one));
    await fc.assert(
      fc.asyncProperty(fc.oneof(part, envelope), async (body) => {
        expect((await construct(body)).verified).toBe(false);
        expect(await zalopay.readReturn(body)).toEqual({ status: 'unverified', reference: null });
      }),
      { numRuns: 200 },
    );
  });

  it('never throws even when it is signed', async () => {
    const key = fc.constantFrom(...Object.keys(paid), 'toString', '__proto__', 'other');
    const data = fc.dictionary(key, fc.jsonValue()).map((changes) => JSON.stringify({ ...paid, ...changes }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(data, fc.json()), async (text) => {
        const constructed = await constructFrom(text);
        if (constructed.verified && constructed.event.kind === 'payment') {
          expect(constructed.event.report.amount).toBeGreaterThan(0);
          expect(constructed.event.report.transactionId).toMatch(/^[1-9]\d*$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a return', () => {
  const back = (changes: Record<string, string> = {}, key = key2) => {
    const params: Record<string, string> = {
      appid: appId,
      apptransid: paid.app_trans_id,
      pmcid: '38',
      bankcode: '',
      amount: '1500000',
      discountamount: '0',
      status: '1',
      ...changes,
    };
    const names = ['appid', 'apptransid', 'pmcid', 'bankcode', 'amount', 'discountamount', 'status'];
    const checksum = hmac(names.map((name) => params[name]).join('|'), key);
    return new URLSearchParams({ ...params, checksum }).toString();
  };

  it.each([
    ['1', 'succeeded'],
    ['-49', 'failed'],
    ['-63', 'failed'],
    ['3', 'pending'],
    ['', 'pending'],
  ])('with status %s shows %s', async (status, expected) => {
    expect(await zalopay.readReturn(back({ status }))).toEqual({
      status: expected,
      reference: 'J26112100000042',
    });
  });

  it('may carry what our own address had', async () => {
    expect((await zalopay.readReturn(`to=journey%3A%2F%2Fpaid&${back()}`)).status).toBe('succeeded');
  });

  it('proves nothing when it is changed, repeated, signed otherwise or about another app', async () => {
    const nothing = { status: 'unverified', reference: null };
    for (const query of [
      back().replace('status=1', 'status=3'),
      `${back()}&status=1`,
      back({}, key1),
      back({ appid: '1' }),
      back().replace(/&checksum=.*/, ''),
      '',
    ]) {
      expect(await zalopay.readReturn(query)).toEqual(nothing);
    }
  });
});

describe('the answer', () => {
  const expected: Record<WebhookOutcome, number> = {
    applied: 1,
    duplicate: 1,
    unmatched: 1,
    refunded_late: 1,
    part_received: 1,
    recorded: 1,
    needs_review: 1,
    ignored: 1,
    unknown_reference: 2,
    amount_mismatch: 2,
    bad_signature: 2,
    foreign_merchant: 2,
    malformed: 2,
    unreadable: 0,
    error: 0,
  };

  it.each(Object.entries(expected))('to %s is %i', async (outcome, code) => {
    const response = zalopay.respond(outcome as WebhookOutcome);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual({ return_code: code, return_message: expect.stringMatching(/./) });
  });
});
