import { z } from 'zod';
import { feedPayload } from '../_shared/contracts/outbox.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import { later, never, performed, withPayload } from './effect.ts';

/**
 * Topic `feed`: takes what came in since the last look, the way a notification goes. It finds money whose
 * notification was lost and that names no attempt anybody would ask about. What is known already changes nothing.
 */
export const readFeed = withPayload(feedPayload, async ({ provider: name, cursor }, _item, tools) => {
  const { service, providers } = tools;
  const provider = providers.get(name);
  if (!provider.readFeed) return never(`${name} has no feed`);
  const news = await provider.readFeed(cursor);
  if (news.kind !== 'reports') return later(news.reason);
  for (const report of news.reports) {
    const told = { provider: provider.name, raw: JSON.stringify(report), headers: {} };
    await applyEvent({ ...told, news: { kind: 'payment', report } }, service);
  }
  await service.call('save_feed_cursor', { provider: name, cursor: news.cursor }, z.unknown());
  return performed(null, { movements: news.reports.length });
});
