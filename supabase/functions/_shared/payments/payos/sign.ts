import { isFields } from './fields.ts';

// PayOS signs in three ways: payments over fixed fields, answers and notifications over every field of `data`,
// payouts over every field, url-encoded. All use HMAC-SHA256 in hex.

type Fields = Record<string, unknown>;

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

// `fromEntries` defines fields, so a field named __proto__ stays a field
function sortedFields(value: unknown): unknown {
  return isFields(value) ? Object.fromEntries(Object.entries(value).sort(byKey)) : value;
}

/** The text that is signed when we create a payment link: five raw fields. */
export function linkText(link: {
  amount: number;
  cancelUrl: string;
  description: string;
  orderCode: number;
  returnUrl: string;
}): string {
  const { amount, cancelUrl, description, orderCode, returnUrl } = link;
  return `amount=${amount}&cancelUrl=${cancelUrl}&description=${description}&orderCode=${orderCode}&returnUrl=${returnUrl}`;
}

function rawValue(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.map(sortedFields));
  if (value === null || value === undefined || value === 'null' || value === 'undefined') return '';
  // the text that String makes of an object, without calling a method of the object, which a stranger wrote
  return typeof value === 'object' ? '[object Object]' : String(value);
}

/**
 * The text that is signed in answers and notifications about payments: every field of `data`, also fields that
 * PayOS may add. Fields of an inner object are not signed, so nothing may trust them.
 */
export function dataText(data: Fields): string {
  return Object.entries(data)
    .sort(byKey)
    .map(([key, value]) => `${key}=${rawValue(value)}`)
    .join('&');
}

function deepSorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepSorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(byKey)
      .map(([key, inner]) => [key, deepSorted(inner)]),
  );
}

// half of a surrogate pair cannot be url-encoded and would throw
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

/**
 * The text that is signed in the header of calls and answers about payouts: sorted at every level, url-encoded.
 */
export function payoutText(message: Fields): string {
  return Object.entries(message)
    .sort(byKey)
    .map(([key, value]) => {
      const text = typeof value === 'object' && value !== null ? JSON.stringify(deepSorted(value)) : value;
      return `${encode(key)}=${encode(String(text ?? ''))}`;
    })
    .join('&');
}
