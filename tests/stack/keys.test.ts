import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signToken } from '../../local/gateway/caller.ts';
import { asPostgres, member, service, stack, untilKnown, visitor } from './harness.ts';

beforeAll(async () => {
  await asPostgres((db) =>
    db.query(`
      create function public.stack_whoami() returns jsonb language sql stable set search_path = ''
      as $$ select jsonb_build_object('role', current_user, 'uid', auth.uid(), 'claim', auth.role()) $$;
      revoke execute on function public.stack_whoami() from public;
      grant execute on function public.stack_whoami() to anon, authenticated, service_role;
    `),
  );
  await untilKnown('stack_whoami');
});

afterAll(async () => {
  await asPostgres((db) => db.query('drop function if exists public.stack_whoami()'));
});

const whoami = (headers: Record<string, string>) =>
  fetch(`${stack.API_URL}/rest/v1/rpc/stack_whoami`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{}',
  });

describe('API keys', () => {
  it('refuses a request without a key', async () => {
    const answer = await whoami({});
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ message: 'No API key found in request' });
  });

  it('refuses a key of another stack', async () => {
    const answer = await whoami({ apikey: `${stack.SECRET_KEY}x` });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ message: 'Invalid API key' });
  });

  it('refuses a token signed with another secret', async () => {
    const other = { publishableKey: '', secretKey: '', jwtSecret: 'another secret of at least 32 letters' };
    const token = await signToken(other, { role: 'service_role' }, 60);
    const answer = await whoami({ apikey: stack.PUBLISHABLE_KEY, authorization: `Bearer ${token}` });
    expect(answer.status).toBe(401);
  });

  it('refuses a well-signed token that asks for a role that only a superuser may take', async () => {
    const keys = { publishableKey: '', secretKey: '', jwtSecret: stack.JWT_SECRET };
    for (const role of ['postgres', 'supabase_admin', 'supabase_auth_admin']) {
      const token = await signToken(keys, { role, sub: crypto.randomUUID() }, 60);
      const answer = await whoami({ apikey: stack.PUBLISHABLE_KEY, authorization: `Bearer ${token}` });
      expect(answer.status, role).toBeGreaterThanOrEqual(400);
    }
  });

  it('turns the publishable key into anon, the secret key into service_role, a user token into authenticated', async () => {
    const user = await member();
    expect((await visitor().rpc('stack_whoami')).data).toEqual({ role: 'anon', uid: null, claim: 'anon' });
    const asService = (await service().rpc('stack_whoami')).data;
    expect(asService).toEqual({ role: 'service_role', uid: null, claim: 'service_role' });
    const asUser = (await user.client.rpc('stack_whoami')).data;
    expect(asUser).toEqual({ role: 'authenticated', uid: user.id, claim: 'authenticated' });
  });

  it('never leaks one caller into the next on a shared connection', async () => {
    const user = await member();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0 ? visitor().rpc('stack_whoami') : user.client.rpc('stack_whoami'),
      ),
    );
    answers.forEach((answer, index) => {
      expect(answer.data?.uid).toBe(index % 2 === 0 ? null : user.id);
    });
  });
});

describe('edge functions behind verify_jwt', () => {
  const call = (name: string, init: RequestInit = {}) => fetch(`${stack.API_URL}/functions/v1/${name}`, init);

  it('refuses a call without any credential', async () => {
    const answer = await call('quote', { method: 'POST' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('sb-error-code')).toBe('UNAUTHORIZED_NO_AUTH_HEADER');
    expect(await answer.json()).toMatchObject({ message: 'Missing authorization header' });
  });

  it('refuses a broken token', async () => {
    const answer = await call('quote', { method: 'POST', headers: { authorization: 'Bearer a.b.c' } });
    expect(answer.status).toBe(401);
  });

  it('lets a preflight through to the function', async () => {
    const answer = await call('quote', { method: 'OPTIONS' });
    expect(answer.status).not.toBe(401);
  });

  it('checks the token for the function that answers, even when the address has dot segments', async () => {
    const raw = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        // unlike fetch, which resolves the dots itself
        const { hostname, port } = new URL(stack.API_URL);
        request({ hostname, port, path, method: 'POST' }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await raw('/functions/v1/health/../quote')).toBe(401);
    expect(await raw('/functions/v1/health/%2e%2e/quote')).toBe(401);
    expect(await raw('/functions/v1/../../rest/v1/')).toBe(404);
  });

  it('does not show which functions are loaded', async () => {
    expect((await call('_state', { headers: { apikey: stack.SECRET_KEY } })).status).toBe(404);
    expect((await call('_shared', { headers: { apikey: stack.SECRET_KEY } })).status).toBe(404);
  });

  it('says 404 for a function that does not exist', async () => {
    const answer = await call('no-such-function', { headers: { apikey: stack.PUBLISHABLE_KEY } });
    expect(answer.status).toBe(404);
  });
});

describe('addresses', () => {
  it('answers the health of each part', async () => {
    const answer = await fetch(`${stack.API_URL}/health`);
    const body = (await answer.json()) as { parts: Record<string, string> };
    expect(body.parts).toMatchObject({ api: 'up', database: 'up', functions: 'up' });
  });

  it('answers a preflight of a browser for any header it asks for', async () => {
    const answer = await fetch(`${stack.API_URL}/rest/v1/profiles`, {
      method: 'OPTIONS',
      headers: { origin: 'http://app.test', 'access-control-request-headers': 'apikey,x-custom' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-headers')).toContain('x-custom');
  });

  it('answers 404 for any other address', async () => {
    expect((await fetch(`${stack.API_URL}/nowhere`)).status).toBe(404);
  });
});
