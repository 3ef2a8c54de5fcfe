import { z } from 'zod';
import { webhookToSend } from '../_shared/contracts/webhooks.ts';
import { defer, done, effectOf } from './effect.ts';

const payload = z.object({ delivery_id: z.uuid() });

/**
 * Topic `webhook`: sends an event to a server of its owner. A server that fails is no failure of ours: the database queues the
 * next try, and the owner reads why. Rows of one endpoint are sent one after the other.
 */
export const sendWebhook = effectOf(
  'webhook',
  'endpoint',
  payload,
  async ({ delivery_id }, _item, { service, webhooks }) => {
    const order = await service.call('webhook_to_send', { delivery_id }, webhookToSend);
    if (order === null) return done(null, { kind: 'gone' });
    if (order.kind === 'wait') return defer(order.seconds, 'its endpoint failed a moment ago');
    const outcome = await webhooks(order);
    await service.call('store_webhook_try', { delivery_id, outcome }, z.unknown());
    return done(null, { ...outcome });
  },
);
