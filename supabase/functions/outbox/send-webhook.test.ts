import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { traceFor } from '../_shared/trace.ts';
import type { WebhookMessage, WebhookOutcome } from '../_shared/webhooks/send.ts';
import { sendWebhook } from './send-webhook.ts';

const delivery_id = '6f1c2d3e-0000-4000-8000-000000000001';
const order = {
  kind: 'send',
  url: 'https://fleet.example/hooks',
  id: delivery_id,
  body: '{"type":"test"}',
  secrets: ['whsec_one'],
};

async function perform(answer: unknown, outcome: WebhookOutcome) {
  const sent: WebhookMessage[] = [];
  const { deps, calls } = fakeOutside(
    { webhook_to_send: () => answer, store_webhook_try: () => null },
    {
      webhooks: async (message) => {
        sent.push(message);
        return outcome;
      },
    },
  );
  const item = {
    id: 1,
    topic: 'webhook',
    payload: { delivery_id, queue: 'webhooks of x' },
    attempts: 1,
    lease_token: delivery_id,
    dedupe_key: 'x',
    correlation_id: null,
  };
  const tools = {
    ...deps,
    service: deps.db.service(traceFor(null)),
    platform: deps.db,
    query: async <T>(call: () => Promise<T>) => call(),
  };
  const result = await sendWebhook.perform(item as never, tools as never);
  return { result, sent, stored: calls.find(({ name }) => name === 'store_webhook_try')?.args };
}

describe('sending a webhook event', () => {
  it('is done whether the server accepts the event or not, and reports which', async () => {
    for (const outcome of [
      { kind: 'delivered', http_status: 204 },
      { kind: 'failed', http_status: null, problem: 'its server could not be reached' },
    ] as const) {
      const { result, sent, stored } = await perform(order, outcome);
      expect(sent).toEqual([order]);
      expect(stored).toEqual({ delivery_id, outcome });
      expect(result).toMatchObject({ kind: 'done', result: outcome });
    }
  });

  it('waits while its endpoint is left alone, and asks nobody', async () => {
    const { result, sent, stored } = await perform(
      { kind: 'wait', seconds: 40 },
      { kind: 'delivered', http_status: 200 },
    );
    expect(result).toMatchObject({ kind: 'defer', seconds: 40, reason: 'waiting' });
    expect([sent, stored]).toEqual([[], undefined]);
  });

  it('sends nothing of an event that is not to be sent any more', async () => {
    const { result, sent } = await perform(null, { kind: 'delivered', http_status: 200 });
    expect(result).toMatchObject({ kind: 'done', result: { kind: 'gone' } });
    expect(sent).toEqual([]);
  });
});
