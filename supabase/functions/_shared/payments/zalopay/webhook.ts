import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, ReturnNews, WebhookRequest } from '../provider.ts';
import type { ZalopayConfig } from './config.ts';
import { readKeepingDigits, readObject, textOf } from './digits.ts';
import { referenceOf } from './order-id.ts';
import { paidReport } from './report.ts';
import { returnText } from './sign.ts';

/**
 * Verifies and reads a notification, which ZaloPay sends of successes only. Signed is the text in `data`,
 * exactly as it stands there; `type` beside it is not signed, so it is not read.
 */
export async function constructZalopayEvent(
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
  if (data === null) return { verified: false, reason: 'malformed' };
  const value = (name: string): string => textOf(data[name]);
  if (value('app_id') !== config.appId) return { verified: false, reason: 'foreign_merchant' };
  const report = paidReport(value('app_trans_id'), value('amount'), value('zp_trans_id'));
  return report
    ? { verified: true, news: { kind: 'payment', report } }
    : { verified: false, reason: 'malformed' };
}

function statusOf(code: string): ReturnNews['status'] {
  if (code === '1') return 'succeeded';
  // -49: the payer left; other codes below zero: refused
  return /^-\d+$/.test(code) ? 'failed' : 'pending';
}

/** Reads a return address, signed with key2. */
export async function readZalopayReturn(
  query: string,
  config: ZalopayConfig,
  key2: Signer,
): Promise<ReturnNews> {
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
