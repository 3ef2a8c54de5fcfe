import { z } from 'zod';
import { feedPayload } from '../_shared/contracts/outbox.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import { effectOf, later, never, performed } from './effect.ts';

/**
 * Topic `feed`: takes what came in since the last look, the way a notification goes. It finds money whose
 * notification was lost and that names no attempt anybody would ask about. What is known already changes nothing.
 */
export const readFeed = effectOf(
  'feed',
  'questions',
  feedPayload,
  async ({ provider: name, cursor }, _item, tools) => {
    const { service, providers } = tools;
    const provider = providers.get(name);
    if (!provider.readFeed) return never(`${name} has no feed`);
    const feed = await provider.readFeed(cursor);
    if (feed.kind !== 'reports') return later(feed.reason);
    for (const report of feed.reports) {
      const event = { kind: 'payment', report } as const;
      await applyEvent({ provider: provider.name, event, raw: JSON.stringify(report), headers: {} }, service);
    }
    await service.call('save_feed_cursor', { provider: name, cursor: feed.cursor }, z.unknown());
    return performed(null, { movements: feed.reports.length });
  },
);
