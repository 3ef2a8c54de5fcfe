import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  Clients,
  keys,
  type OwnServer,
  openPolicies,
  startOwnServer,
  testTopic,
  userToken,
} from './harness.ts';
import { RawClient } from './raw.ts';
import { collect, collectSystem, join, pause, subscribe, until } from './talk.ts';

let url: string;
let server: OwnServer;
let policies: Awaited<ReturnType<typeof openPolicies>>;
const clients = new Clients();
const raws: RawClient[] = [];

beforeAll(async () => {
  policies = await openPolicies('protocol');
  server = await startOwnServer();
  url = server.url;
});
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.close();
  await clients.closeAll();
});
afterAll(async () => {
  await server.close();
  await policies.drop();
});

async function openRaw(version: 1 | 2 = 2) {
  const raw = await RawClient.open(url, version);
  raws.push(raw);
  return raw;
}

/** Asks for a WebSocket, and tells the HTTP answer. */
function upgrade(path: string): Promise<{ status: number | undefined; error?: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    };
    const { hostname, port } = new URL(url);
    const request = get({ hostname, port, path, headers }, async (response) => {
      const body = await text(response);
      resolve({ status: response.statusCode, ...(body === '' ? {} : JSON.parse(body)) });
    });
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode });
    });
    request.on('error', reject);
  });
}

const reason = (message: { payload: Record<string, unknown> }) =>
  (message.payload.response as { reason?: string }).reason;

for (const version of [1, 2] as const) {
  test(`a raw client of version ${version}.0.0 joins, beats, sends, leaves`, async () => {
    const topic = testTopic();
    const raw = await openRaw(version);
    const answer = await raw.join(topic, { broadcast: { self: 'true' } });
    expect(answer).toEqual({
      joinRef: '1',
      ref: '1',
      topic: `realtime:${topic}`,
      event: 'phx_reply',
      payload: { status: 'ok', response: { postgres_changes: [] } },
    });
    raw.send({ ref: '2', topic: 'phoenix', event: 'heartbeat' });
    expect((await raw.reply('2')).payload).toEqual({ status: 'ok', response: {} });
    const payload = { type: 'broadcast', event: 'e', payload: { n: 1 } };
    raw.send({ joinRef: '1', ref: '3', topic: `realtime:${topic}`, event: 'broadcast', payload });
    expect((await raw.find(({ event }) => event === 'broadcast')).payload).toEqual(payload);
    raw.send({ joinRef: '1', ref: '4', topic: `realtime:${topic}`, event: 'phx_leave' });
    expect((await raw.reply('4')).payload.status).toBe('ok');
    expect(await raw.find(({ event }) => event === 'phx_close')).toMatchObject({ joinRef: '1', ref: '1' });
  });
}

test('a database broadcast reaches a client of version 1.0.0 as JSON', async () => {
  const topic = testTopic();
  const raw = await openRaw(1);
  await raw.join(topic);
  await policies.db.query(`select realtime.send('{"n": 1}', 'e', $1, false)`, [topic]);
  const { payload } = await raw.find(({ event }) => event === 'broadcast');
  expect(payload).toMatchObject({
    type: 'broadcast',
    event: 'e',
    payload: { n: 1 },
    meta: { id: expect.any(String) },
  });
});

test('joining a topic again on one socket closes the earlier channel', async () => {
  const topic = testTopic();
  const raw = await openRaw();
  await raw.join(topic, {}, '1');
  expect((await raw.join(topic, {}, '2')).payload.status).toBe('ok');
  expect(await raw.find(({ event }) => event === 'phx_close')).toMatchObject({ joinRef: '1', ref: '1' });
  // A late message of the earlier life is not taken for one of the new life.
  raw.send({ joinRef: '1', ref: '9', topic: `realtime:${topic}`, event: 'phx_leave' });
  await pause(50);
  expect(raw.messages.filter(({ event }) => event === 'phx_close')).toHaveLength(1);
});

test('unknown events are ignored, unknown topics are answered', async () => {
  const topic = testTopic();
  const raw = await openRaw();
  await raw.join(topic);
  raw.send({ joinRef: '1', ref: '2', topic: `realtime:${topic}`, event: 'dance' });
  raw.send({ joinRef: '3', ref: '3', topic: 'elsewhere', event: 'phx_join' });
  expect(reason(await raw.reply('3'))).toBe('unmatched topic');
  raw.send({ joinRef: '4', ref: '4', topic: 'realtime:', event: 'phx_join' });
  expect(reason(await raw.reply('4'))).toBe('TopicNameRequired: You must provide a topic name');
  expect(raw.messages.some(({ ref }) => ref === '2')).toBe(false);
});

test('a frame that breaks the protocol ends only its own socket', async () => {
  const [bad, good] = [await openRaw(), await openRaw()];
  bad.sendRaw('{ not json');
  await until(
    () => bad.closed,
    (code) => code === 1007,
  );
  const short = await openRaw();
  short.sendRaw(Buffer.from([3, 200]));
  await until(
    () => short.closed,
    (code) => code === 1007,
  );
  // Claims to be JSON, and would add fields to the message of a receiver that speaks version 1.
  const forger = await openRaw();
  const forged = '{}},"topic":"realtime:elsewhere","x":{"y":1';
  forger.sendRaw(Buffer.concat([Buffer.from([3, 1, 1, 1, 1, 0, 1]), Buffer.from(`11te${forged}`)]));
  await until(
    () => forger.closed,
    (code) => code === 1007,
  );
  expect((await good.join(testTopic())).payload.status).toBe('ok');
});

test('the handshake is refused over HTTP, with a reason, for a wrong key, version or path', async () => {
  const key = `apikey=${keys.publishableKey}`;
  const websocket = '/realtime/v1/websocket';
  expect(await upgrade(`${websocket}?vsn=2.0.0`)).toEqual({ status: 401, error: expect.any(String) });
  expect(await upgrade(`${websocket}?vsn=2.0.0&apikey=sb_publishable_wrong`)).toMatchObject({ status: 401 });
  expect(await upgrade(`${websocket}?vsn=3.0.0&${key}`)).toMatchObject({ status: 400 });
  expect(await upgrade('//')).toMatchObject({ status: 404 });
  expect(await upgrade(`/realtime/v1/elsewhere?vsn=2.0.0&${key}`)).toMatchObject({ status: 404 });
  expect(await upgrade(`${websocket}?vsn=2.0.0&${key}`)).toEqual({ status: 101 });
});

test('postgres_changes is refused, and says what to use instead', async () => {
  const channel = clients.open(url).channel(testTopic());
  channel.on('postgres_changes', { event: '*', schema: 'public', table: 'bookings' }, () => undefined);
  const { status, message } = await subscribe(channel);
  expect(status).toBe('CHANNEL_ERROR');
  expect(message).toContain('postgres_changes is not served here');
  expect(message).toContain('realtime.broadcast_changes()');
});

test('tokens that are expired, forged, malformed or bare are refused in the words of the platform', async () => {
  const refusal = async (token: string) => {
    const raw = await openRaw();
    return reason(await raw.join(testTopic(), {}, '1', { access_token: token }));
  };
  const good = await userToken(randomUUID());
  expect(await refusal(await userToken(randomUUID(), -30))).toMatch(
    /^InvalidJWTToken: Token has expired 3\d seconds ago$/,
  );
  expect(await refusal(`${good.slice(0, -4)}AAAA`)).toBe(
    'JwtSignatureError: Failed to validate JWT signature',
  );
  expect(await refusal('nonsense')).toBe('MalformedJWT: The token provided is not a valid JWT');
  // An API key is no token: the key of the socket decides.
  expect(await refusal(keys.publishableKey)).toBeUndefined();
});

test('a channel ends when its token runs out', async () => {
  const token = await userToken(randomUUID(), 6);
  const channel = (await clients.openAs(url, () => token)).channel(testTopic());
  const system = collectSystem(channel);
  await join(channel);
  await until(
    () => system,
    (messages) => messages.length === 1,
  );
  expect(system[0]).toMatchObject({
    status: 'error',
    message: expect.stringMatching(/^Token has expired \d seconds ago$/),
  });
  await until(
    () => channel.state,
    (state) => state === 'closed',
  );
});

test('a fresh token in time keeps the channel', async () => {
  const id = randomUUID();
  let token = await userToken(id, 6);
  const client = await clients.openAs(url, () => token);
  const channel = client.channel(testTopic());
  await join(channel);
  token = await userToken(id, 60);
  await client.realtime.setAuth();
  await pause(6_500);
  expect(channel.state).toBe('joined');
});

test('a refreshed token asks the policies again, and lost access ends the channel', async () => {
  const topic = testTopic();
  const id = randomUUID();
  await policies.grant(topic, id, 'broadcast:read');
  let token = await userToken(id);
  const client = await clients.openAs(url, () => token);
  const channel = client.channel(topic, { config: { private: true } });
  const received = collect(channel);
  const system = collectSystem(channel);
  await join(channel);
  await policies.revoke(topic, id);
  // Nothing is cut before the token changes: answers are remembered until then, as on the platform.
  await policies.db.query(`select realtime.send('{"n": 1}', 'e', $1)`, [topic]);
  await until(
    () => received.length,
    (count) => count === 1,
  );
  token = await userToken(id);
  await client.realtime.setAuth();
  await until(
    () => channel.state,
    (state) => state === 'closed',
  );
  expect(system.at(-1)?.message).toBe(
    `You do not have permissions to read from this Channel topic: ${topic}`,
  );
  await policies.db.query(`select realtime.send('{"n": 2}', 'e', $1)`, [topic]);
  await pause(100);
  expect(received).toHaveLength(1);
});

test('a refreshed token that still permits keeps the channel, and brings new rights to write', async () => {
  const topic = testTopic();
  const [id, other] = [randomUUID(), randomUUID()];
  await policies.grant(topic, id, 'broadcast:read');
  await policies.grant(topic, other, 'broadcast:read');
  let token = await userToken(id);
  const otherToken = await userToken(other);
  const client = await clients.openAs(url, () => token);
  const sender = client.channel(topic, { config: { private: true } });
  const listener = (await clients.openAs(url, () => otherToken)).channel(topic, {
    config: { private: true },
  });
  const received = collect(listener);
  await Promise.all([join(sender), join(listener)]);
  await sender.send({ type: 'broadcast', event: 'before', payload: {} });
  // the server has asked the policies, and remembers their answer
  await pause(1_000);
  await policies.grant(topic, id, 'broadcast:write');
  await sender.send({ type: 'broadcast', event: 'still-remembered', payload: {} });
  token = await userToken(id, 1800);
  await client.realtime.setAuth();
  await sender.send({ type: 'broadcast', event: 'after', payload: {} });
  await until(
    () => received.length,
    (count) => count === 1,
  );
  expect(received[0]?.event).toBe('after');
});

test('a client that opts in is told when rows are being streamed', async () => {
  const raw = await openRaw();
  await raw.join(testTopic(), { broadcast: { replication_ready: true } });
  const { payload } = await raw.find(({ event }) => event === 'system');
  expect(payload).toMatchObject({
    extension: 'system',
    status: 'ok',
    message: 'Replication connection established',
  });
});

test('the hundred and first channel of a client is refused', async () => {
  const raw = await openRaw();
  const topics = Array.from({ length: 100 }, () => testTopic());
  const answers = await Promise.all(topics.map((topic, index) => raw.join(topic, {}, String(index + 1))));
  expect(new Set(answers.map(({ payload }) => payload.status))).toEqual(new Set(['ok']));
  expect(reason(await raw.join(testTopic(), {}, '101'))).toBe('ChannelRateLimitReached: Too many channels');
});

test('a payload that is too large is refused with an ack, and dropped without', async () => {
  const topic = testTopic();
  const listener = clients.open(url).channel(topic);
  const received = collect(listener);
  const acking = clients.open(url).channel(topic, { config: { broadcast: { ack: true } } });
  await Promise.all([join(listener), join(acking)]);
  const payload = { text: 'x'.repeat(3_100_000) };
  expect(await acking.send({ type: 'broadcast', event: 'big', payload })).toBe('error');
  expect(await acking.send({ type: 'broadcast', event: 'small', payload: {} })).toBe('ok');
  await until(
    () => received.length,
    (count) => count === 1,
  );
  expect(received[0]?.event).toBe('small');
});
