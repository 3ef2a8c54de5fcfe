import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { appError } from '../../supabase/functions/_shared/errors.ts';
import { endpoint, serveEndpoints } from '../../supabase/functions/_shared/http.ts';
import { errorOf, fakeOutside, secretKey, user, userPost } from '../support/fakes.ts';

const { deps, logs } = fakeOutside({});
const serve = serveEndpoints(
  'thing',
  [
    endpoint({
      methods: ['POST'],
      path: '/',
      auth: 'user',
      body: z.strictObject({ name: z.string(), inner: z.strictObject({ n: z.int() }).optional() }),
      maxBytes: 1_000,
      run: async ({ body, user: caller, note }) => {
        note({ thing: body.name });
        return { hello: body.name, caller: caller.id };
      },
    }),
    endpoint({ methods: ['GET'], path: '/open/:id', auth: 'none', run: async ({ params }) => params }),
    endpoint({
      methods: ['GET'],
      path: '/page',
      auth: 'none',
      run: async () => new Response('page', { headers: { 'cache-control': 'public, max-age=60' } }),
    }),
    endpoint({ methods: ['POST'], path: '/work', auth: 'secret', run: async () => ({ worked: true }) }),
    endpoint({
      methods: ['GET'],
      path: '/broken',
      auth: 'none',
      run: async () => {
        throw new Error('the password is hunter2');
      },
    }),
    endpoint({
      methods: ['GET'],
      path: '/busy',
      auth: 'none',
      run: async () => {
        throw appError('rate_limited', { retry_after: 7.2 });
      },
    }),
  ],
  deps.http,
);
const get = (path: string, init: RequestInit = {}) => serve(new Request(`http://x${path}`, init));

describe('the wrapper of every function', () => {
  it('answers a preflight to anybody and lets browsers read every answer', async () => {
    const preflight = await get('/thing', { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-correlation-id');
    for (const answer of [
      preflight,
      await get('/thing/open/1'),
      await get('/thing/nowhere'),
      await get('/thing/broken'),
    ]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it('keeps every answer out of caches, frames and pages of others, unless its endpoint says otherwise', async () => {
    for (const path of ['/thing/open/1', '/thing/nowhere', '/thing/broken']) {
      const { headers } = await get(path);
      expect([path, headers.get('cache-control')]).toEqual([path, 'private, no-store']);
      expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
      expect([path, headers.get('referrer-policy')]).toEqual([path, 'no-referrer']);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
    expect((await get('/thing/page')).headers.get('cache-control')).toBe('public, max-age=60');
  });

  it('finds its endpoints with and without the platform prefix', async () => {
    expect(await (await get('/thing/open/7')).json()).toEqual({ id: '7' });
    expect(await (await get('/functions/v1/thing/open/7')).json()).toEqual({ id: '7' });
    expect((await serve(userPost('/thing', { name: 'a' }))).status).toBe(200);
    expect((await serve(userPost('/thing/', { name: 'a' }))).status).toBe(200);
  });

  it('says which methods an address takes', async () => {
    const answer = await get('/thing/open/1', { method: 'POST' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET');
    expect(await errorOf(answer)).toMatchObject({ code: 'method_not_allowed', retryable: false });
    expect(await errorOf(await get('/thing/nowhere'))).toMatchObject({ code: 'not_found', status: 404 });
  });

  it('gives a user to endpoints that want one, and refuses keys, strangers and nobody', async () => {
    const answer = await serve(userPost('/thing', { name: 'a' }));
    expect(await answer.json()).toEqual({ hello: 'a', caller: user.id });
    for (const authorization of ['Bearer wrong', 'Bearer sb_publishable_x', 'Basic abc', '']) {
      const refused = await serve(userPost('/thing', { name: 'a' }, { authorization }));
      expect(refused.status).toBe(401);
      expect((await errorOf(refused)).code).toBe('unauthenticated');
    }
  });

  it('lets only the secret key in where the service is wanted', async () => {
    const work = (headers: Record<string, string>) => get('/thing/work', { method: 'POST', headers });
    expect((await work({ apikey: secretKey })).status).toBe(200);
    expect((await work({ authorization: `Bearer ${secretKey}` })).status).toBe(200);
    expect((await work({ apikey: `${secretKey}x` })).status).toBe(403);
    expect((await work({ apikey: secretKey.slice(1) })).status).toBe(403);
    expect((await work({ authorization: `Bearer ${user.token}` })).status).toBe(403);
    expect((await work({})).status).toBe(401);
  });

  it('names the field that is wrong or does not exist', async () => {
    const problem = async (body: unknown) => errorOf(await serve(userPost('/thing', body)));
    expect(await problem({})).toMatchObject({ code: 'invalid_input', details: { field: 'name' } });
    expect(await problem({ name: 'a', inner: { n: 'x' } })).toMatchObject({ details: { field: 'inner.n' } });
    expect(await problem({ name: 'a', price: 1 })).toMatchObject({
      code: 'unknown_field',
      details: { field: 'price' },
    });
    expect(await problem({ name: 'a', inner: { n: 1, m: 2 } })).toMatchObject({
      details: { field: 'inner.m' },
    });
    const broken = new Request('http://x/thing', {
      method: 'POST',
      headers: { authorization: `Bearer ${user.token}` },
      body: '{',
    });
    expect(await errorOf(await serve(broken))).toMatchObject({
      code: 'invalid_input',
      details: { field: 'body' },
    });
  });

  it('refuses a body above the limit, announced or while it is being read', async () => {
    const large = await serve(userPost('/thing', { name: 'a'.repeat(2_000) }));
    expect(await errorOf(large)).toMatchObject({
      code: 'payload_too_large',
      status: 413,
      details: { max_bytes: 1_000 },
    });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(400));
      },
    });
    const headers = { authorization: `Bearer ${user.token}` };
    const init = { method: 'POST', headers, body: endless, duplex: 'half' };
    const stopped = await serve(new Request('http://x/thing', init as RequestInit));
    expect(stopped.status).toBe(413);
    expect(sent).toBeLessThan(10);
  });

  it('hides what went wrong inside and logs it with the correlation id', async () => {
    const answer = await get('/thing/broken', { headers: { 'x-correlation-id': 'call-42' } });
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain('hunter2');
    expect(JSON.parse(text)).toEqual({
      error: {
        code: 'internal',
        message: 'Something went wrong on our side. Try again in a moment.',
        status: 500,
        retryable: true,
        details: {},
        correlation_id: 'call-42',
      },
    });
    expect(answer.headers.get('x-correlation-id')).toBe('call-42');
    expect(logs.at(-1)).toMatchObject({
      level: 'error',
      correlation_id: 'call-42',
      error: 'the password is hunter2',
    });
  });

  it('says when to come back', async () => {
    const answer = await get('/thing/busy');
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('8');
  });

  it('follows a trace, begins one otherwise, and takes no other text for an id', async () => {
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced = await get('/thing/open/1', { headers: { traceparent: parent } });
    expect(traced.headers.get('x-correlation-id')).toBe('0af7651916cd43dd8448eb211c80319c');
    const fresh = await get('/thing/open/1', {
      headers: { 'x-correlation-id': 'a b"c', traceparent: 'nonsense' },
    });
    expect(fresh.headers.get('x-correlation-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('writes one line per request, without query, body or token', async () => {
    const before = logs.length;
    await serve(userPost('/thing?secret=1', { name: 'noted' }));
    expect(logs).toHaveLength(before + 1);
    expect(logs.at(-1)).toMatchObject({
      function: 'thing',
      method: 'POST',
      path: '/',
      status: 200,
      user_id: user.id,
      thing: 'noted',
    });
    expect(JSON.stringify(logs.at(-1))).not.toMatch(/secret|header\.payload/);
  });
});
