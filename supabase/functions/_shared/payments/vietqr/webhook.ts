import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ProviderEvent, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import { referenceOf, reportOf, transactionIdOf } from './report.ts';

// SePay recommends this against replays
const maxDriftSeconds = 300;

/** What reading a notification needs. */
export interface WebhookTools {
  signer: Signer;
  accountNumber: string;
  now(): number;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether SePay signed this body just now. */
async function isGenuine({ body, headers }: WebhookRequest, { signer, now }: WebhookTools): Promise<boolean> {
  const timestamp = headers.get('x-sepay-timestamp') ?? '';
  const [, signature = ''] = /^sha256=([0-9a-f]{64})$/i.exec(headers.get('x-sepay-signature') ?? '') ?? [];
  if (!(await signer.verify(`${timestamp}.${body}`, signature))) return false;
  return /^\d{1,12}$/.test(timestamp) && Math.abs(now() / 1000 - Number(timestamp)) <= maxDriftSeconds;
}

// SePay's button "send a test" invents a transfer to the real account and signs it. DO NOT book it: the money
// does not exist. If somebody really writes this text with a transfer, an admin sees it.
function isTrial(content: unknown): boolean {
  return typeof content === 'string' && /^\s*giao dich thu nghiem/i.test(content);
}

function readEvent(fields: Record<string, unknown>): ProviderEvent | null {
  const { id, transferType, transferAmount, content, code } = fields;
  if (transferType === 'out') {
    const transactionId = transactionIdOf(id);
    if (transactionId === null) return null;
    return { kind: 'ignored', eventId: `out:${transactionId}`, reason: 'outgoing' };
  }
  if (transferType !== 'in' || typeof transferAmount !== 'number') return null;
  const report = reportOf({ id, amount: transferAmount, content, code });
  if (report !== null && report.reference === null && isTrial(content)) {
    const { eventId } = report;
    return { kind: 'needs_review', eventId, reference: null, reason: 'looks like a trial of the bank feed' };
  }
  return report && { kind: 'payment', report };
}

/** Verifies and reads a notification of the bank feed. */
export async function constructEvent(
  request: WebhookRequest,
  tools: WebhookTools,
): Promise<ConstructedEvent> {
  if (!(await isGenuine(request, tools))) return { verified: false, reason: 'bad_signature' };
  const fields = parse(request.body);
  if (fields === null) return unreadable(request.body, null);
  const { accountNumber, content, code } = fields;
  const named =
    typeof accountNumber === 'number' || (typeof accountNumber === 'string' && accountNumber !== '');
  if (named && accountNumber !== tools.accountNumber) return { verified: false, reason: 'foreign_merchant' };
  const event = readEvent(fields);
  if (event === null || !named) return unreadable(request.body, referenceOf({ content, code }));
  return { verified: true, event };
}

/**
 * 200 and `{"success": true}` end the notification. Otherwise SePay calls up to seven more times. Everything
 * that was stored and read is a success, because a repeat does not help to place money.
 */
export function respond(outcome: WebhookOutcome): Response {
  switch (outcome) {
    case 'bad_signature':
    case 'foreign_merchant':
      return Response.json({ success: false }, { status: 401 });
    case 'malformed':
      return Response.json({ success: false }, { status: 400 });
    case 'unreadable':
    case 'error':
      return Response.json({ success: false }, { status: 500 });
    default:
      return Response.json({ success: true });
  }
}
