import { createPublicKey, verify } from 'node:crypto';

const encoded = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');

function jsonOf(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(encoded(text).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const dayMs = 24 * 3600 * 1000;

/**
 * Verifies `Authorization: vapid t=…, k=…` as RFC 8292 asks a push service to: the signature, the audience, the expiry,
 * and that the key is the one with which the browser subscribed. Answers why it refuses, or null.
 */
export function vapidProblem(
  header: string | null,
  { audience, subscribedWith, now }: { audience: string; subscribedWith: string; now: number },
): string | null {
  const scheme = /^vapid\s+(.+)$/i.exec(header ?? '')?.[1];
  if (scheme === undefined) return 'the request is not signed by VAPID';
  const fields = Object.fromEntries(
    scheme.split(',').map((part) => {
      const [name = '', ...value] = part.trim().split('=');
      return [name, value.join('=').replace(/^"(.*)"$/, '$1')];
    }),
  );
  const key = encoded(fields.k);
  if (key.length !== 65 || key[0] !== 4) return 'k is no public key of P-256';
  if (!key.equals(encoded(subscribedWith))) return 'the subscription was made with another key';
  const [head, claims, signature, ...rest] = String(fields.t ?? '').split('.');
  if (rest.length > 0 || jsonOf(head).alg !== 'ES256') return 't is no token signed with ES256';
  const [x, y] = [key.subarray(1, 33), key.subarray(33)].map((part) => part.toString('base64url'));
  let genuine: boolean;
  try {
    const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } });
    const signed = Buffer.from(`${head}.${claims}`);
    genuine = verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, encoded(signature));
  } catch {
    genuine = false;
  }
  if (!genuine) return 'the signature is not right';
  const { aud, exp, sub } = jsonOf(claims);
  if (aud !== audience) return `the audience is not ${audience}`;
  if (typeof exp !== 'number' || exp * 1000 <= now) return 'the token is expired';
  if (exp * 1000 > now + dayMs) return 'the token expires more than a day ahead';
  if (!/^(mailto:|https:)/.test(String(sub))) return 'sub is no address of the sender';
  return null;
}
