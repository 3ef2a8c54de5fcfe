import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, PaymentReturn, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import type { MomoConfig } from './config.ts';
import { isRefundOrder } from './refund-id.ts';
import { readReport } from './report.ts';
import { signedFields, signedText } from './sign.ts';

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Verifies and reads the facts MoMo signs, which a notification and a return address carry alike. */
async function readResult(
  facts: Readonly<Record<string, unknown>>,
  config: MomoConfig,
  signer: Signer,
): Promise<ConstructedEvent> {
  const { signature, partnerCode, orderId } = facts;
  const signed = signedText('result', facts, config.accessKey);
  if (typeof signature !== 'string' || !(await signer.verify(signed, signature))) {
    return { verified: false, reason: 'bad_signature' };
  }
  const named = typeof partnerCode === 'string' && partnerCode !== '';
  if (named && partnerCode !== config.partnerCode) return { verified: false, reason: 'foreign_merchant' };
  const report = readReport(facts);
  if (report === null || !named) return unreadable(signed, orderId);
  // MoMo announces no notifications of refunds; should one come, it is not money that came in
  if (isRefundOrder(orderId)) {
    return {
      verified: true,
      event: { kind: 'ignored', eventId: report.eventId, reason: 'about a refund, which is asked about' },
    };
  }
  return { verified: true, event: { kind: 'payment', report } };
}

/** Verifies and reads a notification, a JSON object in the body. */
export async function constructEvent(
  request: Pick<WebhookRequest, 'body'>,
  config: MomoConfig,
  signer: Signer,
): Promise<ConstructedEvent> {
  const facts = parseObject(request.body);
  return facts === null ? { verified: false, reason: 'malformed' } : readResult(facts, config, signer);
}

/** Reads a return address, which is signed as a notification is. Our own parameters stand beside MoMo's. */
export async function readReturn(query: string, config: MomoConfig, signer: Signer): Promise<PaymentReturn> {
  const unverified: PaymentReturn = { status: 'unverified', reference: null };
  const params = new URLSearchParams(query);
  const names = [...signedFields('result'), 'signature'];
  // a repeated parameter could be read one way and signed another
  if (names.some((name) => params.getAll(name).length > 1)) return unverified;
  const facts = Object.fromEntries(names.map((name) => [name, params.get(name)]));
  const constructed = await readResult(facts, config, signer);
  if (!constructed.verified || constructed.event.kind !== 'payment') return unverified;
  const { outcome, reference } = constructed.event.report;
  return { status: outcome, reference };
}

const refused = new Map<WebhookOutcome, number>([
  ['bad_signature', 400],
  ['foreign_merchant', 400],
  ['malformed', 400],
  ['unreadable', 500],
  ['error', 500],
]);

/**
 * 204 without a body ends the notification. Our response does not make MoMo refund or take money. So every genuine
 * message that we can read gets 204, even when we cannot use it. Only a failure on our side makes MoMo call again.
 */
export function respond(outcome: WebhookOutcome): Response {
  return new Response(null, { status: refused.get(outcome) ?? 204 });
}
