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

// The feed cannot tell that a transfer pays an order of PayOS, so it books the same money as unmatched. PayOS's
// settings do not name its account; only its messages do. One look a day is enough.
function doubleBooking(
  { accountNumber, transactionDateTime }: Record<string, unknown>,
  feedAccount: string | undefined,
): Pick<PaymentReport, 'needsReview' | 'reviewId'> {
  if (feedAccount === undefined || accountNumber !== feedAccount) return {};
  const day = isText(transactionDateTime) ? transactionDateTime.slice(0, 10) : 'undated';
  return {
    needsReview:
      'PayOS and the bank feed of VietQR use one account, so its money is booked twice (docs/money.md)',
    reviewId: `one_account:${day}`,
  };
}

/** Reads one transfer of an order; null when it is incomplete. */
export function readTransfer(
  transfer: Record<string, unknown>,
  orderCode: number,
  currency: string,
  feedAccount: string | undefined,
): PaymentReport | null {
  const { reference, amount } = transfer;
  if (!isText(reference) || !isWhole(amount, 1)) return null;
  const facts = { orderCode, amount, currency, transactionId: reference, failureCode: null };
  return { ...reportOf({ ...facts, outcome: 'succeeded' }), ...doubleBooking(transfer, feedAccount) };
}
