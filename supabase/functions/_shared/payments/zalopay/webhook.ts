import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, PaymentReturn, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import type { ZalopayConfig } from './config.ts';
import { readKeepingDigits, readObject, textOf } from './json.ts';
import { referenceOf } from './order-id.ts';
import { paidReport } from './report.ts';
import { returnText } from './sign.ts';

/**
 * Verifies and reads a notification. ZaloPay sends them for successes only. It signs the text in `data` exactly
 * as it stands there. It does not sign `type`, so we do not read it.
 */
export async function constructEvent(
  { body }: Pick<WebhookRequest, 'body'>,
  config: ZalopayConfig,
  key2: Signer,
): Promise<ConstructedEvent> {
  const envelope = readObject(body);
  if (typeof envelope?.data !== 'string' || typeof envelope.mac !== 'string') {
    return { verified: false, reason: 'malformed' };
  }
  if (!(await key2.verify(envelope.data, envelope.mac))) return { verified: false, reason: 'bad_signature' };
  const data = readKeepingDigits(envelope.data);
  const value = (name: string): string => textOf(data?.[name]);
  const merchant = value('app_id');
  if (merchant !== '' && merchant !== config.appId) return { verified: false, reason: 'foreign_merchant' };
  const report = paidReport(value('app_trans_id'), value('amount'), value('zp_trans_id'));
  if (report === null || merchant === '') {
    return unreadable(envelope.data, referenceOf(value('app_trans_id')));
  }
  return { verified: true, event: { kind: 'payment', report } };
}

function statusOf(code: string): PaymentReturn['status'] {
  if (code === '1') return 'succeeded';
  // -49: the payer left; other codes below zero: refused
  return /^-\d+$/.test(code) ? 'failed' : 'pending';
}

/** Reads a return address, signed with key2. */
export async function readReturn(query: string, config: ZalopayConfig, key2: Signer): Promise<PaymentReturn> {
  const params = new URLSearchParams(query);
  const names = [...params.keys()];
  const once = new Set(names).size === names.length;
  const signed = once && (await key2.verify(returnText(params), params.get('checksum') ?? ''));
  if (!signed || params.get('appid') !== config.appId) return { status: 'unverified', reference: null };
  return {
    status: statusOf(params.get('status') ?? ''),
    reference: referenceOf(params.get('apptransid') ?? ''),
  };
}

// ZaloPay's documents disagree about 2 and -1. They agree that 1 ends the notification and that 0 makes it come
// again.
const done = [1, 'success'] as const;
const answers: Record<WebhookOutcome, readonly [code: number, message: string]> = {
  applied: done,
  duplicate: done,
  // kept for an admin, or nothing to settle: another call would not help
  unmatched: done,
  refunded_late: done,
  part_received: done,
  recorded: done,
  needs_review: done,
  ignored: done,
  unknown_reference: [2, 'order not found'],
  amount_mismatch: [2, 'invalid amount'],
  bad_signature: [2, 'mac not equal'],
  foreign_merchant: [2, 'invalid app_id'],
  malformed: [2, 'invalid data'],
  unreadable: [0, 'try again'],
  error: [0, 'try again'],
};

/** ZaloPay reads the result from the body. The status is always 200. */
export function respond(outcome: WebhookOutcome): Response {
  const [return_code, return_message] = answers[outcome];
  return Response.json({ return_code, return_message });
}
