import { describe, expect, it } from 'vitest';
import { signatureHeader } from '../../local/sandbox/stripe/sign.ts';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';

describe('a genuine event', () => {
  const secret = 'whsec_of_nobody_at_all';
  const config = { secretKey: 'sk_test_x', webhookSecret: secret, apiUrl: 'http://127.0.0.1:9', live: false };
  const session = {
    id: 'cs_test_1',
    object: 'checkout.session',
    livemode: false,
    mode: 'payment',
    status: 'complete',
    payment_status: 'paid',
    amount_total: 20_000,
    currency: 'vnd',
    client_reference_id: 'J26112100000042',
    metadata: { reference: 'J26112100000042' },
    payment_intent: 'pi_1',
  };

  function constructFrom(object: Record<string, unknown>, changes: Record<string, unknown> = {}) {
    const type = 'checkout.session.completed';
    const event = { id: 'evt_1', object: 'event', type, livemode: false, data: { object }, ...changes };
    const body = JSON.stringify(event);
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = new Headers({ 'stripe-signature': signatureHeader(body, { secret, timestamp }) });
    return createStripe(config).constructEvent({ method: 'POST', query: '', body, headers });
  }

  it('names the attempt only when both of our fields do', async () => {
    expect(await constructFrom(session)).toMatchObject({
      event: { report: { reference: 'J26112100000042' } },
    });
    for (const changes of [
      { metadata: {} },
      { metadata: null },
      { client_reference_id: null },
      { client_reference_id: 'J26112100000043' },
      { client_reference_id: 'a b', metadata: { reference: 'a b' } },
    ]) {
      expect(await constructFrom({ ...session, ...changes })).toMatchObject({
        event: { kind: 'payment', report: { reference: null, amount: 20_000, eventId: /^cs_test_1:/ } },
      });
    }
  });

  it.each([
    [{ amount_total: 20_000.5 }],
    [{ amount_total: -1 }],
    [{ amount_total: '20000' }],
    [{ amount_total: null }],
    [{ amount_total: 2 ** 60 }],
    [{ currency: 'đ' }],
    [{ currency: null }],
    [{ payment_status: 'maybe' }],
    [{ status: null }],
    [{ payment_intent: null }],
    [{ payment_intent: 5 }],
    [{ object: 'charge' }],
    [{ id: 'x' }],
    [{ amount_total: 0 }],
  ])('whose session has %j is genuine and unreadable', async (changes) => {
    expect(await constructFrom({ ...session, ...changes })).toMatchObject({
      verified: true,
      event: { kind: 'unreadable', reference: 'J26112100000042' },
    });
  });

  it('is ignored when it is about a subscription, a saved card, or nothing to pay', async () => {
    for (const changes of [
      { mode: 'subscription', amount_total: null },
      { mode: 'setup' },
      { mode: { toString: 1 } },
      { payment_status: 'no_payment_required', amount_total: 0 },
    ]) {
      expect(await constructFrom({ ...session, ...changes })).toMatchObject({
        verified: true,
        event: { kind: 'ignored', eventId: 'evt_1' },
      });
    }
  });

  it('is foreign when it comes from another mode or account, whatever it says', async () => {
    const foreign = { verified: false, reason: 'foreign_merchant' };
    expect(await constructFrom({}, { livemode: true })).toEqual(foreign);
    expect(await constructFrom({}, { account: 'acct_1' })).toEqual(foreign);
    expect(await constructFrom({}, { account: '' })).toEqual(foreign);
    expect(await constructFrom(session, { account: null })).toMatchObject({ verified: true });
  });

  it.each([
    ['refund.updated', 'pending', 'processing'],
    ['refund.created', 'requires_action', 'processing'],
    ['refund.updated', 'a_new_status', 'processing'],
    ['charge.refund.updated', 'succeeded', 'succeeded'],
    ['refund.failed', 'failed', 'failed'],
    ['refund.updated', 'canceled', 'failed'],
  ])('%s with status %s is a refund that has %s', async (type, status, outcome) => {
    const refund = {
      id: 're_1',
      object: 'refund',
      amount: 5_000,
      currency: 'vnd',
      status,
      payment_intent: 'pi_1',
      metadata: { request_key: 'order-1' },
    };
    expect(await constructFrom(refund, { type })).toEqual({
      verified: true,
      event: {
        kind: 'refund',
        report: {
          outcome,
          refundId: 're_1',
          transactionId: 'pi_1',
          amount: 5_000,
          currency: 'VND',
          failureCode: outcome === 'failed' ? status : null,
          requestKey: 'order-1',
          eventId: `re_1:pi_1:${outcome}:5000`,
        },
      },
    });
    expect(await constructFrom({ ...refund, metadata: null }, { type })).toMatchObject({
      event: { report: { requestKey: null } },
    });
    expect(await constructFrom({ ...refund, amount: null }, { type })).toMatchObject({
      verified: true,
      event: { kind: 'unreadable' },
    });
  });
});
