import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Cluster, removeCluster, startCluster } from '../../local/cluster/cluster.ts';
import { ensurePostgres } from '../../local/cluster/packages.ts';
import { loadConfig, type StackConfig } from '../../local/config.ts';
import { silentLog } from '../../local/log.ts';
import { freePort } from '../support/free-port.ts';
import { Clients, keys, startOwnServer, testTopic } from './harness.ts';
import { collect, join, until } from './talk.ts';

// A cluster of its own: these tests stop and break what others would be using.
let config: StackConfig;
let cluster: Cluster;
const clients = new Clients();

beforeAll(async () => {
  const base = loadConfig('test-realtime-restart', { unsafeFast: true });
  config = { ...base, ports: { ...base.ports, db: await freePort() } };
  const install = await ensurePostgres(silentLog);
  await removeCluster(install, config);
  cluster = await startCluster(install, config, silentLog);
});
afterEach(() => clients.closeAll());
afterAll(async () => {
  await cluster.close();
  await removeCluster(await ensurePostgres(silentLog), config);
  rmSync(config.dir, { recursive: true, force: true });
});

async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: cluster.adminUrl });
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

const send = (topic: string, n: number) =>
  query(`select realtime.send(jsonb_build_object('n', $2::int), 'n', $1, false)`, [topic, n]);
const slots = () =>
  query<{ slot_name: string; temporary: boolean }>('select slot_name, temporary from pg_replication_slots');

test('the database may be restarted: rows flow again, and sockets stay', async () => {
  const server = await startOwnServer({}, { dbUrl: cluster.adminUrl });
  const topic = testTopic();
  const channel = clients.open(server.url).channel(topic);
  const received = collect(channel);
  await join(channel);
  await send(topic, 1);
  await until(
    () => received.length,
    (count) => count === 1,
  );

  const stoppedAt = Date.now();
  await cluster.close();
  // A server that shuts down waits for its listeners to confirm; ours must not hold it up.
  expect(Date.now() - stoppedAt).toBeLessThan(20_000);
  const refused = await askPrivately(server.url, topic);
  expect(refused).toBe(503);
  cluster = await startCluster(await ensurePostgres(silentLog), config, silentLog);
  await until(
    () => server.notices.length,
    (count) => count > 0,
  );

  // Rows that commit before streaming has begun again are not delivered; so ask until one is.
  let n = 2;
  await until(
    () => {
      void send(topic, n++).catch(() => undefined);
      return received.length;
    },
    (count) => count >= 2,
  );
  expect(channel.state).toBe('joined');
  expect(server.notices.filter((line) => line.includes('will reconnect'))).toHaveLength(1);
  expect(server.notices).toContain('Realtime is connected to the database again');
  await server.close();
});

/** The status of a private broadcast, for which the database must be asked. */
async function askPrivately(url: string, topic: string): Promise<number> {
  const response = await fetch(`${url}/realtime/v1/api/broadcast/${topic}/events/e?private=true`, {
    method: 'POST',
    headers: { apikey: keys.publishableKey, 'content-type': 'application/json' },
    body: '{}',
  });
  return response.status;
}

test('connections that are cut by the administrator come back, idle or in use', async () => {
  const server = await startOwnServer({}, { dbUrl: cluster.adminUrl });
  for (let round = 0; round < 3; round++) {
    await query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'realtime%'`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const topic = testTopic();
  const channel = clients.open(server.url).channel(topic);
  const received = collect(channel);
  await join(channel);
  let n = 0;
  await until(
    () => {
      void send(topic, n++);
      return received.length;
    },
    (count) => count > 0,
  );
  await server.close();
});

test('closing the server leaves no replication slot and no connection behind', async () => {
  const server = await startOwnServer({}, { dbUrl: cluster.adminUrl });
  const open = await slots();
  expect(open.map(({ temporary }) => temporary)).toEqual([true]);
  expect(open[0]?.slot_name).toMatch(/^supabase_realtime_messages_replication_slot_/);
  await server.close();
  const left = () =>
    query<{ n: number }>(
      `select (select count(*)::int from pg_replication_slots)
            + (select count(*)::int from pg_stat_activity where application_name like 'realtime%') as n`,
    );
  let n = -1;
  await until(
    () => {
      void left().then((rows) => {
        n = rows[0]?.n ?? -1;
      });
      return n;
    },
    (seen) => seen === 0,
  );
});

test('a server that is killed leaves no slot behind', async () => {
  const server = new URL('../../local/realtime/server.ts', import.meta.url).href;
  const script = `const { startRealtime } = await import(${JSON.stringify(server)});
    await startRealtime(${JSON.stringify({ dbUrl: cluster.adminUrl, keys })});
    console.log('up');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  try {
    await once(child.stdout, 'data');
    expect(await slots()).toHaveLength(1);
  } finally {
    child.kill('SIGKILL');
  }
  let left = 1;
  await until(
    () => {
      void slots().then((list) => {
        left = list.length;
      });
      return left;
    },
    (count) => count === 0,
  );
});

test('the slot follows the log while unrelated tables are written, so that no WAL piles up', async () => {
  const server = await startOwnServer({}, { dbUrl: cluster.adminUrl });
  await query(
    'create table public.test_wal_noise as select n, md5(n::text) from generate_series(1, 50000) n',
  );
  const behind = () =>
    query<{ bytes: number }>(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::float8 as bytes
       from pg_replication_slots`,
    );
  let bytes = Number.POSITIVE_INFINITY;
  await until(
    () => {
      void behind().then((rows) => {
        bytes = rows[0]?.bytes ?? Number.POSITIVE_INFINITY;
      });
      return bytes;
    },
    (seen) => seen < 100_000,
  );
  await query('drop table public.test_wal_noise');
  await server.close();
});

test('clients come back by themselves when the server returns on the same port', async () => {
  const first = await startOwnServer({}, { dbUrl: cluster.adminUrl });
  const topic = testTopic();
  const channel = clients.open(first.url).channel(topic);
  const received = collect(channel);
  await join(channel);
  await first.close();
  await until(
    () => channel.state,
    (state) => state !== 'joined',
  );
  const second = await startOwnServer({}, { dbUrl: cluster.adminUrl, port: first.port });
  await until(
    () => channel.state,
    (state) => state === 'joined',
  );
  await send(topic, 1);
  await until(
    () => received.length,
    (count) => count === 1,
  );
  await second.close();
});

test('two servers on one database stream side by side', async () => {
  const servers = await Promise.all([1, 2].map(() => startOwnServer({}, { dbUrl: cluster.adminUrl })));
  const topic = `test:${randomUUID()}`;
  const received = await Promise.all(
    servers.map(async ({ url }) => {
      const channel = clients.open(url).channel(topic);
      const list = collect(channel);
      await join(channel);
      return list;
    }),
  );
  await send(topic, 1);
  await until(
    () => received.map((list) => list.length).join(),
    (counts) => counts === '1,1',
  );
  await Promise.all(servers.map((server) => server.close()));
});
