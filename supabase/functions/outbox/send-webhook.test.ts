import { describe, expect, it } from 'vitest';
import { row, work } from '../../../tests/support/outbox.ts';
import type { WebhookMessage, WebhookOutcome } from '../_shared/webhooks/send.ts';

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
  const { report, named } = await work({
    rows: [row('webhook', { delivery_id, queue: 'webhooks of x' })],
    database: { webhook_to_send: () => answer, store_webhook_try: () => null },
    options: {
      webhooks: async (message) => {
        sent.push(message);
        return outcome;
      },
    },
  });
  return { report, named, sent, stored: named('store_webhook_try')[0] };
}

describe('sending a webhook event', () => {
  it('is done whether the server accepts the event or not, and reports which', async () => {
    for (const outcome of [
      { kind: 'delivered', http_status: 204 },
      { kind: 'failed', http_status: null, problem: 'its server could not be reached' },
    ] as const) {
      const { report, named, sent, stored } = await perform(order, outcome);
      expect(sent).toEqual([order]);
      expect(stored).toEqual({ delivery_id, outcome });
      expect(report).toMatchObject({ done: 1, failed: 0 });
      expect(named('complete_outbox')).toMatchObject([{ result: outcome }]);
    }
  });

  it('waits while its endpoint is left alone, and asks nobody', async () => {
    const { named, sent, stored } = await perform(
      { kind: 'wait', seconds: 40 },
      { kind: 'delivered', http_status: 200 },
    );
    expect(named('defer_outbox')).toMatchObject([{ seconds: 40, reason: 'waiting' }]);
    expect([sent, stored]).toEqual([[], undefined]);
  });

  it('sends nothing of an event that is not to be sent any more', async () => {
    const { named, sent } = await perform(null, { kind: 'delivered', http_status: 200 });
    expect(named('complete_outbox')).toMatchObject([{ result: { kind: 'gone' } }]);
    expect(sent).toEqual([]);
  });
});
