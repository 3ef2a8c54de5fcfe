import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/functions/fakes.ts';
import { handle } from './handler.ts';

const ask = async (database: Parameters<typeof fakeOutside>[0], settings: () => unknown = () => null) => {
  const { deps, logs } = fakeOutside(database);
  const { http, db } = deps;
  const answer = await handle({ http, db, settings })(new Request('http://x/health'));
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

  it('is down with a setting that the others do not start with, and says which to the log alone', async () => {
    const { status, body, logs } = await ask({ health_facts: () => ({}) }, () => {
      throw new Error('MOMO_SECRET_KEY is a demo secret.');
    });
    expect(status).toBe(503);
    expect(body).toEqual({ status: 'down', settings: 'refused', database: 'unknown', outbox: null });
    expect(JSON.stringify(logs)).toContain('MOMO_SECRET_KEY');
  });
});
