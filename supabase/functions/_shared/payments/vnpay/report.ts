import type { PaymentReport } from '../provider.ts';

/** What VNPay says of a payment, in a notification or an answer. */
interface VnpayFacts {
  reference: string;
  amount: string;
  /** The notification's code; answers have no such code. */
  responseCode: string;
  transactionStatus: string;
  transactionNo: string;
}

/** Money that has left the payer and has not reached us. VNPay decides, mostly after a phone call. */
function reviewReason(responseCode: string, status: string): string | undefined {
  if (responseCode === '07' || status === '07') return 'VNPay has taken this money and suspects fraud';
  return status === '04' ? 'taken by the bank of the payer, not arrived at VNPay' : undefined;
}

function outcomeOf(responseCode: string, status: string): PaymentReport['outcome'] {
  if (responseCode === '00' && status === '00') return 'succeeded';
  if (status === '02') return 'failed';
  // 01: not finished; 05, 06 and 09 are about a refund, so it was paid; an unknown status proves no failure
  return responseCode === '00' || status === '01' ? 'pending' : 'failed';
}

/** Reads VNPay's facts. Null when the amount is not a whole number of đồng, or when a success has no number or no money. */
export function readReport(facts: VnpayFacts): PaymentReport | null {
  if (!/^\d{1,15}00$/.test(facts.amount) || facts.reference === '') return null;
  const amount = Number(facts.amount) / 100;
  const needsReview = reviewReason(facts.responseCode, facts.transactionStatus);
  const outcome = needsReview ? 'pending' : outcomeOf(facts.responseCode, facts.transactionStatus);
  const transactionId = /^0*$/.test(facts.transactionNo) ? null : facts.transactionNo;
  if (outcome === 'succeeded' && (transactionId === null || amount === 0)) return null;
  const failureCode = facts.responseCode !== '00' ? facts.responseCode : `status_${facts.transactionStatus}`;
  return {
    outcome,
    reference: facts.reference,
    amount,
    currency: 'VND',
    transactionId,
    failureCode: outcome === 'succeeded' ? null : failureCode,
    eventId: [facts.reference, transactionId ?? '0', outcome, amount].join(':'),
    ...(needsReview ? { needsReview } : {}),
  };
}
