import { z } from 'zod';
import { chatPushPayload } from '../_shared/contracts/outbox.ts';
import { done, effectOf } from './effect.ts';

/**
 * Topic `chat_push`: the grace after a message is over. It calls nothing outside; the pushes that it queues are rows of
 * their own. It is here because a row of the outbox is the clock: it is due at the end of the grace.
 */
export const announceMessages = effectOf(
  'chat_push',
  'nobody',
  chatPushPayload,
  async ({ conversation_id }, _item, { service }) => {
    await service.call('close_push_window', { conversation_id }, z.null().optional());
    return done(null, { pushes: await service.call('announce_messages', { conversation_id }, z.int()) });
  },
);
