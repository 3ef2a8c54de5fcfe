import type { PaymentReport } from '../provider.ts';

/** What VNPay says of a payment, in a notification or an answer. */
interface VnpayFacts {
  reference: string;
  amount: string;
  /** Of the notification; answers have none of their own. */
  responseCode: string;
  transactionStatus: string;
  transactionNo: string;
}

function outcomeOf(responseCode: string, status: string): PaymentReport['outcome'] {
  if (responseCode === '00' && status === '00') return 'succeeded';
  // 07: money taken and under suspicion; 01: not finished; 04: taken at the bank, not arrived at VNPay
  if (responseCode === '07' || status === '01' || status === '04' || status === '07') return 'pending';
  return 'failed';
}

/** Reads VNPay's facts; null when the amount is not a whole number of đồng, or a success has no number. */
export function readReport(facts: VnpayFacts): PaymentReport | null {
  if (!/^\d{1,15}00$/.test(facts.amount) || facts.reference === '') return null;
  const amount = Number(facts.amount) / 100;
  const outcome = outcomeOf(facts.responseCode, facts.transactionStatus);
  const transactionId = /^0*$/.test(facts.transactionNo) ? null : facts.transactionNo;
  if (outcome === 'succeeded' && transactionId === null) return null;
  const failureCode = facts.responseCode !== '00' ? facts.responseCode : `status_${facts.transactionStatus}`;
  return {
    outcome,
    reference: facts.reference,
    amount,
    currency: 'VND',
    transactionId,
    failureCode: outcome === 'succeeded' ? null : failureCode,
    eventId: [facts.reference, transactionId ?? '0', outcome, amount].join(':'),
  };
}
