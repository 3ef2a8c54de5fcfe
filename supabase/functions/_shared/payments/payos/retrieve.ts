import type { AttemptInput, PaymentReport, RetrieveResult } from '../provider.ts';
import { callPayos, isBusy, type PayosAnswer, type PayosTools, unknownOrder } from './api.ts';
import { isFields, isWhole } from './fields.ts';
import { orderCodeOf } from './order-code.ts';
import { readTransfer, reportOf } from './report.ts';

// an order is PAID or UNDERPAID only together with its transfers
const outcomes: Record<string, PaymentReport['outcome']> = {
  PENDING: 'pending',
  PROCESSING: 'pending',
  EXPIRED: 'failed',
  CANCELLED: 'failed',
  FAILED: 'failed',
};

export function fetchOrder(orderCode: number, tools: PayosTools): Promise<PayosAnswer> {
  return callPayos('GET', `/v2/payment-requests/${orderCode}`, undefined, tools);
}

function reportsOf(
  data: Record<string, unknown>,
  orderCode: number,
  feedAccount: string | undefined,
): PaymentReport[] | null {
  const { amount, transactions } = data;
  if (!isWhole(amount, 0) || !Array.isArray(transactions)) return null;
  if (transactions.length > 0) {
    const reports = transactions
      .filter(isFields)
      .map((transfer) => readTransfer(transfer, orderCode, 'VND', feedAccount))
      .filter((report) => report !== null);
    return reports.length === transactions.length ? reports : null;
  }
  const status = String(data.status);
  const outcome = Object.hasOwn(outcomes, status) ? outcomes[status] : undefined;
  if (outcome === undefined) return null;
  const failureCode = outcome === 'failed' ? status : null;
  return [reportOf({ outcome, orderCode, amount, currency: 'VND', transactionId: null, failureCode })];
}

/** Asks PayOS for the result of an attempt: one report for each transfer, or one report of its state. */
export async function retrieve(input: AttemptInput, tools: PayosTools): Promise<RetrieveResult> {
  const orderCode = orderCodeOf(input.reference);
  const { code, signed, data } = await fetchOrder(orderCode, tools);
  if (code === unknownOrder) return { kind: 'not_found', signed: false };
  if (isBusy(code)) return { kind: 'try_later', reason: code };
  if (code !== '00') return { kind: 'no_information', reason: code };
  if (!signed) return { kind: 'no_information', reason: 'unsigned' };
  if (data.orderCode !== orderCode) return { kind: 'no_information', reason: 'other_reference' };
  const reports = reportsOf(data, orderCode, tools.config.feedAccount);
  return reports ? { kind: 'reports', reports } : { kind: 'no_information', reason: 'malformed' };
}
