import type { Env } from '../../env.ts';
import { sha256Hex } from '../../secrets.ts';
import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import { plainText } from '../plain-text.ts';
import type { RefundResult } from '../provider.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';
import type { TransferInput, TransferProvider } from '../transfers.ts';
import { isBusy } from './api.ts';
import { payosTestHosts, publicPayosSecrets, withoutSlash } from './config.ts';
import { isWhole } from './fields.ts';
import { readPayout } from './payout.ts';
import { callPayouts, type PayosTransfersConfig, type PayoutAnswer, type PayoutTools } from './payout-api.ts';

export type { PayosTransfersConfig } from './payout-api.ts';

/**
 * The settings of PayOS's payout channel, or null when none is set. Its keys are not those of payments. Throws
 * when only some are set, or when production would use publicly known keys.
 */
export function payosTransfersConfig(env: Env): PayosTransfersConfig | null {
  const settings = readSettings(env, [
    'PAYOS_PAYOUT_CLIENT_ID',
    'PAYOS_PAYOUT_API_KEY',
    'PAYOS_PAYOUT_CHECKSUM_KEY',
    'PAYOS_PAYOUT_API_URL',
  ]);
  if (settings === null) return null;
  checkSecret(env, 'PAYOS_PAYOUT_API_KEY', settings.PAYOS_PAYOUT_API_KEY, publicPayosSecrets);
  checkSecret(env, 'PAYOS_PAYOUT_CHECKSUM_KEY', settings.PAYOS_PAYOUT_CHECKSUM_KEY, publicPayosSecrets);
  checkUrl(env, 'PAYOS_PAYOUT_API_URL', settings.PAYOS_PAYOUT_API_URL, payosTestHosts);
  return {
    name: 'payos',
    clientId: settings.PAYOS_PAYOUT_CLIENT_ID,
    apiKey: settings.PAYOS_PAYOUT_API_KEY,
    checksumKey: settings.PAYOS_PAYOUT_CHECKSUM_KEY,
    apiUrl: withoutSlash(settings.PAYOS_PAYOUT_API_URL),
  };
}

function unknownResult(reason: string): RefundResult {
  return { known: false, status: isBusy(reason) ? 'try_later' : 'no_information', reason };
}

const notFound = unknownResult('not_found');

function problemOf({ code, signed }: PayoutAnswer): RefundResult | null {
  if (code !== '00') return unknownResult(code);
  return signed ? null : unknownResult('unsigned');
}

// A reference belongs to one order. If more than one payout has it, those that moved money, or still may, count
// before the others.
async function find(input: TransferInput, tools: PayoutTools): Promise<RefundResult> {
  const query = new URLSearchParams({ referenceId: input.reference, limit: '100', offset: '0' });
  const answer = await callPayouts(`?${query}`, null, tools);
  const problem = problemOf(answer);
  if (problem) return problem;
  if (!Array.isArray(answer.data.payouts)) return unknownResult('malformed');
  const results = answer.data.payouts.map((payout) => readPayout(payout, input));
  const known = (status: string) => results.find((result) => result.known && result.status === status);
  const unknown = results.find((result) => !result.known);
  return known('succeeded') ?? known('processing') ?? unknown ?? known('failed') ?? notFound;
}

// Refusals that prove that this call sent nothing.
const refusals = [
  'AMOUNT_NOT_INTEGER',
  'BALANCE_NOT_ENOUGH',
  'INVALID_DESTINATION',
  'PAYOUT_LIMIT_REACHED',
  'PAYOUT_MAX_EXCEEDED_PER_TIME',
  'PAYOUT_MIN_EXCEEDED_PER_TIME',
];

// PayOS wants a UUID; this one is a hash of the order's own key
async function idempotencyKey(requestKey: string): Promise<string> {
  const hex = await sha256Hex(requestKey);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

// Look for the payout before sending it: a repeat may come days later, and PayOS does not publish how long it
// remembers an idempotency key. The key protects against two calls at the same moment. A payout that failed
// stays failed; a new order has another reference.
async function send(input: TransferInput, tools: PayoutTools): Promise<RefundResult> {
  if (input.currency !== 'VND' || !isWhole(input.amount, 1)) {
    return { known: true, status: 'failed', refundId: null, code: 'amount_unsupported', byUs: true };
  }
  const before = await find(input, tools);
  if (before !== notFound) return before;
  const message = {
    referenceId: input.reference,
    amount: input.amount,
    description: plainText(input.message, 25),
    toBin: input.bankBin,
    toAccountNumber: input.accountNumber,
  };
  const order = { message, idempotencyKey: await idempotencyKey(input.requestKey) };
  const answer = await callPayouts('', order, tools);
  // another call for the same order was first
  if (answer.code === 'DUPLICATE_IDEMPOTENCY_KEY') return find(input, tools);
  if (refusals.includes(answer.code)) {
    // for example because a call for the same order has just taken the money
    const after = await find(input, tools);
    if (after !== notFound) return after;
    const failed = { known: true, status: 'failed', refundId: null, code: answer.code } as const;
    return answer.code === 'INVALID_DESTINATION' ? failed : { ...failed, byUs: true };
  }
  return problemOf(answer) ?? readPayout(answer.data, input);
}

async function retrieve(input: TransferInput, tools: PayoutTools): Promise<RefundResult> {
  if (input.transferId === null) return find(input, tools);
  const answer = await callPayouts(`/${encodeURIComponent(input.transferId)}`, null, tools);
  return problemOf(answer) ?? readPayout(answer.data, input);
}

/** PayOS's payouts: transfers from the account of our payout channel. Throws on an empty checksum key. */
export function createPayosTransfers(
  config: PayosTransfersConfig,
  outside: Outside = { fetch, now: Date.now },
): TransferProvider {
  const tools: PayoutTools = { config, signer: createSigner(config.checksumKey, 'SHA-256'), ...outside };
  return {
    name: 'payos',
    send: (input) => send(input, tools),
    retrieve: (input) => retrieve(input, tools),
  };
}
