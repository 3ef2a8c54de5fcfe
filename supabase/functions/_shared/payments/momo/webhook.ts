import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ReturnNews, WebhookRequest } from '../provider.ts';
import type { MomoConfig } from './config.ts';
import { isRefundOrder } from './refund-order.ts';
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
  if (
    typeof signature !== 'string' ||
    !(await signer.verify(signedText('result', facts, config.accessKey), signature))
  ) {
    return { verified: false, reason: 'bad_signature' };
  }
  if (partnerCode !== config.partnerCode) return { verified: false, reason: 'foreign_merchant' };
  const report = readReport(facts);
  if (report === null) return { verified: false, reason: 'malformed' };
  // MoMo announces no notifications of refunds; should one come, it is not money that came in
  if (isRefundOrder(orderId)) {
    return {
      verified: true,
      news: { kind: 'nothing', eventId: report.eventId, reason: 'about a refund, which is asked about' },
    };
  }
  return { verified: true, news: { kind: 'payment', report } };
}

/** Verifies and reads a notification, a JSON object in the body. */
export async function constructMomoEvent(
  request: Pick<WebhookRequest, 'body'>,
  config: MomoConfig,
  signer: Signer,
): Promise<ConstructedEvent> {
  const facts = parseObject(request.body);
  return facts === null ? { verified: false, reason: 'malformed' } : readResult(facts, config, signer);
}

/** Reads a return address, which is signed as a notification is. Our own parameters stand beside MoMo's. */
export async function readMomoReturn(query: string, config: MomoConfig, signer: Signer): Promise<ReturnNews> {
  const unverified: ReturnNews = { status: 'unverified', reference: null };
  const params = new URLSearchParams(query);
  const names = [...signedFields('result'), 'signature'];
  // a repeated parameter could be read one way and signed another
  if (names.some((name) => params.getAll(name).length > 1)) return unverified;
  const facts = Object.fromEntries(names.map((name) => [name, params.get(name)]));
  const event = await readResult(facts, config, signer);
  if (!event.verified || event.news.kind !== 'payment') return unverified;
  const { outcome, reference } = event.news.report;
  return { status: outcome, reference };
}
