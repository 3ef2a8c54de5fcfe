import type { RefundResult } from '../provider.ts';
import type { TransferInput } from '../transfers.ts';
import { isFields, isText } from './fields.ts';

type Status = 'succeeded' | 'processing' | 'failed';

const ofTransfer: Record<string, Status> = {
  RECEIVED: 'processing',
  PROCESSING: 'processing',
  ON_HOLD: 'processing',
  SUCCEEDED: 'succeeded',
  CANCELLED: 'failed',
  // left and came back
  REVERSED: 'failed',
  FAILED: 'failed',
};
const refusedOrders = ['REJECTED', 'CANCELLED', 'FAILED'];

function resultOf(id: string, transfer: Record<string, unknown>, approvalState: string): RefundResult {
  const state = String(transfer.state);
  const status = Object.hasOwn(ofTransfer, state) ? ofTransfer[state] : undefined;
  if (status === undefined) return { known: false, status: 'no_information', reason: `state_${state}` };
  // an order that was refused before the bank saw it leaves its transfer as it was
  if (state === 'RECEIVED' && refusedOrders.includes(approvalState)) {
    return { known: true, status: 'failed', refundId: id, code: approvalState };
  }
  const code = status === 'failed' && isText(transfer.errorCode) ? transfer.errorCode : state;
  return { known: true, status, refundId: id, code };
}

/**
 * How a payout stands that goes by our reference. Words we do not know prove nothing, and neither does one to
 * another account or of another sum.
 */
export function readPayout(value: unknown, input: TransferInput): RefundResult {
  const strange: RefundResult = { known: false, status: 'no_information', reason: 'other_transfer' };
  if (!isFields(value) || !isText(value.id) || value.referenceId !== input.reference) return strange;
  const { id, transactions, approvalState } = value;
  const transfer: unknown = Array.isArray(transactions) ? transactions[0] : undefined;
  if (!isFields(transfer) || !isText(transfer.state) || !isText(approvalState)) return strange;
  const ours =
    Array.isArray(transactions) &&
    transactions.length === 1 &&
    transfer.amount === input.amount &&
    transfer.toBin === input.bankBin &&
    transfer.toAccountNumber === input.accountNumber;
  return ours ? resultOf(id, transfer, approvalState) : strange;
}
