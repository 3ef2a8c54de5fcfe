// Stripe's signatures, computed here with node:crypto and not with Stripe's package, which is what the code
// under test uses.
import { createHmac } from 'node:crypto';

export interface SignOptions {
  /** Of the endpoint: the whole text, `whsec_` included. */
  secret: string;
  /** Seconds. */
  timestamp: number;
  /** A secret on its way out, which Stripe signs with as well, and first. */
  oldSecret?: string;
}

/** HMAC-SHA256 in hex. */
export function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/** The `Stripe-Signature` of a body. v0 is a scheme of test events that nobody may rely on. */
export function signatureHeader(body: string, { secret, timestamp, oldSecret }: SignOptions): string {
  const text = `${timestamp}.${body}`;
  const secrets = oldSecret === undefined ? [secret] : [oldSecret, secret];
  const signatures = secrets.map((one) => `v1=${hmac(one, text)}`);
  return [`t=${timestamp}`, ...signatures, `v0=${hmac('v0', text)}`].join(',');
}
