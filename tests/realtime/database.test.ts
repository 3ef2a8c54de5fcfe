import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Clients, type OwnServer, openPolicies, startOwnServer, testTopic, userToken } from './harness.ts';
import { collect, join, pause, subscribe, until } from './talk.ts';

let url: string;
let server: OwnServer;
let policies: Awaited<ReturnType<typeof openPolicies>>;
const clients = new Clients();

beforeAll(async () => {
  policies = await openPolicies('database');
  server = await startOwnServer();
  url = server.url;
});
afterEach(() => clients.closeAll());
afterAll(async () => {
  await server.close();
  await policies.drop();
});

/** A member who may read a topic, listening to it. */
async function listen(topic: string, config: Record<string, unknown> = {}) {
  const id = randomUUID();
  const token = await userToken(id);
  await policies.grant(topic, id, 'broadcast:read');
  const channel = (await clients.openAs(url, () => token)).channel(topic, {
    config: { private: true, ...config },
  });
  const received = collect(channel);
  await join(channel);
  return { channel, received };
}

/** Runs statements in one transaction, and ends it as told. */
async function transact(end: 'commit' | 'rollback', ...statements: [string, unknown[]][]) {
  const client = await policies.db.connect();
  try {
    await client.query('begin');
    for (const [text, values] of statements) await client.query(text, values);
    await client.query(end);
  } finally {
    client.release();
  }
}

const send = 'select realtime.send($1::jsonb, $2, $3, $4)';
const count = (list: unknown[]) => () => list.length;

describe('a broadcast from the database', () => {
  test('arrives after the commit, with an id in payload and meta', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    const client = await policies.db.connect();
    await client.query('begin');
    await client.query(send, [{ text: 'đã đặt' }, 'booked', topic, true]);
    await pause(100);
    expect(received).toEqual([]);
    await client.query('commit');
    client.release();
    await until(count(received), (n) => n === 1);
    const { rows } = await policies.db.query('select id from realtime.messages where topic = $1', [topic]);
    const { id } = rows[0];
    expect(received[0]).toMatchObject({ event: 'booked', payload: { text: 'đã đặt', id }, meta: { id } });
  });

  test('never arrives when its transaction is rolled back', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    await transact('rollback', [send, [{ n: 1 }, 'e', topic, true]]);
    await transact('commit', [send, [{ n: 2 }, 'e', topic, true]]);
    await until(count(received), (n) => n >= 1);
    expect(received.map(({ payload }) => payload)).toMatchObject([{ n: 2 }]);
  });

  test('keeps an id that the payload already has', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    await transact('commit', [send, [{ id: 'mine' }, 'e', topic, true]]);
    await until(count(received), (n) => n === 1);
    expect(received[0]?.payload).toEqual({ id: 'mine' });
  });

  test('reaches public topics only when it says so', async () => {
    const topic = testTopic();
    const channel = clients.open(url).channel(topic);
    const received = collect(channel);
    await join(channel);
    await transact('commit', [send, [{ n: 1 }, 'e', topic, true]], [send, [{ n: 2 }, 'e', topic, false]]);
    await until(count(received), (n) => n >= 1);
    expect(received.map(({ payload }) => payload)).toMatchObject([{ n: 2 }]);
  });

  test('carries bytes with send_binary', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    await transact('commit', [
      'select realtime.send_binary($1, $2, $3)',
      [Buffer.from([0, 1, 254]), 'b', topic],
    ]);
    await until(count(received), (n) => n === 1);
    expect(new Uint8Array(received[0]?.payload as ArrayBuffer)).toEqual(new Uint8Array([0, 1, 254]));
  });

  test('carries row changes with broadcast_changes in a trigger', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    await policies.db.query(`
      create table test_realtime_database.notes (id int primary key, body text);
      create function test_realtime_database.tell() returns trigger
      language plpgsql security definer set search_path = '' as $$
      begin
        perform realtime.broadcast_changes(
          '${topic}', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
        return null;
      end $$;
      create trigger tell after insert or update or delete on test_realtime_database.notes
        for each row execute function test_realtime_database.tell();
      insert into test_realtime_database.notes values (1, 'a');
      update test_realtime_database.notes set body = 'b' where id = 1;
      delete from test_realtime_database.notes where id = 1;
    `);
    await until(count(received), (n) => n === 3);
    const common = { table: 'notes', schema: 'test_realtime_database' };
    expect(received).toMatchObject([
      {
        event: 'INSERT',
        payload: { ...common, operation: 'INSERT', record: { id: 1, body: 'a' }, old_record: null },
      },
      { event: 'UPDATE', payload: { ...common, record: { body: 'b' }, old_record: { body: 'a' } } },
      { event: 'DELETE', payload: { ...common, record: null, old_record: { id: 1, body: 'b' } } },
    ]);
  });

  test('is only a warning for a caller without a policy that allows writing', async () => {
    const topic = testTopic();
    const { received } = await listen(topic);
    await transact('commit', ['set local role authenticated', []], [send, [{}, 'e', topic, true]]);
    await transact('commit', [send, [{ n: 1 }, 'e', topic, true]]);
    await until(count(received), (n) => n >= 1);
    expect(received).toHaveLength(1);
  });

  test('arrives at 20 clients complete and in order, 2,000 times, among rows that no client receives', async () => {
    const topic = testTopic();
    const listeners = await Promise.all(Array.from({ length: 20 }, () => listen(topic)));
    const noise = testTopic();
    // Twenty commits of a hundred, and as many rows for a topic that nobody has joined.
    for (let batch = 0; batch < 20; batch++) {
      await transact('commit', [
        `select realtime.send(jsonb_build_object('n', n), 'n', $1, true),
                realtime.send(jsonb_build_object('n', n), 'n', $2, true)
         from generate_series($3::int, $3::int + 99) as n`,
        [topic, noise, batch * 100],
      ]);
    }
    const expected = Array.from({ length: 2000 }, (_, n) => n);
    for (const { received } of listeners) {
      await until(count(received), (n) => n >= 2000, 15_000);
      expect(received.map(({ payload }) => (payload as { n: number }).n)).toEqual(expected);
    }
  });
});

describe('replay', () => {
  test('brings stored broadcasts, oldest first, and each only once', async () => {
    const topic = testTopic();
    const since = Date.now() - 1000;
    const early = await listen(topic);
    for (const n of [1, 2, 3]) await transact('commit', [send, [{ n }, 'e', topic, true]]);
    // Until they have been streamed, they would also reach a newcomer live.
    await until(count(early.received), (n) => n === 3);
    const { received } = await listen(topic, { broadcast: { replay: { since, limit: 2 } } });
    await transact('commit', [send, [{ n: 4 }, 'e', topic, true]]);
    await until(count(received), (n) => n === 3);
    expect(received.map(({ payload, meta }) => [(payload as { n: number }).n, meta?.replayed])).toEqual([
      [2, true],
      [3, true],
      [4, undefined],
    ]);
  });

  test('keeps the order of broadcasts of one transaction', async () => {
    const topic = testTopic();
    await transact(
      'commit',
      ...[1, 2, 3, 4].map((n): [string, unknown[]] => [send, [{ n }, 'e', topic, true]]),
    );
    const { received } = await listen(topic, { broadcast: { replay: { since: Date.now() - 10_000 } } });
    await until(count(received), (n) => n === 4);
    expect(received.map(({ payload }) => (payload as { n: number }).n)).toEqual([1, 2, 3, 4]);
  });

  test('loses nothing between the stored and the live while rows keep coming', async () => {
    const topic = testTopic();
    const start = Date.now() - 1000;
    let sent = 0;
    let stop = false;
    const writer = (async () => {
      while (!stop) await transact('commit', [send, [{ n: sent++ }, 'e', topic, true]]);
    })();
    try {
      for (let round = 0; round < 10; round++) {
        const { received } = await listen(topic, { broadcast: { replay: { since: start, limit: 25 } } });
        // The stream may lag behind the table, and then still bring what is older than the replay.
        const since = () => {
          const numbers = received.map(({ payload }) => (payload as { n: number }).n);
          return numbers.filter((n) => n >= (numbers[0] ?? 0));
        };
        const numbers = await until(since, ({ length }) => length >= 60);
        expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
      }
    } finally {
      stop = true;
      await writer;
    }
  });

  test('says what is wrong with its parameters', async () => {
    const token = await userToken(randomUUID());
    const channel = (await clients.openAs(url, () => token)).channel(testTopic(), {
      config: { private: true, broadcast: { replay: { since: 'yesterday' as unknown as number } } },
    });
    expect((await subscribe(channel)).message).toBe('UnableToReplayMessages: Replay params are not valid');
  });
});

describe('the schema', () => {
  test('has partitions from yesterday to three days ahead', async () => {
    const { rows } = await policies.db.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits
       where inhparent = 'realtime.messages'::regclass order by 1`,
    );
    const days = [-1, 0, 1, 2, 3].map((n) =>
      new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10),
    );
    const expected = days.map((day) => `realtime.messages_${day.replaceAll('-', '_')}`);
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(expected));
  });

  test('drops partitions older than 72 hours', async () => {
    await policies.db.query(
      `create table realtime.messages_2001_02_03 partition of realtime.messages
       for values from ('2001-02-03') to ('2001-02-04')`,
    );
    await policies.db.query('select realtime.maintain_message_partitions()');
    const { rows } = await policies.db.query(`select to_regclass('realtime.messages_2001_02_03') as found`);
    expect(rows[0].found).toBeNull();
  });

  test('refuses statement triggers and unknown operations in broadcast_changes', async () => {
    const call = (operation: string, level: string) =>
      policies.db.query(`select realtime.broadcast_changes('t', 'e', $1, 'a', 'b', row(1), row(1), $2)`, [
        operation,
        level,
      ]);
    await expect(call('TRUNCATE', 'ROW')).rejects.toThrow(
      'Failed to process the row: Unexpected operation type: TRUNCATE',
    );
    await expect(call('INSERT', 'STATEMENT')).rejects.toThrow('for each row, not for each statement');
  });
});
