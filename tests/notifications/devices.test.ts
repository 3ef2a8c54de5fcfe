import { afterAll, describe, expect, it } from 'vitest';
import type { Journey, Notification } from '../../sdk/src/index.ts';
import { client, closeSql, ok, person, refusal, sql } from '../support/world.ts';

const opened: Journey[] = [];
afterAll(async () => {
  await Promise.all(opened.map((journey) => journey.close()));
  await closeSql();
});

const tell = (id: string, cause: string) =>
  sql(`select private.notify($1, 'licence_rejected', '{"reason": "it is blurred"}', $2)`, [id, cause]);

/** One person on a phone and on a tablet, each with a session of its own, and what both have heard. */
async function twoDevices() {
  const phone = await person('Lan');
  const tablet = client();
  await ok(tablet.auth.signIn({ email: phone.email, password: 'correct horse battery' }));
  opened.push(phone.journey, tablet);
  const heard = { phone: [] as number[], tablet: [] as number[] };
  const shown = { phone: [] as Notification[], tablet: [] as Notification[] };
  for (const [name, journey] of [['phone', phone.journey] as const, ['tablet', tablet] as const]) {
    const subscription = await ok(
      journey.notifications.subscribe({
        onNotification: (notification) => shown[name].push(notification),
        onUnread: (unread) => heard[name].push(unread),
      }),
    );
    await expect.poll(() => subscription.gapless).toBe(true);
  }
  return { id: phone.id, phone: phone.journey, tablet, heard, shown };
}

describe('a person with two devices', () => {
  it('sees on each what was read and deleted on the other, with one badge', async () => {
    const { id, phone, tablet, heard, shown } = await twoDevices();
    const badge = (count: number) =>
      expect.poll(() => [heard.phone.at(-1), heard.tablet.at(-1)]).toEqual([count, count]);
    await tell(id, 'one');
    await tell(id, 'two');
    await badge(2);
    const [first, second] = shown.phone;
    await ok(phone.notifications.markRead(first?.id ?? ''));
    await badge(1);
    expect((await ok(tablet.notifications.get(first?.id ?? ''))).read_at).not.toBeNull();
    await ok(tablet.notifications.remove(second?.id ?? ''));
    await badge(0);
    expect(await refusal(phone.notifications.get(second?.id ?? ''))).toBe('not_found');
    expect(await ok(phone.notifications.unreadCount())).toBe(0);
    expect((await ok(tablet.notifications.list())).rows.map((row) => row.id)).toEqual([first?.id]);
  });

  it('chooses on one what is sent, and reads on the other what was chosen and why', async () => {
    const { id, phone, tablet } = await twoDevices();
    const account = async () =>
      (await ok(tablet.notifications.settings())).categories.find(({ category }) => category === 'account');
    expect((await account())?.channels.find(({ channel }) => channel === 'email')?.is_on).toBe(true);
    await ok(phone.notifications.setPreference({ category: 'account', channel: 'email', isOn: false }));
    expect((await account())?.channels.find(({ channel }) => channel === 'email')?.is_on).toBe(false);
    await ok(phone.notifications.setQuietHours({ quietFrom: '22:00', quietUntil: '07:00' }));
    await ok(phone.notifications.setDigest({ frequency: 'weekly', hour: 9, weekday: 5 }));
    const settings = await ok(tablet.notifications.settings());
    expect(settings.quiet_hours).toEqual({ from: '22:00', until: '07:00' });
    expect(settings.digest).toEqual({ frequency: 'weekly', hour: 9, weekday: 5 });
    await ok(phone.notifications.setQuietHours());
    expect((await ok(tablet.notifications.settings())).quiet_hours).toBeNull();
    expect(
      await refusal(
        phone.notifications.setPreference({ category: 'nonsense', channel: 'email', isOn: true }),
      ),
    ).toBe('invalid_input');

    await tell(id, 'why');
    const note = (await ok(tablet.notifications.list())).rows[0];
    // the outbox decides within seconds
    const why = () =>
      phone.notifications
        .explain(note?.id ?? '')
        .then(({ data }) => data?.channels.map(({ channel, status, reason }) => [channel, status, reason]));
    await expect.poll(why).toEqual([
      ['in_app', 'delivered', null],
      ['email', 'suppressed', 'switched_off'],
      ['push', 'suppressed', 'no_device'],
      ['sms', 'not_planned', null],
    ]);
  });
});

describe('a person who is away', () => {
  const tokenOf = (id: string) => `ExponentPushToken[${id.replaceAll('-', '')}]`;
  /** Ends the grace of a conversation now. */
  const graceIsOver = (conversation: string) =>
    sql(
      `update private.outbox set available_at = now() where topic = 'chat_push' and status = 'pending' and payload ->> 'conversation_id' = $1`,
      [conversation],
    );
  const announced = (conversation: string) =>
    sql<{ pushes: number | null }>(
      `select (result ->> 'pushes')::int as pushes from private.outbox where topic = 'chat_push' and payload ->> 'conversation_id' = $1 order by id`,
      [conversation],
    ).then((rows) => rows.map(({ pushes }) => pushes));

  it('is told of messages by one push, and of none that another device has shown', async () => {
    const [writer, reader] = await Promise.all([person('Writer'), person('Reader')]);
    opened.push(writer.journey, reader.journey);
    await ok(reader.journey.devices.register({ platform: 'ios', token: tokenOf(reader.id) }));
    const { id } = await ok(writer.journey.chat.openDirect(reader.id));
    await ok(writer.journey.chat.send(id, { body: 'May I ask?' }));
    await graceIsOver(id);
    await expect.poll(() => announced(id)).toEqual([0]);
    const request = (await ok(reader.journey.notifications.list())).rows[0];
    expect(request).toMatchObject({ template: 'message_request', data: { conversation_id: id } });
    expect(JSON.stringify(request)).not.toContain('May I ask?');

    await ok(reader.journey.chat.answerRequest(id, true));
    for (const body of ['One', 'Two', 'Three']) await ok(writer.journey.chat.send(id, { body }));
    await graceIsOver(id);
    await expect.poll(() => announced(id)).toEqual([0, 1]);
    const pushes = () =>
      sql(`select status from public.deliveries where source = 'chat' and user_id = $1`, [reader.id]);
    expect(await pushes()).toHaveLength(1);

    // a tablet shows the conversation, so the phone stays silent
    const last = await ok(writer.journey.chat.send(id, { body: 'Four' }));
    await ok(reader.journey.chat.markRead(id, last.seq, { shared: false }));
    await graceIsOver(id);
    await expect.poll(() => announced(id)).toEqual([0, 1, 0]);
    expect(await pushes()).toHaveLength(1);
  });
});
