import { emailPayload, mailToSend } from '../_shared/contracts/outbox.ts';
import { effectOf, later, never, performed, waitForSettings } from './effect.ts';

/** Topic `email`. The address is looked up now: it may have changed, or its owner left, since the row was written. */
export const sendEmail = effectOf(
  'email',
  'nobody',
  emailPayload,
  async ({ notification_id }, item, { service, mailer }) => {
    if (mailer.problem !== undefined) return waitForSettings(mailer.problem);
    const mail = await service.call('mail_to_send', { notification_id }, mailToSend);
    if (!mail?.email) return performed(null, { skipped: 'no address' });
    const { email: to, subject, text, html } = mail;
    const idempotencyKey = `email:${item.dedupe_key}`.slice(0, 256);
    const result = await mailer.send({ to, subject, text, html, idempotencyKey });
    if (result.sent) return performed(result.id);
    return result.permanent ? never(result.reason) : later(result.reason);
  },
);
