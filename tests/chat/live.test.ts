import { afterAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  type ConversationSubscription,
  createJourney,
  type Journey,
  type Message,
  type QueueStorage,
} from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { ok, refusal } from '../support/world.ts';

/** The sockets of one client, so that a test can cut them as a lost network does. */
function connect(): { journey: Journey; cut(): void } {
  const sockets = new Set<WebSocket>();
  class CountedSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      sockets.add(this);
    }
  }
  const journey = createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: CountedSocket, reconnectAfterMs: () => 100 },
  });
  return {
    journey,
    cut: () => {
      for (const socket of sockets) socket.terminate();
      sockets.clear();
    },
  };
}

interface Talker {
  journey: Journey;
  cut(): void;
  id: string;
}

async function talker(name: string): Promise<Talker> {
  const { journey, cut } = connect();
  const email = `${name}.${crypto.randomUUID()}@journey.example`;
  const { user } = await ok(
    journey.auth.signUp({ email, password: 'correct horse battery', displayName: name, locale: 'en' }),
  );
  return { journey, cut, id: user.id };
}

/** What an app holds that stores each message by its number. */
class Screen {
  readonly messages = new Map<number, Message>();
  readonly changes: number[] = [];
  open: ConversationSubscription | null = null;

  async watch({ journey }: Talker, conversationId: string): Promise<this> {
    this.open = await ok(
      journey.chat.watch(
        conversationId,
        {
          onMessage: (message) => {
            this.messages.set(message.seq, message);
            this.changes.push(message.change);
          },
        },
        { checkInterruptedMs: 300, checkLiveMs: 2000 },
      ),
    );
    return this;
  }

  get texts(): (string | null)[] {
    return [...this.messages.values()].sort((a, b) => a.seq - b.seq).map(({ body }) => body);
  }
}

/** Everything that the server holds, read page by page. */
async function onServer({ journey }: Talker, conversationId: string): Promise<(string | null)[]> {
  const texts: (string | null)[] = [];
  for await (const { data, error } of journey.chat.messages({ conversationId, pageSize: 7 })) {
    if (error) throw error;
    texts.unshift(data.body);
  }
  return texts;
}

async function friends(): Promise<{ one: Talker; two: Talker; id: string }> {
  const [one, two] = await Promise.all([talker('one'), talker('two')]);
  const { id } = await ok(one.journey.chat.openDirect(two.id));
  await ok(one.journey.chat.send(id, { body: 'Hello' }));
  await ok(two.journey.chat.answerRequest(id, true));
  return { one, two, id };
}

const opened: Talker[] = [];
const open = <T extends { one: Talker; two: Talker }>(pair: T): T => {
  opened.push(pair.one, pair.two);
  return pair;
};

afterAll(async () => {
  await Promise.all(opened.map(({ journey }) => journey.close()));
});

describe('chat', () => {
  it('shows a message request without its text until it is accepted', async () => {
    const [one, two] = await Promise.all([talker('one'), talker('two')]);
    opened.push(one, two);
    const { id } = await ok(one.journey.chat.openDirect(two.id));
    await ok(one.journey.chat.send(id, { body: 'A secret' }));
    const page = await ok(two.journey.chat.list());
    expect(page.rows).toHaveLength(1);
    expect(page.rows[0]).toMatchObject({ status: 'invited', other_name: 'one', last_text: null, unread: 0 });
    expect(await ok(two.journey.chat.messages({ conversationId: id }))).toEqual({ rows: [], next: null });
    expect(await refusal(two.journey.chat.send(id, { body: 'x' }))).toBe('conversation_not_found');
    expect(await ok(two.journey.chat.answerRequest(id, true))).toBeNull();
    expect((await ok(two.journey.chat.list())).rows[0]).toMatchObject({
      status: 'active',
      last_text: 'A secret',
      unread: 1,
    });
    expect(await ok(two.journey.chat.unreadCount())).toBe(1);
    await ok(two.journey.chat.markRead(id, 1));
    expect(await ok(two.journey.chat.unreadCount())).toBe(0);
    expect((await ok(one.journey.chat.members(id))).find(({ user_id }) => user_id === two.id)?.read_seq).toBe(
      1,
    );
  });

  it('brings a message, its change, a reaction and its deletion to the other side live', async () => {
    const { one, two, id } = open(await friends());
    const screen = await new Screen().watch(two, id);
    const { seq } = await ok(one.journey.chat.send(id, { body: 'See you at 9', replyToSeq: 1 }));
    await expect.poll(() => screen.messages.get(seq)?.body).toBe('See you at 9');
    await ok(one.journey.chat.edit(id, seq, 'See you at 10'));
    await expect.poll(() => screen.messages.get(seq)?.body).toBe('See you at 10');
    await ok(two.journey.chat.react(id, seq, '👍'));
    await expect.poll(() => screen.messages.get(seq)?.reactions).toEqual({ '👍': [two.id] });
    await ok(one.journey.chat.remove(id, seq));
    await expect.poll(() => screen.messages.get(seq)?.deleted_at).toBeTruthy();
    expect(screen.messages.get(seq)).toMatchObject({ body: null, reactions: {} });
    screen.open?.unsubscribe();
  });

  it('tells who is typing, who is there and how far others have read', async () => {
    const { one, two, id } = open(await friends());
    const heard: string[] = [];
    const first = await ok(
      one.journey.chat.watch(id, {
        onMessage: () => {},
        onTyping: (userId) => heard.push(`typing ${userId}`),
        onPresence: (userIds) => heard.push(`there ${userIds.join()}`),
        onRead: (userId, seq) => heard.push(`read ${userId} ${seq}`),
      }),
    );
    const second = await ok(two.journey.chat.watch(id, { onMessage: () => {} }, { present: true }));
    await expect.poll(() => heard).toContain(`there ${two.id}`);
    await expect
      .poll(() => {
        second.typing();
        return heard;
      })
      .toContain(`typing ${two.id}`);
    await ok(two.journey.chat.markRead(id, 1));
    await expect.poll(() => heard).toContain(`read ${two.id} 1`);
    first.unsubscribe();
    second.unsubscribe();
  });

  it('leaves an app with exactly what the server holds after its connection was cut again and again', async () => {
    const { one, two, id } = open(await friends());
    const screens = await Promise.all([new Screen().watch(one, id), new Screen().watch(two, id)]);
    for (let round = 0; round < 12; round += 1) {
      const sent = await Promise.all(
        [one, two].flatMap((person) =>
          [0, 1, 2].map((i) => ok(person.journey.chat.send(id, { body: `${round}.${i}` }))),
        ),
      );
      const last = sent[0];
      if (round % 3 === 1 && last) await ok(one.journey.chat.edit(id, last.seq, `changed ${round}`));
      if (round % 3 === 2 && last) await ok(one.journey.chat.remove(id, last.seq));
      (round % 2 === 0 ? one : two).cut();
    }
    const there = await onServer(one, id);
    for (const screen of screens) {
      await expect.poll(() => screen.texts).toEqual(there);
      // each change came once and in order
      expect(screen.changes).toEqual([...new Set(screen.changes)].sort((a, b) => a - b));
      screen.open?.unsubscribe();
    }
  });

  it('shows nothing new to somebody who was removed and still listens', async () => {
    const [admin, member] = await Promise.all([talker('admin'), talker('member')]);
    opened.push(admin, member);
    const { id } = await ok(admin.journey.chat.createGroup('Crew', [member.id]));
    await ok(member.journey.chat.answerRequest(id, true));
    const screen = await new Screen().watch(member, id);
    await ok(admin.journey.chat.send(id, { body: 'before' }));
    await expect.poll(() => screen.texts).toContain('before');
    await ok(admin.journey.chat.removeMember(id, member.id));
    await ok(admin.journey.chat.send(id, { body: 'after' }));
    await screen.open?.refresh();
    expect(screen.texts).toContain('before');
    expect(screen.texts).not.toContain('after');
    expect(await refusal(member.journey.chat.send(id, { body: 'x' }))).toBe('conversation_closed');
    screen.open?.unsubscribe();
  });

  it('sends what was written without a connection once and in order, also after the app was killed', async () => {
    const { one, two, id } = open(await friends());
    const stored = new Map<string, string>();
    const storage: QueueStorage = {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => stored.set(key, value),
    };
    // an app without a connection: its calls fail, and one of them after the server had the message
    const { data } = await one.journey.supabase.auth.getSession();
    let online = false;
    let lost = 0;
    const offline = createJourney({
      url: setting('API_URL'),
      publishableKey: setting('PUBLISHABLE_KEY'),
      auth: { persistSession: false, autoRefreshToken: false },
      retry: { retries: 0 },
      fetch: async (input, init) => {
        if (String(input).includes('/auth/')) return fetch(input, init);
        if (!online) {
          if (lost === 0) {
            lost += 1;
            await fetch(input, init);
          }
          throw new TypeError('fetch failed');
        }
        return fetch(input, init);
      },
    });
    await offline.supabase.auth.setSession({
      access_token: data.session?.access_token ?? '',
      refresh_token: data.session?.refresh_token ?? '',
    });
    const killed = await ok(offline.chat.queue(storage));
    for (const body of ['first', 'second', 'third']) await killed.add(id, { body });
    await killed.flush();
    killed.stop();
    expect(lost).toBe(1);
    expect(killed.waiting).toHaveLength(3);

    online = true;
    const refused: string[] = [];
    const queue = await ok(
      offline.chat.queue(storage, { onRefused: (_, error) => refused.push(error.code) }),
    );
    await queue.add(crypto.randomUUID(), { body: 'to nobody' });
    await queue.add(id, { body: 'fourth' });
    await expect.poll(() => queue.waiting.length).toBe(0);
    expect(refused).toEqual(['conversation_not_found']);
    expect(await onServer(two, id)).toEqual(['Hello', 'first', 'second', 'third', 'fourth']);
    queue.stop();
    await offline.close();
  });
});
