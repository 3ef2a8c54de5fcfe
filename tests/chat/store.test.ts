import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ChatStore, createJourney, type Journey, type SavedChat } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { closeSql, ok, sql } from '../support/world.ts';

/** A person's app, whose connection a test can cut, or take away. */
interface Device {
  journey: Journey;
  id: string;
  /** How many sockets it has opened. */
  sockets(): number;
  /** Ends its sockets, as a network does that changes. */
  cut(): void;
  /** Nothing goes out any more, and sockets are refused. */
  goOffline(): void;
  goOnline(): void;
}

const opened: Journey[] = [];

function connect(): Omit<Device, 'id'> {
  const sockets = new Set<WebSocket>();
  let online = true;
  let count = 0;
  class CountedSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      // a port on which nobody listens
      super(online ? address : 'ws://127.0.0.1:9', protocols);
      if (online) count += 1;
      sockets.add(this);
    }
  }
  const journey = createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: CountedSocket, reconnectAfterMs: () => 100 },
    retry: { retries: 0 },
    timeoutMs: 120_000,
    fetch: (input, init) => {
      if (!online) throw new TypeError('fetch failed');
      return fetch(input, init);
    },
  });
  opened.push(journey);
  const cut = () => {
    for (const socket of sockets) socket.terminate();
    sockets.clear();
  };
  return {
    journey,
    sockets: () => count,
    cut,
    goOffline: () => {
      online = false;
      cut();
    },
    goOnline: () => {
      online = true;
    },
  };
}

async function device(name: string): Promise<Device> {
  const connection = connect();
  const email = `${name}.${crypto.randomUUID()}@journey.example`;
  const { user } = await ok(
    connection.journey.auth.signUp({
      email,
      password: 'correct horse battery',
      displayName: name,
      locale: 'en',
    }),
  );
  return { ...connection, id: user.id };
}

/** A second device of the same person. */
async function second(first: Device): Promise<Device> {
  const connection = connect();
  const { data } = await first.journey.supabase.auth.getSession();
  await connection.journey.supabase.auth.setSession({
    access_token: data.session?.access_token ?? '',
    refresh_token: data.session?.refresh_token ?? '',
  });
  return { ...connection, id: first.id };
}

type View = Record<string, unknown>;

/** What the server holds for a person, read by the ordinary lists. */
async function onServer({ journey }: Device): Promise<View> {
  const view: View = {};
  for (const archived of [false, true]) {
    for await (const { data: summary, error } of journey.chat.list({ archived, pageSize: 50 })) {
      if (error) throw error;
      const conversationId = summary.conversation_id;
      const messages: View = {};
      for await (const { data: message, error } of journey.chat.messages({ conversationId, pageSize: 100 })) {
        if (error) throw error;
        messages[message.seq] = message;
      }
      const people = summary.status === 'active' ? await ok(journey.chat.members(conversationId)) : [];
      view[conversationId] = {
        summary,
        messages,
        // the list has names, which a device reads with the conversation
        members: Object.fromEntries(
          people.map(({ display_name, avatar_path, ...member }) => [member.user_id, member]),
        ),
      };
    }
  }
  const notifications: View = {};
  for await (const { data: row, error } of journey.notifications.list({ pageSize: 50 })) {
    if (error) throw error;
    // the list has more than an app is told of
    const { locale, dedupe_key, deleted_at, template_version, ...told } = row as typeof row & View;
    notifications[row.seq] = told;
  }
  return { ...view, notifications, badges: await ok(journey.chat.badges()) };
}

/** The same of a store, once it has read all of its older messages. */
async function inStore(store: ChatStore): Promise<View> {
  const view: View = {};
  for (const id of [...store.conversations.keys()]) while (await ok(store.loadOlder(id)));
  for (const [id, { summary, messages, members }] of store.conversations)
    view[id] = {
      summary,
      messages: Object.fromEntries(messages),
      members: Object.fromEntries(members),
    };
  return { ...view, notifications: Object.fromEntries(store.notifications), badges: store.badges };
}

/** Numbers that look random, and are the same in each run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Answers the request or invitation that has waited longest. */
async function answerOne({ journey }: Device, accept: boolean): Promise<void> {
  const { rows } = await ok(journey.chat.list({ pageSize: 100 }));
  const asked = rows.filter(({ status }) => status === 'invited').at(-1);
  if (asked) await journey.chat.answerRequest(asked.conversation_id, accept);
}

/** Something that happens in conversations; refusals are part of life. */
async function act(people: Device[], groups: string[], pairs: string[], roll: (below: number) => number) {
  const who = people[roll(people.length)] as Device;
  const whom = people[roll(people.length)] as Device;
  const group = groups[roll(groups.length)] as string;
  const place = roll(3) === 0 ? (pairs[roll(pairs.length)] as string) : group;
  const { chat, notifications } = who.journey;
  const seq = 1 + roll(40);
  const done = [
    () => chat.send(place, { body: `m${roll(1e6)}` }),
    () => chat.send(place, { body: `m${roll(1e6)}` }),
    () => chat.send(place, { body: `m${roll(1e6)}` }),
    () => chat.edit(place, seq, `changed ${roll(1e6)}`),
    () => chat.edit(place, seq, `changed ${roll(1e6)}`),
    () => chat.remove(place, seq),
    () => chat.react(place, seq, ['👍', '❤️'][roll(2)] as string, roll(3) > 0),
    () => chat.markRead(place, seq),
    () => chat.set(place, { mutedUntil: null, archived: roll(2) === 0, pinned: roll(2) === 0 }),
    () => chat.removeMember(group, whom.id),
    () => chat.addMembers(group, [whom.id]),
    () => answerOne(who, roll(4) > 0),
    () => answerOne(people[0] as Device, roll(8) > 0),
    () => answerOne(people[1] as Device, roll(8) > 0),
    () => chat.setMemberRole(group, whom.id, 'moderator'),
    () => chat.renameGroup(group, `Crew ${roll(1e6)}`),
    () => chat.leave(group),
    () => notifications.markAllRead(),
  ];
  await (done[roll(done.length)] as () => Promise<unknown>)();
}

async function notify(user: Device, cause: string): Promise<void> {
  await sql(
    `insert into public.notifications (user_id, category, template, template_version, locale, title, body, data, dedupe_key)
     select $1, t.category, t.code, t.version, 'en', 'title', 'body', '{}', $2
     from public.notification_templates t where t.locale = 'en' order by t.code limit 1`,
    [user.id, cause],
  );
}

/** Two groups in which all are; a pair that talks, and one whose request waits. */
async function community(): Promise<{ people: Device[]; groups: string[]; pairs: string[] }> {
  const people = await Promise.all(['ann', 'bob', 'cho', 'dan'].map(device));
  const [ann, bob, cho] = people as [Device, Device, Device, Device];
  const groups: string[] = [];
  for (const founder of [ann, bob]) {
    const others = people.filter(({ id }) => id !== founder.id);
    const { id } = await ok(
      founder.journey.chat.createGroup(
        'Crew',
        others.map((one) => one.id),
      ),
    );
    for (const one of others) await ok(one.journey.chat.answerRequest(id, true));
    groups.push(id);
  }
  const pairs: string[] = [];
  for (const [from, to] of [
    [ann, bob],
    [cho, ann],
  ] as const) {
    const { id } = await ok(from.journey.chat.openDirect(to.id));
    await ok(from.journey.chat.send(id, { body: 'Hello' }));
    pairs.push(id);
  }
  await ok(ann.journey.chat.answerRequest(pairs[1] as string, true));
  return { people, groups, pairs };
}

const patient = { timeout: 120_000, interval: 500 };
const quick = { gatherMs: 50, checkInterruptedMs: 500, checkLiveMs: 5000 };

// A storm of a minute is what people do in a day.
const limited = [
  'send_message',
  'change_message',
  'change_conversation',
  'request_conversation',
  'sync_chat',
];
let limits: Record<string, unknown>[] = [];

beforeAll(async () => {
  limits = await sql('select * from private.rate_limits where action = any ($1)', [limited]);
  await sql('update private.rate_limits set capacity = 100000, per_minute = 100000 where action = any ($1)', [
    limited,
  ]);
});

afterAll(async () => {
  await Promise.all(opened.map((journey) => journey.close()));
  for (const { action, capacity, per_minute } of limits)
    await sql('update private.rate_limits set capacity = $2, per_minute = $3 where action = $1', [
      action,
      capacity,
      per_minute,
    ]);
  await closeSql();
});

describe('the store of conversations', () => {
  it('holds what the server holds after its connection was cut at random under load', async () => {
    const { people, groups, pairs } = await community();
    const [ann, bob] = people as [Device, Device];
    const roll = dice(20261120);
    const stores = new Map<Device, ChatStore>();
    for (const one of [ann, bob]) stores.set(one, await ok(one.journey.chat.store({}, quick)));
    for (let round = 0; round < 12; round += 1) {
      await Promise.all(
        Array.from({ length: 5 }, async (_, i) => {
          if (i > 0) for (let n = 0; n < 3; n += 1) await act(people, groups, pairs, roll);
          else (roll(2) === 0 ? ann : bob).cut();
        }),
      );
      if (round % 4 === 0) await notify(ann, `round ${round}`);
      if (round % 4 === 1) {
        const asker = await device('eve');
        const { id } = await ok(asker.journey.chat.openDirect(ann.id));
        await ok(asker.journey.chat.send(id, { body: 'Is it free?' }));
      }
    }
    for (const [one, store] of stores) {
      const there = await onServer(one);
      // nobody asks it to look: broadcasts, or the return of the connection, do
      await expect.poll(() => inStore(store), patient).toEqual(there);
      store.stop();
    }
  });

  it('holds what the server holds after a long time without a connection, and after the app was killed', async () => {
    const { people, groups, pairs } = await community();
    const [ann, , cho] = people as [Device, Device, Device];
    const store = await ok(ann.journey.chat.store({}, quick));
    const kept = JSON.parse(JSON.stringify(store.save())) as SavedChat;
    ann.goOffline();
    const roll = dice(7);
    const [, ...others] = people;
    for (let n = 0; n < 60; n += 1) await act(others, groups, pairs, roll);
    // more than a device is told at once
    for (let n = 0; n < 105; n += 1) await ok(cho.journey.chat.send(pairs[1] as string, { body: `${n}` }));
    await notify(ann, 'while away');
    // meanwhile her other device reads
    const other = await second(ann);
    await other.journey.chat.markRead(groups[0] as string, 5);
    await other.journey.notifications.markAllRead();
    ann.goOnline();
    const there = await onServer(other);
    await expect.poll(() => inStore(store), patient).toEqual(there);
    store.stop();

    const again = await ok(other.journey.chat.store({}, { ...quick, saved: kept }));
    await expect.poll(() => inStore(again), patient).toEqual(there);
    again.stop();
  });

  it('goes on over the same connection when the token is renewed', async () => {
    const [one, two] = (await Promise.all(['one', 'two'].map(device))) as [Device, Device];
    const { id } = await ok(one.journey.chat.openDirect(two.id));
    await ok(one.journey.chat.send(id, { body: 'Hello' }));
    await ok(two.journey.chat.answerRequest(id, true));
    const heard: string[] = [];
    const store = await ok(
      two.journey.chat.store({ onStatus: (status) => heard.push(status) }, { gatherMs: 20, checkLiveMs: 0 }),
    );
    await expect.poll(() => heard.at(-1), patient).toBe('live');
    const sockets = two.sockets();
    for (let round = 0; round < 2; round += 1) {
      const { error } = await two.journey.supabase.auth.refreshSession();
      expect(error).toBeNull();
      await ok(one.journey.chat.send(id, { body: `after ${round}` }));
      // no timer looks, so that only a broadcast can have brought it
      await expect.poll(() => store.conversations.get(id)?.summary.last_text, patient).toBe(`after ${round}`);
    }
    expect(heard.at(-1)).toBe('live');
    expect(two.sockets()).toBe(sockets);
    store.stop();
  });

  it('begins with nothing of another person who used the device', async () => {
    const [one, two] = (await Promise.all(['one', 'two'].map(device))) as [Device, Device];
    const { id } = await ok(one.journey.chat.openDirect(two.id));
    await ok(one.journey.chat.send(id, { body: 'Hello' }));
    const store = await ok(one.journey.chat.store());
    const saved = store.save();
    store.stop();
    expect(saved?.conversations).toHaveLength(1);
    const stranger = await device('three');
    const fresh = await ok(stranger.journey.chat.store({}, { saved }));
    expect([...fresh.conversations.keys()]).toEqual([]);
    fresh.stop();
  });
});
