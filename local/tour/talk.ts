import type { QueueStorage } from '../../sdk/src/index.ts';
import type { StackEnvironment } from '../environment.ts';
import type { Narrator } from './narrator.ts';
import { client, type Person } from './people.ts';

/** The renter's phone, whose connection comes and goes. */
async function phone(environment: StackEnvironment, { journey }: Person) {
  let online = true;
  const app = client(environment, (input, init) => {
    if (!online) throw new TypeError('fetch failed');
    return fetch(input, init);
  });
  const { data } = await journey.supabase.auth.getSession();
  await app.supabase.auth.setSession({
    access_token: data.session?.access_token ?? '',
    refresh_token: data.session?.refresh_token ?? '',
  });
  return {
    app,
    go: (where: 'online' | 'offline') => {
      online = where === 'online';
      if (!online) app.supabase.realtime.disconnect();
    },
  };
}

/** Host and renter talk in the thread of their booking; the renter is in a tunnel for a while. */
export async function tellTalk(
  environment: StackEnvironment,
  tell: Narrator,
  host: Person,
  renter: Person,
  bookingCode: string,
): Promise<void> {
  tell.chapter('Host and renter talk in the thread of the booking; the renter loses the connection');
  const { app, go } = await phone(environment, renter);
  try {
    const store = await tell.call('Renter: chat.store()  // all conversations, on the phone', () =>
      app.chat.store({}, { checkInterruptedMs: 500 }),
    );
    const stored = new Map<string, string>();
    const storage: QueueStorage = {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => stored.set(key, value),
    };
    const queue = await tell.call('Renter: chat.queue(storage)', () => app.chat.queue(storage));
    const thread = await tell.call('Renter: chat.openDirect(hostId)', () => app.chat.openDirect(host.id));
    const said = (): (string | null)[] =>
      [...(store.conversations.get(thread.id)?.messages.values() ?? [])]
        .sort((one, other) => one.seq - other.seq)
        .map(({ body }) => body);
    tell.check(
      said().some((body) => body?.includes(bookingCode)),
      'the booking did not speak in its thread',
    );
    tell.say(`the booking has spoken: “${said().at(-1)}”`);

    go('offline');
    tell.say('the renter is in a tunnel');
    await queue.add(thread.id, { body: 'Running ten minutes late' });
    await queue.add(thread.id, { body: 'Sorry!' });
    tell.say(`written without a connection, waiting on the phone: ${queue.waiting.length}`);
    const first = await tell.call('Host: chat.send(conversationId, { body })', () =>
      host.journey.chat.send(thread.id, { body: 'The key is in the box, code 1234' }),
    );
    await tell.call('Host: chat.edit(conversationId, seq, body)', () =>
      host.journey.chat.edit(thread.id, first.seq, 'The key is in the box by the door'),
    );
    const wrong = await tell.call('Host: chat.send(conversationId, { body })', () =>
      host.journey.chat.send(thread.id, { body: 'Oops, wrong chat' }),
    );
    await tell.call('Host: chat.remove(conversationId, seq)', () =>
      host.journey.chat.remove(thread.id, wrong.seq),
    );

    go('online');
    await queue.flush();
    const late = await tell.wait('the renter is out of the tunnel, and the phone has caught up', async () => {
      const now = said();
      return now.includes('Sorry!') && now.includes('The key is in the box by the door') ? now : null;
    });
    tell.check(!late.includes('Oops, wrong chat'), 'a deleted message was shown');
    tell.check(!late.some((body) => body?.includes('1234')), 'an earlier text was shown');
    const there = await tell.call('Host: chat.messages({ conversationId })', () =>
      host.journey.chat.messages({ conversationId: thread.id }),
    );
    const whole = there.rows.map(({ body }) => body).reverse();
    // Kept in the order of the server, with its own two messages once each.
    tell.check(
      JSON.stringify(whole.filter((body) => !body?.includes(bookingCode))) ===
        JSON.stringify(late.filter((body) => !body?.includes(bookingCode))),
      `the phone shows ${JSON.stringify(late)}, the server ${JSON.stringify(whole)}`,
    );
    for (const body of late.slice(-4)) tell.say(`  ${body ?? '(deleted)'}`);
    const found = await tell.call("Renter: chat.search({ query: 'box door' })", () =>
      app.chat.search({ query: 'box door' }),
    );
    tell.check(found.rows.length === 1, 'the search did not find the message');
    store.stop();
    queue.stop();
  } finally {
    await app.close();
  }
}
