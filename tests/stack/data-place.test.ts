import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeCluster, startCluster } from '../../local/cluster/cluster.ts';
import { ensurePostgres } from '../../local/cluster/packages.ts';
import { describe as describeStack } from '../../local/commands/start.ts';
import { loadConfig } from '../../local/config.ts';
import { createLog, silentLog } from '../../local/log.ts';
import { freePort } from '../support/free-port.ts';

const home = mkdtempSync(join(tmpdir(), 'journey-home-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A stack in a clone below `home`, which its owner alone may enter, or everybody. */
async function stackIn(clone: string, mode: number) {
  const base = loadConfig('dev');
  const dir = join(home, clone, '.local/dev');
  mkdirSync(dir, { recursive: true });
  chmodSync(home, mode);
  const config = { ...base, dir, unsafeFast: true, ports: { ...base.ports, db: await freePort() } };
  const said: string[] = [];
  const install = await ensurePostgres(silentLog);
  const cluster = await startCluster(
    install,
    config,
    createLog((text) => said.push(text)),
  );
  try {
    return { said: said.join(''), shown: describeStack(config), dataDir: cluster.dataDir };
  } finally {
    await removeCluster(install, config);
    expect(existsSync(cluster.dataDir)).toBe(false);
  }
}

// Only root has a database that somebody else runs.
describe.skipIf(process.getuid?.() !== 0)('the data of the database', () => {
  it('are in the clone, and start and status say so', async () => {
    const { said, shown, dataDir } = await stackIn('open', 0o755);
    expect(dataDir).toBe(join(home, 'open/.local/dev/pg'));
    expect(shown).toContain(`  Its data         ${dataDir}\n`);
    expect(said).not.toContain('cannot enter');
  });

  it('are outside of a clone that only root may enter, and start and status say where', async () => {
    const { said, shown, dataDir } = await stackIn('closed', 0o700);
    expect(dataDir).toMatch(/^\/var\/lib\/postgresql\/journey-dev-/);
    expect(said).toContain(`so its data are in ${dataDir}. They outlive this folder`);
    expect(shown).toContain(`  Its data         ${dataDir}\n`);
  });
});
