import { mailMessage, mailTarget } from '../_shared/contracts/outbox.ts';
import { deliveryEffect } from './delivery.ts';

/** Topic `email`. */
export const sendEmail = deliveryEffect({
  channel: 'email',
  message: mailMessage,
  target: mailTarget,
  problem: ({ mailer }) => mailer.problem,
  async send(
    { subject, text, html, locale, unsubscribe_token: token },
    { email: to },
    idempotencyKey,
    { mailer },
  ) {
    const unsubscribe = token === null ? null : { token, locale };
    const result = await mailer.send({ to, subject, text, html, unsubscribe, idempotencyKey });
    if (result.sent) return { kind: 'sent', provider: 'resend', id: result.id };
    return { kind: result.permanent ? 'refused' : 'retry', reason: result.reason };
  },
});
