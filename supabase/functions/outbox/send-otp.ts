import { z } from 'zod';
import { otpToSend } from '../_shared/contracts/otp.ts';
import { otpPayload } from '../_shared/contracts/outbox.ts';
import { deadLetter, done, effectOf, notConfigured, retry } from './effect.ts';

/** Topic `otp`. A code that expired, or of an address without an account, is not sent. */
export const sendOtp = effectOf(
  'otp',
  'nobody',
  otpPayload,
  async ({ otp_code_id }, _item, { service, mailer, sms }) => {
    const message = await service.call('otp_to_send', { otp_code_id }, otpToSend);
    if (!message) return done(null, { skipped: 'expired, or no account' });
    const { channel, to, subject, text, html } = message;
    const sender = channel === 'sms' ? sms : mailer;
    if (sender === null || sender.problem !== undefined) {
      return notConfigured(sender?.problem ?? 'The variables ESMS_… are needed.');
    }
    // the id has 36 characters, and eSMS takes 50
    const idempotencyKey = `otp:${otp_code_id}`;
    const result =
      channel === 'sms' && sms !== null
        ? await sms.send({ to, text, idempotencyKey })
        : await mailer.send({ to, subject, text, html, idempotencyKey });
    if (!result.sent) return result.permanent ? deadLetter(result.reason) : retry(result.reason);
    await service.call('otp_handed_over', { otp_code_id }, z.null().optional());
    return done(result.id);
  },
);
