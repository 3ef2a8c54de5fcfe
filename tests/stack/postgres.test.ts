import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeCluster, startCluster } from '../../local/cluster/cluster.ts';
import { applyMigrations } from '../../local/cluster/migrate.ts';
import { findPostgres, type PostgresInstall } from '../../local/cluster/packages.ts';
import { loadConfig } from '../../local/config.ts';
import { silentLog } from '../../local/log.ts';
import { freePort } from '../support/free-port.ts';
import { asPostgres } from './harness.ts';

const place = mkdtempSync(join(tmpdir(), 'journey-postgres-'));
const versions = join(place, 'lib/postgresql');

/**
 * The PostgreSQL of this machine at another place, without some of its extensions. It finds its files beside its
 * programs, so these are copied; the rest are links.
 */
function lend(install: PostgresInstall, without: RegExp): void {
  const major = String(install.major);
  const bin = join(versions, major, 'bin');
  const share = join(place, 'share/postgresql', major);
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(share, 'extension'), { recursive: true });
  for (const name of ['postgres', 'initdb', 'pg_ctl', 'pg_config']) {
    copyFileSync(join(install.bin, name), join(bin, name));
  }
  symlinkSync(join(install.bin, '../lib'), join(versions, major, 'lib'));
  const theirs = join(install.bin, '../../../../share/postgresql', major);
  const linkAll = (from: string, to: string) => {
    for (const name of readdirSync(from)) {
      if (name !== 'extension' && !without.test(name)) symlinkSync(join(from, name), join(to, name));
    }
  };
  linkAll(theirs, share);
  linkAll(join(theirs, 'extension'), join(share, 'extension'));
}

beforeAll(async () => {
  // The system user that runs the database must get in.
  chmodSync(place, 0o755);
  const own = await findPostgres('tests');
  if (!own) throw new Error('npm test installs a PostgreSQL that has everything');
  lend(own, /^(pgtap|plpgsql_check)/);
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('a PostgreSQL without pgTAP and plpgsql_check', () => {
  it('is enough to start, and not enough to test', async () => {
    expect(await findPostgres('run', versions)).toMatchObject({ missing: ['pgtap', 'plpgsql_check'] });
    expect(await findPostgres('tests', versions)).toBeNull();
  });

  it('takes the baseline and every migration', async () => {
    const install = await findPostgres('run', versions);
    if (!install) throw new Error('it is enough to start');
    const base = loadConfig('test-postgres', { unsafeFast: true });
    const config = { ...base, ports: { ...base.ports, db: await freePort() } };
    try {
      const cluster = await startCluster(install, config, silentLog);
      await applyMigrations(cluster, silentLog);
      const extensions = await asPostgres(async (db) => {
        const { rows } = await db.query<{ extname: string }>('select extname from pg_extension');
        return rows.map(({ extname }) => extname);
      }, cluster.url);
      expect(extensions).toEqual(expect.arrayContaining(['postgis', 'pg_cron', 'btree_gist']));
      expect(extensions).not.toContain('pgtap');
    } finally {
      await removeCluster(install, config);
      rmSync(config.dir, { recursive: true, force: true });
    }
  });
});

describe('a PostgreSQL without PostGIS', () => {
  it('is not enough to start', async () => {
    rmSync(place, { recursive: true, force: true });
    const own = await findPostgres();
    if (own) lend(own, /^postgis/);
    expect(await findPostgres('run', versions)).toBeNull();
  });
});
