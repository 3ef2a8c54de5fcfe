import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  Clients,
  keys,
  type OwnServer,
  openPolicies,
  startOwnServer,
  testTopic,
  userToken,
} from './harness.ts';
import { collect, join, pause, subscribe, until } from './talk.ts';

let url: string;
let server: OwnServer;
let policies: Awaited<ReturnType<typeof openPolicies>>;
const clients = new Clients();

beforeAll(async () => {
  policies = await openPolicies('broadcast');
  server = await startOwnServer();
  url = server.url;
});
afterEach(() => clients.closeAll());
afterAll(async () => {
  await server.close();
  await policies.drop();
});

/** A user's client, and the user's id. */
async function openUser() {
  const id = randomUUID();
  const token = await userToken(id);
  return { id, client: await clients.openAs(url, () => token) };
}

const privately = { config: { private: true } };

describe('on a public topic', () => {
  test('a broadcast reaches the other clients, and not its sender', async () => {
    const topic = testTopic();
    const [alice, bob] = [clients.open(url).channel(topic), clients.open(url).channel(topic)];
    const [atAlice, atBob] = [collect(alice), collect(bob)];
    await Promise.all([join(alice), join(bob)]);
    expect(await alice.send({ type: 'broadcast', event: 'greeting', payload: { text: 'xin chào 👋' } })).toBe(
      'ok',
    );
    await until(
      () => atBob.length,
      (count) => count === 1,
    );
    expect(atBob[0]).toMatchObject({ event: 'greeting', payload: { text: 'xin chào 👋' } });
    await pause(50);
    expect(atAlice).toEqual([]);
  });

  test('a sender that asked for its own broadcasts receives them', async () => {
    const channel = clients.open(url).channel(testTopic(), { config: { broadcast: { self: true } } });
    const received = collect(channel);
    await join(channel);
    await channel.send({ type: 'broadcast', event: 'echo', payload: { n: 1 } });
    await until(
      () => received.length,
      (count) => count === 1,
    );
  });

  test('an acknowledged broadcast resolves only by the answer of the server', async () => {
    const channel = clients.open(url).channel(testTopic(), { config: { broadcast: { ack: true } } });
    await join(channel);
    expect(await channel.send({ type: 'broadcast', event: 'e', payload: {} })).toBe('ok');
  });

  test('bytes arrive as bytes', async () => {
    const topic = testTopic();
    const [alice, bob] = [clients.open(url).channel(topic), clients.open(url).channel(topic)];
    const atBob = collect(bob);
    await Promise.all([join(alice), join(bob)]);
    const bytes = new Uint8Array([0, 255, 1, 128, 10]);
    await alice.send({ type: 'broadcast', event: 'bytes', payload: bytes.buffer });
    await until(
      () => atBob.length,
      (count) => count === 1,
    );
    expect(new Uint8Array(atBob[0]?.payload as ArrayBuffer)).toEqual(bytes);
  });

  test('a hundred broadcasts of one sender arrive in their order', async () => {
    const topic = testTopic();
    const [alice, bob] = [clients.open(url).channel(topic), clients.open(url).channel(topic)];
    const atBob = collect(bob);
    await Promise.all([join(alice), join(bob)]);
    for (let n = 0; n < 100; n++) await alice.send({ type: 'broadcast', event: 'n', payload: { n } });
    await until(
      () => atBob.length,
      (count) => count === 100,
    );
    expect(atBob.map(({ payload }) => (payload as { n: number }).n)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
  });

  test('a client that left hears nothing more, and may join again', async () => {
    const topic = testTopic();
    const [alice, bob] = [clients.open(url), clients.open(url)];
    const sender = await join(alice.channel(topic));
    const first = bob.channel(topic);
    const atFirst = collect(first);
    await join(first);
    expect(await bob.removeChannel(first)).toBe('ok');
    const second = bob.channel(topic);
    const atSecond = collect(second);
    await join(second);
    await sender.send({ type: 'broadcast', event: 'e', payload: {} });
    await until(
      () => atSecond.length,
      (count) => count === 1,
    );
    expect(atFirst).toEqual([]);
  });

  test('a client of protocol 1.0.0 hears one of 2.0.0, and is heard by it', async () => {
    const topic = testTopic();
    const old = clients.open(url, { vsn: '1.0.0' }).channel(topic);
    const young = clients.open(url).channel(topic);
    const [atOld, atYoung] = [collect(old), collect(young)];
    await Promise.all([join(old), join(young)]);
    await old.send({ type: 'broadcast', event: 'from-old', payload: { a: 1 } });
    await young.send({ type: 'broadcast', event: 'from-young', payload: { b: 2 } });
    await until(
      () => [atOld.length, atYoung.length],
      ([o, y]) => o === 1 && y === 1,
    );
    expect(atYoung[0]).toMatchObject({ event: 'from-old', payload: { a: 1 } });
    expect(atOld[0]).toMatchObject({ event: 'from-young', payload: { b: 2 } });
  });
});

describe('on a private topic', () => {
  test('a stranger is refused in the words of the platform', async () => {
    const topic = testTopic();
    const { client } = await openUser();
    expect(await subscribe(client.channel(topic, privately))).toEqual({
      status: 'CHANNEL_ERROR',
      message: `Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`,
    });
  });

  test('a visitor without a session is refused', async () => {
    const outcome = await subscribe(clients.open(url).channel(testTopic(), privately));
    expect(outcome.message).toMatch(/^Unauthorized: /);
  });

  test('members hear each other', async () => {
    const topic = testTopic();
    const [alice, bob] = [await openUser(), await openUser()];
    await policies.grant(topic, alice.id, 'broadcast:read', 'broadcast:write');
    await policies.grant(topic, bob.id, 'broadcast:read');
    const [atAlice, atBob] = [alice.client.channel(topic, privately), bob.client.channel(topic, privately)];
    const received = collect(atBob);
    await Promise.all([join(atAlice), join(atBob)]);
    await atAlice.send({ type: 'broadcast', event: 'e', payload: { n: 1 } });
    await until(
      () => received.length,
      (count) => count === 1,
    );
  });

  test('a member who may only read gets no acknowledgement, and nobody hears the broadcast', async () => {
    const topic = testTopic();
    const [reader, other] = [await openUser(), await openUser()];
    await policies.grant(topic, reader.id, 'broadcast:read');
    await policies.grant(topic, other.id, 'broadcast:read');
    const config = { private: true, broadcast: { ack: true } };
    const [atReader, atOther] = [
      reader.client.channel(topic, { config }),
      other.client.channel(topic, privately),
    ];
    const received = collect(atOther);
    await Promise.all([join(atReader), join(atOther)]);
    const answer = await atReader.send({ type: 'broadcast', event: 'e', payload: {} }, { timeout: 300 });
    expect(answer).toBe('timed out');
    expect(received).toEqual([]);
  });

  test('a public topic of the same name is another topic', async () => {
    const topic = testTopic();
    const member = await openUser();
    await policies.grant(topic, member.id, 'broadcast:read', 'broadcast:write');
    const inside = member.client.channel(topic, privately);
    const outside = clients.open(url).channel(topic);
    const [atInside, atOutside] = [collect(inside), collect(outside)];
    await Promise.all([join(inside), join(outside)]);
    await inside.send({ type: 'broadcast', event: 'secret', payload: {} });
    await outside.send({ type: 'broadcast', event: 'noise', payload: {} });
    await pause(150);
    expect([atInside, atOutside]).toEqual([[], []]);
  });
});

describe('over HTTP', () => {
  test('httpSend reaches a public topic', async () => {
    const topic = testTopic();
    const listener = clients.open(url).channel(topic);
    const received = collect(listener);
    await join(listener);
    const sent = await clients.open(url).channel(topic).httpSend('note', { n: 1 });
    expect(sent).toEqual({ success: true });
    await until(
      () => received.length,
      (count) => count === 1,
    );
    expect(received[0]).toMatchObject({ event: 'note', payload: { n: 1 } });
  });

  test('httpSend carries bytes', async () => {
    const topic = testTopic();
    const listener = clients.open(url).channel(topic);
    const received = collect(listener);
    await join(listener);
    await clients
      .open(url)
      .channel(topic)
      .httpSend('bytes', new Uint8Array([7, 0, 200]));
    await until(
      () => received.length,
      (count) => count === 1,
    );
    expect(new Uint8Array(received[0]?.payload as ArrayBuffer)).toEqual(new Uint8Array([7, 0, 200]));
  });

  test('httpSend to a private topic needs the permission to write', async () => {
    const topic = testTopic();
    const [writer, stranger] = [await openUser(), await openUser()];
    await policies.grant(topic, writer.id, 'broadcast:read', 'broadcast:write');
    await Promise.all([writer.client.realtime.setAuth(), stranger.client.realtime.setAuth()]);
    const listener = writer.client.channel(topic, privately);
    const received = collect(listener);
    await join(listener);
    await expect(stranger.client.channel(topic, privately).httpSend('e', {})).rejects.toThrow('Unauthorized');
    await listener.httpSend('e', { mine: true });
    await until(
      () => received.length,
      (count) => count === 1,
    );
    expect(received[0]?.payload).toEqual({ mine: true });
  });

  async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
    return fetch(`${url}/realtime/v1/api/broadcast${path}`, {
      method: 'POST',
      headers: { apikey: keys.publishableKey, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  test('a batch is accepted with 202, and its private messages are dropped without permission', async () => {
    const topic = testTopic();
    const listener = clients.open(url).channel(topic);
    const received = collect(listener);
    await join(listener);
    const response = await post('', {
      messages: [
        { topic, event: 'hidden', payload: {}, private: true },
        { topic, event: 'open', payload: { n: 1 } },
      ],
    });
    expect([response.status, await response.text()]).toEqual([202, '']);
    await until(
      () => received.length,
      (count) => count === 1,
    );
    expect(received[0]).toMatchObject({ event: 'open' });
  });

  test('the secret key may write to every private topic', async () => {
    const topic = testTopic();
    const member = await openUser();
    await policies.grant(topic, member.id, 'broadcast:read');
    const listener = member.client.channel(topic, privately);
    const received = collect(listener);
    await join(listener);
    const messages = [{ topic, event: 'e', payload: {}, private: true }];
    expect((await post('', { messages }, { apikey: keys.secretKey })).status).toBe(202);
    await until(
      () => received.length,
      (count) => count === 1,
    );
  });

  test('a batch with a mistake is refused with 422 and says where it is', async () => {
    const response = await post('', { messages: [{ topic: 't', event: 'e' }] });
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ errors: { messages: [{ payload: ["can't be blank"] }] } });
    expect((await post('', { messages: [] })).status).toBe(422);
    expect((await post('', 'not json')).status).toBe(422);
  });

  test('an unknown key is refused with 401, another content type with 415', async () => {
    expect((await post('', { messages: [] }, { apikey: 'sb_publishable_wrong' })).status).toBe(401);
    expect((await post('/t/events/e', 'text', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});
