import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signToken } from '../../local/gateway/caller.ts';
import { setting } from '../support/setting.ts';
import { admin, closeSql, type Person, person, sql } from '../support/world.ts';
import { call, codeOf, post, tokenOf } from './attack.ts';

let attacker: Person;
let boss: Person;
let victim: Person;
let token: string;

beforeAll(async () => {
  [attacker, boss, victim] = [await person('attacker'), await admin(), await person('victim')];
  token = await tokenOf(attacker);
});
afterAll(closeSql);

const keys = () => ({ publishableKey: '', secretKey: '', jwtSecret: setting('JWT_SECRET') });
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const later = () => Math.floor(Date.now() / 1000) + 3600;
const claimsOf = (id: string, more: object = {}) => ({
  sub: id,
  role: 'authenticated',
  aud: 'authenticated',
  exp: later(),
  session_id: crypto.randomUUID(),
  ...more,
});

/** How each part of the API answers a token: the rows of a profile, a file, a topic and a function. */
const doors: [name: string, open: (token: string) => Promise<{ status: number }>][] = [
  ['the Data API', (bearer) => call('/rest/v1/profiles?select=id', { token: bearer })],
  ['Auth', (bearer) => call('/auth/v1/user', { token: bearer })],
  ['Storage', (bearer) => post('/storage/v1/object/list/licences', { prefix: '' }, { token: bearer })],
  [
    'Realtime',
    (bearer) =>
      post(
        '/realtime/v1/api/broadcast',
        { messages: [{ topic: `user:${victim.id}`, event: 'x', payload: {}, private: true }] },
        { token: bearer },
      ),
  ],
  ['a function', (bearer) => post('/functions/v1/quote', {}, { token: bearer })],
  ['a function without verify_jwt', (bearer) => post('/functions/v1/payments/check', {}, { token: bearer })],
];

describe('a forged token', () => {
  it('opens no part of the API, however it is forged', async () => {
    const [head = '', , signature = ''] = token.split('.');
    const wrongKey = (claims: object) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(new TextEncoder().encode('another secret of at least 32 letters'));
    const forged: [how: string, token: string][] = [
      ['alg none', `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claimsOf(victim.id))}.`],
      [
        'alg None with a signature',
        `${encode({ alg: 'None', typ: 'JWT' })}.${encode(claimsOf(victim.id))}.${signature}`,
      ],
      ['another key', await wrongKey(claimsOf(victim.id))],
      ['another key for the service', await wrongKey({ role: 'service_role', exp: later() })],
      ['the claims changed under the old signature', `${head}.${encode(claimsOf(victim.id))}.${signature}`],
      [
        'a key in its own header',
        `${encode({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } })}.${encode(claimsOf(victim.id))}.${signature}`,
      ],
      ['expired', await signToken(keys(), { sub: victim.id, role: 'authenticated' }, -60)],
      [
        'a role of the inside',
        await signToken(keys(), claimsOf(victim.id, { role: 'supabase_admin' }), 3600),
      ],
    ];
    for (const [how, bad] of forged) {
      for (const [door, open] of doors) {
        const { status } = await open(bad);
        expect([400, 401, 403], `${door}: ${how}, answered ${status}`).toContain(status);
      }
    }
  });

  it('of the user is taken by each part, so that the refusals above prove something', async () => {
    const refusedAlready = ['Realtime']; // nobody but the database sends to a person's topic
    for (const [door, open] of doors.filter(([name]) => !refusedAlready.includes(name))) {
      expect([401, 403], door).not.toContain((await open(token)).status);
    }
  });
});

describe('a claim', () => {
  it('makes nobody an admin: roles are looked up, whatever the token says', async () => {
    const claims = claimsOf(attacker.id, {
      user_role: 'admin',
      app_metadata: { role: 'admin', roles: ['admin'], claims_admin: true },
      user_metadata: { role: 'admin', is_admin: true },
      is_admin: true,
    });
    const bearer = await signToken(keys(), claims, 3600);
    expect(codeOf(await post('/rest/v1/rpc/list_payouts', {}, { token: bearer }))).toBe('forbidden');
    expect((await call('/rest/v1/payout_batches', { token: bearer })).body).toEqual([]);
    expect((await call('/rest/v1/profiles?select=id', { token: bearer })).body).toEqual([
      { id: attacker.id },
    ]);
  });

  it('of the metadata makes nobody an admin, neither at sign-up nor later', async () => {
    const email = `mallory.${crypto.randomUUID()}@journey.example`;
    const signUp = await post('/auth/v1/signup', {
      email,
      password: 'correct horse battery',
      role: 'service_role',
      app_metadata: { role: 'admin' },
      data: {
        role: 'admin',
        is_admin: true,
        id: victim.id,
        email_verified_at: '2026-01-01',
        phone: '+84912345678',
      },
    });
    expect(signUp.status).toBe(200);
    const mallory = signUp.body as { access_token: string; user: { id: string; role: string } };
    const change = await call('/auth/v1/user', {
      method: 'PUT',
      token: mallory.access_token,
      body: { data: { role: 'admin' }, role: 'service_role', app_metadata: { role: 'admin' } },
    });
    const again = await post('/auth/v1/token?grant_type=password', {
      email,
      password: 'correct horse battery',
    });
    const { access_token } = again.body as { access_token: string };
    expect([change.status, again.status]).toEqual([200, 200]);
    const claims = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()) as {
      role: string;
      app_metadata?: object;
    };
    expect(claims.role).toBe('authenticated');
    expect(JSON.stringify(claims.app_metadata ?? null)).not.toContain('admin');
    expect(codeOf(await post('/rest/v1/rpc/list_payouts', {}, { token: access_token }))).toBe('forbidden');
    const [profile] = await sql('select email_verified_at, phone from public.profiles where id = $1', [
      mallory.user.id,
    ]);
    expect(profile).toEqual({ email_verified_at: null, phone: null });
    expect(await sql('select from public.user_roles where user_id = $1', [mallory.user.id])).toEqual([]);
  });
});

describe('a role', () => {
  it('cannot be given by a row, by its owner or by an admin over the API', async () => {
    for (const one of [attacker, boss]) {
      const bearer = await tokenOf(one);
      for (const prefer of ['return=minimal', 'return=representation', 'resolution=merge-duplicates']) {
        const answer = await post(
          '/rest/v1/user_roles',
          { user_id: one.id, role: 'support' },
          { token: bearer, headers: { prefer } },
        );
        expect([answer.status, codeOf(answer)]).toEqual([403, '42501']);
      }
    }
    const [roles] = await sql<{ n: number }>(
      'select count(*)::int as n from public.user_roles where user_id = any ($1)',
      [[attacker.id, boss.id]],
    );
    expect(roles?.n).toBe(1);
  });

  it('ends with its row, for a token that was given before', async () => {
    const short = await admin();
    const bearer = await tokenOf(short);
    expect((await post('/rest/v1/rpc/list_payout_batches', {}, { token: bearer })).status).toBe(200);
    await sql('delete from public.user_roles where user_id = $1', [short.id]);
    expect(codeOf(await post('/rest/v1/rpc/list_payout_batches', {}, { token: bearer }))).toBe('forbidden');
  });
});

describe('a header', () => {
  it('gives no role, no other person and no other schema', async () => {
    const tricks: Record<string, string>[] = [
      { 'x-supabase-role': 'service_role', 'x-role': 'service_role', role: 'service_role' },
      { 'request.jwt.claims': `{"role":"service_role"}`, 'x-jwt-claims': `{"sub":"${victim.id}"}` },
      { 'x-user-id': victim.id, 'x-forwarded-user': victim.id, sub: victim.id },
      { 'sb-api-key': setting('PUBLISHABLE_KEY'), 'x-original-url': '/rest/v1/user_roles' },
      { 'x-http-method-override': 'DELETE', 'x-method-override': 'PATCH' },
    ];
    for (const headers of tricks) {
      const answer = await call('/rest/v1/profiles?select=id', { token, headers });
      expect(answer.body, JSON.stringify(headers)).toEqual([{ id: attacker.id }]);
    }
    const schemas = [
      'private',
      'auth',
      'storage',
      'realtime',
      'extensions',
      'vault',
      'cron',
      'pg_catalog',
      'information_schema',
    ];
    for (const schema of schemas) {
      const read = await call('/rest/v1/settings', { token, headers: { 'accept-profile': schema } });
      const write = await post(
        '/rest/v1/secrets',
        { name: 'x' },
        { token, headers: { 'content-profile': schema } },
      );
      const called = await post(
        '/rest/v1/rpc/is_admin',
        {},
        { token, headers: { 'content-profile': schema } },
      );
      for (const { status } of [read, write, called]) expect([404, 406], schema).toContain(status);
      const dotted = await call(`/rest/v1/${schema}.settings`, { token });
      expect(dotted.status, `${schema}.settings`).toBe(404);
    }
  });

  it('undoes no token of a limit: Prefer: tx=rollback is not honoured', async () => {
    const used = async () =>
      (
        await sql<{ tokens: string }>(
          'select tokens::text from private.rate_buckets where subject = $1 order by action',
          [attacker.id],
        )
      ).map((row) => Number(row.tokens));
    const body = {
      number: 'B12345678',
      full_name: 'A',
      date_of_birth: '1990-05-20',
      classes: ['B'],
      issued_on: '2025-03-01',
      valid_until: '2045-01-01',
      front_media_id: crypto.randomUUID(),
      back_media_id: crypto.randomUUID(),
    };
    const before = await used();
    await post('/rest/v1/rpc/submit_licence', body, { token, headers: { prefer: 'tx=rollback' } });
    expect(await used()).not.toEqual(before);
  });
});
