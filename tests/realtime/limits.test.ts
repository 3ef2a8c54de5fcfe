import { afterEach, describe, expect, test } from 'vitest';
import { signToken } from '../../local/gateway/caller.ts';
import { CallWindow, defaultLimits, RateWindow, type RealtimeLimits } from '../../local/realtime/limits.ts';
import { Clients, keys, type OwnServer, startOwnServer, testTopic } from './harness.ts';
import { RawClient } from './raw.ts';
import { collect, collectSystem, join, pause, subscribe, until } from './talk.ts';

// Every test has a server of its own, with limits low enough to reach.
const clients = new Clients();
const servers: OwnServer[] = [];

async function start(limits: Partial<RealtimeLimits>) {
  const server = await startOwnServer(limits);
  servers.push(server);
  return server.url;
}

afterEach(async () => {
  await clients.closeAll();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

test('more joins per second than allowed are refused, and the socket is closed', async () => {
  const url = await start({ joinsPerSecond: 3 / 60, rateWindowSeconds: 60, joinErrorDelayMs: 0 });
  const raw = await RawClient.open(url);
  for (let ref = 1; ref <= 8; ref++) {
    const joinRef = String(ref);
    raw.send({ joinRef, ref: joinRef, topic: `realtime:${testTopic()}`, event: 'phx_join' });
  }
  const refusal = await raw.find(({ payload }) => payload.status === 'error');
  expect(refusal.payload.response).toEqual({
    reason: 'ClientJoinRateLimitReached: Too many joins per second',
  });
  await until(
    () => raw.closed,
    (code) => code !== null,
  );
});

test('more clients than allowed are refused until one goes', async () => {
  const url = await start({ concurrentClients: 1 });
  const [first, second] = [clients.open(url), clients.open(url)];
  await join(first.channel(testTopic()));
  const channel = second.channel(testTopic());
  expect((await subscribe(channel)).message).toBe('ConnectionRateLimitReached: Too many connected users');
  await second.removeChannel(channel);
  await first.realtime.disconnect();
  // the server notices a little later
  await expect
    .poll(async () => (await subscribe(clients.open(url).channel(testTopic()))).status)
    .toBe('SUBSCRIBED');
});

test('more broadcasts per second than allowed end the channel that sends them', async () => {
  const url = await start({ messagesPerSecond: 10 / 60, rateWindowSeconds: 60 });
  const topic = testTopic();
  const [sender, listener] = [clients.open(url).channel(topic), clients.open(url).channel(topic)];
  const received = collect(listener);
  const system = collectSystem(sender);
  await Promise.all([join(sender), join(listener)]);
  for (let n = 0; n < 40; n++) await sender.send({ type: 'broadcast', event: 'e', payload: { n } });
  await until(
    () => system.map(({ message }) => message),
    (messages) => messages.length > 0,
  );
  expect(system[0]?.message).toBe('Too many messages per second');
  expect(received.length).toBeLessThan(40);
  expect(listener.state).toBe('joined');
});

test('more broadcasts per second than allowed over HTTP are answered with 429', async () => {
  const url = await start({ messagesPerSecond: 5, rateWindowSeconds: 1 });
  const messages = Array.from({ length: 6 }, () => ({ topic: testTopic(), event: 'e', payload: {} }));
  const response = await fetch(`${url}/realtime/v1/api/broadcast`, {
    method: 'POST',
    headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
    body: JSON.stringify({ messages }),
  });
  expect(response.status).toBe(429);
});

test('joins that are sent all at once stop at the limit of channels', async () => {
  const url = await start({ channelsPerClient: 3, joinErrorDelayMs: 0 });
  const raw = await RawClient.open(url);
  const refs = Array.from({ length: 40 }, (_, index) => String(index + 1));
  for (const ref of refs) {
    raw.send({ joinRef: ref, ref, topic: `realtime:${testTopic()}`, event: 'phx_join' });
  }
  const replies = await Promise.all(refs.map((ref) => raw.reply(ref)));
  const joined = replies.filter(({ payload }) => payload.status === 'ok');
  expect(joined.map(({ ref }) => ref)).toEqual(['1', '2', '3']);
  expect(replies.at(-1)?.payload.response).toEqual({
    reason: 'ChannelRateLimitReached: Too many channels',
  });
  raw.close();
});

test('a flood of joins on one socket does not hold up another client', async () => {
  const url = await start({ joinErrorDelayMs: 0 });
  const flood = await RawClient.open(url);
  const count = 3000;
  for (let ref = 1; ref <= count; ref++) {
    // Private, so that each asks the database.
    const payload = { config: { private: true } };
    flood.send({
      joinRef: `${ref}`,
      ref: `${ref}`,
      topic: `realtime:${testTopic()}`,
      event: 'phx_join',
      payload,
    });
  }
  await flood.find(({ event }) => event === 'phx_reply');
  // It may join any private topic, and asks the database as well.
  const token = await signToken(keys, { role: 'service_role' }, 3600);
  const other = await clients.openAs(url, () => token);
  await join(other.channel(testTopic(), { config: { private: true } }));
  expect(flood.messages.filter(({ event }) => event === 'phx_reply').length).toBeLessThan(count / 2);
  flood.close();
});

test('a body without an announced length is read up to the limit and no further', async () => {
  await start({ frameBytes: 100_000 });
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 10_000;
      if (sent > 400_000_000) controller.close();
      else controller.enqueue(new Uint8Array(10_000));
    },
  });
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
    body,
    duplex: 'half',
  };
  const request = new Request('http://127.0.0.1/realtime/v1/api/broadcast', init);
  const response = await servers[0]?.realtime.fetch(request);
  expect(response?.status).toBe(413);
  expect(sent).toBeLessThan(200_000);
});

test('a frame above the limit ends the socket', async () => {
  const url = await start({ frameBytes: 1000 });
  const raw = await RawClient.open(url);
  raw.sendRaw(JSON.stringify(['1', '1', 'realtime:x', 'phx_join', { pad: 'x'.repeat(2000) }]));
  await until(
    () => raw.closed,
    (code) => code === 1009,
  );
});

test('a track payload above the limit ends the channel', async () => {
  const url = await start({ payloadBytes: 100 });
  const channel = clients.open(url).channel(testTopic());
  const system = collectSystem(channel);
  await join(channel);
  void channel.track({ pad: 'x'.repeat(200) });
  await until(
    () => system,
    (messages) => messages[0]?.message === 'Track message size exceeded',
  );
});

test('a silent socket is closed after its heartbeat timeout, a beating one is not', async () => {
  const url = await start({ heartbeatTimeoutMs: 2_000 });
  const [silent, beating] = [await RawClient.open(url), await RawClient.open(url)];
  const beat = setInterval(() => beating.send({ ref: 'h', topic: 'phoenix', event: 'heartbeat' }), 100);
  await until(
    () => silent.closed,
    (code) => code !== null,
  );
  await pause(2_000);
  expect(beating.closed).toBeNull();
  clearInterval(beat);
  beating.close();
});

test('a client that stops reading is cut off instead of filling the memory', async () => {
  const url = await start({ bufferedBytes: 1_000_000, messagesPerSecond: 100_000 });
  const topic = testTopic();
  const slow = await RawClient.open(url);
  await slow.join(topic);
  slow.stopReading();
  const sender = clients.open(url).channel(topic);
  await join(sender);
  const payload = { pad: 'x'.repeat(500_000) };
  const notices = servers[0]?.notices ?? [];
  for (let n = 0; n < 60 && notices.length === 0; n++) {
    await sender.send({ type: 'broadcast', event: 'e', payload });
    await pause(5);
  }
  expect(notices).toEqual(['Realtime cut off a client that reads too slowly']);
  slow.close();
});

describe('the counters', () => {
  test('a rate limit allows a burst within its window, and recovers second by second', () => {
    let now = 0;
    const rate = new RateWindow(10, 3, () => now);
    expect(rate.take(30)).toBe(true);
    expect(rate.take()).toBe(false);
    now = 2999;
    expect(rate.take()).toBe(false);
    now = 3000;
    expect(rate.take(30)).toBe(true);
    now = 60_000;
    expect(rate.take(31)).toBe(false);
  });

  test('a window of calls opens again when it is over', () => {
    let now = 0;
    const calls = new CallWindow(1, 20, () => now);
    expect([calls.take(), calls.take()]).toEqual([true, false]);
    now = 21;
    expect(calls.take()).toBe(true);
  });

  test('the presence limit is the one of the platform', () => {
    expect([defaultLimits.presenceCallsPerWindow, defaultLimits.presenceWindowMs]).toEqual([5, 30_000]);
  });
});
