// Stripe's signatures. This code uses node:crypto and not Stripe's package, which the code under test uses.
import { createHmac } from 'node:crypto';

export interface SignOptions {
  /** The secret of the endpoint: the whole text, with `whsec_`. */
  secret: string;
  /** Seconds. */
  timestamp: number;
  /** A secret that is being replaced. Stripe signs with it as well, and first. */
  oldSecret?: string;
}

/** HMAC-SHA256 in hex. */
export function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/** The `Stripe-Signature` header of a body. v0 is a scheme of test events, on which nobody may rely. */
export function signatureHeader(body: string, { secret, timestamp, oldSecret }: SignOptions): string {
  const text = `${timestamp}.${body}`;
  const secrets = oldSecret === undefined ? [secret] : [oldSecret, secret];
  const signatures = secrets.map((one) => `v1=${hmac(one, text)}`);
  return [`t=${timestamp}`, ...signatures, `v0=${hmac('v0', text)}`].join(',');
}
