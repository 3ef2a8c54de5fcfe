import { z } from 'zod';
import { secretMessage } from '../_shared/contracts/otp.ts';
import { authMessagePayload, otpPayload } from '../_shared/contracts/outbox.ts';
import {
  deadLetter,
  done,
  type EffectResult,
  type EffectTools,
  effectOf,
  notConfigured,
  retry,
} from './effect.ts';

/** Sends a message that holds a code, and has the code forgotten once the sender took it. */
async function sendSecret(
  toSend: string,
  handedOver: string,
  args: Record<string, string>,
  idempotencyKey: string,
  { service, mailer, sms }: EffectTools,
): Promise<EffectResult> {
  const message = await service.call(toSend, args, secretMessage);
  if (!message) return done(null, { skipped: 'sent, too late, or no account' });
  const { channel, to, subject, text, html } = message;
  if (channel === 'sms' && sms === null) return notConfigured('The variables ESMS_… are needed.');
  const problem = channel === 'sms' ? sms?.problem : mailer.problem;
  if (problem !== undefined) return notConfigured(problem);
  const result =
    channel === 'sms' && sms !== null
      ? await sms.send({ to, text, idempotencyKey })
      : await mailer.send({ to, subject, text, html, idempotencyKey });
  if (!result.sent) return result.permanent ? deadLetter(result.reason) : retry(result.reason);
  await service.call(handedOver, args, z.null().optional());
  return done(result.id);
}

/** Topic `otp`. A code that expired, or of an address without an account, is not sent. */
export const sendOtp = effectOf('otp', 'nobody', otpPayload, ({ otp_code_id }, _item, tools) =>
  // the id has 36 characters, and eSMS takes 50
  sendSecret('otp_to_send', 'otp_handed_over', { otp_code_id }, `otp:${otp_code_id}`, tools),
);

/** Topic `auth_message`: what Supabase Auth asked for. */
export const sendAuthMessage = effectOf(
  'auth_message',
  'nobody',
  authMessagePayload,
  ({ auth_message_id }, _item, tools) =>
    sendSecret(
      'auth_message_to_send',
      'auth_message_handed_over',
      { auth_message_id },
      `auth:${auth_message_id}`,
      tools,
    ),
);
