import { Resend } from 'resend';
import { describe, expect, it } from 'vitest';
import { stack } from './harness.ts';

const post = (body: unknown, headers: Record<string, string> = {}, path = '/emails') =>
  fetch(`${stack.MAIL_URL}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer re_test', ...headers },
    body: JSON.stringify(body),
  });

const address = () => `mail-${crypto.randomUUID()}@example.test`;
const list = async (to: string) =>
  (await (await fetch(`${stack.MAIL_URL}/api/messages?to=${encodeURIComponent(to)}`)).json()) as {
    id: string;
    subject: string;
  }[];

describe('the mail catcher', () => {
  it("takes mail from Resend's own client", async () => {
    const to = address();
    const resend = new Resend('re_test', { baseUrl: stack.MAIL_URL });
    const sent = await resend.emails.send({
      from: 'a@journey.local',
      to,
      subject: 'Hello',
      html: '<p>Hi</p>',
    });
    expect(sent.error).toBeNull();
    expect((await list(to)).map((mail) => mail.id)).toEqual([sent.data?.id]);
  });

  it('sends one mail for one idempotency key, and refuses the key for another mail', async () => {
    const to = address();
    const mail = { from: 'a@journey.local', to, subject: 'Once', text: 'x' };
    const key = { 'idempotency-key': crypto.randomUUID() };
    const first = (await (await post(mail, key)).json()) as { id: string };
    const second = (await (await post(mail, key)).json()) as { id: string };
    expect(second.id).toBe(first.id);
    expect(await list(to)).toHaveLength(1);
    const other = await post({ ...mail, subject: 'Other' }, key);
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ name: 'invalid_idempotent_request' });
  });

  it('takes a batch', async () => {
    const to = address();
    const mails = ['One', 'Two'].map((subject) => ({ from: 'a@journey.local', to, subject, text: 'x' }));
    const answer = await post(mails, {}, '/emails/batch');
    expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(2);
    expect((await list(to)).map((mail) => mail.subject).sort()).toEqual(['One', 'Two']);
  });

  it('refuses a mail without key, recipient or body', async () => {
    const mail = { from: 'a@journey.local', to: address(), subject: 'x', text: 'x' };
    expect((await post(mail, { authorization: '' })).status).toBe(401);
    expect((await post({ ...mail, to: undefined })).status).toBe(422);
    expect((await post({ ...mail, text: undefined })).status).toBe(422);
  });

  it('shows a mail with scripts without running them', async () => {
    const to = address();
    const subject = '<script>alert(1)</script>';
    const html = '"><script>alert(2)</script>';
    const { id } = (await (await post({ from: 'a@journey.local', to, subject, html })).json()) as {
      id: string;
    };
    for (const path of ['/', `/messages/${id}`]) {
      const answer = await fetch(`${stack.MAIL_URL}${path}`);
      expect(await answer.text()).not.toContain('<script>');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });
});
