import type { PaymentReport } from '../provider.ts';
import { referenceIn } from './reference.ts';

/** What the feed says of incoming money, in a notification or a list. */
export interface Movement {
  /** SePay's number of the movement. */
  id: unknown;
  /** Whole đồng. */
  amount: number;
  content: unknown;
  /** The reference that SePay itself found in `content`, if this is set up. */
  code: unknown;
}

/** SePay's number of a transfer: a JSON number in notifications, text in lists. */
export function transactionIdOf(id: unknown): string | null {
  if (typeof id === 'number') return Number.isSafeInteger(id) && id > 0 ? String(id) : null;
  return typeof id === 'string' && /^[1-9]\d{0,17}$/.test(id) ? id : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The reference that a movement names, or null. Other types than text name none, but the money came. */
export function referenceOf({ content, code }: Pick<Movement, 'content' | 'code'>): string | null {
  return referenceIn(textOf(content), textOf(code));
}

/** Incoming money, also when it names no attempt. Null when it has no number or no amount. */
export function reportOf(movement: Movement): PaymentReport | null {
  const { amount } = movement;
  const transactionId = transactionIdOf(movement.id);
  if (transactionId === null || !Number.isSafeInteger(amount) || amount < 1) return null;
  const reference = referenceOf(movement);
  return {
    outcome: 'succeeded',
    reference,
    amount,
    currency: 'VND',
    transactionId,
    failureCode: null,
    eventId: [reference, transactionId, 'succeeded', amount].join(':'),
  };
}
