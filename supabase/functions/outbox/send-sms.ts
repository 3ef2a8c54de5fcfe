import { smsMessage, smsTarget } from '../_shared/contracts/outbox.ts';
import { deliveryEffect } from './delivery.ts';

/** Topic `sms`. */
export const sendSms = deliveryEffect({
  channel: 'sms',
  message: smsMessage,
  target: smsTarget,
  problem: ({ sms }) => (sms === null ? 'The variables ESMS_… are needed.' : sms.problem),
  async send({ text }, { phone: to }, idempotencyKey, { sms }) {
    if (sms === null) return { kind: 'retry', reason: 'The variables ESMS_… are needed.' };
    const result = await sms.send({ to, text, idempotencyKey });
    if (result.sent) return { kind: 'sent', provider: 'esms', id: result.id };
    return { kind: result.permanent ? 'refused' : 'retry', reason: result.reason };
  },
});
