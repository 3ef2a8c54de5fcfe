// MoMo's signatures. This code uses node:crypto and not the code under test: a mistake that both sides share
// would otherwise stay hidden.
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Message = Record<string, unknown>;

/** The signing key of a merchant. Every text contains the access key; the secret makes the MAC. */
export interface Keys {
  accessKey: string;
  secretKey: string;
}

export const createText = ({ accessKey }: Keys, m: Message): string =>
  `accessKey=${accessKey}&amount=${m.amount}&extraData=${m.extraData}&ipnUrl=${m.ipnUrl}&orderId=${m.orderId}` +
  `&orderInfo=${m.orderInfo}&partnerCode=${m.partnerCode}&redirectUrl=${m.redirectUrl}` +
  `&requestId=${m.requestId}&requestType=${m.requestType}`;

export const queryText = ({ accessKey }: Keys, m: Message): string =>
  `accessKey=${accessKey}&orderId=${m.orderId}&partnerCode=${m.partnerCode}&requestId=${m.requestId}`;

export const refundText = ({ accessKey }: Keys, m: Message): string =>
  `accessKey=${accessKey}&amount=${m.amount}&description=${m.description ?? ''}&orderId=${m.orderId}` +
  `&partnerCode=${m.partnerCode}&requestId=${m.requestId}&transId=${m.transId}`;

/** Of the notification and the return address. */
export const resultText = ({ accessKey }: Keys, m: Message): string =>
  `accessKey=${accessKey}&amount=${m.amount}&extraData=${m.extraData}&message=${m.message}` +
  `&orderId=${m.orderId}&orderInfo=${m.orderInfo}&orderType=${m.orderType}&partnerCode=${m.partnerCode}` +
  `&payType=${m.payType}&requestId=${m.requestId}&responseTime=${m.responseTime}` +
  `&resultCode=${m.resultCode}&transId=${m.transId}`;

export function hmac(secretKey: string, text: string): string {
  return createHmac('sha256', secretKey).update(text, 'utf8').digest('hex');
}

export function isSigned(signature: unknown, text: string, secretKey: string): boolean {
  const left = Buffer.from(String(signature ?? '').toLowerCase());
  const right = Buffer.from(hmac(secretKey, text));
  return left.length === right.length && timingSafeEqual(left, right);
}
