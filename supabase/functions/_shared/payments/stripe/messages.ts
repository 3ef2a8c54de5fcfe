import { z } from 'zod';

// Stripe's objects, as far as we read them. They come in events and in answers. A signature does not make them
// well formed, so a wrong type is refused here.

const amount = z.int().nonnegative();
const currency = z.string().regex(/^[a-z]{3}$/);

/** An id, or the whole object when a call asked for it. */
const idOf = z.union([z.string(), z.looseObject({ id: z.string() }).transform(({ id }) => id)]).nullish();

const session = z.looseObject({
  id: z.string().regex(/^cs_(?:test|live)_\w+$/),
  object: z.literal('checkout.session'),
  livemode: z.boolean(),
  mode: z.literal('payment'),
  status: z.enum(['open', 'complete', 'expired']),
  payment_status: z.enum(['paid', 'unpaid', 'no_payment_required']),
  amount_total: amount,
  currency,
  client_reference_id: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  payment_intent: idOf,
});
export type Session = z.infer<typeof session>;

const refund = z.looseObject({
  id: z.string().regex(/^[a-z]+_\w+$/),
  object: z.literal('refund'),
  amount,
  currency,
  status: z.string().nullish(),
  failure_reason: z.string().nullish(),
  payment_intent: idOf,
  metadata: z.record(z.string(), z.string()).nullish(),
});
export type Refund = z.infer<typeof refund>;

const dispute = z.looseObject({
  id: z.string(),
  object: z.literal('dispute'),
  status: z.string(),
  reason: z.string(),
  amount,
  currency,
  payment_intent: idOf,
});
export type Dispute = z.infer<typeof dispute>;

const event = z.looseObject({
  id: z.string().regex(/^evt_\w+$/),
  object: z.literal('event'),
  type: z.string(),
  livemode: z.boolean(),
  /** A connected account. It is never ours, because we have none. */
  account: z.string().nullish(),
  data: z.looseObject({ object: z.looseObject({}) }),
});
export type Event = z.infer<typeof event>;

function reader<T>(schema: z.ZodType<T>): (value: unknown) => T | null {
  return (value) => schema.safeParse(value).data ?? null;
}

/** A Checkout Session that takes one payment, or null. */
export const readSession = reader(session);
export const readRefund = reader(refund);
export const readDispute = reader(dispute);
export const readEvent = reader(event);
