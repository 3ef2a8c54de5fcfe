import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { hookSecrets } from '../../local/functions/environment.ts';
import { anyMobile } from '../support/phones.ts';
import { setting } from '../support/setting.ts';
import { eventually } from '../support/world.ts';

/** Calls a hook of the running stack as Auth does. */
async function callHook(
  path: string,
  secretName: keyof typeof hookSecrets,
  payload: object,
): Promise<Response> {
  const secret = hookSecrets[secretName].replace('v1,', '');
  const body = JSON.stringify(payload);
  const id = randomUUID();
  const now = new Date();
  return await fetch(`${setting('API_URL')}/functions/v1/auth-hooks/${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, now, body),
    },
    body,
  });
}

async function mailsTo(address: string): Promise<{ subject: string; text: string }[]> {
  const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(address)}`);
  return (await answer.json()) as { subject: string; text: string }[];
}

describe('the hooks of Auth', () => {
  it('send a mail once, with our text, also when Auth calls again', async () => {
    const email = `hook-${randomUUID()}@example.com`;
    const payload = {
      user: { id: randomUUID(), email, user_metadata: { locale: 'vi' } },
      email_data: {
        token: '012345',
        token_hash: 'abc',
        redirect_to: 'journey://in',
        email_action_type: 'magiclink',
        site_url: 'https://project.supabase.co/auth/v1',
      },
    };
    for (const _ of [1, 2]) {
      const answer = await callHook('send-email', 'SEND_EMAIL_HOOK_SECRET', payload);
      expect([answer.status, await answer.json()]).toEqual([200, {}]);
    }
    const marker = `hook-${randomUUID()}@example.com`;
    await callHook('send-email', 'SEND_EMAIL_HOOK_SECRET', {
      ...payload,
      user: { ...payload.user, email: marker },
    });
    // a later mail may arrive before an earlier one
    const [mail] = await eventually(async () => {
      const mails = await mailsTo(email);
      return mails.length > 0 && (await mailsTo(marker)).length > 0 ? mails : null;
    });
    expect(mail?.subject).toBe('012345 là mã đăng nhập của bạn');
    expect(mail?.text).toContain('https://project.supabase.co/auth/v1/verify?token=abc&type=magiclink');
    expect(await mailsTo(email)).toHaveLength(1);
  });

  it('send a code by SMS', async () => {
    const phone = anyMobile().slice(1);
    const payload = { user: { id: randomUUID(), email: '' }, sms: { otp: '561166', phone } };
    const answer = await callHook('send-sms', 'SEND_SMS_HOOK_SECRET', payload);
    expect([answer.status, await answer.json()]).toEqual([200, {}]);
    const mail = await eventually(async () => (await mailsTo(`+${phone}`))[0]);
    expect(mail.text).toBe('Journey: 561166 la ma cua ban. Khong chia se ma nay.');
  });
});
