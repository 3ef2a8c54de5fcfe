import { z } from 'zod';
import { receiptPayload } from '../_shared/contracts/outbox.ts';
import { effectOf, performed } from './effect.ts';

const receiptRow = z.looseObject({ number: z.string() });

/**
 * Topic `receipt`: gives a payment or refund its receipt. It needs nothing of the outside; it is here so that
 * the counter, which leaves no gap and is therefore locked, is never held by the transaction that confirms.
 */
export const issueReceipt = effectOf(
  'receipt',
  'nobody',
  receiptPayload,
  async ({ kind, subject_id }, _item, { service }) => {
    const { number } = await service.call('issue_receipt', { kind, subject_id }, receiptRow);
    return performed(null, { number });
  },
);
