// ZaloPay's signatures. This code uses node:crypto and not the code under test: a mistake that both sides share
// would otherwise stay hidden.
import { createHmac, timingSafeEqual } from 'node:crypto';

export function hmac(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('hex');
}

/** Whether a text was signed with a key. */
export function isSigned(key: string, text: string, mac: unknown): boolean {
  const given = Buffer.from(String(mac).toLowerCase());
  const wanted = Buffer.from(hmac(key, text));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** A call of the merchant: its fields as they came, as JSON or as a form. */
export type Message = Record<string, unknown>;

const text = (message: Message, name: string): string =>
  message[name] === undefined || message[name] === null ? '' : `${message[name]}`;

/** What key1 signs in a new order. */
export function orderText(m: Message): string {
  const [appId, id, user] = [text(m, 'app_id'), text(m, 'app_trans_id'), text(m, 'app_user')];
  return `${appId}|${id}|${user}|${text(m, 'amount')}|${text(m, 'app_time')}|${text(m, 'embed_data')}|${text(m, 'item')}`;
}

/** What key1 signs in a query about an order. The key is part of it. */
export function queryText(m: Message, key1: string): string {
  return `${text(m, 'app_id')}|${text(m, 'app_trans_id')}|${key1}`;
}

/** What key1 signs in an order to refund. The refund's id is not part of it. */
export function refundText(m: Message): string {
  const money = `${text(m, 'app_id')}|${text(m, 'zp_trans_id')}|${text(m, 'amount')}`;
  const fee = text(m, 'refund_fee_amount');
  return `${money}${fee === '' ? '' : `|${fee}`}|${text(m, 'description')}|${text(m, 'timestamp')}`;
}

/** What key1 signs in a query about a refund. */
export function refundQueryText(m: Message): string {
  return `${text(m, 'app_id')}|${text(m, 'm_refund_id')}|${text(m, 'timestamp')}`;
}

/** What key2 signs in the return address. */
export function returnText(p: Record<string, string>): string {
  return `${p.appid}|${p.apptransid}|${p.pmcid}|${p.bankcode}|${p.amount}|${p.discountamount}|${p.status}`;
}
