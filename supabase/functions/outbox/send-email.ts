import { emailPayload, mailToSend } from '../_shared/contracts/outbox.ts';
import { deadLetter, done, effectOf, notConfigured, retry } from './effect.ts';

/**
 * Topic `email`. The address is looked up now: since the row was written, it may have changed, or its owner may
 * have left.
 */
export const sendEmail = effectOf(
  'email',
  'nobody',
  emailPayload,
  async ({ notification_id }, item, { service, mailer }) => {
    if (mailer.problem !== undefined) return notConfigured(mailer.problem);
    const mail = await service.call('mail_to_send', { notification_id }, mailToSend);
    if (!mail?.email) return done(null, { skipped: 'no address' });
    const { email: to, subject, text, html } = mail;
    const idempotencyKey = `email:${item.dedupe_key}`.slice(0, 256);
    const result = await mailer.send({ to, subject, text, html, idempotencyKey });
    if (result.sent) return done(result.id);
    return result.permanent ? deadLetter(result.reason) : retry(result.reason);
  },
);
