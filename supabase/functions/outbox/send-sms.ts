import { smsMessage, smsTarget } from '../_shared/contracts/outbox.ts';
import { smsText } from '../_shared/sms/text.ts';
import { deliveryEffect } from './delivery.ts';

/** Topic `sms`. */
export const sendSms = deliveryEffect({
  channel: 'sms',
  message: smsMessage,
  target: smsTarget,
  problem: ({ sms }) => (sms === null ? 'The variables ESMS_… are needed.' : sms.problem),
  async send(message, { phone: to }, idempotencyKey, { sms }) {
    if (sms === null) return { kind: 'retry', reason: 'The variables ESMS_… are needed.' };
    const { text, unicode, segments } = smsText(message.text);
    const reportOn = idempotencyKey.replace(/^sms:/, '');
    const result = await sms.send({ to, text, unicode, idempotencyKey, reportOn });
    if (result.sent) return { kind: 'sent', provider: 'esms', id: result.id, result: { segments, unicode } };
    if (!result.permanent) return { kind: 'retry', reason: result.reason };
    // a number that no longer exists is no matter for an operator
    return { kind: 'failed', provider: 'esms', reason: result.reason };
  },
});
