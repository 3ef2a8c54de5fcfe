import type { PaymentReport } from '../provider.ts';
import { referenceIn } from './reference.ts';

/** What the feed says of money that came, pushed or listed. */
export interface Movement {
  /** SePay's number of it. */
  id: unknown;
  /** Whole đồng. */
  amount: number;
  content: unknown;
  /** SePay's own reading of `content`, where it is set up. */
  code: unknown;
}

/** SePay's number of a transfer: JSON numbers in notifications, text in lists. */
export function transactionIdOf(id: unknown): string | null {
  if (typeof id === 'number') return Number.isSafeInteger(id) && id > 0 ? String(id) : null;
  return typeof id === 'string' && /^[1-9]\d{0,17}$/.test(id) ? id : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The reference a movement names, or null. What is not text names none: the money came all the same. */
export function referenceOf({ content, code }: Pick<Movement, 'content' | 'code'>): string | null {
  return referenceIn(textOf(content), textOf(code));
}

/** Money that came, whoever it is for; null when it has no number or no sum. */
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
