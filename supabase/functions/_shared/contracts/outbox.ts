import { z } from 'zod';
import { paymentAttempt } from './payments.ts';

/** A leased row of the outbox. */
export const outboxItem = z.looseObject({
  id: z.int(),
  topic: z.string(),
  payload: z.unknown(),
  attempts: z.int(),
  lease_token: z.uuid(),
  dedupe_key: z.string(),
  correlation_id: z.string().nullable(),
});
export type OutboxItem = z.infer<typeof outboxItem>;

/** Topic `email`. */
export const emailPayload = z.looseObject({ notification_id: z.uuid() });

/** Answer of `mail_to_send`; no address, or no person any more, means there is nobody to write to. */
export const mailToSend = z
  .looseObject({
    email: z.string().nullable(),
    subject: z.string().min(1),
    text: z.string().min(1),
    html: z.string().min(1),
  })
  .nullable();

/** Topic `refund`. `provider` names the lane, in this and the topics below. */
export const refundPayload = z.looseObject({ refund_id: z.uuid(), provider: z.string() });
/** Topics `reconcile` and `cancel_attempt`. */
export const attemptPayload = z.looseObject({ attempt_id: z.uuid(), provider: z.string() });
/** Topic `feed`; `cursor` is where the last look ended. */
export const feedPayload = z.looseObject({ provider: z.string(), cursor: z.string().nullable() });
/** Topic `payout`. */
export const payoutPayload = z.looseObject({ payout_id: z.uuid(), provider: z.string() });
/** Topic `receipt`. */
export const receiptPayload = z.looseObject({
  kind: z.enum(['receipt', 'credit_note']),
  subject_id: z.uuid(),
});

/** Where a bank transfer goes. Never put it into a log, an error or a result. */
export const transferAccount = z.looseObject({
  bank_bin: z.string(),
  account_number: z.string(),
  account_name: z.string(),
});
export type TransferAccount = z.infer<typeof transferAccount>;

const foundRefund = z.looseObject({
  refund: z.looseObject({
    id: z.uuid(),
    amount: z.int().positive(),
    currency: z.string(),
    status: z.enum(['pending', 'processing', 'succeeded', 'failed', 'awaiting_account']),
    method: z.enum(['provider', 'bank_transfer']),
    provider: z.string(),
    provider_refund_id: z.string().nullable(),
    /** New for each order: ordered again after a failure, or for another account, it is another one. */
    ordered_at: z.string(),
    /** What it reverses: the movement, our reference and the sum of that movement. */
    provider_transaction_id: z.string().nullish(),
    reference: z.string().nullish(),
    paid_amount: z.int().positive().nullish(),
  }),
  /** Null for money that came for no attempt of ours. */
  attempt: paymentAttempt.nullable(),
  /** While an earlier refund of the same payment is with its provider. */
  waits: z.boolean().default(false),
  /** The provider's numbers of the payment's other refunds. */
  other_refund_ids: z.array(z.string()).default([]),
  account: transferAccount.nullable(),
});
export type FoundRefund = z.infer<typeof foundRefund>;

/** Answer of `refund_to_send`. */
export const refundToSend = foundRefund.nullable();

/**
 * Answer of `payout_to_send`, which reserves the payout for being sent: nobody can hold it from then on. Null
 * when there is nothing to send.
 */
export const payoutToSend = z
  .looseObject({
    payout: z.looseObject({
      id: z.uuid(),
      amount: z.int().positive(),
      currency: z.string(),
      status: z.string(),
      provider_payout_id: z.string().nullable(),
      scheduled_at: z.string(),
      sending: z.int().positive(),
    }),
    /** New for each sending, equal for repeats of one. */
    request_key: z.string(),
    account: transferAccount.nullable(),
  })
  .nullable();
