import { toHex } from '../../secrets.ts';

const encoder = new TextEncoder();

/** Signs texts and checks signatures with one terminal's secret: HMAC-SHA512, lower-case hex. */
export interface Signer {
  sign(text: string): Promise<string>;
  /** In constant time; upper-case hex counts as equal. */
  verify(text: string, signature: string): Promise<boolean>;
}

function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[0-9a-fA-F]{128}$/.test(text)) return null;
  return Uint8Array.from({ length: 64 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Throws on an empty secret, with which everything would verify. */
export function createSigner(secret: string): Signer {
  if (secret === '')
    throw new Error('VNPAY_HASH_SECRET is empty. Set it to the secret VNPay gave for the terminal.');
  const key = crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-512' },
    false,
    ['sign', 'verify'],
  );
  return {
    async sign(text) {
      return toHex(await crypto.subtle.sign('HMAC', await key, encoder.encode(text)));
    },
    async verify(text, signature) {
      const bytes = fromHex(signature);
      return bytes !== null && crypto.subtle.verify('HMAC', await key, bytes, encoder.encode(text));
    },
  };
}

/**
 * The text VNPay signs in links, returns and notifications, which is also the query itself: every `vnp_`
 * parameter with a value, but the hash, in byte order, form-encoded.
 */
export function canonicalQuery(params: Iterable<readonly [string, string]>): string {
  const signed = [...params].filter(
    ([key, value]) =>
      key.startsWith('vnp_') && key !== 'vnp_SecureHash' && key !== 'vnp_SecureHashType' && value !== '',
  );
  signed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return new URLSearchParams(signed.map(([key, value]) => [key, value])).toString();
}

/** The text VNPay signs in calls between servers: values alone, absent ones empty, joined by `|`. */
export function pipeText(fields: readonly string[], message: Record<string, unknown>): string {
  return fields.map((field) => String(message[`vnp_${field}`] ?? '')).join('|');
}
