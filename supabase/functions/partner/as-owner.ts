import { z } from 'zod';
import { clientNetwork } from '../_shared/client-ip.ts';
import type { Db } from '../_shared/db.ts';
import { inputError } from '../_shared/errors.ts';
import type { Context } from '../_shared/http.ts';
import { readApiKey } from './api-key.ts';

/** Calls functions of the API as the owner of the request's key. */
export interface AsOwner {
  call<T>(operation: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
}

/** The key that makes a command safe to repeat. Every command of a partner needs one: answers get lost. */
function idempotencyKey(request: Request): string | null {
  if (request.method === 'GET') return null;
  const given = z.uuid().safeParse(request.headers.get('idempotency-key'));
  if (!given.success) throw inputError('idempotency-key', 'must be a header with a UUID');
  return given.data;
}

/**
 * The database checks the key, its scopes and its limit, and does the rest as the key's owner in the same transaction.
 * The right of the service to call this one function is all that is used of it.
 */
export async function asOwner(
  db: Db,
  { request, trace, note }: Pick<Context, 'request' | 'trace' | 'note'>,
): Promise<AsOwner> {
  const { prefix, secretDigest } = await readApiKey(request);
  note({ api_key: prefix });
  const idempotency_key = idempotencyKey(request);
  return {
    call: (operation, args, answer) =>
      db.service(trace).call(
        'call_with_api_key',
        {
          key_prefix: prefix,
          secret_digest: secretDigest,
          operation,
          arguments: args,
          idempotency_key,
          ip: clientNetwork(request.headers),
        },
        answer,
      ),
  };
}
