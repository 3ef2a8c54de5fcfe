import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const json = <T>(path: string): T => JSON.parse(read(path)) as T;

interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}
const locked = json<{ packages: Record<string, Locked> }>('package-lock.json').packages;
const installed = Object.entries(locked).filter(([path]) => path.includes('node_modules/'));

/** docs/decisions/0012-dependencies.md says why. */
const withoutHash = [
  'node_modules/@supabase/cli-darwin-arm64',
  'node_modules/@supabase/cli-darwin-x64',
  'node_modules/@supabase/cli-linux-arm64',
  'node_modules/@supabase/cli-linux-arm64-musl',
  'node_modules/@supabase/cli-linux-x64-musl',
  'node_modules/@supabase/cli-windows-arm64',
  'node_modules/@supabase/cli-windows-x64',
];

describe('the lock file', () => {
  it('has an entry for the program of every platform, so that npm ci takes it anywhere', () => {
    const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.entries(optionalDependencies)
        .filter(([name, version]) => {
          const entry = locked[`${path}/node_modules/${name}`] ?? locked[`node_modules/${name}`];
          return !entry || (/^\d/.test(version) && entry.version !== version);
        })
        .map(([name, version]) => `${name} ${version}, wanted by ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('has the hash of every package, but of those the registry did not offer', () => {
    const bare = installed.filter(([, { integrity, link }]) => !integrity && !link).map(([path]) => path);
    expect(bare.filter((path) => !withoutHash.includes(path))).toEqual([]);
    // one that has its hash by now needs no exception
    expect(withoutHash.filter((path) => !bare.includes(path))).toEqual([]);
  });

  it('names no registry', () => {
    const hosts = Object.values(locked).filter(({ resolved, link }) => resolved && !link);
    expect(hosts).toEqual([]);
    expect(read('package-lock.json')).not.toMatch(/registry/i);
  });
});

describe('the version of Node', () => {
  const inCi = [...read('.github/workflows/ci.yml').matchAll(/node-version: (\d+)/g)].map(([, one]) => one);
  const lowest = json<{ engines: { node: string } }>('package.json').engines.node;

  it('is the same in package.json, the README, the first script and CI, for who runs the scripts', () => {
    const number = /^>=(\d+)$/.exec(lowest)?.[1];
    expect(read('README.md')).toContain(`with Node ${number} or newer`);
    expect(read('local/bootstrap.mjs')).toContain(`Journey needs Node ${number} or newer`);
    expect(read('local/bootstrap.mjs')).toContain(`split('.')[0]) < ${number})`);
    expect(inCi).toContain(number);
  });

  it('is what supabase-js asks for, for who uses the SDK', () => {
    const { engines } = json<{ engines: { node: string } }>(
      'node_modules/@supabase/supabase-js/package.json',
    );
    expect(json<{ engines: { node: string } }>('sdk/package.json').engines).toEqual(engines);
    const number = /\d+/.exec(engines.node)?.[0];
    expect(read('sdk/README.md')).toContain(`**Node**: ${number} or newer`);
    expect(inCi).toContain(number);
  });
});
