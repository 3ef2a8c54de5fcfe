import { readFileSync } from 'node:fs';
import pg from 'pg';
import { removeCluster, startCluster } from '../../local/cluster/cluster.ts';
import { applyMigrations } from '../../local/cluster/migrate.ts';
import { ensurePostgres } from '../../local/cluster/packages.ts';
import { superviseCluster } from '../../local/cluster/supervise.ts';
import { databaseUrl, loadConfig } from '../../local/config.ts';
import { createLog } from '../../local/log.ts';
import { delay, waitUntil } from '../../local/process.ts';
import { helpersSql } from '../support/sql.ts';

/** What a call by a person came to. */
export interface Answer<T = unknown> {
  value: T | null;
  /** The registry code, or the SQLSTATE with its text; null when the call was made. */
  error: string | null;
  details: Record<string, unknown>;
}

/** A database that may be killed, and many connections to it that come back with it. */
export interface SaleCluster {
  /** SQL as the owner of the domain. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** One call by one person, or by the service, in a transaction of its own. */
  act<T>(user: string | null, text: string, ...values: unknown[]): Promise<Answer<T>>;
  /** Kills PostgreSQL without a word; it starts again with the same data. Answers for how long it was away, in milliseconds. */
  kill(): Promise<number>;
  /** How often a connection was lost under a call, which was then made again. */
  readonly lost: number;
  stop(): Promise<void>;
}

/** The connection is gone, or the server is: nobody knows whether the transaction was committed. */
function isLost(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  return /^(08|57P0)/.test(error.code ?? '');
}

function refusal(error: unknown): Answer<never> {
  if (!(error instanceof pg.DatabaseError)) throw error;
  if (!error.code?.startsWith('PT'))
    return { value: null, error: `${error.code} ${error.message}`, details: {} };
  const { code, details } = JSON.parse(error.detail ?? '{}') as {
    code: string;
    details?: Record<string, unknown>;
  };
  return { value: null, error: code, details: details ?? {} };
}

/** Starts the database of the stack `chaos`, as durable as one of production, with the migrations and nothing else. */
export async function startSaleCluster(connections: number): Promise<SaleCluster> {
  const log = createLog((text) => process.stderr.write(text));
  const config = loadConfig('chaos', { unsafeFast: false });
  const install = await ensurePostgres(log);
  await removeCluster(install, config);
  const cluster = await startCluster(install, config, log);
  await applyMigrations(cluster, log);
  const supervision = superviseCluster(cluster, log);
  // two more: one to look, and one for the jobs
  const pool = new pg.Pool({ connectionString: databaseUrl(config), max: connections + 2 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  let lost = 0;

  /** Does it again until it was answered: every piece of work here may be repeated. */
  const surely = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries += 1) {
      let client: pg.PoolClient | undefined;
      try {
        client = await pool.connect();
        const answer = await work(client);
        client.release();
        return answer;
      } catch (error) {
        const isGone = isLost(error);
        client?.release(isGone);
        if (!isGone || tries > 1200) throw error;
        if (client) lost += 1;
        await delay(100);
      }
    }
  };

  const act = <T>(user: string | null, text: string, ...values: unknown[]): Promise<Answer<T>> =>
    surely(async (client) => {
      try {
        await client.query('begin');
        if (user !== null) {
          const claims = JSON.stringify({ sub: user, role: 'authenticated', session_id: user });
          await client.query(
            "select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)",
            [claims],
          );
        }
        const { rows } = await client.query<{ value: T }>(`select (${text}) as value`, values);
        await client.query('commit');
        return { value: rows[0]?.value ?? null, error: null, details: {} };
      } catch (error) {
        if (isLost(error)) throw error;
        await client.query('rollback');
        return refusal(error);
      }
    });

  await surely((client) => client.query(`set client_min_messages = warning; ${helpersSql()}`));
  return {
    act,
    async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return surely(async (client) => (await client.query<Row>(text, values)).rows);
    },
    async kill() {
      const pid = cluster.pid();
      if (pid === undefined) throw new Error('PostgreSQL does not run');
      const began = Date.now();
      process.kill(pid, 'SIGKILL');
      if (!(await waitUntil(() => ![undefined, pid].includes(cluster.pid()), 120_000)))
        throw new Error('PostgreSQL did not come back');
      await surely((client) => client.query('select 1'));
      return Date.now() - began;
    },
    get lost() {
      return lost;
    },
    async stop() {
      await pool.end();
      await supervision.close();
      // only the server's log says what the other side of a deadlock did
      const said = readFileSync(cluster.logFile, 'utf8');
      for (const [deadlock] of said.matchAll(
        /^.*deadlock detected\n(?:(?!.*(?:LOG|WARNING|ERROR): ).*\n){0,60}/gm,
      ))
        log.info(deadlock);
      await removeCluster(install, config);
    },
  };
}
