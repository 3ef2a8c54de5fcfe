import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../local/process.ts';
import { freePort } from '../support/free-port.ts';
import { Clone, type Locked, packages } from './clone.ts';

// The npm of this machine, against a registry of three small packages.
const work = mkdtempSync(join(tmpdir(), 'journey-registry-'));
const tarballs = new Map<string, Buffer>();
const locked: Record<string, Locked> = {};

beforeAll(async () => {
  for (const name of packages) {
    const folder = join(work, name);
    mkdirSync(folder);
    const bin = { [name]: 'run.sh' };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', bin }));
    writeFileSync(join(folder, 'run.sh'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', work], { cwd: folder });
    expect(packed.status, packed.stderr).toBe(0);
    const bytes = readFileSync(join(work, packed.stdout.trim()));
    tarballs.set(name, bytes);
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    locked[name] = { version: '1.0.0', integrity, bin };
  }
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const servers: (Server | TcpServer)[] = [];
let clone: Clone;
beforeEach(() => {
  clone = new Clone(locked);
  clone.setNpm({ cache: join(clone.dir, 'cache'), update_notifier: 'false' });
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  clone.close();
});

/** A registry that knows the packages, and has no ping. */
async function startRegistry(): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const [, name = '', file] = (request.url ?? '').split('/');
    const bytes = tarballs.get(name);
    if (!bytes) return response.writeHead(404).end('{}');
    if (file) return response.end(bytes);
    const { integrity, bin, version } = locked[name] ?? {};
    const dist = { integrity, tarball: `http://127.0.0.1:${port}/${name}/tarball.tgz` };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { '1.0.0': { name, version, bin, dist } },
      }),
    );
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

describe('a start without the package registry', () => {
  it('says at once that nobody answers there, and what to do', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    clone.setNpm({ registry: url });
    const launch = clone.launch();
    expect(await launch.ended).toBe(1);
    expect(launch.said()).toContain(`✗ The package registry does not answer: ${url} (ECONNREFUSED).`);
    expect(launch.said()).toContain('npm config set https-proxy');
  });

  it('does not wait for a registry that takes the connection and says nothing', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}));
    servers.push(silent);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    clone.setNpm({ registry: url });
    const launch = clone.launch();
    expect(await launch.ended).toBe(1);
    expect(launch.said()).toContain(`✗ The package registry does not answer: ${url} (`);
  });

  it('installs from the cache of npm when that holds every package', async () => {
    const { url, server } = await startRegistry();
    clone.setNpm({ registry: url });
    const online = clone.launch();
    expect(await online.ended, online.said()).toBe(0);
    expect(online.said()).not.toContain('does not answer');
    server.closeAllConnections();
    server.close();
    clone.remove('node_modules');
    const offline = clone.launch();
    expect(await offline.ended, offline.said()).toBe(0);
    expect(offline.said()).toContain(
      `! The package registry does not answer: ${url} (ECONNREFUSED). npm's cache is tried.`,
    );
    expect(offline.said()).toContain('the command runs');
  });

  it('asks through the proxy that npm is set to', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(503).end();
    });
    servers.push(proxy);
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    // Nobody resolves this name but the proxy.
    clone.setNpm({
      registry: 'http://registry.invalid/',
      proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      noproxy: '',
      fetch_retries: '0',
    });
    await clone.launch().ended;
    expect(asked[0]).toContain('http://registry.invalid/-/ping');
  });
});
