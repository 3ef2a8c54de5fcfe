import type { PaymentReport } from '../provider.ts';
import { isText, isWhole } from './fields.ts';
import { referenceOf } from './order-code.ts';

/** What PayOS says of one transfer, or of an order without transfers. */
interface PayosFacts {
  outcome: PaymentReport['outcome'];
  orderCode: number;
  amount: number;
  currency: string;
  /** The bank's id. */
  transactionId: string | null;
  failureCode: string | null;
}

/** A report whose event id follows from its content. */
export function reportOf(facts: PayosFacts): PaymentReport {
  const { outcome, orderCode, amount, currency, transactionId, failureCode } = facts;
  const reference = referenceOf(orderCode);
  const eventId = [reference ?? orderCode, transactionId ?? '0', outcome, amount].join(':');
  return { outcome, reference, amount, currency, transactionId, failureCode, eventId };
}

/** Reads one transfer of an order; null when it is incomplete. */
export function readTransfer(
  transfer: Record<string, unknown>,
  orderCode: number,
  currency: string,
): PaymentReport | null {
  const { reference, amount } = transfer;
  if (!isText(reference) || !isWhole(amount, 1)) return null;
  return reportOf({
    outcome: 'succeeded',
    orderCode,
    amount,
    currency,
    transactionId: reference,
    failureCode: null,
  });
}
