import { randomUUID } from 'node:crypto';
import type { SandboxAnswer, SandboxRequest } from '../answers.ts';
import { isoClock, type PayosContext } from './context.ts';
import { payoutReply, refusal } from './replies.ts';
import { hmac, isEqual, payoutText } from './sign.ts';
import type { Payout } from './store.ts';

type State = 'RECEIVED' | 'PROCESSING' | 'SUCCEEDED' | 'FAILED';

// the bank does not know the account, or the test wants a refusal
function isRejected(payout: Payout, context: PayosContext): boolean {
  const verdict = context.store.verdicts.get(payout.referenceId);
  return verdict === undefined ? payout.toAccountNumber.endsWith('0000') : verdict === 'reject';
}

/** The state of a payout: received, then at the bank, then paid or refused for good. */
export function stateOf(payout: Payout, context: PayosContext): State {
  if (payout.ended) return payout.ended;
  const age = Date.now() - payout.orderedAt;
  if (age < context.stepMs) return 'RECEIVED';
  if (age < 2 * context.stepMs) return 'PROCESSING';
  payout.ended = isRejected(payout, context) ? 'FAILED' : 'SUCCEEDED';
  if (payout.ended === 'FAILED') context.store.balance += payout.amount;
  context.store.save();
  return payout.ended;
}

function viewOf(payout: Payout, context: PayosContext): object {
  const { id, referenceId, amount, description, toBin, toAccountNumber, category } = payout;
  const state = stateOf(payout, context);
  const failed = state === 'FAILED';
  const paid = state === 'SUCCEEDED';
  const transfer = {
    ...{ id: payout.transferId, referenceId, amount, description, toBin, toAccountNumber },
    toAccountName: failed ? null : 'NGUYEN VAN A',
    reference: paid ? `FT${payout.transferId.slice(-8).toUpperCase()}` : null,
    transactionDatetime: paid ? isoClock(payout.orderedAt) : null,
    errorMessage: failed ? 'The bank does not know the account' : null,
    errorCode: failed ? 'INVALID_DESTINATION' : null,
    state,
  };
  const approvalState = failed ? 'FAILED' : paid ? 'COMPLETED' : 'PROCESSING';
  const createdAt = isoClock(payout.orderedAt);
  return { id, referenceId, transactions: [transfer], category, approvalState, createdAt };
}

function problemOf(order: Record<string, unknown>): string | null {
  if (!/^\S{1,100}$/.test(String(order.referenceId ?? ''))) return 'referenceId';
  if (!/^\d{6}$/.test(String(order.toBin ?? ''))) return 'toBin';
  if (!/^[0-9A-Za-z]{4,32}$/.test(String(order.toAccountNumber ?? ''))) return 'toAccountNumber';
  return /^[\x20-\x7e]{1,25}$/.test(String(order.description ?? '')) ? null : 'description';
}

function orderPayout(
  order: Record<string, unknown>,
  headers: SandboxRequest['headers'],
  context: PayosContext,
): SandboxAnswer {
  const { store, payout: merchant } = context;
  if (!isEqual(headers['x-signature'] ?? '', hmac(merchant.checksumKey, payoutText(order)))) {
    return refusal('PAYMENT_REQUEST_DATA_SIGNATURE_INCORRECT', 'the signature is wrong', 400);
  }
  const key = headers['x-idempotency-key'] ?? '';
  if (!/^[\w-]{16,100}$/.test(key)) return refusal('INVALID_IDEMPOTENCY_KEY', 'the key is malformed', 400);
  if (store.payouts.some(({ idempotencyKey }) => idempotencyKey === key)) {
    return refusal('DUPLICATE_IDEMPOTENCY_KEY', 'the key was used before', 400);
  }
  const problem = problemOf(order);
  if (problem) return refusal('INVALID_PARAM', `${problem} is malformed`, 400);
  const { amount } = order;
  if (typeof amount !== 'number' || !Number.isInteger(amount) || amount < 1) {
    return refusal('AMOUNT_NOT_INTEGER', 'amount must be a whole number', 400);
  }
  if (amount > store.balance) return refusal('BALANCE_NOT_ENOUGH', 'the balance is not enough', 400);
  const made: Payout = {
    id: `batch_${randomUUID().replaceAll('-', '')}`,
    transferId: `batch_txn_${randomUUID().replaceAll('-', '')}`,
    idempotencyKey: key,
    referenceId: String(order.referenceId),
    amount,
    description: String(order.description),
    toBin: String(order.toBin),
    toAccountNumber: String(order.toAccountNumber),
    category: Array.isArray(order.category) ? order.category.map(String) : null,
    orderedAt: Date.now(),
    ended: null,
  };
  store.balance -= amount;
  // an order with a used reference is paid too: PayOS looks only at the idempotency key
  store.payouts.push(made);
  store.save();
  return payoutReply(viewOf(made, context), merchant.checksumKey);
}

function listPayouts(query: URLSearchParams, context: PayosContext): SandboxAnswer {
  const reference = query.get('referenceId');
  const limit = Math.min(100, Number(query.get('limit') ?? 10));
  const offset = Number(query.get('offset') ?? 0);
  const found = context.store.payouts.filter(
    (payout) => reference === null || payout.referenceId === reference,
  );
  const shown = found.slice(offset, offset + limit);
  const pagination = {
    ...{ limit, offset, total: found.length, count: shown.length },
    hasMore: offset + shown.length < found.length,
  };
  const payouts = shown.map((payout) => viewOf(payout, context));
  return payoutReply({ pagination, payouts }, context.payout.checksumKey);
}

/** The API of the payout channel, which has its own keys; null for other requests. */
export function payoutsApi(
  request: SandboxRequest,
  body: () => Record<string, unknown>,
  context: PayosContext,
): SandboxAnswer | null {
  const path = request.url.pathname.replace(/^\/payos\/v1\//, '').replace(/\/$/, '');
  const { clientId, apiKey, checksumKey } = context.payout;
  if (request.headers['x-client-id'] !== clientId || request.headers['x-api-key'] !== apiKey) {
    return refusal('PAYOUT_API_KEY_NOT_FOUND', 'there is no such key', 401);
  }
  if (path === 'payouts') {
    if (request.method === 'POST') return orderPayout(body(), request.headers, context);
    return listPayouts(request.url.searchParams, context);
  }
  if (path === 'payouts-account/balance') {
    const balance = String(context.store.balance);
    const data = { accountNumber: 'PAYOUT0001', accountName: 'JOURNEY SANDBOX', currency: 'VND', balance };
    return payoutReply(data, checksumKey);
  }
  const id = /^payouts\/([\w-]+)$/.exec(path)?.[1];
  if (id === undefined) return null;
  const found = context.store.payouts.find((payout) => payout.id === id);
  if (!found) return refusal('PAYOUT_BATCH_NOT_FOUND', 'there is no such payout', 404);
  return payoutReply(viewOf(found, context), checksumKey);
}
