// Databases of their own for SQL tests: copies of the migrated and seeded database, in the cluster of the stack.
// Rule kept here: no worker, no job and no other test touches a copy. The runner, Realtime and pg_cron are each
// connected to the database `postgres` alone.
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { delay } from '../process.ts';
import type { Cluster } from './cluster.ts';
import { withAdmin } from './migrate.ts';

const template = 'journey_template';

/** A database of this name in the same cluster, as the same role. */
function siblingUrl(url: string, database: string): string {
  const sibling = new URL(url);
  sibling.pathname = `/${database}`;
  return sibling.href;
}

/** A session in template1, as a database cannot be copied or dropped from inside. */
const besides = <T>(adminUrl: string, work: (client: Client) => Promise<T>) =>
  withAdmin(siblingUrl(adminUrl, 'template1'), work);

/**
 * Keeps a copy of the stack's database, from which {@link cloneDatabase} copies. Call it before the parts of the stack
 * connect. The database is restarted: nobody may be connected to what is copied, and the launcher of pg_cron, which
 * is sent away for that, comes back with the server only.
 */
export async function makeTemplate(cluster: Cluster): Promise<void> {
  await besides(cluster.adminUrl, (maker) =>
    besides(cluster.adminUrl, async (bystander) => {
      let made = false;
      const copy = async () => {
        await maker.query(
          `create database ${template} template postgres strategy file_copy allow_connections false`,
        );
        made = true;
      };
      // PostgreSQL waits five seconds for others to leave, and lets nobody in meanwhile.
      const sendAway = async () => {
        for (let tries = 0; tries < 100 && !made; tries += 1) {
          await bystander.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'",
          );
          await delay(50);
        }
      };
      await Promise.all([copy(), sendAway()]);
    }),
  );
  await cluster.close();
  await cluster.start();
}

/** A database that nobody else uses. */
export interface Clone {
  /** Connection string of `postgres`. */
  url: string;
  drop(): Promise<void>;
}

/** Copies the template; takes about a tenth of a second. */
export async function cloneDatabase(adminUrl: string): Promise<Clone> {
  const name = `tests_${randomUUID().replaceAll('-', '')}`;
  await besides(adminUrl, (client) =>
    client.query(`create database ${name} template ${template} strategy file_copy owner postgres`),
  );
  // Without a clock, every job is overdue some minutes after the server has started.
  await withAdmin(siblingUrl(adminUrl, name), (client) =>
    client.query("update private.jobs set longest = interval '1000 hours'"),
  );
  const url = new URL(siblingUrl(adminUrl, name));
  url.username = 'postgres';
  return {
    url: url.href,
    drop: () =>
      besides(adminUrl, (client) => client.query(`drop database ${name} with (force)`)).then(() => {}),
  };
}
