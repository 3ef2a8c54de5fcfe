import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { fakeOutside, hookSecret } from '../../../tests/support/fakes.ts';
import { handle } from './handler.ts';

const bounce = {
  type: 'email.bounced',
  created_at: '2026-11-30T07:30:00.000Z',
  data: {
    email_id: 'mail-1',
    to: ['lan@example.com'],
    bounce: { type: 'Permanent', subType: 'General', message: 'no such user' },
  },
};
const other = 'whsec_YW5vdGhlci1zZWNyZXQtb2YtYW5vdGhlci1zaG9wLi4=';

interface Delivery {
  secret?: string;
  at?: Date;
  spoil?: string;
  id?: string;
  prefix?: string;
}

function call(
  event: unknown,
  { secret = hookSecret, at = new Date(), spoil = '', id = 'msg_1', prefix = 'svix' }: Delivery = {},
) {
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  return new Request('http://functions.local/mail-webhooks/resend', {
    method: 'POST',
    headers: {
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(Math.floor(at.getTime() / 1000)),
      [`${prefix}-signature`]: new Webhook(secret).sign(id, at, body),
    },
    body: body + spoil,
  });
}

const database = { record_mail_event: () => true, apply_mail_event: () => 'bounced' };

describe('a report of Resend', () => {
  it('is stored before it takes effect, under the id that repeats have too', async () => {
    const { deps, calls } = fakeOutside(database);
    const answer = await handle(deps)(call(bounce));
    expect([answer.status, await answer.json()]).toEqual([200, { outcome: 'bounced' }]);
    expect(calls.map(({ as, name, args }) => ({ as, name, args }))).toEqual([
      {
        as: 'service',
        name: 'record_mail_event',
        args: {
          event_id: 'msg_1',
          type: 'email.bounced',
          email_id: 'mail-1',
          address: 'lan@example.com',
          occurred_at: '2026-11-30T07:30:00.000Z',
          is_permanent: true,
          detail: 'Permanent: General: no such user',
        },
      },
      { as: 'service', name: 'apply_mail_event', args: { event_id: 'msg_1' } },
    ]);
  });

  it('does nothing when it is a repeat of what took effect', async () => {
    const { deps, calls } = fakeOutside({ record_mail_event: () => false });
    const answer = await handle(deps)(call(bounce));
    expect(await answer.json()).toEqual({ outcome: 'repeated' });
    expect(calls).toHaveLength(1);
  });

  it('fails when it could not take effect, so that it comes again', async () => {
    const { deps } = fakeOutside({
      ...database,
      apply_mail_event: () => {
        throw new Error('the database is away');
      },
    });
    expect((await handle(deps)(call(bounce))).status).toBe(500);
  });

  it.each([
    ['Transient', false],
    ['Undetermined', false],
    ['Permanent', true],
  ])('of a bounce that is %s is for good: %s', async (type, permanent) => {
    const { deps, calls } = fakeOutside(database);
    await handle(deps)(call({ ...bounce, data: { ...bounce.data, bounce: { type } } }));
    expect(calls[0]?.args).toMatchObject({ is_permanent: permanent });
  });

  it('of an address that Resend itself does not write to is for good', async () => {
    const { deps, calls } = fakeOutside(database);
    const data = { ...bounce.data, suppressed: { type: 'OnAccountSuppressionList', message: 'listed' } };
    await handle(deps)(call({ ...bounce, type: 'email.suppressed', data }));
    expect(calls[0]?.args).toMatchObject({ is_permanent: true });
  });

  it.each(['email.sent', 'email.opened', 'email.clicked', 'contact.created', 'something.new'])(
    '%s is neither stored nor refused',
    async (type) => {
      const { deps, calls } = fakeOutside({});
      expect((await handle(deps)(call({ type, created_at: 'x', data: {} }))).status).toBe(200);
      expect(calls).toEqual([]);
    },
  );

  it('is refused without the signature of Resend, changed, too old or too new', async () => {
    const { deps, calls } = fakeOutside(database);
    const minutes = (n: number) => new Date(Date.now() - n * 60_000);
    const refused = [
      call(bounce, { secret: other }),
      call(bounce, { spoil: ' ' }),
      call(bounce, { at: minutes(6) }),
      call(bounce, { at: minutes(-6) }),
      call(bounce, { prefix: 'x' }),
      new Request('http://x/mail-webhooks/resend', { method: 'POST', body: JSON.stringify(bounce) }),
    ];
    for (const request of refused) expect((await handle(deps)(request)).status).toBe(401);
    const none = { ...deps, mailWebhookSecrets: [] };
    expect((await handle(none)(call(bounce))).status).toBe(401);
    expect(calls).toEqual([]);
  });

  it('is taken with either of two secrets while they are being changed', async () => {
    const { deps } = fakeOutside(database);
    const both = { ...deps, mailWebhookSecrets: [other, hookSecret] };
    expect((await handle(both)(call(bounce))).status).toBe(200);
    expect((await handle(both)(call(bounce, { secret: other }))).status).toBe(200);
  });
});
