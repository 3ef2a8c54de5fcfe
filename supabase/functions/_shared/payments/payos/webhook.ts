import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ProviderEvent, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import { isFields, isText, isWhole } from './fields.ts';
import { referenceOf } from './order-code.ts';
import { readTransfer, reportOf } from './report.ts';
import { dataText } from './sign.ts';

type Fields = Record<string, unknown>;

// DO NOT read `code`, `desc` and `success` beside `data`: nobody signs them
function readEnvelope(body: string): { data: Fields; text: string; signature: string } | null {
  try {
    const envelope: unknown = JSON.parse(body);
    if (!isFields(envelope) || !isFields(envelope.data)) return null;
    const signature = typeof envelope.signature === 'string' ? envelope.signature : '';
    // data may also be nested too deep for JSON.stringify
    return { data: envelope.data, text: dataText(envelope.data), signature };
  } catch {
    return null;
  }
}

function readEvent(data: Fields, feedAccount: string | undefined): ProviderEvent | null {
  const { orderCode, amount, currency, code } = data;
  if (!isWhole(orderCode, 0) || !isWhole(amount, 0) || !isText(code)) return null;
  // PayOS sends this, genuinely signed, when the address is registered; the amount tells it from a real order
  // 123
  if (orderCode === 123 && amount === 3_000) {
    const eventId = ['123', isText(data.reference) ? data.reference : '0', 'sample', amount].join(':');
    return { kind: 'ignored', eventId, reason: 'sample' };
  }
  if (!isText(currency) || !/^[A-Z]{3}$/.test(currency)) return null;
  if (code === '00') {
    const report = readTransfer(data, orderCode, currency, feedAccount);
    return report && { kind: 'payment', report };
  }
  const transactionId = isText(data.reference) ? data.reference : null;
  const facts = { orderCode, amount, currency, transactionId, failureCode: code };
  return { kind: 'payment', report: reportOf({ ...facts, outcome: 'failed' }) };
}

/**
 * Verifies and reads a notification. The key belongs to the channel of one merchant, so the message of another
 * merchant has a bad signature. PayOS names the merchant nowhere else.
 */
export async function constructEvent(
  request: Pick<WebhookRequest, 'body'>,
  signer: Signer,
  feedAccount?: string,
): Promise<ConstructedEvent> {
  const envelope = readEnvelope(request.body);
  if (envelope === null) return { verified: false, reason: 'malformed' };
  if (!(await signer.verify(envelope.text, envelope.signature))) {
    return { verified: false, reason: 'bad_signature' };
  }
  const event = readEvent(envelope.data, feedAccount);
  if (event) return { verified: true, event };
  const { orderCode } = envelope.data;
  return unreadable(envelope.text, isWhole(orderCode, 0) ? referenceOf(orderCode) : null);
}

/**
 * Any 2xx ends the notification. PayOS refuses to register an address that does not answer 2xx to its sample,
 * which is about an unknown order. Only messages that are not from PayOS, and those that we could not store or
 * read, get another answer.
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
