import { z } from 'zod';
import { pushReceiptsPayload, pushTickets } from '../_shared/contracts/outbox.ts';
import { defer, done, effectOf } from './effect.ts';

// a worker does nothing new after seven seconds
const budgetMs = 5_000;

/** Topic `push_receipts`: asks Expo what became of the pushes that it took, oldest first. */
export const askPushReceipts = effectOf(
  'push_receipts',
  'nobody',
  pushReceiptsPayload,
  async ({ until }, _item, { push, service, now }) => {
    const startedAt = now();
    let after: { sent_at: string; id: string } | null = null;
    let asked = 0;
    let recorded = 0;
    for (;;) {
      const tickets: z.infer<typeof pushTickets> = await service.call(
        'push_tickets_to_ask',
        { until, after },
        pushTickets,
      );
      const last = tickets.at(-1);
      if (!last) return done(null, { asked, recorded });
      const found = await push.receipts(tickets.map(({ ticket }) => ticket));
      const receipts = [...found].map(([ticket, receipt]) => ({
        ticket,
        outcome: receipt.kind,
        reason: receipt.kind === 'delivered' ? null : receipt.reason,
      }));
      if (receipts.length > 0) {
        recorded += await service.call('record_push_receipts', { receipts }, z.int());
      }
      asked += tickets.length;
      after = { sent_at: last.sent_at, id: last.id };
      if (now() - startedAt > budgetMs) return defer(60, 'there are more tickets than one turn takes');
    }
  },
);
