import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query(
    "update private.rate_limits set capacity = 10000, per_minute = 10000 where action like '%message%' or action like '%conversation%'",
  );
});

afterAll(() => world?.close());

const rejected = `private.notify($1, 'licence_rejected', '{"reason": "x"}', gen_random_uuid()::text)`;

/** The delivery by mail of a new notification. */
async function mailTo(person: string): Promise<string> {
  await world.value(rejected, person);
  return world.value(
    "select id from public.deliveries where user_id = $1 and channel = 'email' order by created_at desc limit 1",
    person,
  );
}

async function registerDevices(person: string, count: number): Promise<void> {
  await world.sql.query(
    `insert into private.devices (user_id, platform, token)
     select $1, 'ios', 'ExponentPushToken[' || replace(gen_random_uuid()::text, '-', '') || ']' from generate_series(1, $2::int)`,
    [person, count],
  );
}

describe('a report of a provider', () => {
  it('is never missed when it comes while we store that the message was taken', async () => {
    const person = await world.make('make_user', 'reader');
    for (let round = 0; round < 12; round += 1) {
      const id = await mailTo(person);
      const acts: Act[] = [
        { text: "private.delivery_sent($1, 'resend', $2)::text", args: [id, `re_${id}`] },
        {
          text: "private.delivery_reported('resend', $1, 'delivered', now(), null)::text",
          args: [`re_${id}`],
        },
      ];
      expect(tally(await allAtOnce(acts))).toEqual({ ok: 2 });
      expect(await world.value('select status from public.deliveries where id = $1', id)).toBe('delivered');
    }
  });

  it('counts once, and never moves a delivery back, in whatever order reports come', async () => {
    const person = await world.make('make_user', 'reader');
    for (let round = 0; round < 8; round += 1) {
      const id = await mailTo(person);
      await world.value("private.delivery_sent($1, 'resend', $2)", id, `re_${id}`);
      const states = ['delivered', 'complained', 'delivered', 'complained', 'delivered'];
      const acts: Act[] = states.map((status) => ({
        text: "private.delivery_reported('resend', $1, $2, now(), null)::text",
        args: [`re_${id}`, status],
      }));
      expect(tally(await allAtOnce(acts))).toEqual({ ok: 5 });
      expect(await world.value('select status from public.deliveries where id = $1', id)).toBe('complained');
      expect(
        await world.value(
          'select count(*)::int from private.delivery_reports where provider_id = $1',
          `re_${id}`,
        ),
      ).toBe(2);
    }
  });
});

describe('a push', () => {
  it('reaches each device once when several workers take it at the same time', async () => {
    const person = await world.make('make_user', 'reader');
    await registerDevices(person, 4);
    await world.value(rejected, person);
    const id = await world.value(
      "select id from public.deliveries where user_id = $1 and channel = 'push'",
      person,
    );
    const ask: Act = { text: "private.delivery_to_send($1) #>> '{target,token}'", args: [id] };
    const outcomes = await allAtOnce(Array.from({ length: 6 }, () => ask));
    expect(tally(outcomes)).toEqual({ ok: 6 });
    // all of them speak of the one device that this row was given; the others have rows of their own
    expect(new Set(outcomes.map(({ value }) => value)).size).toBe(1);
    const { rows } = await world.sql.query<{ devices: number; rows: number; queued: number }>(
      `select count(distinct d.device_id)::int as devices, count(*)::int as rows, count(o.id)::int as queued
       from public.deliveries d left join private.outbox o on o.topic = 'push' and o.dedupe_key = d.id::text
       where d.user_id = $1 and d.channel = 'push'`,
      [person],
    );
    expect(rows[0]).toEqual({ devices: 4, rows: 4, queued: 4 });
  });

  it('is not sent to somebody who reads at the same moment, or is decided before', async () => {
    const person = await world.make('make_user', 'reader');
    await registerDevices(person, 1);
    for (let round = 0; round < 8; round += 1) {
      await world.value(rejected, person);
      const note = await world.value(
        'select id from public.notifications where user_id = $1 order by seq desc limit 1',
        person,
      );
      const id = await world.value(
        "select id from public.deliveries where notification_id = $1 and channel = 'push'",
        note,
      );
      const outcomes = await allAtOnce([
        { text: "private.delivery_to_send($1) ->> 'action'", args: [id] },
        { user: person, text: 'public.mark_notification_read($1)::text', args: [note] },
      ]);
      expect(surprises(outcomes)).toEqual([]);
      const status = await world.value('select status from public.deliveries where id = $1', id);
      expect(status).toBe(outcomes[0]?.value === 'send' ? 'queued' : 'void');
      // asked once more, what was read is void
      expect(await world.value("private.delivery_to_send($1) ->> 'status'", id)).toBe('void');
    }
  });
});

describe('messages to somebody who is away', () => {
  it('are all told: a message that comes while the grace ends is told now or opens the next one', async () => {
    const [writer, reader] = [
      await world.make('make_user', 'writer'),
      await world.make('make_user', 'reader'),
    ];
    await registerDevices(reader, 1);
    const open: Act = {
      user: writer,
      text: '(public.open_direct_conversation($1)) ->> $2',
      args: [reader, 'id'],
    };
    const talk = String((await allAtOnce([open]))[0]?.value);
    const send = (): Act => ({
      user: writer,
      text: "(public.send_message($1, 'Hello', gen_random_uuid())) ->> 'seq'",
      args: [talk],
    });
    await allAtOnce([send()]);
    await allAtOnce([{ user: reader, text: 'public.answer_request($1, true)::text', args: [talk] }]);
    for (let round = 0; round < 12; round += 1) {
      // the reader has read all, nothing waits, and a window is open whose grace is over
      await world.sql.query("delete from public.deliveries where source = 'chat'");
      await world.sql.query('delete from private.outbox');
      await world.sql.query(
        'insert into private.chat_push_windows (conversation_id) values ($1) on conflict do nothing',
        [talk],
      );
      await world.sql.query(
        'update public.conversation_markers k set read_seq = c.last_seq from public.conversations c where c.id = k.conversation_id and c.id = $1 and k.user_id = $2',
        [talk, reader],
      );
      const outcomes = await allAtOnce([
        send(),
        send(),
        { text: 'private.close_push_window($1)::text', args: [talk] },
      ]);
      expect(surprises(outcomes)).toEqual([]);
      await world.value('private.announce_messages($1)', talk);
      const { rows } = await world.sql.query<{ told: boolean; opened: boolean }>(
        `select exists (select from public.deliveries where source = 'chat' and user_id = $1 and status = 'queued') as told,
                exists (select from private.chat_push_windows w join private.outbox o on o.topic = 'chat_push' where w.conversation_id = $2 and o.status = 'pending') as opened`,
        [reader, talk],
      );
      expect(rows[0]?.told || rows[0]?.opened).toBe(true);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('cost one row of the outbox, however many write in a group', async () => {
    const people: string[] = [];
    for (let i = 0; i < 8; i += 1) people.push(await world.make('make_user', `member ${i}`));
    const [first] = people as [string];
    const group = String(
      (
        await allAtOnce([
          {
            user: first,
            text: "(public.create_group('Trip', $1::uuid[], gen_random_uuid())) ->> 'id'",
            args: [people.slice(1)],
          },
        ])
      )[0]?.value,
    );
    await allAtOnce(
      people.slice(1).map((user) => ({ user, text: 'public.answer_request($1, true)::text', args: [group] })),
    );
    for (const person of people) await registerDevices(person, 1);
    await world.sql.query("delete from private.outbox where topic in ('push', 'chat_push')");
    await world.sql.query('delete from private.chat_push_windows');
    const acts: Act[] = people.map((user) => ({
      user,
      text: "(public.send_message($1, 'Hello', gen_random_uuid())) ->> 'seq'",
      args: [group],
    }));
    expect(tally(await allAtOnce([...acts, ...acts]))).toEqual({ ok: 16 });
    const rows = () =>
      world.value<number>("select count(*)::int from private.outbox where topic = 'chat_push'");
    expect(await rows()).toBe(1);
    await world.value('private.close_push_window($1)', group);
    // the member who wrote last has read everything
    expect(await world.value('private.announce_messages($1)', group)).toBe(7);
    expect(await rows()).toBe(1);
  });
});
