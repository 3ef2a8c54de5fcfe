import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { fakeOutside, hookSecret } from '../../../tests/support/fakes.ts';
import { appError } from '../_shared/errors.ts';
import { handle } from './handler.ts';
import { mailsOf } from './messages.ts';

const other = 'whsec_YW5vdGhlci1zZWNyZXQtb2Ytb3RoZXItaG9va3MuLi4=';
const person = { id: crypto.randomUUID(), email: 'lan@example.com', user_metadata: { locale: 'vi' } };
const emailData = {
  token: '012345',
  token_hash: 'hash1',
  redirect_to: 'journey://signed-in?x=1&y=2',
  email_action_type: 'signup',
  site_url: 'https://project.supabase.co/auth/v1',
  token_new: '',
  token_hash_new: '',
};
const mail = { user: person, email_data: emailData };
const sms = { user: person, sms: { otp: '561166', phone: '84912345678' } };

/** A call as Auth makes it. */
function call(
  path: string,
  payload: object,
  { secret = hookSecret, at = new Date(), spoil = '' } = {},
): Request {
  const body = JSON.stringify(payload);
  const id = crypto.randomUUID();
  return new Request(`http://functions.local/auth-hooks${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    },
    body: body + spoil,
  });
}

const queues = { queue_auth_message: () => crypto.randomUUID() };

describe('POST /auth-hooks/send-email', () => {
  it('queues the mail with code and link, in the language of the person', async () => {
    const { deps, calls } = fakeOutside(queues);
    const answer = await handle(deps)(call('/send-email', mail));
    expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([
      200,
      'application/json',
      {},
    ]);
    const link =
      'https://project.supabase.co/auth/v1/verify?token=hash1&type=signup&redirect_to=journey%3A%2F%2Fsigned-in%3Fx%3D1%26y%3D2';
    expect(calls.map((one) => [one.as, one.args])).toEqual([
      [
        'service',
        {
          template: 'auth_signup',
          channel: 'email',
          address: 'lan@example.com',
          locale: 'vi',
          country_code: null,
          data: { code: '012345', link },
        },
      ],
    ]);
  });

  it('takes a call signed with either of two secrets while they are being changed', async () => {
    const { deps } = fakeOutside(queues);
    const both = { ...deps, authHooks: { email: [other, hookSecret], sms: [] } };
    expect((await handle(both)(call('/send-email', mail))).status).toBe(200);
    expect((await handle(both)(call('/send-email', mail, { secret: other }))).status).toBe(200);
  });

  it('refuses what Auth has not signed, signed long ago, or signed otherwise', async () => {
    const { deps, calls } = fakeOutside(queues);
    const minutes = (n: number) => new Date(Date.now() - n * 60_000);
    const refused = [
      call('/send-email', mail, { secret: other }),
      call('/send-email', mail, { spoil: ' ' }),
      call('/send-email', mail, { at: minutes(6) }),
      call('/send-email', mail, { at: minutes(-6) }),
      new Request('http://functions.local/auth-hooks/send-email', {
        method: 'POST',
        body: JSON.stringify(mail),
      }),
    ];
    for (const request of refused) expect((await handle(deps)(request)).status).toBe(401);
    const none = { ...deps, authHooks: { email: [], sms: [] } };
    expect((await handle(none)(call('/send-email', mail))).status).toBe(401);
    expect(calls).toEqual([]);
  });

  it('passes a limit on in the form that Auth shows to the person', async () => {
    const { deps } = fakeOutside({
      queue_auth_message: () => {
        throw appError('rate_limited', { retry_after: 30 });
      },
    });
    const answer = await handle(deps)(call('/send-email', mail));
    expect([answer.status, await answer.json()]).toMatchObject([200, { error: { http_code: 429 } }]);
  });

  it('fails for a mail that it does not know, so that nobody waits for one that never comes', async () => {
    const unknown = { ...mail, email_data: { ...emailData, email_action_type: 'something_new' } };
    expect((await handle(fakeOutside(queues).deps)(call('/send-email', unknown))).status).toBe(500);
  });
});

describe('POST /auth-hooks/send-sms', () => {
  it('queues the code for the number that the message names', async () => {
    const { deps, calls } = fakeOutside(queues);
    expect((await handle(deps)(call('/send-sms', sms))).status).toBe(200);
    expect(calls[0]?.args).toMatchObject({
      template: 'auth_sms',
      channel: 'sms',
      address: '+84912345678',
      country_code: '84',
      data: { code: '561166' },
    });
  });

  it('tells the person when SMS cannot be sent', async () => {
    const { deps } = fakeOutside(queues, { noSms: true });
    const answer = await handle(deps)(call('/send-sms', sms));
    expect(answer.status).toBe(503);
  });
});

describe('mailsOf', () => {
  const ask = (data: object, more: object = {}) =>
    mailsOf({ user: { ...person, ...more }, email_data: { ...emailData, ...data } });

  it('gives each address of a change the code and the link that Auth means for it', () => {
    const both = ask(
      {
        email_action_type: 'email_change',
        token: 'old',
        token_hash: 'hash-new',
        token_new: 'new',
        token_hash_new: 'hash-old',
      },
      { new_email: 'new@example.com' },
    );
    expect(
      both?.map(({ address, data }) => [
        address,
        data.code,
        new URL(data.link ?? '').searchParams.get('token'),
      ]),
    ).toEqual([
      ['lan@example.com', 'old', 'hash-old'],
      ['new@example.com', 'new', 'hash-new'],
    ]);
    const single = ask({ email_action_type: 'email_change' }, { new_email: 'new@example.com' });
    expect(single?.map(({ address, data }) => [address, data.code])).toEqual([['new@example.com', '012345']]);
  });

  it('leaves changes of address and password to the triggers', () => {
    expect(ask({ email_action_type: 'email_changed_notification', old_email: 'old@example.com' })).toEqual(
      [],
    );
    expect(ask({ email_action_type: 'password_changed_notification' })).toEqual([]);
  });
});
