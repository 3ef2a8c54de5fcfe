import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../local/config.ts';
import { type EdgeEndpoint, readEndpoints } from '../../sdk/scripts/endpoints.ts';
import { closeSql, type Person, person, sql } from '../support/world.ts';
import { type Answer, call, codeOf, expectClean, expectCleanRefusal, post, tokenOf } from './attack.ts';

let attacker: Person;
let token: string;
let endpoints: EdgeEndpoint[];

beforeAll(async () => {
  attacker = await person('bomber');
  token = await tokenOf(attacker);
  endpoints = readEndpoints(projectRoot, new Map());
});
afterAll(closeSql);

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** Bodies that no client of ours sends, most of them small, as a large one is refused for its size. */
const bombs: [name: string, body: string | Uint8Array][] = [
  ['nothing', ''],
  ['no JSON', '{"a":'],
  ['a bare null', 'null'],
  ['a bare number', '5'],
  ['a bare text', '"x"'],
  ['a list', '[]'],
  ['a list of lists', '[[],[],{}]'],
  ['lists in lists', nested(30_000)],
  ['objects in objects', deep(10_000)],
  ['one key twice', '{"id":1,"id":2,"email":"a@b.c","email":["x"]}'],
  ['a NUL in a value', '{"id":"a\\u0000b","email":"a\\u0000@b.c","code":"\\u0000"}'],
  ['a NUL in a key', '{"a\\u0000b":1}'],
  ['half a surrogate pair', '{"id":"\\ud800","email":"\\udfff@b.c"}'],
  ['a number without end', `{"id":${'9'.repeat(5_000)},"amount":1e999999}`],
  [
    'a key of objects',
    '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":1}',
  ],
  [
    'bytes that are no UTF-8',
    new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
  ],
  ['ten thousand keys', `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":1`).join()}}`],
];

/**
 * What is nested too deeply, or names too many columns, PostgREST answers with 500 and the words of PostgreSQL for it
 * (class 54), before anything of ours sees it. The Data API of the local stack does not get that far with some of it.
 */
const tooComplex = (answer: Answer) =>
  answer.status === 500 &&
  (codeOf(answer).startsWith('54') || answer.text.includes('call stack size exceeded'));

describe('a body that no client sends', () => {
  it('is refused in clear words by every function, and never with a 5xx', async () => {
    const takers = endpoints.filter(
      (one) => one.methods.includes('POST') && !one.name.startsWith('payment-webhooks'),
    );
    expect(takers.length).toBeGreaterThan(7);
    for (const { name } of takers) {
      for (const [what, body] of bombs) {
        expectCleanRefusal(await post(`/functions/v1/${name}`, body, { token }), `${name}: ${what}`);
      }
    }
  });

  it('is refused by every function when it is too large, announced or not, packed or not', async () => {
    const large = `{"a":"${'x'.repeat(2_000_000)}"}`;
    // Auth reads an error of its hooks from the body, under a 200.
    const takers = endpoints.filter(
      ({ name, methods }) => methods.includes('POST') && !name.startsWith('auth-hooks'),
    );
    for (const { name } of takers) {
      const target = `/functions/v1/${name.replace(':provider', 'momo')}`;
      expectCleanRefusal(await post(target, large, { token }), `${name}: 2 MB`);
      const packed = await post(target, gzipSync(large), { token, headers: { 'content-encoding': 'gzip' } });
      expectCleanRefusal(packed, `${name}: 2 MB in a few bytes`);
    }
  });

  it('is refused by commands of the Data API in clear words', async () => {
    const commands: [name: string, argument: string][] = [
      ['create_vehicle', 'details'],
      ['search_vehicles', 'features'],
      ['my_bookings', 'after'],
      ['submit_licence', 'number'],
    ];
    for (const [name, argument] of commands) {
      for (const [what, body] of bombs) {
        // a command without required arguments takes an empty body
        const whole = await post(`/rest/v1/rpc/${name}`, body, { token });
        if (!tooComplex(whole)) expectClean(whole, `${name}: ${what}`);
        if (typeof body !== 'string' || body === '') continue;
        const inside = await post(`/rest/v1/rpc/${name}`, `{"${argument}":${body}}`, { token });
        if (!tooComplex(inside)) expectClean(inside, `${name}(${argument}): ${what}`);
      }
    }
  });

  it('is refused by tables, Auth and Storage in clear words', async () => {
    const targets: [method: string, path: string][] = [
      ['PATCH', `/rest/v1/profiles?id=eq.${attacker.id}`],
      ['POST', '/rest/v1/bookings'],
      ['POST', '/auth/v1/token?grant_type=password'],
      ['POST', '/auth/v1/token?grant_type=refresh_token'],
      ['POST', '/auth/v1/verify'],
      ['POST', '/auth/v1/recover'],
      ['POST', '/storage/v1/object/list/licences'],
      ['POST', '/storage/v1/object/sign/licences/x'],
      ['POST', '/storage/v1/object/move'],
      ['DELETE', '/storage/v1/object/licences'],
      ['POST', '/realtime/v1/api/broadcast'],
    ];
    for (const [method, path] of targets) {
      for (const [what, body] of bombs) {
        const answer = await call(path, { method, token, body });
        if (!tooComplex(answer)) expectClean(answer, `${method} ${path}: ${what}`);
      }
    }
  });

  it('of ten megabytes stops nothing: it is answered, and so is the next request', async () => {
    const large = 'x'.repeat(10_000_000);
    const answers = await Promise.all([
      post('/rest/v1/rpc/search_vehicles', { lat: 21, lng: 105, query: large }, { token }),
      call(`/rest/v1/profiles?id=eq.${attacker.id}`, { method: 'PATCH', token, body: { bio: large } }),
      post('/auth/v1/token?grant_type=password', { email: large, password: large }),
      post('/functions/v1/quote', { vehicle_id: large }, { token }),
    ]);
    for (const answer of answers) expectCleanRefusal(answer, 'ten megabytes');
    expect((await call('/rest/v1/profiles?select=id', { token })).body).toEqual([{ id: attacker.id }]);
    const health = (await call('/health')).body as { parts: Record<string, string> };
    expect(new Set(Object.values(health.parts))).toEqual(new Set(['up']));
  });
});

describe('an address that no client asks for', () => {
  it('is answered without a 5xx, and without a word of the inside', async () => {
    const paths = [
      '/rest/v1/',
      "/rest/v1/profiles?id=eq.';drop table profiles;--",
      '/rest/v1/profiles?select=id;delete%20from%20profiles',
      '/rest/v1/profiles?select=id::regclass',
      '/rest/v1/profiles?select=pg_sleep(5)',
      '/rest/v1/profiles?select=id,count()',
      '/rest/v1/profiles?order=(select%201)',
      '/rest/v1/profiles?id=fts(english).x',
      '/rest/v1/profiles?id=not.a.uuid',
      '/rest/v1/profiles?limit=-1',
      '/rest/v1/profiles?limit=99999999999999999999',
      '/rest/v1/profiles?offset=x',
      `/rest/v1/profiles?or=${'('.repeat(2_000)}`,
      `/rest/v1/profiles?select=${'id,'.repeat(2_000)}id`,
      '/rest/v1/profiles?id=eq.%00',
      '/rest/v1/profiles?%00=eq.1',
      '/rest/v1/profiles?bio=match.(a%2B)%2B%24',
      '/rest/v1/rpc/public_profile?id=x',
      '/rest/v1/rpc/no_such_function',
      '/rest/v1/rpc/pg_sleep?seconds=5',
      '/rest/v1/rpc/pg_read_file?filename=/etc/passwd',
      '/rest/v1/pg_user',
      '/rest/v1/../auth/v1/admin/users',
      '/auth/v1/admin/users',
      '/auth/v1/authorize?provider=x&redirect_to=https://evil.example',
      '/auth/v1/verify?type=recovery&token=x&redirect_to=https://evil.example',
      '/storage/v1/object/licences/../../etc/passwd',
      '/storage/v1/object/licences/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '/storage/v1/object/public/licences/x',
      '/storage/v1/bucket',
      '/functions/v1/receipts/x',
      '/functions/v1/receipts/%00',
      '/functions/v1/payments/return/nobody',
      '/functions/v1/payment-webhooks/nobody',
      '/functions/v1/%2e%2e/%2e%2e/etc/passwd',
    ];
    for (const path of paths) {
      for (const bearer of [undefined, token]) {
        const answer = await call(path, bearer === undefined ? {} : { token: bearer });
        if (!tooComplex(answer)) expectClean(answer, path.slice(0, 100));
      }
    }
    expect((await call('/auth/v1/admin/users', { token })).status).toBeGreaterThanOrEqual(401);
    expect(await sql('select from public.profiles where id = $1', [attacker.id])).toHaveLength(1);
  });
});
