import { randomUUID } from 'node:crypto';
import type { RealtimeChannel } from '@supabase/supabase-js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Clients, type OwnServer, openPolicies, startOwnServer, testTopic, userToken } from './harness.ts';
import { collect, collectSystem, join, pause, until } from './talk.ts';

let url: string;
let server: OwnServer;
let policies: Awaited<ReturnType<typeof openPolicies>>;
const clients = new Clients();

beforeAll(async () => {
  policies = await openPolicies('presence');
  server = await startOwnServer();
  url = server.url;
});
afterEach(() => clients.closeAll());
afterAll(async () => {
  await server.close();
  await policies.drop();
});

/** Opens a channel with a presence key, noting who joins and leaves. */
function open(topic: string, key: string, client = clients.open(url), isPrivate = false) {
  const channel = client.channel(topic, { config: { presence: { key }, private: isPrivate } });
  const events: string[] = [];
  let syncs = 0;
  channel
    .on('presence', { event: 'sync' }, () => syncs++)
    .on('presence', { event: 'join' }, ({ key: who }) => events.push(`+${who}`))
    .on('presence', { event: 'leave' }, ({ key: who }) => events.push(`-${who}`));
  return { channel, events, syncs: () => syncs };
}

const present = (channel: RealtimeChannel) => () => Object.keys(channel.presenceState()).sort();
const are =
  (...names: string[]) =>
  (seen: string[]) =>
    seen.join() === names.join();

test('clients see each other come, change and go', async () => {
  const topic = testTopic();
  const [an, binh, chi] = [open(topic, 'an'), open(topic, 'binh'), open(topic, 'chi')];
  await join(an.channel);
  expect(await an.channel.track({ seat: 1 })).toBe('ok');
  await Promise.all([join(binh.channel), join(chi.channel)]);
  await Promise.all([binh.channel.track({ seat: 2 }), chi.channel.track({ seat: 3 })]);
  for (const { channel } of [an, binh, chi]) await until(present(channel), are('an', 'binh', 'chi'));

  await binh.channel.track({ seat: 22 });
  const seats = () => chi.channel.presenceState<{ seat: number }>().binh?.map(({ seat }) => seat);
  await until(seats, (seen) => seen?.join() === '22');

  await chi.channel.untrack();
  await until(present(an.channel), are('an', 'binh'));
  await binh.channel.unsubscribe();
  await until(present(an.channel), are('an'));
  expect(an.events.filter((event) => event.startsWith('-'))).toEqual(
    expect.arrayContaining(['-chi', '-binh']),
  );
});

test('a newcomer is told who is already here', async () => {
  const topic = testTopic();
  const [first, second] = [open(topic, 'first'), open(topic, 'second')];
  await join(first.channel);
  await first.channel.track({ name: 'First' });
  await join(second.channel);
  await until(present(second.channel), are('first'));
  expect(second.channel.presenceState().first).toMatchObject([{ name: 'First' }]);
  expect(second.syncs()).toBeGreaterThan(0);
});

test('two devices of one key are two entries, and closing one leaves the other', async () => {
  const topic = testTopic();
  const phone = open(topic, 'user');
  const laptopClient = clients.open(url);
  const laptop = open(topic, 'user', laptopClient);
  await Promise.all([join(phone.channel), join(laptop.channel)]);
  await phone.channel.track({ device: 'phone' });
  await laptop.channel.track({ device: 'laptop' });
  const devices = () =>
    (phone.channel.presenceState<{ device: string }>().user ?? []).map(({ device }) => device).sort();
  await until(devices, (seen) => seen.join() === 'laptop,phone');
  await laptopClient.realtime.disconnect();
  await until(devices, (seen) => seen.join() === 'phone');
});

test('a client that only tracks, and never listened, can be seen by others', async () => {
  const topic = testTopic();
  const watcher = open(topic, 'watcher');
  await join(watcher.channel);
  const silent = await join(clients.open(url).channel(topic, { config: { presence: { key: 'silent' } } }));
  await silent.track({ here: true });
  await until(present(watcher.channel), are('silent'));
});

test('on a private topic presence needs its own permissions', async () => {
  const topic = testTopic();
  const [member, reader] = [randomUUID(), randomUUID()];
  await policies.grant(topic, member, 'broadcast:read', 'presence:read', 'presence:write');
  await policies.grant(topic, reader, 'broadcast:read', 'broadcast:write');
  const [memberToken, readerToken] = [await userToken(member), await userToken(reader)];
  const inside = open(topic, 'member', await clients.openAs(url, () => memberToken), true);
  const outside = open(topic, 'reader', await clients.openAs(url, () => readerToken), true);
  await Promise.all([join(inside.channel), join(outside.channel)]);
  expect(await inside.channel.track({})).toBe('ok');
  expect(await outside.channel.track({})).toBe('error');
  await until(present(inside.channel), are('member'));
  await pause(50);
  expect(outside.channel.presenceState()).toEqual({});
});

test('a public and a private topic of one name have separate presences', async () => {
  const topic = testTopic();
  const member = randomUUID();
  await policies.grant(topic, member, 'presence:read', 'presence:write');
  const token = await userToken(member);
  const inside = open(topic, 'inside', await clients.openAs(url, () => token), true);
  const outside = open(topic, 'outside');
  await Promise.all([join(inside.channel), join(outside.channel)]);
  await Promise.all([inside.channel.track({}), outside.channel.track({})]);
  await until(present(inside.channel), are('inside'));
  await until(present(outside.channel), are('outside'));
});

test('more than five calls in half a minute end the channel', async () => {
  const { channel } = open(testTopic(), 'busy');
  const system = collectSystem(channel);
  await join(channel);
  for (let n = 0; n < 5; n++) expect(await channel.track({ n })).toBe('ok');
  void channel.track({ n: 5 });
  await until(
    () => system.map(({ message }) => message),
    (messages) => messages.includes('Client presence rate limit exceeded'),
  );
  await until(
    () => channel.state,
    (state) => state === 'closed',
  );
});

test('a track payload that is no object is refused', async () => {
  const { channel } = open(testTopic(), 'odd');
  await join(channel);
  expect(await channel.track('text' as unknown as Record<string, unknown>)).toBe('error');
});

test('a user who may read only presence can join, and hears no broadcast', async () => {
  const topic = testTopic();
  const [watcher, speaker] = [randomUUID(), randomUUID()];
  await policies.grant(topic, watcher, 'presence:read');
  await policies.grant(topic, speaker, 'broadcast:read', 'broadcast:write', 'presence:write');
  const [watcherToken, speakerToken] = [await userToken(watcher), await userToken(speaker)];
  const watching = open(topic, 'watcher', await clients.openAs(url, () => watcherToken), true);
  const speaking = open(topic, 'speaker', await clients.openAs(url, () => speakerToken), true);
  const heard = collect(watching.channel);
  await Promise.all([join(watching.channel), join(speaking.channel)]);
  await speaking.channel.send({ type: 'broadcast', event: 'e', payload: {} });
  await speaking.channel.track({});
  await until(present(watching.channel), are('speaker'));
  expect(heard).toEqual([]);
});

test('losing the right to read presence ends the channel at the next token', async () => {
  const topic = testTopic();
  const id = randomUUID();
  await policies.grant(topic, id, 'broadcast:read', 'presence:read');
  let token = await userToken(id);
  const client = await clients.openAs(url, () => token);
  const { channel } = open(topic, 'member', client, true);
  const system = collectSystem(channel);
  await join(channel);
  await policies.revoke(topic, id);
  await policies.grant(topic, id, 'broadcast:read');
  token = await userToken(id, 1800);
  await client.realtime.setAuth();
  await until(
    () => system.at(-1)?.message,
    (message) => message === `You no longer have permission to read from this Channel topic: ${topic}`,
  );
});
