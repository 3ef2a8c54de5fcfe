import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { projectRoot } from '../local/config.ts';
import { delay } from '../local/process.ts';
import { sqlFile } from './database.ts';
import { loadFamilies } from './invariants.ts';

const name = 'bench_fits';

/** A session of the superuser in one database of the cluster, with settings. */
async function connect(
  url: string,
  database: string,
  settings: Record<string, number> = {},
): Promise<Client> {
  const sibling = new URL(url);
  sibling.username = 'supabase_admin';
  sibling.pathname = `/${database}`;
  const options = Object.entries(settings)
    .map(([key, value]) => `-c bench.${key}=${value}`)
    .join(' ');
  const client = new Client({ connectionString: sibling.href, options });
  await client.connect();
  return client;
}

/** Runs `work` in a copy of the migrated database. */
async function inCopy(
  url: string,
  settings: Record<string, number>,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const beside = await connect(url, 'template1');
  try {
    for (let tries = 1; ; tries += 1) {
      await beside.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres' and pid <> pg_backend_pid()",
      );
      try {
        await beside.query(`create database ${name} template postgres`);
        break;
      } catch (error) {
        // pg_cron comes back at any moment
        if (!(error instanceof DatabaseError) || error.code !== '55006' || tries === 50) throw error;
        await delay(100);
      }
    }
    const client = await connect(url, name, settings);
    try {
      await work(client);
    } finally {
      await client.end();
    }
  } finally {
    await beside.query(`drop database if exists ${name} with (force)`);
    await beside.end();
  }
}

/**
 * Whether the data of the benches still fits the migrations: a little of each is loaded and used once. Without this, a
 * column that a migration adds would be noticed when somebody measures, months later.
 */
export async function checkBenchData(url: string): Promise<unknown[]> {
  const problems: unknown[] = [];
  const attempt = async (
    what: string,
    settings: Record<string, number>,
    work: (client: Client) => Promise<void>,
  ) => {
    try {
      await inCopy(url, settings, work);
    } catch (error) {
      problems.push({ bench: what, problem: String(error) });
    }
  };
  const load = async (client: Client, ...files: string[]) => {
    for (const file of files) await client.query(sqlFile(file));
  };
  await attempt('booking and webhook', { vehicles: 60, renters: 60 }, async (client) => {
    await load(client, 'schema.sql', 'load.sql', 'plain-search.sql', 'webhook.sql', 'replay.sql');
    for (const [make, name] of [
      ['make_quotes', 'booking'],
      ['make_attempts', 'webhook'],
    ]) {
      // the bench undoes the calls, too
      await client.query('begin');
      await client.query(
        `with made as materialized (select bench.${make}(5) as first) select bench.capture_calls($1, first, 1) from made`,
        [name],
      );
      await client.query('rollback');
    }
  });
  await attempt('invariants and rls', {}, async (client) => {
    await loadFamilies(client, 240);
    await client.query(sqlFile('rls.sql'));
    await client.query('drop owned by bench_reader; drop role bench_reader');
    const { rows } = await client.query('select * from private.check_invariants()');
    problems.push(...rows);
  });
  await attempt('chat', { people: 20, conversations: 100 }, async (client) => {
    await load(client, 'schema.sql', 'replay.sql', 'chat.sql');
    await client.query('select bench.call_chat(0)');
    await client.query('select bench.fill_messages(3)');
  });
  const tickets = { people: 20, seat_rows: 2, ticket_rows: 20, few: 5, many: 10, rooms: 2 };
  await attempt('tickets', tickets, async (client) => {
    const helpers = readFileSync(join(projectRoot, 'supabase', 'tests', 'helpers.psql'), 'utf8');
    await load(client, 'schema.sql');
    await client.query(helpers);
    await load(client, 'tickets.sql');
    const claims = "json_build_object('sub', bench.id('renter', 0), 'role', 'authenticated')::text";
    for (const schema of ['public', 'counter_first', 'counter_last', 'ticket_rows']) {
      await client.query(`
        with claims as materialized (select set_config('request.jwt.claims', ${claims}, false))
        select ${schema}.create_order(e.event_id, jsonb_build_array(jsonb_build_object('class_id', e.class_id, 'quantity', 1)), gen_random_uuid())
        from claims, bench.events e where e.n = 0`);
    }
  });
  return problems;
}
