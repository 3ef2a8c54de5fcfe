import { z } from 'zod';
import { feedPayload } from '../_shared/contracts/outbox.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import { deadLetter, done, effectOf, retry } from './effect.ts';

/**
 * Topic `feed`: applies what came in since the last read, as notifications are applied. It finds money whose
 * notification was lost and that names no attempt we would ask about. Known money changes nothing.
 */
export const readFeed = effectOf(
  'feed',
  'queries',
  feedPayload,
  async ({ provider: name, cursor }, _item, tools) => {
    const { service, providers } = tools;
    const provider = providers.get(name);
    if (!provider.readFeed) return deadLetter(`${name} has no feed`);
    const feed = await provider.readFeed(cursor);
    if (feed.kind !== 'reports') return retry(feed.reason);
    for (const report of feed.reports) {
      const event = { kind: 'payment', report } as const;
      await applyEvent({ provider: provider.name, event, raw: JSON.stringify(report), headers: {} }, service);
    }
    await service.call('save_feed_cursor', { provider: name, cursor: feed.cursor }, z.unknown());
    return done(null, { movements: feed.reports.length });
  },
);
