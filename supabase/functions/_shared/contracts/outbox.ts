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

export const emailPayload = z.looseObject({
  user_id: z.uuid(),
  template: z.string(),
  subject: z.string().min(1),
  text: z.string().min(1),
  html: z.string().min(1),
});

/** Answer of `mail_recipient`; no address means there is nobody to write to. */
export const mailRecipient = z
  .looseObject({ email: z.string().nullable(), display_name: z.string().nullable() })
  .nullable();

export const refundPayload = z.looseObject({ refund_id: z.uuid() });

/** Answer of `refund_to_send`. */
export const refundToSend = z
  .looseObject({
    refund: z.looseObject({
      id: z.uuid(),
      amount: z.int().positive(),
      currency: z.string(),
      status: z.enum(['pending', 'processing', 'succeeded', 'failed']),
      provider_refund_id: z.string().nullable(),
      created_at: z.string(),
    }),
    attempt: paymentAttempt,
  })
  .nullable();

export const reconcilePayload = z.looseObject({ attempt_id: z.uuid() });
