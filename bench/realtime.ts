import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { databaseUrl } from '../local/config.ts';
import { delay } from '../local/process.ts';
import { withChat } from './chat.ts';
import type { BenchDatabase } from './database.ts';
import { Helper } from './helper.ts';
import { type ClientOrder, now, type Received } from './realtime-clients.ts';
import { format, type Measurement, measurement, median } from './report.ts';
import type { Effort } from './run.ts';

const room = 'conversation:00000000-0000-4000-8000-000000000001';
/** Messages a second in the part that measures how long one takes. */
const pace = 20;

/** One way to serve a room: its two processes, and how one message is sent. */
interface Serving {
  clients: Helper;
  send(number: number): Promise<unknown>;
}

/** Sends `count` messages to a room and answers what its clients received. */
async function measureRoom(
  { clients, send }: Serving,
  size: number,
  count: number,
  paced: boolean,
): Promise<Received> {
  await clients.answer('ready', { expect: size * count } satisfies ClientOrder);
  const done = clients.answer('done');
  const sentAt: number[] = [];
  const began = now();
  const sends: Promise<unknown>[] = [];
  for (let number = 0; number < count; number++) {
    if (paced) await delay(Math.max(0, began + (number * 1000) / pace - now()));
    // Before the commit, so that its time counts.
    sentAt[number] = now();
    const sent = send(number);
    if (paced) await sent;
    else sends.push(sent);
  }
  await Promise.all(sends);
  await done;
  return clients.answer<Received>('received', { judge: sentAt } satisfies ClientOrder);
}

/** A room of members: who is in it is in the database, as for any conversation. */
async function fillRoom(chat: BenchDatabase, size: number): Promise<string[]> {
  const { rows } = await chat.admin.query<{ id: string }>(
    "select bench.id('renter', n) as id from generate_series(0, $1::int - 1) n",
    [size],
  );
  const ids = rows.map(({ id }) => id);
  await chat.admin.query("set session_replication_role = 'replica'");
  await chat.admin.query(
    "insert into public.conversations (id, kind, title, owner_id) values ($1, 'group', 'A room', $2)",
    [room.slice('conversation:'.length), ids[0]],
  );
  await chat.admin.query(
    `insert into public.conversation_members (conversation_id, user_id, status, reads_from, readable)
     select $1, u, 'active', 1, '{[1,)}' from unnest($2::uuid[]) u`,
    [room.slice('conversation:'.length), ids],
  );
  await chat.admin.query('reset session_replication_role');
  return ids;
}

/**
 * One message of each client to a room of all of them: from its commit to its receipt at a steady pace, and how many are
 * delivered in a second when all are sent at once; beside `ws` that sends the same text to the same number of sockets.
 */
export async function benchRealtime(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const size = effort.room;
  return withChat(database, effort, async (chat) => {
    const userIds = await fillRoom(chat, size);
    const url = new URL(databaseUrl(database.config, 'supabase_admin'));
    url.pathname = `/${chat.name}`;
    const [publishableKey = '', secretKey = '', jwtSecret = ''] = [1, 2, 3].map(() =>
      randomBytes(24).toString('hex'),
    );
    const keys = { publishableKey, secretKey, jwtSecret };
    const pool = new Pool({ connectionString: url.href, max: 4 });
    const helpers = Array.from({ length: 4 }, (_, i) =>
      i % 2 === 0 ? 'realtime-server.ts' : 'realtime-clients.ts',
    ).map((file) => new Helper(file));
    const [server, clients, bareServer, bareClients] = helpers as [Helper, Helper, Helper, Helper];
    try {
      const port = await server.answer<number>('port', { start: 'realtime', dbUrl: url.href, keys });
      await clients.answer('connected', { connect: size, port, join: { topic: room, keys, userIds } });
      const barePort = await bareServer.answer<number>('port', { start: 'bare' });
      await bareClients.answer('connected', { connect: size, port: barePort });
      say(`  ${size} clients have joined`);

      const served: Serving = {
        clients,
        send: (number) =>
          pool.query("select private.broadcast($1, 'changed', $2)", [
            room,
            { last_seq: number, last_change: number },
          ]),
      };
      const bare: Serving = {
        clients: bareClients,
        async send(number) {
          const payload = {
            event: 'changed',
            type: 'broadcast',
            payload: { last_seq: number, last_change: number, id: room },
            meta: { id: room },
          };
          bareServer.tell({ send: JSON.stringify([null, null, `realtime:${room}`, 'broadcast', payload]) });
        },
      };
      const found = {
        paced: [] as Received[],
        barePaced: [] as Received[],
        burst: [] as Received[],
        bareBurst: [] as Received[],
      };
      for (let round = 1; round <= effort.rounds; round++) {
        found.paced.push(await measureRoom(served, size, effort.roomMessages, true));
        found.barePaced.push(await measureRoom(bare, size, effort.roomMessages, true));
        found.burst.push(await measureRoom(served, size, effort.roomMessages, false));
        found.bareBurst.push(await measureRoom(bare, size, effort.roomMessages, false));
        const [one, burst, bareBurst] = [found.paced, found.burst, found.bareBurst].map((all) => all.at(-1));
        say(
          `  round ${round}: p50 ${format(one?.p50 ?? 0)} ms, p95 ${format(one?.p95 ?? 0)} ms, p99 ${format(one?.p99 ?? 0)} ms; ` +
            `${format(perSecond(burst))} delivered a second, by bare ws ${format(perSecond(bareBurst))}`,
        );
      }
      const latency = (share: 'p50' | 'p95' | 'p99') =>
        measurement(
          `realtime, ${size} in a room: ${share} from commit`,
          'ms',
          median(found.paced.map((one) => one[share])),
          median(found.barePaced.map((one) => one[share])),
          { atLeast: 0 },
        );
      return [
        latency('p50'),
        latency('p95'),
        latency('p99'),
        measurement(
          `realtime, ${size} in a room / bare ws`,
          'delivered a second',
          median(found.burst.map(perSecond)),
          median(found.bareBurst.map(perSecond)),
          { atLeast: 0 },
        ),
      ];
    } finally {
      for (const helper of helpers) helper.end();
      await pool.end();
      // The replication slot ends with its connection.
      await delay(500);
    }
  });
}

function perSecond(received: Received | undefined): number {
  return received === undefined ? Number.NaN : received.deliveries / received.seconds;
}
