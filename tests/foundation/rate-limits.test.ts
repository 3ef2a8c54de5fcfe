import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchFrom } from '../support/fetch-from.ts';
import { setting } from '../support/setting.ts';
import { closeSql, type Person, period, person, sql } from '../support/world.ts';

interface Limited {
  name: string;
  action: string;
  /** Whom the tokens belong to, as an expression. */
  subject: string;
  args: string[];
  for_people: boolean;
  [column: string]: unknown;
}

let one: Person;
let token: string;
let limited: Limited[];

beforeAll(async () => {
  one = await person('limited');
  const { data } = await one.journey.supabase.auth.getSession();
  token = data.session?.access_token ?? '';
  limited = await sql<Limited>(
    `select p.proname as name, m[1] as action, m[2] as subject, coalesce(p.proargnames, '{}') as args,
       has_function_privilege('authenticated', p.oid, 'execute') as for_people
     from pg_proc p cross join regexp_match(p.prosrc, 'private\\.refuse\\(''(\\w+)'', \\((.*?)\\)::text, sqlstate') m
     where p.pronamespace = 'public'::regnamespace and m is not null order by 1`,
  );
});

afterAll(closeSql);

const anyNetwork = () => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;

/** Leaves so many tokens, and none that come back during a test. */
async function leave(action: string, subject: string, tokens: number): Promise<void> {
  await sql(
    `insert into private.rate_buckets (action, subject, tokens, refilled_at) values ($1, $2, $3, now() + interval '1 hour')
     on conflict (action, subject) do update set tokens = excluded.tokens, refilled_at = excluded.refilled_at`,
    [action, subject, tokens],
  );
}

async function tokensOf(action: string, subject: string): Promise<number> {
  const [row] = await sql<{ tokens: string }>(
    'select tokens from private.rate_buckets where action = $1 and subject = $2',
    [action, subject],
  );
  return Number(row?.tokens);
}

/** What the log and the keys of commands say that the person has done. */
async function done(): Promise<string[]> {
  const rows = await sql<{ what: string }>(
    `select command || ' ' || key as what from private.idempotency_keys where actor_id = $1
     union all select type || ' ' || id from private.domain_events where actor_id = $1 order by 1`,
    [one.id],
  );
  return rows.map(({ what }) => what);
}

interface Answer {
  status: number;
  retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many functions
  body: any;
}

interface Call {
  method?: string;
  body?: unknown;
  /** Default: the person's own token. Null: a visitor. */
  as?: 'person' | 'service' | 'visitor';
  from?: string;
  headers?: Record<string, string>;
}

async function call(path: string, { method = 'POST', body, as = 'person', from, headers }: Call = {}) {
  const key = setting(as === 'service' ? 'SECRET_KEY' : 'PUBLISHABLE_KEY');
  const answer = await (from ? fetchFrom(from) : fetch)(`${setting('API_URL')}${path}`, {
    method,
    headers: {
      apikey: key,
      ...(as === 'person' ? { authorization: `Bearer ${token}` } : {}),
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const result: Answer = {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    body: text === '' ? null : JSON.parse(text),
  };
  return result;
}

/** That an answer of the Data API is the refusal of a limit. */
function expectLimited(answer: Answer): void {
  expect([answer.status, answer.body.code]).toEqual([429, 'PT429']);
  const details = JSON.parse(answer.body.details) as { code: string; retry_after: number };
  expect(details.code).toBe('rate_limited');
  expect(answer.retryAfter).toBe(String(details.retry_after));
  expect(details.retry_after).toBeGreaterThan(0);
}

/** What the commands of the service need so that they come to their limit; all else may be null. */
const given: Record<string, () => Record<string, unknown>> = {
  queue_auth_message: () => ({ channel: 'sms', address: '+84900000000', country_code: '0' }),
  start_otp: () => ({
    purpose: 'reset_password',
    channel: 'sms',
    address: '+84900000000',
    country_code: '0',
    code: '000000',
    is_sent: false,
  }),
  verify_otp: () => ({ purpose: 'step_up', channel: 'sms', user_id: crypto.randomUUID(), code: '000000' }),
};

describe('a limited command over REST', () => {
  it('is found in the database, and so is a use of every limit', async () => {
    expect(limited.length).toBeGreaterThan(10);
    const unused = await sql<{ action: string }>(
      `select l.action from private.rate_limits l where not exists (
         select from pg_proc p where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
           and p.prosrc like '%''' || regexp_replace(l.action, '_network$', '') || '''%')`,
    );
    expect(unused).toEqual([]);
  });

  it('is answered 429 with Retry-After once its tokens are spent on refusals, and has done nothing', async () => {
    for (const { name, action, subject, args, for_people } of limited) {
      const own = for_people ? {} : (given[name]?.() ?? {});
      // `ip`, or 'auth:' || address
      const [, prefix = '', argument = ''] = /^(?:'(.*)' \|\| )?(\w+)$/.exec(subject) ?? [];
      const value = argument === 'ip' ? anyNetwork() : (own.address ?? crypto.randomUUID());
      const by = for_people ? one.id : `${prefix}${value}`;
      const body = {
        ...Object.fromEntries(args.map((arg) => [arg, null])),
        ...(args.includes('idempotency_key') ? { idempotency_key: crypto.randomUUID() } : {}),
        ...own,
        ...(for_people ? {} : { [argument]: value }),
      };
      await leave(action, by, 2);
      const ask = () => call(`/rest/v1/rpc/${name}`, { body, as: for_people ? 'person' : 'service' });
      const before = await done();
      let refusals = 0;
      for (let n = 0; n < 2; n += 1) {
        const answer = await ask();
        // what needs nothing from its caller may answer; whatever comes, it costs a token
        if (answer.status === 200) continue;
        refusals += 1;
        expect(answer.body.code, `${name}: ${JSON.stringify(answer)}`).toMatch(/^PT4(?!29)/);
      }
      expect([name, await tokensOf(action, by)]).toEqual([name, 0]);
      const after = await done();
      if (refusals === 2) expect([name, after]).toEqual([name, before]);
      for (let n = 0; n < 2; n += 1) expectLimited(await ask());
      expect([name, await tokensOf(action, by), await done()]).toEqual([name, 0, after]);
    }
  });

  it('lets no more through than there are tokens, however many calls come at the same moment', async () => {
    await leave('create_booking', one.id, 5);
    const body = { quote_id: crypto.randomUUID(), idempotency_key: crypto.randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call('/rest/v1/rpc/create_booking', { body })),
    );
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(5);
    for (const refused of answers.filter(({ status }) => status !== 404)) expectLimited(refused);
  });
});

describe('a direct write', () => {
  it('is limited on every table that people write to', async () => {
    const open = await sql(
      `select c.relname from pg_class c
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
         and (has_any_column_privilege('authenticated', c.oid, 'insert, update') or has_table_privilege('authenticated', c.oid, 'delete')
           or has_any_column_privilege('anon', c.oid, 'insert, update') or has_table_privilege('anon', c.oid, 'delete'))
         and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'limited' and t.tgenabled = 'O')`,
    );
    expect(open).toEqual([]);
  });

  it('is answered 429 once its tokens are spent, and changes nothing then', async () => {
    await leave('direct_write', one.id, 1);
    const write = (bio: string) =>
      call(`/rest/v1/profiles?id=eq.${one.id}`, { method: 'PATCH', body: { bio } });
    expect((await write('first')).status).toBe(204);
    expectLimited(await write('second'));
    const [row] = await sql<{ bio: string }>('select bio from public.profiles where id = $1', [one.id]);
    expect(row?.bio).toBe('first');
    const { error } = await one.journey.profiles.update({ bio: 'third' }, { retries: 0 });
    expect(error).toMatchObject({ code: 'rate_limited', status: 429, retryable: true });
  });

  it('costs a token also when it finds no row', async () => {
    await leave('direct_write', one.id, 1);
    const nowhere = `/rest/v1/profiles?id=eq.${crypto.randomUUID()}`;
    expect((await call(nowhere, { method: 'PATCH', body: { bio: 'x' } })).status).toBe(204);
    expectLimited(await call(nowhere, { method: 'PATCH', body: { bio: 'x' } }));
  });

  it('of a command costs no token of its own', async () => {
    await leave('direct_write', one.id, 0);
    expect((await one.journey.notifications.markAllRead()).error).toBeNull();
  });
});

describe('a search', () => {
  const { startsAt, endsAt } = period(30, 24);
  const search = { lat: 21, lng: 105, starts_at: startsAt, ends_at: endsAt };
  const find = (more: Call) => call('/rest/v1/rpc/search_vehicles', { body: search, ...more });

  it('of a visitor is limited by network, which no header changes', async () => {
    const from = anyNetwork();
    await leave('search_vehicles_network', from, 1);
    expect((await find({ as: 'visitor', from })).status).toBe(200);
    expectLimited(await find({ as: 'visitor', from }));
    const lies = {
      'cf-connecting-ip': '203.0.113.7',
      'x-forwarded-for': '203.0.113.8',
      'x-real-ip': '203.0.113.9',
    };
    expectLimited(await find({ as: 'visitor', from, headers: lies }));
    expect((await find({ as: 'visitor', from: anyNetwork() })).status).toBe(200);
  });

  it('of a person is limited by person, wherever they are', async () => {
    await leave('search_vehicles', one.id, 1);
    expect((await find({})).status).toBe(200);
    expectLimited(await find({ from: anyNetwork() }));
  });
});

describe('an edge function', () => {
  const { startsAt, endsAt } = period(30, 24);
  const nowhere = crypto.randomUUID();
  const calls: [path: string, action: string, body: unknown][] = [
    ['/quote', 'quote', { vehicle_id: nowhere, starts_at: startsAt, ends_at: endsAt }],
    [
      '/payments/start',
      'start_payment',
      { payment_id: nowhere, provider: 'vnpay', idempotency_key: crypto.randomUUID() },
    ],
    ['/payments/check', 'check_payment', { payment_id: nowhere }],
    ['/otp/send', 'otp_user', { purpose: 'step_up' }],
  ];

  const expectPassedOn = ({ status, retryAfter, body }: Answer) => {
    expect([status, body.error.code]).toEqual([429, 'rate_limited']);
    expect(retryAfter).toBe(String(body.error.details.retry_after));
    expect(body.error.details.retry_after).toBeGreaterThan(0);
  };

  it.each(calls)('%s passes on 429 and Retry-After of the limit %s', async (path, action, body) => {
    await leave(action, one.id, 0);
    expectPassedOn(await call(`/functions/v1${path}`, { body, from: anyNetwork() }));
    await sql('delete from private.rate_buckets where action = $1 and subject = $2', [action, one.id]);
  });

  it('counts codes by the network that the gateway saw, which no header changes', async () => {
    const from = anyNetwork();
    await leave('otp_ip', from, 0);
    const reset = { email: `nobody-${nowhere}@example.com` };
    const lies = { 'cf-connecting-ip': '203.0.113.7', 'x-forwarded-for': '203.0.113.8' };
    for (const headers of [{}, lies]) {
      expectPassedOn(
        await call('/functions/v1/otp/reset/send', { body: reset, as: 'visitor', from, headers }),
      );
    }
    await leave('otp_try', from, 0);
    const guess = { ...reset, code: '000000', password: 'a long password' };
    expectPassedOn(await call('/functions/v1/otp/reset/confirm', { body: guess, as: 'visitor', from }));
  });
});
