// VNPay's signatures. This code uses node:crypto and not the code under test: a mistake that both sides share
// would otherwise stay hidden.
import { createHmac, timingSafeEqual } from 'node:crypto';

export function hmac(secret: string, text: string): string {
  return createHmac('sha512', secret).update(text, 'utf8').digest('hex');
}

function equal(a: string, b: string): boolean {
  const left = Buffer.from(a.toLowerCase());
  const right = Buffer.from(b.toLowerCase());
  return left.length === right.length && timingSafeEqual(left, right);
}

// application/x-www-form-urlencoded, as PHP's urlencode writes it
function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, '+');
}

/** The signed text of links, returns and notifications. */
export function queryText(params: Record<string, string>): string {
  return Object.keys(params)
    .filter((key) => key.startsWith('vnp_') && !key.startsWith('vnp_SecureHash') && params[key] !== '')
    .sort()
    .map((key) => `${formEncode(key)}=${formEncode(params[key] ?? '')}`)
    .join('&');
}

/** Signs parameters: the whole query with its hash. */
export function signedQuery(params: Record<string, string>, secret: string): string {
  const text = queryText(params);
  return `${text}&vnp_SecureHash=${hmac(secret, text)}`;
}

export function isSignedQuery(params: Record<string, string>, secret: string): boolean {
  return equal(params.vnp_SecureHash ?? '', hmac(secret, queryText(params)));
}

/** The signed text of the merchant API: values in a fixed order, joined by `|`, empty when absent. */
export function valuesText(names: readonly string[], message: Record<string, unknown>): string {
  return names.map((name) => String(message[name] ?? '')).join('|');
}

export function isSignedMessage(
  names: readonly string[],
  message: Record<string, unknown>,
  secret: string,
): boolean {
  return equal(String(message.vnp_SecureHash ?? ''), hmac(secret, valuesText(names, message)));
}
