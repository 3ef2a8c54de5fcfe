import { SignJWT } from 'jose';

/** The token of a signed-in person, as Auth makes it. */
export function userToken(jwtSecret: string, userId: string): Promise<string> {
  return new SignJWT({ role: 'authenticated', sub: userId, session_id: userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setAudience('authenticated')
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(jwtSecret));
}
