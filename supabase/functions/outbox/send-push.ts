import { z } from 'zod';
import { pushMessage, pushTarget } from '../_shared/contracts/outbox.ts';
import type { PushTarget } from '../_shared/push/message.ts';
import { deliveryEffect } from './delivery.ts';

// everything that is pushed waits in the inbox too
const ttlSeconds = 24 * 3600;
const notConfiguredSeconds = 300;

/** 32 letters and digits at most, as a Topic of web push takes them: a UUID without its dashes. */
function collapseIdOf(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9_]/g, '').slice(-32);
}

function targetOf({ platform, token, p256dh, auth_secret }: z.infer<typeof pushTarget>): PushTarget {
  return platform === 'web'
    ? { kind: 'web', endpoint: token, p256dh: p256dh ?? '', authSecret: auth_secret ?? '' }
    : { kind: 'expo', token };
}

/**
 * Topic `push`: one device of one person. A device that its service no longer knows ends, unless it registered since it was
 * looked up, and the pushes to other devices go on.
 */
export const sendPush = deliveryEffect({
  channel: 'push',
  message: pushMessage,
  target: pushTarget,
  problem: () => undefined,
  async send({ title, body, data, badge, collapse_key, locale }, target, key, { push, service }) {
    const category = typeof data.category === 'string' ? data.category : 'default';
    const collapseId = collapseIdOf(collapse_key ?? String(data.notification_id ?? key));
    const result = await push.send(
      { title, body, data, badge, collapseId, category, locale, urgency: 'high', ttlSeconds },
      targetOf(target),
    );
    const provider = target.platform === 'web' ? 'web_push' : 'expo';
    switch (result.kind) {
      case 'sent':
        return { kind: 'sent', provider, id: result.id };
      case 'gone': {
        const seen = { device_id: target.device_id, sent_at: target.last_seen_at };
        await service.call('device_is_gone', seen, z.null().optional());
        return { kind: 'failed', provider, reason: result.reason };
      }
      case 'refused':
        return { kind: 'failed', provider, reason: result.reason };
      case 'wait':
        return { kind: 'wait', seconds: result.seconds, why: 'rate_limited', reason: result.reason };
      case 'not_configured':
        // this push alone: pushes of the other kind can be sent
        return { kind: 'wait', seconds: notConfiguredSeconds, why: 'not_configured', reason: result.reason };
      case 'retry':
        return { kind: 'retry', reason: result.reason };
    }
  },
});
