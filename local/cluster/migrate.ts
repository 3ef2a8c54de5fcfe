import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { projectRoot } from '../config.ts';
import { StackError } from '../errors.ts';
import type { Log } from '../log.ts';
import { run } from '../process.ts';
import { runSqlFile } from './baseline.ts';
import type { Cluster } from './cluster.ts';

/**
 * On the platform, supautils lets `postgres` create policies and triggers on tables that it does not own. Plain
 * PostgreSQL has no such grant (only an owner may create a policy), so `postgres` is a member of the owners
 * while it migrates. This is looser than the platform, because it also allows ALTER TABLE there.
 */
const ownersOfManagedTables = 'supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin';

export async function withAdmin<T>(adminUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function migrationFiles(): string[] {
  const folder = join(projectRoot, 'supabase', 'migrations');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /^\d{14}_.*\.sql$/.test(name));
}

/** The migrations as they were applied, by their hash. */
interface Applied {
  [file: string]: string;
}

const recordOf = (cluster: Cluster) => join(cluster.dataDir, 'journey-migrations.json');

function readRecord(cluster: Cluster): Applied {
  try {
    return JSON.parse(readFileSync(recordOf(cluster), 'utf8')) as Applied;
  } catch {
    return {};
  }
}

function hashMigration(name: string): string {
  const text = readFileSync(join(projectRoot, 'supabase', 'migrations', name));
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Before the first release, migrations are edited in place. A database from before such an edit cannot know.
 */
function warnOfEdited(cluster: Cluster, log: Log): void {
  const record = readRecord(cluster);
  const edited = migrationFiles().filter((name) => record[name] && record[name] !== hashMigration(name));
  if (edited.length === 0) return;
  log.info(`! Changed since they were applied here: ${edited.join(', ')}.`);
  log.info('! This database is not what they say now; npm run reset makes a new one.');
}

async function appliedVersions(client: Client): Promise<Set<string>> {
  const found = await client.query<{ there: boolean }>(
    "select to_regclass('supabase_migrations.schema_migrations') is not null as there",
  );
  if (!found.rows[0]?.there) return new Set();
  const rows = await client.query<{ version: string }>(
    'select version from supabase_migrations.schema_migrations',
  );
  return new Set(rows.rows.map((row) => row.version));
}

/** The command line of the official CLI, quiet and without asking. */
export function supabaseCli(args: string[]) {
  return run(join(projectRoot, 'node_modules', '.bin', 'supabase'), args, {
    cwd: projectRoot,
    env: {
      ...process.env,
      PGSSLMODE: 'disable',
      SUPABASE_TELEMETRY_DISABLED: '1',
      SUPABASE_SCANNER_BUFFER_SIZE: '5MB',
      NO_COLOR: '1',
    },
  });
}

/** Applies the migrations that are not applied yet, with the official CLI, as `postgres`. */
export async function applyMigrations(cluster: Cluster, log: Log): Promise<number> {
  return withAdmin(cluster.adminUrl, async (admin) => {
    await admin.query(`revoke ${ownersOfManagedTables} from postgres`);
    const applied = await appliedVersions(admin);
    const wanted = migrationFiles();
    const pending = wanted.filter((name) => !applied.has(name.slice(0, 14)));
    const known = new Set(wanted.map((name) => name.slice(0, 14)));
    const foreign = [...applied].filter((version) => !known.has(version));
    if (foreign.length > 0) {
      throw new StackError(
        `The database has migrations that are not in supabase/migrations: ${foreign.join(', ')}.`,
        'Bring those files back (another branch?), or start over with new data:\n  npm run reset',
      );
    }
    warnOfEdited(cluster, log);
    if (pending.length === 0) return 0;
    await log.step(`apply ${pending.length} migration${pending.length === 1 ? '' : 's'}`, async () => {
      await admin.query(`grant ${ownersOfManagedTables} to postgres`);
      try {
        const pushed = await supabaseCli(['db', 'push', '--yes', '--include-all', `--remote=${cluster.url}`]);
        if (pushed.status !== 0) {
          throw new StackError('A migration failed.', `${pushed.stdout}\n${pushed.stderr}`.trim());
        }
      } finally {
        await admin.query(`revoke ${ownersOfManagedTables} from postgres`);
      }
    });
    const record = readRecord(cluster);
    for (const name of pending) record[name] = hashMigration(name);
    writeFileSync(recordOf(cluster), JSON.stringify(record, null, 2));
    return pending.length;
  });
}

/** Loads the demo data of `supabase/seed.sql`, once in the life of a database. True when it did. */
export async function applySeed(cluster: Cluster, log: Log): Promise<boolean> {
  const file = join(projectRoot, 'supabase', 'seed.sql');
  if (!existsSync(file)) return false;
  // The mark is a comment on the table of migrations, because a dump contains it. A comment on the database
  // would be lost.
  const marker = 'journey: seeded';
  const seeded = await withAdmin(cluster.adminUrl, (admin) =>
    admin.query<{ done: boolean }>(
      `select obj_description(to_regclass('supabase_migrations.schema_migrations'), 'pg_class') is not distinct from $1 as done`,
      [marker],
    ),
  );
  if (seeded.rows[0]?.done) return false;
  await log.step('fill in the demo data', () =>
    withAdmin(cluster.url, async (client) => {
      await client.query('begin');
      await runSqlFile(client, file);
      // The mark commits together with the data, so neither exists without the other.
      await client.query(`comment on table supabase_migrations.schema_migrations is '${marker}'`);
      await client.query('commit');
    }),
  );
  return true;
}
