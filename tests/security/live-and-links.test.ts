import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { subscribe } from '../realtime/talk.ts';
import { setting } from '../support/setting.ts';
import { admin, closeSql, type Person, person } from '../support/world.ts';
import { call, expectClean, post, tokenOf } from './attack.ts';

let victim: Person;
let attacker: Person;
let boss: Person;
const clients: SupabaseClient[] = [];

beforeAll(async () => {
  [victim, attacker, boss] = [await person('victim'), await person('attacker'), await admin()];
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.removeAllChannels();
});
afterAll(closeSql);

async function join(topic: string, token: string | null, isPrivate = true) {
  const client = createClient(setting('API_URL'), setting('PUBLISHABLE_KEY'), {
    auth: { persistSession: false, autoRefreshToken: false },
    ...(token === null ? {} : { accessToken: async () => token }),
  });
  clients.push(client);
  if (token !== null) await client.realtime.setAuth(token);
  return (await subscribe(client.channel(topic, { config: { private: isPrivate } }))).status;
}

describe('a live topic', () => {
  it('of a person is joined by that person, and by no stranger, visitor or admin, however it is written', async () => {
    const token = await tokenOf(attacker);
    expect(await join(`user:${victim.id}`, await tokenOf(victim))).toBe('SUBSCRIBED');
    const others = [
      `user:${victim.id}`,
      `user:${victim.id.toUpperCase()}`,
      'user:*',
      'user:',
      'user:%',
      'realtime:*',
    ];
    for (const topic of others) expect(await join(topic, token), topic).toBe('CHANNEL_ERROR');
    expect(await join(`user:${victim.id}`, null)).toBe('CHANNEL_ERROR');
    expect(await join(`user:${victim.id}`, await tokenOf(boss))).toBe('CHANNEL_ERROR');
    expect(await join(`user:${victim.id}`, token, false)).toBe('CHANNEL_ERROR');
  });

  it('takes messages from the database alone, so nobody can fake a notification, not even to themselves', async () => {
    for (const one of [attacker, victim]) {
      const answer = await post(
        '/realtime/v1/api/broadcast',
        {
          messages: [
            { topic: `user:${victim.id}`, event: 'notification', payload: { id: 'fake' }, private: true },
          ],
        },
        { token: await tokenOf(one) },
      );
      // The platform answers 202 and drops what may not be sent.
      expectClean(answer, 'broadcast');
    }
    const heard: unknown[] = [];
    const token = await tokenOf(victim);
    const client = createClient(setting('API_URL'), setting('PUBLISHABLE_KEY'), {
      auth: { persistSession: false, autoRefreshToken: false },
      accessToken: async () => token,
    });
    clients.push(client);
    await client.realtime.setAuth(token);
    const channel = client.channel(`user:${victim.id}`, {
      config: { private: true, broadcast: { self: true } },
    });
    channel.on('broadcast', { event: '*' }, (message) => heard.push(message));
    expect((await subscribe(channel)).status).toBe('SUBSCRIBED');
    await channel.send({ type: 'broadcast', event: 'notification', payload: { id: 'fake' } });
    await post(
      '/realtime/v1/api/broadcast',
      {
        messages: [
          { topic: `user:${victim.id}`, event: 'notification', payload: { id: 'fake' }, private: true },
        ],
      },
      { token: await tokenOf(attacker) },
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(heard).toEqual([]);
  });
});

describe('the way back from a payment', () => {
  it('leads to no address that the settings do not name', async () => {
    const evil = [
      'https://evil.example',
      '//evil.example',
      'https:evil.example',
      'javascript:alert(1)',
      'data:text/html,x',
      'https://app.example.com.evil.example',
      'https://app.example.com@evil.example',
      'https://localhost.evil.example/',
      'http://localhost@evil.example/',
      'journey.evil://x',
      ' https://evil.example',
      'https://evil.example\\@localhost',
      'HTTPS://EVIL.EXAMPLE',
    ];
    for (const provider of ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr']) {
      for (const to of evil) {
        const answer = await call(`/functions/v1/payments/return/${provider}?to=${encodeURIComponent(to)}`);
        expectClean(answer, `${provider}: ${to}`);
        const target = answer.headers.get('location') ?? '';
        expect(target, `${provider}: ${to}`).not.toMatch(/evil|javascript|data:/i);
        expect(answer.text.toLowerCase(), `${provider}: ${to}`).not.toMatch(
          /href="[^"]*(evil|javascript:|data:)/,
        );
      }
    }
  });

  it('is asked for with a foreign address in vain, before anything is written', async () => {
    const answer = await post(
      '/functions/v1/payments/start',
      {
        payment_id: crypto.randomUUID(),
        provider: 'vnpay',
        idempotency_key: crypto.randomUUID(),
        return_url: 'https://evil.example/back',
      },
      { token: await tokenOf(attacker) },
    );
    expect([answer.status, (answer.body as { error: { code: string } }).error.code]).toEqual([
      400,
      'invalid_input',
    ]);
  });
});

describe('another origin', () => {
  it('reads answers only with a key and a token that it must already have: no cookie, no credentials', async () => {
    const paths = [
      '/rest/v1/profiles?select=id',
      '/auth/v1/user',
      '/storage/v1/bucket',
      '/functions/v1/health',
    ];
    for (const path of paths) {
      const headers = { origin: 'https://evil.example' };
      const answer = await call(path, { token: await tokenOf(attacker), headers });
      expect(answer.headers.get('access-control-allow-credentials'), path).toBeNull();
      expect(answer.headers.get('set-cookie'), path).toBeNull();
      const bare = await fetch(`${setting('API_URL')}${path}`, {
        headers: { ...headers, cookie: `sb-access-token=${await tokenOf(attacker)}` },
      });
      if (!path.endsWith('health')) expect([400, 401], path).toContain(bare.status);
    }
  });
});
