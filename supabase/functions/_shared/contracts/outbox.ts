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

/** Topics `email`, `push` and `sms`. */
export const deliveryPayload = z.looseObject({ delivery_id: z.uuid() });

/** Topic `broadcast`. */
export const broadcastPayload = z.looseObject({ broadcast_id: z.uuid() });

/** Topic `otp`. */
export const otpPayload = z.looseObject({ otp_code_id: z.uuid() });
/** Topic `auth_message`. */
export const authMessagePayload = z.looseObject({ auth_message_id: z.uuid() });

/** Topics `delete_auth_user` and `erase_leftovers`. */
export const deletedPersonPayload = z.looseObject({ user_id: z.uuid() });
/** Answer of `erase_leftovers`: files whose bytes are to be removed. */
export const filesToErase = z.array(z.looseObject({ bucket: z.string(), path: z.string() }));

/** Topic `chat_push`. */
export const chatPushPayload = z.looseObject({ conversation_id: z.uuid() });

/** Topic `availability`. */
export const availabilityPayload = z.looseObject({ event_id: z.uuid() });

/** What a delivery needs to be sent on each channel. */
export const mailMessage = z.looseObject({
  locale: z.enum(['vi', 'en']),
  unsubscribe_token: z.string().nullable(),
  subject: z.string().min(1),
  text: z.string().min(1),
  html: z.string().min(1),
});
export const mailTarget = z.looseObject({ email: z.string().min(1) });
export const smsMessage = z.looseObject({ text: z.string().min(1) });
export const smsTarget = z.looseObject({ phone: z.string().min(1) });
export const pushMessage = z.looseObject({
  title: z.string().min(1),
  body: z.string(),
  /** Ids with which the app opens what the push speaks of. */
  data: z.record(z.string(), z.unknown()),
  badge: z.int().nonnegative(),
  /** A push with the same key takes the place of an earlier one on the screen. */
  collapse_key: z.string().nullable(),
  /** The language of title and body. */
  locale: z.string(),
});
export const pushTarget = z.looseObject({
  device_id: z.uuid(),
  platform: z.enum(['ios', 'android', 'web']),
  token: z.string(),
  p256dh: z.string().nullable(),
  auth_secret: z.string().nullable(),
  last_seen_at: z.string(),
});

/** Topic `push_receipts`. */
export const pushReceiptsPayload = z.looseObject({ until: z.string() });
/** Answer of `push_tickets_to_ask`. */
export const pushTickets = z.array(z.looseObject({ ticket: z.string(), sent_at: z.string(), id: z.uuid() }));

/** Answer of `delivery_to_send`. Null when its person is gone. */
export function deliveryToSend<M extends z.ZodType, T extends z.ZodType>(message: M, target: T) {
  return z
    .discriminatedUnion('action', [
      z.looseObject({ action: z.literal('send'), delivery_id: z.uuid(), message, target }),
      z.looseObject({ action: z.literal('wait'), until: z.string(), reason: z.string() }),
      z.looseObject({ action: z.literal('drop'), status: z.string(), reason: z.string().nullable() }),
    ])
    .nullable();
}

/** Topic `refund`. Here and in the topics below, `provider` names the queue of the row. */
export const refundPayload = z.looseObject({ refund_id: z.uuid(), provider: z.string() });
/** Topics `reconcile` and `cancel_attempt`. */
export const attemptPayload = z.looseObject({ attempt_id: z.uuid(), provider: z.string() });
/** Topic `feed`. `cursor` is where the last read ended. */
export const feedPayload = z.looseObject({ provider: z.string(), cursor: z.string().nullable() });
/** Topic `payout`. */
export const payoutPayload = z.looseObject({ payout_id: z.uuid(), provider: z.string() });
/** Topic `receipt`. */
export const receiptPayload = z.looseObject({
  kind: z.enum(['receipt', 'credit_note', 'deposit_capture']),
  subject_id: z.uuid(),
});

/** The account that a bank transfer goes to. DO NOT put it into a log, an error or a result. */
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
    /** New for each order. An order after a failure, or for another account, is another one. */
    ordered_at: z.string(),
    /** The movement it reverses, with our reference and the amount of that movement. */
    provider_transaction_id: z.string().nullish(),
    reference: z.string().nullish(),
    paid_amount: z.int().positive().nullish(),
  }),
  /** Null for money that paid no attempt of ours. */
  attempt: paymentAttempt.nullable(),
  /** True while the provider works on an earlier refund of the same payment. */
  waits: z.boolean().default(false),
  /** The provider's ids of the other refunds of this payment. */
  other_refund_ids: z.array(z.string()).default([]),
  account: transferAccount.nullable(),
});
export type FoundRefund = z.infer<typeof foundRefund>;

/** Answer of `refund_to_send`. */
export const refundToSend = foundRefund.nullable();

/**
 * Answer of `payout_to_send`, which reserves the payout: from then on nobody can hold it. Null when there is
 * nothing to send.
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
    /** New for each time it is sent, equal for repeats of that. */
    request_key: z.string(),
    account: transferAccount.nullable(),
  })
  .nullable();
