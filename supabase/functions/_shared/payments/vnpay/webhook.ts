import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ReturnNews, WebhookRequest } from '../provider.ts';
import type { VnpayConfig } from './config.ts';
import { readReport } from './report.ts';
import { canonicalQuery } from './sign.ts';

/**
 * Verifies and reads a notification or a return. Both carry the same signed parameters; ours, which have no
 * `vnp_` prefix, take no part in the signature.
 */
export async function constructVnpayEvent(
  request: Pick<WebhookRequest, 'query'>,
  config: VnpayConfig,
  signer: Signer,
): Promise<ConstructedEvent> {
  const params = new URLSearchParams(request.query);
  const value = (name: string): string => params.get(`vnp_${name}`) ?? '';
  const names = [...params.keys()].filter((key) => key.startsWith('vnp_'));
  // a repeated parameter could be read one way and signed another
  if (new Set(names).size !== names.length) return { verified: false, reason: 'malformed' };
  // decoded and encoded anew, since a proxy may have turned + into %20
  if (!(await signer.verify(canonicalQuery(params), value('SecureHash')))) {
    return { verified: false, reason: 'bad_signature' };
  }
  if (value('TmnCode') !== config.tmnCode) return { verified: false, reason: 'foreign_merchant' };
  const report = readReport({
    reference: value('TxnRef'),
    amount: value('Amount'),
    responseCode: value('ResponseCode'),
    transactionStatus: value('TransactionStatus'),
    transactionNo: value('TransactionNo'),
  });
  return report
    ? { verified: true, news: { kind: 'payment', report } }
    : { verified: false, reason: 'malformed' };
}

/** Reads a return address, which is signed as a notification is. */
export async function readVnpayReturn(
  query: string,
  config: VnpayConfig,
  signer: Signer,
): Promise<ReturnNews> {
  const event = await constructVnpayEvent({ query }, config, signer);
  if (!event.verified || event.news.kind !== 'payment') return { status: 'unverified', reference: null };
  const { outcome, reference } = event.news.report;
  return { status: outcome, reference };
}
