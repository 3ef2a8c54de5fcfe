import { z } from 'zod';
import { receiptPayload } from '../_shared/contracts/outbox.ts';
import { done, effectOf } from './effect.ts';

const receiptRow = z.looseObject({ number: z.string() });

/**
 * Topic `receipt`: gives a payment or refund its receipt. It calls nothing outside. It is here because it locks
 * the counter of receipt numbers, which leaves no gap: the transaction that confirms a payment must not hold
 * this lock.
 */
export const issueReceipt = effectOf(
  'receipt',
  'nobody',
  receiptPayload,
  async ({ kind, subject_id }, _item, { service }) => {
    const { number } = await service.call('issue_receipt', { kind, subject_id }, receiptRow);
    return done(null, { number });
  },
);
