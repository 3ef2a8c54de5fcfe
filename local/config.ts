import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './errors.ts';

/** Ports of one stack, all on loopback. `functions` is internal: clients go through `api`. */
export interface StackPorts {
  api: number;
  db: number;
  mail: number;
  sandbox: number;
  functions: number;
}

/** Everything that differs between two stacks on one machine. */
export interface StackConfig {
  /** `dev`, `test`, `outage`, `bench`, `chaos`, or the name of a scratch database. */
  name: string;
  /** The project's root. */
  root: string;
  /** `.local/<name>`: data, keys, logs and mail of this stack. */
  dir: string;
  host: '127.0.0.1';
  ports: StackPorts;
  /** The database in the cluster. Default: `postgres`. A test serves a copy of it. */
  database?: string;
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
  /**
   * Whether Realtime lets clients join topics without policies. Off, so that a channel that forgot `private: true` fails
   * here and not in production, where "Allow public access" is off too. `JOURNEY_PUBLIC_TOPICS=true` turns it on.
   */
  publicTopics: boolean;
  /** Gives up durability for speed. Only set it for temporary test data. */
  unsafeFast: boolean;
  /** Environment of the edge functions besides what the platform sets. Later keys win. */
  functionEnv: Record<string, string>;
}

export const projectRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

// The dev stack uses the ports of `supabase start`, so that a configuration for one fits the other. The other
// stacks stay below 32768, because Linux uses the ports above it for outgoing connections.
const defaultBases: Record<string, number> = {
  dev: 54321,
  test: 24321,
  bench: 25321,
  outage: 24341,
  launcher: 24361,
  chaos: 24351,
  check: 24381,
  scratch: 26998,
};
const overrideOffsets: Record<string, number> = {
  dev: 0,
  launcher: 10,
  test: 20,
  outage: 30,
  bench: 40,
  chaos: 50,
  check: 60,
  scratch: 70,
};

/**
 * The ports of a stack: api, +1 database, +3 mail, +4 sandbox, +5 functions.
 * `JOURNEY_PORT_BASE` moves all of them: the dev stack begins there, the clone whose launcher is
 * tested 10 above it, test 20, outage 30, bench 40, chaos 50 and check 60 above.
 */
export function portsOf(name: string, env: NodeJS.ProcessEnv = process.env): StackPorts {
  const override = env.JOURNEY_PORT_BASE;
  let base = defaultBases[name] ?? defaultBases.dev ?? 54321;
  if (override !== undefined && override !== '') {
    base = Number(override) + (overrideOffsets[name] ?? 0);
    if (!Number.isInteger(base) || base < 1024 || base > 65000) {
      throw new StackError(
        `JOURNEY_PORT_BASE is "${override}", which is not a port between 1024 and 65000.`,
        'Set it to the first of about fifty free ports, for example JOURNEY_PORT_BASE=61000.',
      );
    }
  }
  return { api: base, db: base + 1, mail: base + 3, sandbox: base + 4, functions: base + 5 };
}

interface StackKeys {
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
}

function randomWord(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Keys are made once per stack and kept, so that an app that is configured for it keeps working. */
function loadKeys(dir: string): StackKeys {
  const file = join(dir, 'keys.json');
  if (existsSync(file)) {
    try {
      const keys = JSON.parse(readFileSync(file, 'utf8')) as Partial<StackKeys>;
      if (keys.publishableKey && keys.secretKey && keys.jwtSecret) return keys as StackKeys;
    } catch {
      // A file that a killed run wrote in part; new keys are made below.
    }
  }
  const keys: StackKeys = {
    publishableKey: `sb_publishable_${randomWord(22)}_${randomWord(8)}`,
    secretKey: `sb_secret_${randomWord(22)}_${randomWord(8)}`,
    jwtSecret: randomBytes(32).toString('hex'),
  };
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return keys;
}

/** The configuration of a stack by name. Makes its keys on first use. */
export function loadConfig(
  name: string,
  changes: Partial<Pick<StackConfig, 'ports' | 'unsafeFast'>> = {},
): StackConfig {
  if (!/^[a-z][a-z0-9_-]{0,30}$/.test(name)) {
    throw new StackError(
      `"${name}" is not a stack name.`,
      'Use lower-case letters, digits and dashes, e.g. dev.',
    );
  }
  const dir = join(projectRoot, '.local', name);
  return {
    name,
    root: projectRoot,
    dir,
    host: '127.0.0.1',
    ports: changes.ports ?? portsOf(name),
    ...loadKeys(dir),
    publicTopics: process.env.JOURNEY_PUBLIC_TOPICS === 'true',
    unsafeFast: changes.unsafeFast ?? name === 'test',
    functionEnv: {},
  };
}

/** The connection string of a role of this stack's database; all local passwords are `postgres`. */
export function databaseUrl(config: StackConfig, role = 'postgres'): string {
  return `postgresql://${role}:postgres@${config.host}:${config.ports.db}/${config.database ?? 'postgres'}`;
}

/** The address that clients use, as `SUPABASE_URL`. */
export function apiUrl(config: StackConfig): string {
  return `http://${config.host}:${config.ports.api}`;
}

export function mailUrl(config: StackConfig): string {
  return `http://${config.host}:${config.ports.mail}`;
}

export function sandboxUrl(config: StackConfig): string {
  return `http://${config.host}:${config.ports.sandbox}`;
}
