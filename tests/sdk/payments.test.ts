import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PaymentState } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi({ retries: 0 });
});
afterEach(() => api.close());

describe('payments.waitUntilFinal', () => {
  const state = (status: string, attempts: { id: string; status: string }[] = []) => ({
    status: 200,
    body: { payment: { id: 'p', status }, attempts, refunds: [] },
  });

  it('asks until the payment is decided, through answers that fail', async () => {
    const updates: string[] = [];
    api.answer(state('pending'), { status: 503 }, 'drop', state('succeeded'));
    const { data } = await api.journey.payments.waitUntilFinal('p', {
      onUpdate: ({ payment }: PaymentState) => updates.push(payment.status),
    });
    expect(data?.payment.status).toBe('succeeded');
    expect(updates).toEqual(['pending', 'succeeded']);
    expect(api.seen).toHaveLength(4);
  });

  it('ends with the attempt it was asked about', async () => {
    api.answer(
      state('processing', [{ id: 'other', status: 'failed' }]),
      state('processing', [{ id: 'a', status: 'failed' }]),
    );
    const { data } = await api.journey.payments.waitUntilFinal('p', { attemptId: 'a' });
    expect(data?.payment.status).toBe('processing');
    expect(api.seen).toHaveLength(2);
  });

  it('ends when the time is over, when it is cancelled, and when there is no such payment', async () => {
    api.answer(state('processing'));
    const late = await api.journey.payments.waitUntilFinal('p', { timeoutMs: 2_000 });
    expect(late.error).toMatchObject({
      code: 'timeout',
      retryable: true,
      details: { payment_status: 'processing' },
    });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const stopped = await api.journey.payments.waitUntilFinal('p', { signal: controller.signal });
    expect(stopped.error?.code).toBe('aborted');
    api.answer({ status: 200, body: null });
    expect((await api.journey.payments.waitUntilFinal('p')).error?.code).toBe('payment_not_found');
  });
});
