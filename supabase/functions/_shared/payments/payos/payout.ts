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
  // it was sent and came back
  REVERSED: 'failed',
  FAILED: 'failed',
};
const refusedOrders = ['REJECTED', 'CANCELLED', 'FAILED'];

function resultOf(id: string, transfer: Record<string, unknown>, approvalState: string): RefundResult {
  const state = String(transfer.state);
  const status = Object.hasOwn(ofTransfer, state) ? ofTransfer[state] : undefined;
  if (status === undefined) return { known: false, status: 'no_information', reason: `state_${state}` };
  // an order that was refused before it reached the bank leaves the state of its transfer unchanged
  if (state === 'RECEIVED' && refusedOrders.includes(approvalState)) {
    return { known: true, status: 'failed', refundId: id, code: approvalState };
  }
  const code = status === 'failed' && isText(transfer.errorCode) ? transfer.errorCode : state;
  return { known: true, status, refundId: id, code };
}

/**
 * The state of a payout that has our reference. A state that we do not know proves nothing. Neither does a
 * payout to another account or of another amount.
 */
export function readPayout(value: unknown, input: TransferInput): RefundResult {
  const unrelated: RefundResult = { known: false, status: 'no_information', reason: 'other_transfer' };
  if (!isFields(value) || !isText(value.id) || value.referenceId !== input.reference) return unrelated;
  const { id, transactions, approvalState } = value;
  const transfer: unknown = Array.isArray(transactions) ? transactions[0] : undefined;
  if (!isFields(transfer) || !isText(transfer.state) || !isText(approvalState)) return unrelated;
  const ours =
    Array.isArray(transactions) &&
    transactions.length === 1 &&
    transfer.amount === input.amount &&
    transfer.toBin === input.bankBin &&
    transfer.toAccountNumber === input.accountNumber;
  return ours ? resultOf(id, transfer, approvalState) : unrelated;
}
