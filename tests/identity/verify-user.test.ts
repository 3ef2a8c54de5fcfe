import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db } from '../../supabase/functions/_shared/db.ts';
import { readEnv } from '../../supabase/functions/_shared/env.ts';

// An Auth server of both generations: it publishes the keys of new tokens, and answers about old ones, which
// it signs with a secret of its own.
const secret = new TextEncoder().encode('the shared secret of an old project, 32 bytes');
const id = '6f1c2d3e-0000-4000-8000-000000000001';
const seconds = Math.floor(Date.now() / 1000);
const claims = { sub: id, role: 'authenticated', email: 'a@example.com', session_id: id };

let server: Server;
let db: Db;
let es256: Awaited<ReturnType<typeof generateKeyPair>>;
let broken = false;
const asked: string[] = [];

function hs256(payload: Record<string, unknown>, key = secret, expires = seconds + 600): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setExpirationTime(expires)
    .sign(key);
}

function byKey(
  payload: Record<string, unknown>,
  key = es256.privateKey,
  expires = seconds + 600,
): Promise<string> {
  const header = { alg: 'ES256', typ: 'JWT', kid: 'key-1' };
  return new SignJWT(payload).setProtectedHeader(header).setExpirationTime(expires).sign(key);
}

beforeAll(async () => {
  es256 = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(es256.publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' };
  const known = new Set([await hs256(claims)]);
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'application/json');
    if (broken) {
      response.statusCode = 503;
      response.end('{"msg":"down"}');
    } else if (request.url === '/auth/v1/.well-known/jwks.json') {
      response.end(JSON.stringify({ keys: [jwk] }));
    } else if (request.url === '/auth/v1/user' && known.has((request.headers.authorization ?? '').slice(7))) {
      response.end(
        JSON.stringify({ id, aud: 'authenticated', role: 'authenticated', email: 'a@example.com' }),
      );
    } else {
      response.statusCode = 403;
      response.end('{"code":"bad_jwt","msg":"invalid JWT"}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  db = createDb(
    readEnv({
      SUPABASE_URL: `http://127.0.0.1:${port}`,
      SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
      SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('who a token stands for', () => {
  it('is known from a token of an old project, HS256 without kid, by asking Auth', async () => {
    const token = await hs256(claims);
    expect(await db.verifyUser(token)).toEqual({ id, token, sessionId: id });
    expect(asked).toContain('/auth/v1/user');
  });

  it('is known from a token of a new project, ES256 with kid, by its published keys alone', async () => {
    asked.length = 0;
    const token = await byKey(claims);
    expect(await db.verifyUser(token)).toEqual({ id, token, sessionId: id });
    expect(asked).not.toContain('/auth/v1/user');
  });

  it('is nobody for a forged, expired, foreign or meaningless token', async () => {
    const stranger = await generateKeyPair('ES256');
    const unsigned = `${btoa('{"alg":"none","typ":"JWT","kid":"key-1"}')}.${btoa(JSON.stringify({ ...claims, exp: seconds + 600 }))}.`;
    const tokens = [
      await hs256(claims, new TextEncoder().encode('another secret of thirty-two bytes or so')),
      await hs256(claims, secret, seconds - 10),
      await byKey(claims, stranger.privateKey),
      await byKey(claims, es256.privateKey, seconds - 10),
      await byKey({ ...claims, role: 'anon' }),
      await byKey({ ...claims, sub: undefined }),
      unsigned.replaceAll('=', ''),
      'a.b.c',
      'nonsense',
    ];
    for (const token of tokens) expect(await db.verifyUser(token).catch((error) => error), token).toBeNull();
  });

  it('is an error, not a refusal, while Auth is down', async () => {
    const token = await hs256(claims);
    broken = true;
    try {
      await expect(db.verifyUser(token)).rejects.toThrow(
        expect.objectContaining({ code: 'internal', retryable: true }),
      );
    } finally {
      broken = false;
    }
  });
});
