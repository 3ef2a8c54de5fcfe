import { importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Env } from '../env.ts';

const privateKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,20}$/),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** A public key, as apps get it. */
export interface PublicTicketKey {
  kty: 'OKP';
  crv: 'Ed25519';
  kid: string;
  x: string;
}

/** What tickets are signed with, and what their signatures are checked with. */
export interface TicketKeys {
  kid: string;
  key: Awaited<ReturnType<typeof importJWK>>;
  /** All keys, the one that signs first: codes signed with an older one are still good. */
  public: readonly PublicTicketKey[];
}

/**
 * Reads TICKET_SIGNING_KEYS, a JWK set of private Ed25519 keys. The first one signs. Null without any. Throws on
 * another form.
 */
export async function readTicketKeys(env: Pick<Env, 'TICKET_SIGNING_KEYS'>): Promise<TicketKeys | null> {
  if (!env.TICKET_SIGNING_KEYS) return null;
  const { keys } = parse(env.TICKET_SIGNING_KEYS);
  const [first] = keys;
  if (!first || new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw new Error(wanted);
  return {
    kid: first.kid,
    key: await importJWK(first satisfies JWK, 'EdDSA'),
    public: keys.map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x })),
  };
}

const wanted =
  'TICKET_SIGNING_KEYS must be {"keys": […]} with private Ed25519 keys as JWK, each with a kid of its own.';

function parse(text: string): { keys: z.infer<typeof privateKey>[] } {
  try {
    return z.object({ keys: z.array(privateKey).min(1) }).parse(JSON.parse(text));
  } catch {
    // without the cause, which could show a key
    throw new Error(wanted);
  }
}
