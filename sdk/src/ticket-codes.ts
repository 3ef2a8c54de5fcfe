import { uuidForm } from './core/ids.ts';
import type { Uuid } from './values.ts';

/** A public key that tickets are checked with, as `tickets.keys` answers it. */
export interface TicketKey {
  kty: 'OKP';
  crv: 'Ed25519';
  kid: string;
  x: string;
}

/** What a genuine code says. */
export interface TicketClaims {
  ticketId: Uuid;
  eventId: Uuid;
  /** Counts the holders of the ticket: after a transfer it is one more, and the earlier code is worthless. */
  custody: number;
  /** Seconds since 1970. */
  expiresAt: number;
}

/** Why a code is not genuine. */
export type TicketCodeProblem = 'unreadable' | 'unknown_key' | 'forged' | 'expired';

/** What became of reading a code. */
export type CodeCheck =
  | { claims: TicketClaims; problem: null }
  | { claims: null; problem: TicketCodeProblem };

/** Checks an Ed25519 signature. `verify` of `@noble/ed25519` has this shape, in another order of arguments. */
export type VerifySignature = (
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean | Promise<boolean>;

/** How codes are checked. */
export interface CodeCheckOptions {
  /**
   * Where the runtime has no Web Crypto with Ed25519, as React Native: for example `ed25519.verify` of the package
   * `@noble/curves`.
   */
  verify?: VerifySignature;
  /** Milliseconds since 1970. Default: now. */
  now?: number;
}

/**
 * Reads the text of a ticket's QR code and checks its signature. It needs no connection. Whether the ticket was
 * cancelled, transferred or used meanwhile, only the list of the event says: see `TicketScanner`.
 *
 * @example
 * ```ts
 * const { claims, problem } = await readTicketCode(text, keys);
 * if (claims && claims.eventId === eventId) console.log('genuine', claims.ticketId);
 * ```
 */
export async function readTicketCode(
  code: string,
  keys: readonly TicketKey[],
  options: CodeCheckOptions = {},
): Promise<CodeCheck> {
  const [head = '', body = '', signature = '', ...more] = code.trim().split('.');
  const header = parse(head);
  const claims = claimsOf(parse(body));
  const signed = fromBase64Url(signature);
  if (more.length > 0 || header?.alg !== 'EdDSA' || !claims || signed?.length !== 64) {
    return { claims: null, problem: 'unreadable' };
  }
  const key = keys.find(({ kid }) => kid === header.kid);
  const publicKey = key ? fromBase64Url(key.x) : null;
  if (!publicKey) return { claims: null, problem: 'unknown_key' };
  const message = new TextEncoder().encode(`${head}.${body}`);
  const verify = options.verify ?? verifyByWebCrypto;
  if (!(await verify(signed, message, publicKey))) return { claims: null, problem: 'forged' };
  const now = options.now ?? Date.now();
  return claims.expiresAt * 1000 <= now ? { claims: null, problem: 'expired' } : { claims, problem: null };
}

async function verifyByWebCrypto(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> {
  const { crypto } = globalThis as { crypto?: Crypto };
  if (!crypto?.subtle) {
    throw new TypeError(
      'This runtime has no Web Crypto: pass `verify`, such as ed25519.verify of @noble/curves.',
    );
  }
  const key = await crypto.subtle.importKey('raw', bytes(publicKey), 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', key, bytes(signature), bytes(message));
}

/** Web Crypto takes only memory that is not shared. */
function bytes(from: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(from);
}

function parse(part: string): Record<string, unknown> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(fromBase64Url(part) ?? new Uint8Array());
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function claimsOf(value: Record<string, unknown> | null): TicketClaims | null {
  if (!value) return null;
  const { t, e, n, exp } = value;
  if (typeof t !== 'string' || typeof e !== 'string' || !uuidForm.test(t) || !uuidForm.test(e)) return null;
  if (!Number.isSafeInteger(n) || !Number.isSafeInteger(exp)) return null;
  return { ticketId: t, eventId: e, custody: n as number, expiresAt: exp as number };
}

function fromBase64Url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    );
  } catch {
    return null;
  }
}
