import { describe, expect, it } from 'vitest';
import {
  errorOf,
  type FakeOptions,
  fakeOutside,
  fakeProvider,
  user,
  userPost,
} from '../../../tests/support/fakes.ts';
import { attempt, vnpayAnswers } from '../../../tests/support/outbox.ts';
import { appError } from '../_shared/errors.ts';
import type { RetrieveResult } from '../_shared/payments/provider.ts';
import { handle } from './handler.ts';

const payment_id = attempt.payment_id;
const ids = ['6f1c2d3e-0000-4000-8000-0000000000a1', '6f1c2d3e-0000-4000-8000-0000000000a2'];
const [first = '', second = ''] = ids;
const state = {
  payment: { id: payment_id, status: 'succeeded' },
  attempts: ids.map((id) => ({ id })),
  refunds: [],
};
const paid: RetrieveResult = {
  kind: 'reports',
  reports: [
    {
      outcome: 'succeeded',
      reference: 'J1',
      amount: 1_000_000,
      currency: 'VND',
      transactionId: '5',
      failureCode: null,
      eventId: 'J1:5:succeeded:1000000',
    },
  ],
};

function outsideWith(options: FakeOptions, changes: Parameters<typeof fakeOutside>[0] = {}) {
  const providers: Record<string, string> = { [first]: 'momo', [second]: 'zalopay' };
  return fakeOutside(
    {
      check_payment: () => ids,
      attempt_to_reconcile: ({ attempt_id }) => ({
        ...attempt,
        id: attempt_id,
        status: 'pending',
        provider: providers[String(attempt_id)],
      }),
      record_payment_event: () => ({ event_id: 3, is_new: true, outcome: null }),
      apply_payment_event: () => 'applied',
      payment_status: () => state,
      ...changes,
    },
    options,
  );
}
const check = (outside: ReturnType<typeof outsideWith>) =>
  handle(outside.deps)(userPost('/payments/check', { payment_id }));

describe('POST /payments/check', () => {
  it('asks about every open attempt, applies what is said, and answers as the user', async () => {
    const outside = outsideWith({
      providers: [
        fakeProvider('momo', { retrieve: async () => ({ kind: 'not_found', signed: true }) }),
        fakeProvider('zalopay', { retrieve: async () => paid }),
      ],
    });
    const answer = await check(outside);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(state);
    const calls = outside.calls.map(({ as, name }) => [as, name]);
    expect(calls[0]).toEqual([user.id, 'check_payment']);
    expect(calls.at(-1)).toEqual([user.id, 'payment_status']);
    expect(calls).toContainEqual(['service', 'apply_payment_event']);
    // how often somebody looks has no part in when the outbox asks again
    expect(calls.map(([, name]) => name)).not.toContain('note_reconciliation');
  });

  it('succeeds although a provider fails, is away or is not set up', async () => {
    const away = fakeProvider('momo', {
      retrieve: async () => {
        throw appError('provider_unavailable', { provider: 'momo' });
      },
    });
    const broken = fakeProvider('zalopay', {
      retrieve: async () => {
        throw new Error('nonsense');
      },
    });
    const outside = outsideWith({ providers: [away, broken] });
    const answer = await check(outside);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(state);
    expect(outside.logs).toContainEqual(
      expect.objectContaining({ level: 'error', error: 'Error: nonsense' }),
    );
    expect(outside.logs.at(-1)).toMatchObject({ outcomes: expect.arrayContaining(['no_answer', 'error']) });
    const bare = await check(outsideWith({}));
    expect(await bare.json()).toEqual(state);
  });

  it('begins no further query when the answers take too long', async () => {
    const asked: string[] = [];
    const outside = outsideWith(
      {
        providers: [
          fakeProvider('momo', {
            retrieve: async ({ reference }) => {
              asked.push(reference);
              outside.clock.now += 11_000;
              return { kind: 'no_information', reason: 'slow' };
            },
          }),
        ],
      },
      {
        attempt_to_reconcile: ({ attempt_id }) => ({
          ...attempt,
          id: attempt_id,
          status: 'pending',
          provider: 'momo',
        }),
      },
    );
    expect((await check(outside)).status).toBe(200);
    expect(asked).toEqual(['J1']);
  });

  it('asks a provider that is rate limited no more, and still asks the others', async () => {
    const rails = { vnpay: 3, momo: 2 } as const;
    const attempts = Object.entries(rails).flatMap(([provider, count]) =>
      Array.from({ length: count }, (_, i) => ({
        provider,
        id: crypto.randomUUID(),
        reference: `${provider}${i}`,
      })),
    );
    const asked: string[] = [];
    const { asked: askedVnpay, vnpayFetch } = vnpayAnswers({ querydr: { vnp_ResponseCode: '94' } });
    const momo = fakeProvider('momo', {
      retrieve: async ({ reference }) => {
        asked.push(reference);
        // away, which says nothing about the next question
        throw appError('provider_unavailable', { provider: 'momo' });
      },
    });
    const outside = outsideWith(
      { vnpayFetch, providers: [momo] },
      {
        check_payment: () => attempts.map(({ id }) => id),
        attempt_to_reconcile: ({ attempt_id }) => ({
          ...attempt,
          ...attempts.find(({ id }) => id === attempt_id),
          status: 'pending',
        }),
      },
    );
    const answer = await check(outside);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(state);
    expect(askedVnpay).toHaveLength(1);
    expect(asked).toEqual(['momo0', 'momo1']);
    expect(outside.logs.at(-1)).toMatchObject({ outcomes: ['no_answer', 'no_answer', 'no_answer'] });
    // it holds for this call only; the next call asks again
    await check(outside);
    expect(askedVnpay).toHaveLength(2);
  });

  it('makes no query for another person, or too often', async () => {
    for (const code of ['payment_not_found', 'rate_limited'] as const) {
      const outside = outsideWith(
        {},
        {
          check_payment: () => {
            throw appError(code);
          },
        },
      );
      expect((await errorOf(await check(outside))).code).toBe(code);
      expect(outside.calls).toHaveLength(1);
    }
  });
});
