import { describe, expect, it } from 'vitest';
import { fakeOutside, fakeProvider } from '../../../tests/support/fakes.ts';
import type { ProviderEvent, WebhookOutcome } from '../_shared/payments/provider.ts';
import { handle } from './handler.ts';

/** Delivers a message that a provider's wrapper reads as the given event. */
async function deliver(event: ProviderEvent, database: Parameters<typeof fakeOutside>[0]) {
  const answered: WebhookOutcome[] = [];
  const stripe = fakeProvider('stripe', {
    constructEvent: async () => ({ verified: true, event }),
    respond: (outcome) => {
      answered.push(outcome);
      return new Response(null, { status: 204 });
    },
  });
  const recorded = { record_payment_event: () => ({ event_id: 9, is_new: true, outcome: null }) };
  const outside = fakeOutside({ ...recorded, ...database }, { providers: [stripe] });
  const init = { method: 'POST', body: '{"id":"evt_1"}' };
  const response = await handle(outside.deps)(new Request('http://x/payment-webhooks/stripe', init));
  return { response, answered, calls: outside.calls.map(({ name, args }) => ({ name, args })) };
}

describe('a notification about something else than a payment', () => {
  it('is stored as received and applied to its refund', async () => {
    const report = {
      outcome: 'failed',
      refundId: 're_1',
      transactionId: 'pi_1',
      amount: 400_000,
      currency: 'VND',
      failureCode: 'lost_or_stolen_card',
      requestKey: 'order-1',
      eventId: 're_1:failed:400000',
    } as const;
    const { response, answered, calls } = await deliver(
      { kind: 'refund', report },
      { apply_refund_event: () => 'recorded' },
    );
    expect(response.status).toBe(204);
    expect(answered).toEqual(['recorded']);
    expect(calls).toEqual([
      {
        name: 'record_payment_event',
        args: {
          provider: 'stripe',
          provider_event_id: 're_1:failed:400000',
          verified: true,
          reference: null,
          raw: '{"id":"evt_1"}',
          headers: { 'content-type': 'text/plain;charset=UTF-8' },
        },
      },
      {
        name: 'apply_refund_event',
        args: {
          event_id: 9,
          provider_refund_id: 're_1',
          transaction_id: 'pi_1',
          outcome: 'failed',
          amount: 400_000,
          currency: 'VND',
          failure_code: 'lost_or_stolen_card',
          request_key: 'order-1',
        },
      },
    ]);
  });

  it('that cannot be read is kept for an admin, and the provider is asked to send it again', async () => {
    const { answered, calls } = await deliver(
      { kind: 'unreadable', eventId: 'unreadable:1', reference: 'J26112100000042' },
      { settle_payment_event: () => 'needs_review' },
    );
    expect(answered).toEqual(['unreadable']);
    expect(calls[0]?.args).toMatchObject({
      provider_event_id: 'unreadable:1',
      verified: true,
      reference: 'J26112100000042',
      raw: '{"id":"evt_1"}',
    });
    expect(calls[1]?.args).toMatchObject({ event_id: 9, outcome: 'needs_review' });
  });

  it.each([
    ['a NUL', 're_\u0000'],
    ['half a surrogate pair', 're_\ud800'],
    ['more than an index can hold', 'r'.repeat(3_000)],
  ])('with %s in a text is kept as one that cannot be read', async (_what, refundId) => {
    const report = {
      outcome: 'failed',
      refundId,
      transactionId: null,
      amount: 1,
      currency: 'VND',
      failureCode: null,
      requestKey: null,
      eventId: `${refundId}:failed`,
    } as const;
    const { answered, calls } = await deliver(
      { kind: 'refund', report },
      { settle_payment_event: () => 'needs_review' },
    );
    expect(answered).toEqual(['unreadable']);
    expect(calls[0]?.args).toMatchObject({
      verified: true,
      provider_event_id: expect.stringMatching(/^unreadable:[0-9a-f]{64}$/),
    });
  });

  it.each([
    ['needs_review', { kind: 'needs_review', eventId: 'evt_1', reference: 'J1', reason: 'a chargeback' }],
    ['ignored', { kind: 'ignored', eventId: 'evt_1', reason: 'a test call' }],
  ] as const)('is kept as %s, with the reason', async (outcome, event) => {
    const { answered, calls } = await deliver(event, { settle_payment_event: () => outcome });
    expect(answered).toEqual([outcome]);
    expect(calls[0]?.args).toMatchObject({ provider_event_id: 'evt_1', verified: true });
    expect(calls[1]).toEqual({
      name: 'settle_payment_event',
      args: { event_id: 9, outcome, reason: event.reason },
    });
  });
});

describe('a notification of a payment whose money the provider holds', () => {
  it('is applied, and shown to an admin under a separate id', async () => {
    const report = {
      outcome: 'pending',
      reference: 'J26112100000042',
      amount: 400_000,
      currency: 'VND',
      transactionId: '7',
      failureCode: '07',
      eventId: 'J26112100000042:7:pending:400000',
      needsReview: 'suspects fraud',
    } as const;
    const { answered, calls } = await deliver(
      { kind: 'payment', report },
      { settle_payment_event: () => 'needs_review', apply_payment_event: () => 'ignored' },
    );
    expect(answered).toEqual(['ignored']);
    expect(calls.map(({ name }) => name)).toEqual([
      'record_payment_event',
      'record_payment_event',
      'settle_payment_event',
      'apply_payment_event',
    ]);
    expect(calls[1]?.args).toMatchObject({
      provider_event_id: 'J26112100000042:7:pending:400000:needs_review',
      reference: 'J26112100000042',
      verified: true,
    });
    expect(calls[2]?.args).toEqual({ event_id: 9, outcome: 'needs_review', reason: 'suspects fraud' });
    expect(calls[3]?.args).toMatchObject({ outcome: 'pending', transaction_id: '7' });
  });

  it('is shown together with others under the id that they share', async () => {
    const report = {
      ...{ outcome: 'succeeded' as const, reference: 'J26112100000042', amount: 1, currency: 'VND' },
      ...{ transactionId: '7', failureCode: null, eventId: 'e1', needsReview: 'twice', reviewId: 'one:1' },
    };
    const { calls } = await deliver(
      { kind: 'payment', report },
      { settle_payment_event: () => 'needs_review', apply_payment_event: () => 'applied' },
    );
    expect(calls[1]?.args).toMatchObject({ provider_event_id: 'one:1', verified: true });
  });
});
