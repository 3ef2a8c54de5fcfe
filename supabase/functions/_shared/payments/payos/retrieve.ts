import { appError } from '../../errors.ts';
import type { AttemptInput, PaymentReport, Retrieved } from '../provider.ts';
import { callPayos, isBusy, type PayosAnswer, type PayosTools, unknownOrder } from './api.ts';
import { isFields, isWhole } from './fields.ts';
import { orderCodeOf } from './order.ts';
import { readTransfer, reportOf } from './report.ts';

// PAID and UNDERPAID stand here only together with transfers
const outcomes: Record<string, PaymentReport['outcome']> = {
  PENDING: 'pending',
  PROCESSING: 'pending',
  EXPIRED: 'failed',
  CANCELLED: 'failed',
  FAILED: 'failed',
};

function ask(orderCode: number, tools: PayosTools): Promise<PayosAnswer> {
  return callPayos('GET', `/v2/payment-requests/${orderCode}`, undefined, tools);
}

function reportsOf(data: Record<string, unknown>, orderCode: number): PaymentReport[] | null {
  const { amount, transactions } = data;
  if (!isWhole(amount, 0) || !Array.isArray(transactions)) return null;
  if (transactions.length > 0) {
    const reports = transactions
      .filter(isFields)
      .map((transfer) => readTransfer(transfer, orderCode, 'VND'))
      .filter((report) => report !== null);
    return reports.length === transactions.length ? reports : null;
  }
  const status = String(data.status);
  const outcome = Object.hasOwn(outcomes, status) ? outcomes[status] : undefined;
  if (outcome === undefined) return null;
  const failureCode = outcome === 'failed' ? status : null;
  return [reportOf({ outcome, orderCode, amount, currency: 'VND', transactionId: null, failureCode })];
}

/** Asks PayOS what became of an attempt: a report for each transfer, or one of how it stands. */
export async function retrievePayos(input: AttemptInput, tools: PayosTools): Promise<Retrieved> {
  const orderCode = orderCodeOf(input.reference);
  const { code, signed, data } = await ask(orderCode, tools);
  if (code === unknownOrder) return { kind: 'not_found', signed: false };
  if (isBusy(code)) return { kind: 'try_later', reason: code };
  if (code !== '00') return { kind: 'no_information', reason: code };
  if (!signed) return { kind: 'no_information', reason: 'unsigned' };
  if (data.orderCode !== orderCode) return { kind: 'no_information', reason: 'other_reference' };
  const reports = reportsOf(data, orderCode);
  return reports ? { kind: 'reports', reports } : { kind: 'no_information', reason: 'malformed' };
}

const ended = ['CANCELLED', 'EXPIRED', 'FAILED', 'PAID'];

/**
 * Ends a link. One that has ended already, or was never made, needs no more; money that had come through it is
 * told by notifications and `retrievePayos`, as ever.
 */
export async function cancelPayos(input: AttemptInput, tools: PayosTools): Promise<'cancelled'> {
  const orderCode = orderCodeOf(input.reference);
  const reason = { cancellationReason: 'Closed by the merchant' };
  const answer = await callPayos('POST', `/v2/payment-requests/${orderCode}/cancel`, reason, tools);
  if (answer.code === unknownOrder) return 'cancelled';
  const isOver = ({ code, signed, data }: PayosAnswer): boolean =>
    code === '00' && signed && data.orderCode === orderCode && ended.includes(String(data.status));
  if (isOver(answer) || isOver(await ask(orderCode, tools))) return 'cancelled';
  const cause = new Error(`PayOS did not cancel ${input.reference} (${answer.code})`);
  throw appError('provider_unavailable', { provider: 'payos' }, cause);
}
