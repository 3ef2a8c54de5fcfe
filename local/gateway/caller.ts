import { jwtVerify, SignJWT } from 'jose';

/** The keys of one stack; see `local/config.ts`. */
export interface CallerKeys {
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
}

/** The caller as Postgres will see it (`set role` and `request.jwt.claims`). */
export interface Caller {
  role: 'anon' | 'authenticated' | 'service_role';
  claims: Record<string, unknown> & { role: string; exp?: number; sub?: string };
}

/** A refused credential. `code` is one of the platform's words, e.g. `JwtSignatureError`. */
export class CallerError extends Error {
  readonly code: 'NoApiKey' | 'InvalidApiKey' | 'InvalidJWTToken' | 'MalformedJWT' | 'JwtSignatureError';
  constructor(code: CallerError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const roles = new Set(['anon', 'authenticated', 'service_role']);

/** Verifies a user token (a JWT) and answers whose it is. Throws {@link CallerError}. */
export async function callerFromToken(keys: CallerKeys, token: string): Promise<Caller> {
  if (token.split('.').length !== 3)
    throw new CallerError('MalformedJWT', 'The token provided is not a valid JWT');
  let payload: Record<string, unknown>;
  try {
    ({ payload } = await jwtVerify(token, new TextEncoder().encode(keys.jwtSecret), {
      algorithms: ['HS256'],
    }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ERR_JWT_EXPIRED') throw new CallerError('InvalidJWTToken', 'Token has expired', error);
    throw new CallerError('JwtSignatureError', 'Failed to validate JWT signature', error);
  }
  const role = payload.role;
  if (typeof role !== 'string' || !roles.has(role) || typeof payload.exp !== 'number') {
    throw new CallerError('InvalidJWTToken', 'Fields `role` and `exp` are required in JWT');
  }
  return { role: role as Caller['role'], claims: { ...payload, role } };
}

/** The role of an `apikey`, or null when the key is not one of ours. */
export function callerFromApiKey(keys: CallerKeys, apikey: string | null | undefined): Caller | null {
  if (apikey === keys.publishableKey) return { role: 'anon', claims: { role: 'anon' } };
  if (apikey === keys.secretKey) return { role: 'service_role', claims: { role: 'service_role' } };
  return null;
}

/**
 * The platform's gateway rule: an `apikey` is required; a bearer token that is not itself an API key
 * decides the role, otherwise the key does.
 */
export async function resolveCaller(
  keys: CallerKeys,
  credentials: { apikey?: string | null; authorization?: string | null },
): Promise<Caller> {
  const bearer = credentials.authorization?.replace(/^Bearer\s+/i, '').trim() ?? '';
  const apikey = credentials.apikey ?? (bearer.startsWith('sb_') ? bearer : null);
  if (!apikey) throw new CallerError('NoApiKey', 'No API key found in request');
  const fromKey = callerFromApiKey(keys, apikey);
  if (!fromKey) throw new CallerError('InvalidApiKey', 'Invalid API key');
  if (!bearer || bearer.startsWith('sb_')) return fromKey;
  return callerFromToken(keys, bearer);
}

/** Signs a short-lived token with the stack's own secret (signed URLs, tests). */
export async function signToken(
  keys: CallerKeys,
  claims: Record<string, unknown>,
  seconds: number,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(now)
    .setExpirationTime(now + seconds)
    .sign(new TextEncoder().encode(keys.jwtSecret));
}
