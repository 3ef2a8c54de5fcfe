import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { setting } from '../support/setting.ts';
import { Clients, openPolicies, startOwnServer, testTopic, userToken } from './harness.ts';
import { join, subscribe } from './talk.ts';

const clients = new Clients();
const refused = {
  status: 'CHANNEL_ERROR',
  message: 'PrivateOnly: This project only allows private channels',
};
let policies: Awaited<ReturnType<typeof openPolicies>>;

beforeAll(async () => {
  policies = await openPolicies('access');
});
afterEach(() => clients.closeAll());
afterAll(() => policies.drop());

/** Joins a private topic as one of its members. */
async function joinAsMember(url: string) {
  const [id, topic] = [randomUUID(), testTopic()];
  await policies.grant(topic, id, 'broadcast:read');
  const token = await userToken(id);
  const client = await clients.openAs(url, () => token);
  return join(client.channel(topic, { config: { private: true } }));
}

test('the stack refuses a public topic, and lets a member join a private one', async () => {
  const url = setting('API_URL');
  expect(await subscribe(clients.open(url).channel(testTopic()))).toEqual(refused);
  await joinAsMember(url);
});

test('a server whose public topics are off refuses them to everybody', async () => {
  const server = await startOwnServer({}, { publicTopics: false });
  try {
    const token = await userToken(randomUUID());
    const user = await clients.openAs(server.url, () => token);
    for (const client of [clients.open(server.url), user]) {
      expect(await subscribe(client.channel(testTopic()))).toEqual(refused);
    }
    await joinAsMember(server.url);
  } finally {
    await clients.closeAll();
    await server.close();
  }
});
