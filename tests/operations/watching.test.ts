import { afterAll, describe, expect, it } from 'vitest';
import { setting } from '../support/setting.ts';
import { admin, closeSql, ok, person, refusal, sql } from '../support/world.ts';

afterAll(closeSql);

const metrics = (headers: Record<string, string>) =>
  fetch(`${setting('API_URL')}/functions/v1/metrics`, { headers });

describe('the function metrics', () => {
  it('shows outbox, jobs, database and figures of today to who has the key', async () => {
    await person('new');
    await sql('select private.refresh_metrics()');
    const answer = await metrics({ apikey: setting('SECRET_KEY') });
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    for (const line of [
      /^journey_database_bytes \d{7,}$/m,
      /^journey_outbox_dead \d+$/m,
      /^journey_connections\{state="active"\} \d+$/m,
      /^journey_transactions_total\{result="committed"\} \d+$/m,
      /^journey_unverified_webhooks\{provider="vnpay"\} \d+$/m,
      /^journey_today_signups [1-9]\d*$/m,
    ]) {
      expect(text).toMatch(line);
    }
    // each line is a comment or a sample
    expect(
      text
        .trimEnd()
        .split('\n')
        .filter(
          (line) =>
            !/^(# (HELP|TYPE) journey_|journey_[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+]+$)/.test(
              line,
            ),
        ),
    ).toEqual([]);
  });

  it('shows nothing to anybody else', async () => {
    expect((await metrics({ apikey: setting('PUBLISHABLE_KEY') })).status).toBe(403);
    const one = await person();
    const { data } = await one.journey.supabase.auth.getSession();
    const token = data.session?.access_token ?? '';
    const mine = await metrics({ apikey: setting('PUBLISHABLE_KEY'), authorization: `Bearer ${token}` });
    expect(mine.status).toBe(403);
  });
});

describe('admin.operations', () => {
  it('lists the jobs, and has a dead letter tried again', async () => {
    const boss = await admin();
    const { operations } = boss.journey.admin;
    const jobs = await ok(operations.jobs());
    expect(jobs.find(({ name }) => name === 'journey_outbox')).toMatchObject({
      is_active: true,
      longest_seconds: 900,
    });
    // an attempt that does not exist: its worker ends it at once, whatever it is
    const key = `no-attempt ${crypto.randomUUID()}`;
    const [letter] = await sql<{ id: string }>(
      `insert into private.outbox (topic, payload, dedupe_key, status, attempts, last_error, finished_at)
       values ('availability', jsonb_build_object('event_id', gen_random_uuid()), $1, 'dead', 12, 'for a test', now()) returning id`,
      [key],
    );
    const found = await ok(operations.deadLetters({ topic: 'availability', pageSize: 100 }));
    const mine = found.rows.find(({ dedupe_key }) => dedupe_key === key);
    expect(mine).toMatchObject({ id: Number(letter?.id), attempts: 12, last_error: 'for a test' });
    await ok(operations.requeue(Number(letter?.id)));
    await expect
      .poll(
        async () => (await sql('select status from private.outbox where id = $1', [letter?.id]))[0]?.status,
      )
      .toBe('done');
    expect(await refusal((await person()).journey.admin.operations.requeue(Number(letter?.id)))).toBe(
      'forbidden',
    );
  });
});
