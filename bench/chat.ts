import { Client } from 'pg';
import { databaseUrl } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { compare } from './commands.ts';
import { type BenchDatabase, sqlFile } from './database.ts';
import { runLoad, steadyLoad } from './pgbench.ts';
import { format, inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';
import type { Comparison } from './sides.ts';

/** People of the chat database. Conversation c is that of person c and one of the next. */
const people = (effort: Effort) => Math.ceil(effort.conversations / 5);

/** Makes a database of its own in the cluster that has conversations and nothing else. */
export async function openChat(database: BenchDatabase, effort: Effort): Promise<BenchDatabase> {
  await database.admin.query('drop database if exists chat with (force)');
  await database.admin.query('create database chat template pristine');
  const url = new URL(databaseUrl(database.config, 'supabase_admin'));
  url.pathname = '/chat';
  const settings = `-c bench.people=${people(effort)} -c bench.conversations=${effort.conversations}`;
  const admin = new Client({ connectionString: url.href, options: settings });
  await admin.connect();
  try {
    for (const file of ['schema.sql', 'replay.sql', 'chat.sql']) await admin.query(sqlFile(file));
    await admin.query('vacuum (analyze)');
    await admin.query('checkpoint');
  } catch (error) {
    await admin.end();
    throw error;
  }
  const scale = { vehicles: 1, renters: people(effort), conversations: effort.conversations };
  const stop = async () => {
    await admin.end();
    await database.stop();
  };
  return { ...database, admin, scale, name: 'chat', stop };
}

/** Runs `work` on such a database, and drops it. */
export async function withChat<T>(
  database: BenchDatabase,
  effort: Effort,
  work: (chat: BenchDatabase) => Promise<T>,
): Promise<T> {
  const chat = await openChat(database, effort);
  try {
    return await work(chat);
  } finally {
    await chat.admin.end();
    await database.admin.query('drop database chat with (force)');
  }
}

/** Every number was given once, to a message that is there. */
export async function requireGapless({ admin }: BenchDatabase): Promise<void> {
  const { rows } = await admin.query<{ found: number; example: string }>(`
    select count(*)::int as found, min(c.id::text) as example
    from public.conversations c
    left join (
      select conversation_id, count(*) as messages, max(seq) as last
      -- the twin takes its numbers from the same conversations
      from (select conversation_id, seq from public.messages union all select conversation_id, seq from twin.messages) m
      group by conversation_id
    ) m on m.conversation_id = c.id
    where c.last_seq <> coalesce(m.messages, 0) or c.last_seq <> coalesce(m.last, 0)`);
  if (rows[0]?.found === 0) return;
  throw new StackError(
    `${rows[0]?.found} conversations have numbers without a message, such as ${rows[0]?.example}.`,
    'The measured calls lost or refused a message; call public.send_message in the database chat and read its answer.',
  );
}

const send = (script: string) => ['chat-pick', 'prelude', script];

/** send_message between two people, over many conversations. */
export const sendSides = (clients: number): Comparison => ({
  command: { name: `send_message, ${clients} connections`, does: send('chat-send') },
  baselines: [
    {
      ...{ name: 'the same rows', does: send('chat-send-rows') },
      ...{ writes: 'replayed', plain: true, atLeast: 0 },
    },
    {
      ...{ name: 'messages in one piece', does: send('chat-send-twin') },
      ...{ writes: 'same', plain: false, atLeast: 0 },
    },
    {
      ...{ name: 'a bare row', does: send('chat-send-plain') },
      ...{ writes: 'others', plain: false, atLeast: 0.6 },
    },
  ],
  clients,
  make: 'make_sends',
  replayed: { name: 'chat', answers: ['public.messages'] },
  check: requireGapless,
});

/** Messages a second in one group of sixteen, who all write at once; beside the one lock that numbers them. */
async function benchGroup(
  chat: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const side = (script: string) => {
    const scripts = ['chat-group-pick', 'prelude', script];
    return steadyLoad(chat, { scripts, clients: 16, seconds: effort.searchSeconds });
  };
  const sides = [side('chat-group'), side('chat-group-lock')] as const;
  for (const one of sides) await one(0);
  const [group, lock] = await inTurns(effort.rounds, ...sides, say);
  await requireGapless(chat);
  return [
    measurement('one busy group', 'messages a second', group, 1500, { atLeast: 1 }),
    measurement('one busy group / one locked row', 'per second', group, lock, { atLeast: 0 }),
  ];
}

/** Sending: many conversations at 16 and 64 connections, and one busy group. */
export async function benchChat(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  return withChat(database, effort, async (chat) => {
    const measured: Measurement[] = [];
    for (const clients of [16, 64]) measured.push(...(await compare(chat, effort, say, sendSides(clients))));
    measured.push(...(await benchGroup(chat, effort, say)));
    return measured;
  });
}

/** Blocks that a page of history touches, on the average of 200 conversations: what it costs, wherever the blocks are. */
async function blocksOfAPage({ admin }: BenchDatabase, conversations: number, each: number): Promise<number> {
  let blocks = 0;
  const pages = 200;
  for (let n = 0; n < pages; n += 1) {
    const conversation = Math.floor((n * conversations) / pages);
    const before = 51 + Math.floor(((each - 50) * n) / pages);
    await admin.query(
      `select set_config('request.jwt.claims', json_build_object('sub', first_user_id, 'role', 'authenticated')::text, false)
       from public.conversations where id = bench.id('conversation', $1)`,
      [conversation],
    );
    const { rows } = await admin.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) select * from public.list_messages(bench.id('conversation', ${conversation}), ${before}, 50)`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {};
    blocks += (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
  }
  await admin.query(`select set_config('request.jwt.claims', '', false)`);
  return blocks / pages;
}

/** Reading: a page of history at two sizes, and the first page of somebody with 500 conversations. */
export async function benchChatReads(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  return withChat(database, effort, async (chat) => {
    const read = (pick: string, prelude: string, script: string, each: number) => async (round: number) => {
      const scripts = [pick, prelude, script];
      const load = { scripts, clients: 2, seconds: effort.searchSeconds, seed: round, variables: { each } };
      return (await runLoad(chat, load)).perSecond;
    };
    const measured: Measurement[] = [];
    const rates: number[] = [];
    const lists: number[] = [];
    const blocks: number[] = [];
    await chat.admin.query('create extension if not exists pg_prewarm');
    for (const messages of effort.messages) {
      const each = Math.round(messages / effort.conversations);
      await chat.admin.query('select bench.fill_messages($1)', [each]);
      await chat.admin.query('vacuum (analyze)');
      await chat.admin.query('checkpoint');
      // what was just written may be on the disk alone, and the first rounds would measure the disk
      await chat.admin.query(
        `select pg_prewarm(c.oid) from pg_class c where c.relkind in ('r', 'i') and c.relname ~ '^messages_'`,
      );
      say(`  ${format(each * effort.conversations)} messages`);
      const list = read('chat-list-pick', 'prelude', 'chat-list', each);
      const plainList = read('chat-list-pick', 'prelude-service', 'chat-list-plain', each);
      await list(0);
      await plainList(0);
      const [ours, theirs] = await inTurns(effort.rounds, list, plainList, say);
      const what = `first of 500 conversations, ${messages.toLocaleString('en')} messages`;
      measured.push(measurement(`${what} / the same rows`, 'per second', ours, theirs, { atLeast: 0.5 }));
      lists.push(ours);
      const page = read('chat-read-pick', 'prelude', 'chat-history', each);
      const plain = read('chat-read-pick', 'prelude-service', 'chat-history-plain', each);
      await page(0);
      await plain(0);
      const [one, other] = await inTurns(effort.rounds, page, plain, say);
      const name = `page of history, ${messages.toLocaleString('en')} messages`;
      measured.push(measurement(`${name} / index read`, 'per second', one, other, { atLeast: 0.5 }));
      rates.push(one);
      blocks.push(await blocksOfAPage(chat, effort.conversations, each));
    }
    // What is measured later meets more noise of the machine or less; a fifth is within it.
    const grown = (name: string, [few = Number.NaN, many = Number.NaN]: number[]) =>
      measurement(`${name}, many / few messages`, 'per second', many, few, { atLeast: 0.8 });
    const [few = Number.NaN, many = Number.NaN] = blocks;
    return [
      ...measured,
      grown('page of history', rates),
      measurement('page of history, few / many messages', 'blocks a page', few, many, { atLeast: 0.8 }),
      grown('first of 500 conversations', lists),
    ];
  });
}
