// PayOS's signatures. This code uses node:crypto and not the code under test: a mistake that both sides share
// would otherwise stay hidden.
import { createHmac, timingSafeEqual } from 'node:crypto';

export function hmac(key: string, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('hex');
}

export function isEqual(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}

const linkFields = ['amount', 'cancelUrl', 'description', 'orderCode', 'returnUrl'];

/** The signed text of a request to create a link: five fields, as they came. */
export function linkText(request: Record<string, unknown>): string {
  return linkFields.map((name) => `${name}=${request[name]}`).join('&');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

/** The signed text of `data` in answers and notifications: every field by name, nulls empty. */
export function dataText(data: object): string {
  const fields = new Map<string, unknown>(Object.entries(data));
  const parts: string[] = [];
  for (const name of [...fields.keys()].sort()) {
    const value = fields.get(name) ?? '';
    if (Array.isArray(value)) {
      // sort the objects of a list, but not what is inside them
      const items = value.map((item) => JSON.stringify(sortKeys('', item)));
      parts.push(`${name}=[${items.join(',')}]`);
    } else if (typeof value === 'object') {
      parts.push(`${name}=[object Object]`);
    } else {
      parts.push(`${name}=${value === 'null' || value === 'undefined' ? '' : value}`);
    }
  }
  return parts.join('&');
}

/** The signed text of the header in calls about payouts: sorted at every level, url-encoded. */
export function payoutText(message: object): string {
  const sorted = Object.entries(message).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return sorted
    .map(([name, value]) => {
      let text = '';
      if (typeof value === 'object' && value !== null) text = JSON.stringify(value, sortKeys);
      else if (value !== null && value !== undefined) text = `${value}`;
      return [name, text].map((part) => encodeURIComponent(part)).join('=');
    })
    .join('&');
}
