import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeSql, type Person, person, sql } from '../support/world.ts';
import { type Answer, call, codeOf, post, tokenOf } from './attack.ts';

const password = 'correct horse battery';
let known: string[];
let attacker: Person;

// Many accounts: each may be asked about a few times only.
beforeAll(async () => {
  attacker = await person('attacker');
  known = Array.from({ length: 24 }, () => `known.${crypto.randomUUID()}@example.com`);
  await sql(
    `insert into auth.users (id, aud, role, email) select gen_random_uuid(), 'authenticated', 'authenticated', unnest($1::text[])`,
    [known],
  );
});
afterAll(closeSql);

const unknown = () => `nobody.${crypto.randomUUID()}@example.com`;
const network = () => `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`;

/** What an answer shows, without what is new in each: times and ids. */
const shown = ({ status, text }: Answer) =>
  `${status} ${text
    .replace(/"correlation_id":"[0-9a-f]+"/, '')
    .replace(/\d{4}-\d\d-\d\dT[^"]*/g, 'TIME')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replace(/[a-z]+\.ID@/g, 'X@')}`;

/** How often a random answer of one kind takes longer than one of the other: 0.5 when time tells nothing. */
function share(one: number[], other: number[]): number {
  const wins = one.flatMap((a) => other.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
  return wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
}

/** Asks about both kinds in turns, in a random order within each turn, so that a busy moment meets both. */
async function inTurns(ask: (email: string) => Promise<Answer>, pairs: [known: string, unknown: string][]) {
  const times = { known: [] as number[], unknown: [] as number[] };
  const answers = { known: new Set<string>(), unknown: new Set<string>() };
  for (const [one, other] of pairs) {
    const turn: ['known' | 'unknown', string][] = [
      ['known', one],
      ['unknown', other],
    ];
    if (randomInt(2) === 0) turn.reverse();
    for (const [kind, email] of turn) {
      const began = performance.now();
      const answer = await ask(email);
      times[kind].push(performance.now() - began);
      answers[kind].add(shown(answer));
    }
  }
  return { times, answers };
}

// 24 of each kind: by luck alone the share is beyond 0.5 ± 0.38 once in a million runs (its deviation is 0.084). Ten
// milliseconds more for one kind, with answers that spread over ten, make it 0.76; asking in vain for a password hash
// (50 ms and more) makes it 1.
const bound = 0.38;

describe('somebody who asks which addresses have an account', () => {
  it('would be seen by the measure used here', () => {
    const plain = Array.from({ length: 24 }, (_, n) => 20 + (n % 10));
    expect(share(plain, plain)).toBe(0.5);
    expect(
      Math.abs(
        share(
          plain.map((ms) => ms + 50),
          plain,
        ) - 0.5,
      ),
    ).toBeGreaterThan(bound);
  });

  it('learns nothing from a reset of a password: the same answer in the same time', async () => {
    const pairs = known.map((email): [string, string] => [email, unknown()]);
    const send = (email: string) => post('/functions/v1/otp/reset/send', { email }, { from: network() });
    const sent = await inTurns(send, pairs);
    expect([...sent.answers.known]).toEqual([...sent.answers.unknown]);
    expect([...sent.answers.known]).toHaveLength(1);
    expect([...sent.answers.known][0]).toMatch(/^200 /);
    expect(Math.abs(share(sent.times.known, sent.times.unknown) - 0.5)).toBeLessThan(bound);
    const confirm = (email: string) =>
      post('/functions/v1/otp/reset/confirm', { email, code: '000000', password }, { from: network() });
    const confirmed = await inTurns(confirm, pairs);
    expect([...confirmed.answers.known]).toEqual([...confirmed.answers.unknown]);
    expect([...confirmed.answers.known][0]).toMatch(/^422 .*code_wrong/);
    expect(Math.abs(share(confirmed.times.known, confirmed.times.unknown) - 0.5)).toBeLessThan(bound);
  });

  it('learns nothing from a wrong password', async () => {
    const ask = (email: string) =>
      post('/auth/v1/token?grant_type=password', { email, password: 'not the password' });
    const [one, other] = await Promise.all([ask(known[0] ?? ''), ask(unknown())]);
    expect(shown(one)).toBe(shown(other));
    expect(codeOf(one)).toBe('invalid_credentials');
  });

  it('learns nothing from Auth’s own mail for a lost password', async () => {
    const ask = (email: string) => post('/auth/v1/recover', { email });
    expect(shown(await ask(attacker.email))).toBe(shown(await ask(unknown())));
  });

  it('finds no person by a filter: neither profiles nor users can be searched by address', async () => {
    const token = await tokenOf(attacker);
    for (const path of [
      `profiles?select=id&email=eq.${known[0]}`,
      `users?select=id&email=eq.${known[0]}`,
      'profiles?select=id&phone=not.is.null',
    ]) {
      const answer = await call(`/rest/v1/${path}`, { token });
      expect(answer.status >= 400 || answer.text === '[]', path).toBe(true);
    }
    expect((await call(`/auth/v1/admin/users?filter=${known[0]}`, { token })).status).toBeGreaterThanOrEqual(
      401,
    );
  });
});

describe('somebody who guesses the code of a reset', () => {
  it('has five tries in all, also when 64 come at the same moment from as many networks', async () => {
    const victim = await person('victim');
    const sent = await post('/functions/v1/otp/reset/send', { email: victim.email }, { from: network() });
    expect(sent.status).toBe(200);
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        post(
          '/functions/v1/otp/reset/confirm',
          { email: victim.email, code: String(n).padStart(6, '0'), password },
          { from: `127.17.0.${n + 1}` },
        ),
      ),
    );
    const codes = answers.map(codeOf);
    expect(codes.filter((code) => code === 'code_wrong').length).toBeLessThanOrEqual(4);
    expect(new Set(codes)).toEqual(new Set(['code_wrong', 'code_expired']));
    const [challenge] = await sql<{ tries: number; outcome: string }>(
      `select tries, outcome from private.otp_challenges where address = $1 and purpose = 'reset_password'`,
      [victim.email],
    );
    expect(challenge).toEqual({ tries: 5, outcome: 'exhausted' });
  });

  it('is limited by network, and no header makes another network', async () => {
    const email = unknown();
    const answers: Answer[] = [];
    for (let n = 0; n < 34; n += 1) {
      answers.push(
        await post(
          '/functions/v1/otp/reset/confirm',
          { email, code: '000000', password },
          {
            headers: {
              'x-forwarded-for': `203.0.113.${n}`,
              'cf-connecting-ip': `203.0.113.${n}`,
              'x-real-ip': `203.0.113.${n}`,
              forwarded: `for=203.0.113.${n}`,
            },
          },
        ),
      );
    }
    expect(answers.map(codeOf)).toContain('rate_limited');
    const limited = answers.find((answer) => codeOf(answer) === 'rate_limited');
    expect([limited?.status, Number(limited?.headers.get('retry-after')) > 0]).toEqual([429, true]);
  });
});
