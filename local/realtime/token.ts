import { decodeJwt } from 'jose';
import { type Caller, CallerError, type CallerKeys, callerFromToken } from '../gateway/caller.ts';

/** Verifies a user's token. Says for how long an old one has been expired, as the platform does. */
export async function verifyToken(keys: CallerKeys, token: string): Promise<Caller> {
  try {
    return await callerFromToken(keys, token);
  } catch (error) {
    if (error instanceof CallerError && error.message === 'Token has expired') {
      throw new CallerError('InvalidJWTToken', expiredMessage(decodeJwt(token).exp ?? 0));
    }
    throw error;
  }
}

/** Text for a token that ran out at `exp`, in seconds since 1970. */
export function expiredMessage(exp: number): string {
  return `Token has expired ${Math.max(0, Math.floor(Date.now() / 1000) - exp)} seconds ago`;
}
