import { appError, inputError } from '../_shared/errors.ts';
import { sameSecret, sha256Hex } from '../_shared/secrets.ts';

/** What the database needs of a key. The secret itself goes no further than here. */
export interface ApiKey {
  prefix: string;
  /** SHA-256 of the secret, in hex. */
  secretDigest: string;
}

const form = /^((jk_live)_([0-9a-f]{12})_([0-9a-f]{64}))_([0-9a-f]{8})$/;

/**
 * The key of a request, from `Authorization: Bearer jk_live_…`. A key whose checksum is wrong is refused without asking
 * the database. A key in the address is refused even when it is right: addresses are written to logs.
 */
export async function readApiKey(request: Request): Promise<ApiKey> {
  if (/jk_live_/i.test(request.url)) {
    throw inputError('authorization', 'must carry the key. A key in an address ends in logs: revoke it');
  }
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  const [, body = '', , prefix = '', secret = '', checksum = ''] = form.exec(bearer) ?? [];
  if (!(await sameSecret((await sha256Hex(body)).slice(0, 8), checksum))) throw appError('api_key_invalid');
  return { prefix, secretDigest: await sha256Hex(secret) };
}
