import { z } from 'zod';

/** Body of POST /payments/start. */
export const startPaymentRequest = z.strictObject({
  payment_id: z.uuid(),
  provider: z.enum(['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr']),
  /** Made by the client before its first try. */
  idempotency_key: z.uuid(),
  /** Where the payer's browser or app goes afterwards. The operator must allow its beginning. */
  return_url: z.string().min(5).max(150).optional(),
});
export type StartPaymentRequest = z.infer<typeof startPaymentRequest>;

/** Body of POST /payments/check. */
export const checkPaymentRequest = z.strictObject({ payment_id: z.uuid() });

/** A row of payment_attempts, as the functions read it. */
export const paymentAttempt = z.looseObject({
  id: z.uuid(),
  payment_id: z.uuid(),
  provider: z.string(),
  reference: z.string(),
  amount: z.int().positive(),
  currency: z.string(),
  status: z.enum(['created', 'pending', 'succeeded', 'failed', 'expired']),
  redirect_url: z.string().nullable(),
  qr_payload: z.string().nullable(),
  details: z.record(z.string(), z.unknown()).default({}),
  provider_data: z.record(z.string(), z.unknown()).default({}),
  provider_transaction_id: z.string().nullable(),
  recheck_at: z.string().nullable().default(null),
  expires_at: z.string(),
  created_at: z.string(),
});
export type PaymentAttempt = z.infer<typeof paymentAttempt>;

/** Answer of `payment_status`: how a payment stands, with its attempts and refunds. */
export const paymentState = z
  .looseObject({
    payment: z.looseObject({ id: z.uuid(), status: z.string() }),
    attempts: z.array(z.looseObject({ id: z.uuid() })),
    refunds: z.array(z.looseObject({ id: z.uuid() })),
  })
  .nullable();

/** Answer of `record_payment_event`. */
export const recordedEvent = z.looseObject({
  event_id: z.int(),
  is_new: z.boolean(),
  outcome: z.string().nullable(),
});

/** Answer of `apply_payment_event`, `apply_refund_event` and `settle_payment_event`. */
export const applyResult = z.enum([
  'applied',
  'duplicate',
  'unknown_reference',
  'amount_mismatch',
  'unmatched',
  'refunded_late',
  'part_received',
  'recorded',
  'needs_review',
  'ignored',
]);
export type ApplyResult = z.infer<typeof applyResult>;
