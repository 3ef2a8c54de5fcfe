import { pushMessage, pushTarget } from '../_shared/contracts/outbox.ts';
import { deliveryEffect } from './delivery.ts';

/** Topic `push`. Pushes wait until there is a transport. */
export const sendPush = deliveryEffect({
  channel: 'push',
  message: pushMessage,
  target: pushTarget,
  problem: () => 'No transport for pushes is configured.',
  send: async () => ({ kind: 'retry', reason: 'No transport for pushes is configured.' }),
});
