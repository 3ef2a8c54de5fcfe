import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ProviderEvent, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { isFields, isText, isWhole } from './fields.ts';
import { readTransfer, reportOf } from './report.ts';
import { dataText } from './sign.ts';

type Fields = Record<string, unknown>;

// `code`, `desc` and `success` stand beside `data` and are signed by nobody: they are not even read
function readEnvelope(body: string): { data: Fields; text: string; signature: string } | null {
  try {
    const envelope: unknown = JSON.parse(body);
    if (!isFields(envelope) || !isFields(envelope.data)) return null;
    const signature = typeof envelope.signature === 'string' ? envelope.signature : '';
    // nested too deep for JSON.stringify is possible too
    return { data: envelope.data, text: dataText(envelope.data), signature };
  } catch {
    return null;
  }
}

function readEvent(data: Fields): ProviderEvent | null {
  const { orderCode, amount, currency, code } = data;
  if (!isWhole(orderCode, 0) || !isWhole(amount, 0) || !isText(code)) return null;
  if (!isText(currency) || !/^[A-Z]{3}$/.test(currency)) return null;
  // sent when the address is registered, genuinely signed; the sum keeps it apart from a real order 123
  if (orderCode === 123 && amount === 3_000) {
    const eventId = ['123', isText(data.reference) ? data.reference : '0', 'sample', amount].join(':');
    return { kind: 'ignored', eventId, reason: 'sample' };
  }
  if (code === '00') {
    const report = readTransfer(data, orderCode, currency);
    return report && { kind: 'payment', report };
  }
  const transactionId = isText(data.reference) ? data.reference : null;
  const facts = { orderCode, amount, currency, transactionId, failureCode: code };
  return { kind: 'payment', report: reportOf({ ...facts, outcome: 'failed' }) };
}

/**
 * Verifies and reads a notification. The key belongs to one merchant's channel, so that a foreign merchant's
 * message is one with a bad signature; PayOS names the merchant nowhere else.
 */
export async function constructEvent(
  request: Pick<WebhookRequest, 'body'>,
  signer: Signer,
): Promise<ConstructedEvent> {
  const envelope = readEnvelope(request.body);
  if (envelope === null) return { verified: false, reason: 'malformed' };
  if (!(await signer.verify(envelope.text, envelope.signature))) {
    return { verified: false, reason: 'bad_signature' };
  }
  const event = readEvent(envelope.data);
  return event ? { verified: true, event } : { verified: false, reason: 'malformed' };
}

/**
 * Any 2xx is enough, and PayOS refuses to register an address that answers its sample, an unknown order, with
 * less. Only what is not PayOS's and what we could not store is answered otherwise.
 */
export function respond(outcome: WebhookOutcome): Response {
  switch (outcome) {
    case 'bad_signature':
    case 'foreign_merchant':
      return Response.json({ success: false }, { status: 401 });
    case 'malformed':
      return Response.json({ success: false }, { status: 400 });
    case 'error':
      return Response.json({ success: false }, { status: 500 });
    default:
      return Response.json({ success: true });
  }
}
