import { toHex } from '../secrets.ts';

const encoder = new TextEncoder();

/** Signs texts and checks signatures with one secret. Signatures are hex. */
export interface Signer {
  /** Lower-case hex. */
  sign(text: string): Promise<string>;
  /** In constant time. Upper-case hex counts as equal. */
  verify(text: string, signature: string): Promise<boolean>;
}

function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/** HMAC over UTF-8 text. Throws on an empty secret, because every signature would verify. */
export function createSigner(secret: string, hash: 'SHA-256' | 'SHA-512'): Signer {
  if (secret === '') throw new Error('The secret of a payment provider is empty.');
  const key = crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash }, false, [
    'sign',
    'verify',
  ]);
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
