import { emailPayload, mailRecipient } from '../_shared/contracts/outbox.ts';
import { later, never, performed, withPayload } from './effect.ts';

/** Topic `email`. The address is looked up now: it may have changed, or its owner left, since the row was written. */
export const sendEmail = withPayload(emailPayload, async (payload, item, { service, mailer }) => {
  const recipient = await service.call('mail_recipient', { user_id: payload.user_id }, mailRecipient);
  if (!recipient?.email) return performed(null, { skipped: 'no address' });
  const { subject, text, html } = payload;
  const result = await mailer.send({
    to: recipient.email,
    subject,
    text,
    html,
    idempotencyKey: `email:${item.dedupe_key}`.slice(0, 256),
  });
  if (result.sent) return performed(result.id);
  return result.permanent ? never(result.reason) : later(result.reason);
});
