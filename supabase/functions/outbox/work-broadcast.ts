import { z } from 'zod';
import { broadcastPayload } from '../_shared/contracts/outbox.ts';
import { defer, done, effectOf } from './effect.ts';

const answer = z.enum(['more', 'wait', 'done']);
// the rows that were leased with this one wait for it
const turnMs = 4_000;
const fullSeconds = 5;

/**
 * Topic `broadcast`: tells people chunk by chunk, each in a transaction of its own. It calls nothing outside. It is here
 * because it lasts minutes, and goes on where it was after a failure.
 */
export const workBroadcast = effectOf(
  'broadcast',
  'nobody',
  broadcastPayload,
  async ({ broadcast_id }, _item, { service, now }) => {
    const until = now() + turnMs;
    do {
      const next = await service.call('work_broadcast', { broadcast_id }, answer);
      if (next === 'done') return done(null);
      if (next === 'wait') return defer(fullSeconds, 'what was written has to leave first');
    } while (now() < until);
    return defer(1, 'more people wait');
  },
);
