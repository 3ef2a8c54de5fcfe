import type { PaymentReport } from '../provider.ts';

/** A whole number as MoMo writes it, in JSON or in a query; null for anything else. */
export function wholeNumber(value: unknown): number | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  if (!/^(0|[1-9]\d{0,15})$/.test(String(value))) return null;
  return Number.isSafeInteger(Number(value)) ? Number(value) : null;
}

/** MoMo's id of a movement, or null while there is none. */
export function movementId(value: unknown): string | null {
  const id = wholeNumber(value);
  return id === null || id === 0 ? null : String(id);
}

// 9000: the money is authorised, which means paid, because `create` asks MoMo to capture it
const paid = new Set([0, 9000]);

/**
 * Codes of a payment or refund that is not finished: it waits for the payer, for MoMo, or for the source of the
 * money.
 */
export const underWay: ReadonlySet<number> = new Set([1000, 7000, 7002, 8000]);

/**
 * Reads the facts of a payment. Null when they do not have MoMo's form, or when a success has no number. A
 * failure moves no money: MoMo puts a time stamp in place of the number, which differs from message to message.
 */
export function readReport(facts: Readonly<Record<string, unknown>>): PaymentReport | null {
  const code = wholeNumber(facts.resultCode);
  const amount = wholeNumber(facts.amount);
  const reference = facts.orderId;
  if (code === null || amount === null || amount === 0) return null;
  if (typeof reference !== 'string' || !/^[0-9A-Za-z][0-9A-Za-z._-]{0,199}$/.test(reference)) return null;
  const outcome = paid.has(code) ? 'succeeded' : underWay.has(code) ? 'pending' : 'failed';
  const transactionId = outcome === 'succeeded' ? movementId(facts.transId) : null;
  if (outcome === 'succeeded' && transactionId === null) return null;
  return {
    outcome,
    reference,
    amount,
    currency: 'VND',
    transactionId,
    failureCode: outcome === 'failed' ? String(code) : null,
    eventId: [reference, transactionId ?? '0', outcome, amount].join(':'),
  };
}
