import { describe, expect, it } from 'vitest';
import type { FakeOptions } from '../../../tests/support/fakes.ts';
import { row, work } from '../../../tests/support/outbox.ts';
import type { PushResult } from '../_shared/push/message.ts';

const delivery_id = '6f1c2d3e-0000-4000-8000-000000000009';
const device_id = '6f1c2d3e-0000-4000-8000-000000000010';
const notification_id = '6f1c2d3e-0000-4000-8000-0000000000aa';
const last_seen_at = '2026-11-20T05:00:00.123456+00:00';
const toPhone = {
  action: 'send',
  delivery_id,
  target: {
    device_id,
    platform: 'ios',
    token: 'ExponentPushToken[x]',
    p256dh: null,
    auth_secret: null,
    last_seen_at,
  },
  message: {
    locale: 'vi',
    title: 'Đã xác nhận',
    body: 'Xe chờ bạn',
    badge: 2,
    collapse_key: null,
    data: { notification_id, category: 'booking', template: 'x' },
  },
};

function push(result: PushResult | undefined, found: unknown = toPhone, options: FakeOptions = {}) {
  return work({
    rows: [row('push', { delivery_id })],
    database: { delivery_to_send: () => found, delivery_failed: () => null, device_is_gone: () => null },
    options: { ...options, ...(result ? { push: () => result } : {}) },
  });
}

describe('topic push', () => {
  it('sends what the inbox says, to the device that the delivery names', async () => {
    const { outside, named } = await push(undefined);
    expect(outside.pushes).toEqual([
      {
        message: {
          title: 'Đã xác nhận',
          body: 'Xe chờ bạn',
          data: toPhone.message.data,
          badge: 2,
          collapseId: notification_id.replaceAll('-', ''),
          category: 'booking',
          locale: 'vi',
          urgency: 'high',
          ttlSeconds: 86_400,
        },
        target: { kind: 'expo', token: 'ExponentPushToken[x]' },
      },
    ]);
    expect(named('delivery_sent')).toEqual([{ delivery_id, provider: 'expo', provider_id: 'push-1' }]);
  });

  it('sends to a browser with the keys of its subscription, and takes the place of an earlier push with the same key', async () => {
    const target = {
      ...toPhone.target,
      platform: 'web',
      token: 'https://x.example/a',
      p256dh: 'B',
      auth_secret: 'a',
    };
    const message = { ...toPhone.message, collapse_key: '6f1c2d3e-0000-4000-8000-0000000000bb' };
    const { outside, named } = await push(undefined, { ...toPhone, target, message });
    expect(outside.pushes).toMatchObject([
      {
        message: { collapseId: '6f1c2d3e0000400080000000000000bb' },
        target: { kind: 'web', endpoint: 'https://x.example/a', p256dh: 'B', authSecret: 'a' },
      },
    ]);
    expect(named('delivery_sent')).toMatchObject([{ provider: 'web_push' }]);
  });

  it('ends a device that is gone, as it was when it was looked up, and needs nobody', async () => {
    const { named } = await push({ kind: 'gone', reason: 'DeviceNotRegistered' });
    expect(named('device_is_gone')).toEqual([{ device_id, sent_at: last_seen_at }]);
    expect(named('delivery_failed')).toEqual([
      { delivery_id, provider: 'expo', detail: 'DeviceNotRegistered' },
    ]);
    expect(named('fail_outbox')).toEqual([]);
    expect(named('complete_outbox')).toHaveLength(1);
  });

  it('records what a service will never take, and ends no device for it', async () => {
    const { named } = await push({ kind: 'refused', reason: 'MessageTooBig' });
    expect(named('delivery_failed')).toMatchObject([{ detail: 'MessageTooBig' }]);
    expect(named('device_is_gone')).toEqual([]);
    expect(named('fail_outbox')).toEqual([]);
  });

  it('tries again what may succeed', async () => {
    const { named } = await push({ kind: 'retry', reason: '503' });
    expect(named('fail_outbox')).toMatchObject([{ error: '503', permanent: false }]);
    expect(named('delivery_failed')).toEqual([]);
  });

  it('puts off the one push that must wait, and sends the others', async () => {
    const results: PushResult[] = [
      { kind: 'wait', seconds: 30, reason: '429' },
      { kind: 'not_configured', reason: 'VAPID_PUBLIC_KEY' },
      { kind: 'sent', id: 'a' },
    ];
    const { named, report } = await work({
      rows: results.map(() => row('push', { delivery_id })),
      database: { delivery_to_send: () => toPhone },
      options: { push: () => results.shift() ?? { kind: 'retry', reason: 'too many' } },
    });
    expect(report).toMatchObject({ leased: 3, done: 1 });
    expect(
      named('defer_outbox')
        .map(({ seconds, reason }) => [seconds, reason])
        .sort(),
    ).toEqual([
      [30, 'rate_limited'],
      [300, 'not_configured'],
    ]);
    expect(named('delivery_sent')).toHaveLength(1);
  });
});

describe('topic push_receipts', () => {
  const until = '2026-11-20T04:45:00+00:00';
  const ticket = (n: number) => ({
    ticket: `t${n}`,
    sent_at: '2026-11-20T04:30:00+00:00',
    id: `6f1c2d3e-0000-4000-8000-0000000001${String(n).padStart(2, '0')}`,
  });

  it('records what Expo says, page by page, and leaves what it does not know yet', async () => {
    const pages = [[ticket(1), ticket(2), ticket(3)], [ticket(4)], []];
    const { named } = await work({
      rows: [row('push_receipts', { until })],
      database: { push_tickets_to_ask: () => pages.shift(), record_push_receipts: () => 1 },
      options: {
        pushReceipts: {
          t1: { kind: 'delivered' },
          t2: { kind: 'gone', reason: 'DeviceNotRegistered' },
          t4: { kind: 'retry', reason: 'MessageRateExceeded' },
        },
      },
    });
    expect(named('push_tickets_to_ask').map(({ after }) => after)).toEqual([
      null,
      { sent_at: ticket(3).sent_at, id: ticket(3).id },
      { sent_at: ticket(4).sent_at, id: ticket(4).id },
    ]);
    expect(named('record_push_receipts').map(({ receipts }) => receipts)).toEqual([
      [
        { ticket: 't1', outcome: 'delivered', reason: null },
        { ticket: 't2', outcome: 'gone', reason: 'DeviceNotRegistered' },
      ],
      [{ ticket: 't4', outcome: 'retry', reason: 'MessageRateExceeded' }],
    ]);
    expect(named('complete_outbox')).toMatchObject([{ result: { asked: 4, recorded: 2 } }]);
  });
});
