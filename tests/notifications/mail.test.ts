import { Webhook } from 'standardwebhooks';
import { afterAll, describe, expect, it } from 'vitest';
import { mailWebhookSecret } from '../../local/functions/environment.ts';
import { setting } from '../support/setting.ts';
import { admin, closeSql, ok, type Person, person, refusal, sql } from '../support/world.ts';

// Mails from the outbox through the catcher, which reports as Resend does, to the deliveries and back to the person.
const functions = `${setting('API_URL')}/functions/v1`;

afterAll(closeSql);

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const tell = (to: Person, template: string) =>
  sql('select private.notify($1, $2, $3, $4)', [
    to.id,
    template,
    JSON.stringify({ reason: 'it is blurred', last_four: '0001' }),
    crypto.randomUUID(),
  ]);

/** A person with this address, whom nobody checks. */
async function withAddress(address: string): Promise<Person> {
  const one = await person();
  await sql('update auth.users set email = $2 where id = $1', [one.id, address]);
  return { ...one, email: address };
}

const delivery = (of: Person, template: string, statuses: string[]) =>
  eventually(`${template} as ${statuses}`, async () => {
    const [row] = await sql<{ status: string; reason: string | null; provider_id: string | null }>(
      `select d.status, d.reason, d.provider_id from public.deliveries d join public.notifications n on n.id = d.notification_id
       where d.user_id = $1 and n.template = $2 and d.channel = 'email' and d.status = any($3)
       order by d.created_at desc limit 1`,
      [of.id, template, statuses],
    );
    return row;
  });

interface CaughtMail {
  id: string;
  subject: string;
  text: string;
  headers: Record<string, string>;
}

const caught = async (to: string): Promise<CaughtMail[]> =>
  (await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(to)}`)).json() as Promise<
    CaughtMail[]
  >;

describe('what becomes of a mail', () => {
  it('is reported by a signed webhook, and the delivery says that it arrived', async () => {
    const lan = await person('lan');
    await tell(lan, 'licence_rejected');
    const { provider_id } = await delivery(lan, 'licence_rejected', ['delivered']);
    expect((await caught(lan.email)).map(({ id }) => id)).toContain(provider_id);
    expect((await ok(lan.journey.notifications.mailState())).state).toBe('ok');
  });

  it('stops an address that bounced, shows it to its person, and frees another one', async () => {
    const address = `bounced+${crypto.randomUUID()}@resend.dev`;
    const lan = await withAddress(address);
    await tell(lan, 'licence_rejected');
    await delivery(lan, 'licence_rejected', ['bounced']);
    expect(await ok(lan.journey.notifications.mailState())).toMatchObject({
      email: address,
      state: 'bounced',
    });
    await tell(lan, 'bank_account_removed');
    expect(await delivery(lan, 'bank_account_removed', ['suppressed'])).toMatchObject({
      reason: 'address_bounced',
    });
    await sql('update auth.users set email = $2 where id = $1', [
      lan.id,
      `new.${crypto.randomUUID()}@journey.example`,
    ]);
    expect((await ok(lan.journey.notifications.mailState())).state).toBe('ok');
    await tell(lan, 'bank_account_removed');
    await delivery(lan, 'bank_account_removed', ['sent', 'delivered']);
  });

  it('leaves an address that complained what is critical, until staff lift it', async () => {
    const address = `complained+${crypto.randomUUID()}@resend.dev`;
    const lan = await withAddress(address);
    await tell(lan, 'licence_rejected');
    await delivery(lan, 'licence_rejected', ['complained']);
    await tell(lan, 'bank_account_removed');
    await delivery(lan, 'bank_account_removed', ['sent', 'delivered', 'complained']);
    const staff = await admin();
    const found = await ok(staff.journey.admin.mail.suppressions({ pageSize: 100 }));
    const one = found.rows.find(({ email }) => email === address);
    expect(one).toMatchObject({ reason: 'complained', user_id: lan.id });
    expect(
      await refusal(lan.journey.admin.mail.liftSuppression({ suppressionId: one?.id ?? '', reason: 'mine' })),
    ).toBe('forbidden');
    await ok(
      staff.journey.admin.mail.liftSuppression({ suppressionId: one?.id ?? '', reason: 'asked by phone' }),
    );
    expect((await ok(lan.journey.notifications.mailState())).state).toBe('ok');
  });

  it('does no harm when reports are forged, repeated, early, late or about nothing we know', async () => {
    const lan = await withAddress(`late.${crypto.randomUUID()}@journey.example`);
    const mail = crypto.randomUUID();
    const report = (type: string, id: string, secret = mailWebhookSecret) => {
      const body = JSON.stringify({
        type,
        created_at: new Date().toISOString(),
        data: { email_id: mail, to: [lan.email] },
      });
      const at = new Date();
      return fetch(`${functions}/mail-webhooks/resend`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'svix-id': id,
          'svix-timestamp': String(Math.floor(at.getTime() / 1000)),
          'svix-signature': new Webhook(secret).sign(id, at, body),
        },
        body,
      });
    };
    const id = `msg_${crypto.randomUUID()}`;
    expect((await report('email.complained', id, 'whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk')).status).toBe(
      401,
    );
    expect((await ok(lan.journey.notifications.mailState())).state).toBe('ok');
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map(
        async () => ((await (await report('email.complained', id)).json()) as { outcome: string }).outcome,
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'complained')).toHaveLength(1);
    expect(await (await report('email.delivered', `msg_${crypto.randomUUID()}`)).json()).toEqual({
      outcome: 'delivered',
    });
    expect((await ok(lan.journey.notifications.mailState())).state).toBe('complained');
  });
});

describe('the link to leave a category', () => {
  it('is in every mail that is not critical, as RFC 8058 asks, and in no other', async () => {
    const lan = await person('lan');
    await tell(lan, 'licence_rejected');
    await tell(lan, 'bank_account_removed');
    await delivery(lan, 'licence_rejected', ['sent', 'delivered']);
    await delivery(lan, 'bank_account_removed', ['sent', 'delivered']);
    const mails = await caught(lan.email);
    const ordinary = mails.find(({ subject }) => subject === 'Your driver licence was not accepted');
    const critical = mails.find(({ subject }) => subject === 'Your bank account was removed');
    expect(ordinary?.headers['List-Unsubscribe-Post']).toBe('List-Unsubscribe=One-Click');
    expect(critical?.headers).not.toHaveProperty('List-Unsubscribe');
    const url = /^<(.+)>$/.exec(ordinary?.headers['List-Unsubscribe'] ?? '')?.[1] ?? '';
    expect(url).toMatch(/^http/);
    expect(ordinary?.text).toContain(url);

    // programs that look for harm fetch links
    for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(url, { method })).status).toBe(200);
    await tell(lan, 'licence_rejected');
    await eventually('the second mail', async () =>
      (await caught(lan.email)).length > 2 ? true : undefined,
    );

    const body = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' });
    expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
    await tell(lan, 'licence_rejected');
    expect(await delivery(lan, 'licence_rejected', ['suppressed'])).toMatchObject({ reason: 'switched_off' });
    expect(await (await fetch(url)).text()).toContain('You no longer get mails of this kind: Account.');
    expect(
      (await fetch(url, { method: 'POST', body: new URLSearchParams({ action: 'subscribe' }) })).status,
    ).toBe(200);
    expect(await (await fetch(url)).text()).toContain('You get mails of this kind: Account.');
    expect((await fetch(`${url}0`, { method: 'POST' })).status).toBe(404);
  });
});
