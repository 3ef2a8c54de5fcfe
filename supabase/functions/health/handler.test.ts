import { describe, expect, it } from 'vitest';
import { sandboxSettings } from '../../../local/sandbox/merchants.ts';
import { platform } from '../../../tests/payments/settings.ts';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { readEnv } from '../_shared/env.ts';
import { createMailer } from '../_shared/mail/mailer.ts';
import { createProviders, createTransfers } from '../_shared/payments/index.ts';
import { createPushSender } from '../_shared/push/sender.ts';
import { createEsms } from '../_shared/sms/esms.ts';
import { type HealthDeps, handle } from './handler.ts';

const ask = async (database: Parameters<typeof fakeOutside>[0], settings?: HealthDeps['settings']) => {
  const { deps, logs } = fakeOutside(database);
  const { http, db } = deps;
  const answer = await handle({ http, db, settings: settings ?? (() => deps) })(
    new Request('http://x/health'),
  );
  return { status: answer.status, body: await answer.json(), logs };
};

describe('GET /health', () => {
  it('is ok while the outbox keeps up, and says no more than that', async () => {
    const facts = { outbox_due: 2, outbox_dead: 0, unmatched_open: 5, refunds_open: 1 };
    expect(await ask({ health_facts: () => facts })).toMatchObject({
      status: 200,
      body: { status: 'ok', settings: 'ok', database: 'ok', outbox: { due: 2, dead: 0 } },
    });
  });

  it('is degraded when something needs a person', async () => {
    const { status, body } = await ask({ health_facts: () => ({ outbox_due: 0, outbox_dead: 1 }) });
    expect([status, body]).toMatchObject([200, { status: 'degraded' }]);
  });

  it('is down without the database, and does not say why', async () => {
    const away = () => {
      throw new Error('password authentication failed for user "x"');
    };
    const { status, body } = await ask({ health_facts: away });
    expect(status).toBe(503);
    expect(body).toEqual({ status: 'down', settings: 'ok', database: 'unreachable', outbox: null });
  });

  it('is degraded while a rail is refused or switched on without settings, and says which to the log alone', async () => {
    const facts = { outbox_due: 0, outbox_dead: 0, rails: ['vnpay', 'momo'], payout_provider: 'payos' };
    const all = sandboxSettings('http://127.0.0.1:1');
    const set = (changes: Record<string, string | undefined>) => {
      const known = {
        ...platform,
        JOURNEY_ENV: 'local',
        ...{ RESEND_API_KEY: 're_x', MAIL_FROM: 'a@b.example' },
        ...all,
        ...changes,
      };
      const env = readEnv(known);
      const made = {
        providers: createProviders(env),
        transfers: createTransfers(env),
        mailer: createMailer(env, () => 'https://x.supabase.co/functions/v1'),
        sms: createEsms(env),
        push: createPushSender(env, Date.now),
      };
      return () => made;
    };
    const good = await ask({ health_facts: () => facts }, set({}));
    expect(good.body).toMatchObject({ status: 'ok', settings: 'ok' });
    const without = (prefix: string) =>
      Object.fromEntries(
        Object.keys(all)
          .filter((name) => name.startsWith(prefix))
          .map((name) => [name, undefined]),
      );
    for (const [changes, said] of [
      [{ STRIPE_SECRET_KEY: '' }, 'STRIPE_SECRET_KEY is empty'],
      [{ PAYOS_PAYOUT_API_KEY: '' }, 'PAYOS_PAYOUT_API_KEY is empty'],
      [without('MOMO_'), 'momo is switched on without settings'],
      [without('PAYOS_PAYOUT_'), 'payos is to send transfers'],
      [{ MAIL_FROM: undefined }, 'MAIL_FROM'],
      [{ ESMS_API_KEY: 'x' }, 'ESMS_SECRET_KEY and ESMS_BRANDNAME'],
      [{ VAPID_SUBJECT: 'mailto:a@b.example' }, 'VAPID_PUBLIC_KEY'],
    ] as const) {
      const { status, body, logs } = await ask({ health_facts: () => facts }, set(changes));
      expect(status).toBe(200);
      expect(body).toEqual({
        ...{ status: 'degraded', settings: 'incomplete', database: 'ok' },
        outbox: { due: 0, dead: 0 },
      });
      expect(JSON.stringify(logs)).toContain(said);
    }
  });

  it('is down with a setting that the others do not start with, and says which to the log alone', async () => {
    const { status, body, logs } = await ask({ health_facts: () => ({}) }, () => {
      throw new Error('MOMO_SECRET_KEY is a demo secret.');
    });
    expect(status).toBe(503);
    expect(body).toEqual({ status: 'down', settings: 'refused', database: 'unknown', outbox: null });
    expect(JSON.stringify(logs)).toContain('MOMO_SECRET_KEY');
  });
});
