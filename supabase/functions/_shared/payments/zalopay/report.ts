import type { PaymentReport } from '../provider.ts';
import { referenceOf } from './order-id.ts';

function eventId(name: string, transactionId: string, outcome: string, amount: number): string {
  return [name, transactionId, outcome, amount].join(':');
}

/** Money that came, in ZaloPay's texts. Null when the amount or the id does not have ZaloPay's form. */
export function paidReport(id: string, amountText: string, transactionId: string): PaymentReport | null {
  const wellFormed =
    /^[\x21-\x7e]{1,40}$/.test(id) &&
    /^[1-9]\d{0,14}$/.test(amountText) &&
    /^[1-9]\d{0,63}$/.test(transactionId);
  if (!wellFormed) return null;
  const amount = Number(amountText);
  const reference = referenceOf(id);
  return {
    outcome: 'succeeded',
    reference,
    amount,
    currency: 'VND',
    transactionId,
    failureCode: null,
    eventId: eventId(reference ?? id, transactionId, 'succeeded', amount),
  };
}

/** Money that did not come, or not yet. ZaloPay then names no amount. */
export function unpaidReport(
  { reference, amount }: { reference: string; amount: number },
  outcome: 'failed' | 'pending',
  code: string,
): PaymentReport {
  return {
    outcome,
    reference,
    amount,
    currency: 'VND',
    transactionId: null,
    failureCode: outcome === 'failed' ? code : null,
    eventId: eventId(reference, '0', outcome, amount),
  };
}
