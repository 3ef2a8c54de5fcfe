import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What every clone must have for the launcher to go on, and one package more. */
export const packages = ['node', 'deno', 'leaf'] as const;

/** The lock of a package without its address, as the project's lock is. */
export interface Locked {
  version: string;
  integrity?: string;
  bin?: Record<string, string>;
}

export interface Launch {
  process: ChildProcess;
  /** What it has written so far. */
  said(): string;
  /** Its exit code, once it has ended. */
  ended: Promise<number | null>;
}

/** A folder with the real first script, small packages, and a `cli.ts` that only says that it runs. */
export class Clone {
  readonly dir = mkdtempSync(join(tmpdir(), 'journey-clone-'));
  readonly #launches: ChildProcess[] = [];
  #env: Record<string, string> = {};

  constructor(locked: Record<string, Locked>) {
    mkdirSync(join(this.dir, 'local'));
    copyFileSync(join(root, 'local/bootstrap.mjs'), join(this.dir, 'local/bootstrap.mjs'));
    this.write('local/cli.ts', "console.log('the command runs');\n");
    const devDependencies = Object.fromEntries(
      Object.entries(locked).map(([name, { version }]) => [name, version]),
    );
    const about = { name: 'clone', version: '1.0.0', devDependencies };
    this.write('package.json', JSON.stringify(about));
    const entries = Object.entries(locked).map(([name, entry]) => [
      `node_modules/${name}`,
      { ...entry, dev: true },
    ]);
    const lock = { ...about, lockfileVersion: 3, requires: true };
    this.write(
      'package-lock.json',
      JSON.stringify({ ...lock, packages: { '': about, ...Object.fromEntries(entries) } }),
    );
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.dir, path), text);
  }

  read(path: string): string {
    return this.has(path) ? readFileSync(join(this.dir, path), 'utf8') : '';
  }

  has(path: string): boolean {
    return existsSync(join(this.dir, path));
  }

  remove(path: string): void {
    rmSync(join(this.dir, path), { recursive: true, force: true });
  }

  /** Puts a program of this name before all others. */
  pretend(name: string, script: string): void {
    const bin = join(this.dir, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, name), `#!${process.execPath}\n${script}`);
    chmodSync(join(bin, name), 0o755);
    this.#env.PATH = `${bin}${delimiter}${process.env.PATH ?? ''}`;
  }

  /** Settings of npm for every later launch. */
  setNpm(settings: Record<string, string>): void {
    for (const [name, value] of Object.entries(settings)) this.#env[`npm_config_${name}`] = value;
  }

  launch(): Launch {
    const child = spawn(process.execPath, ['local/bootstrap.mjs', 'status'], {
      cwd: this.dir,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#launches.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    }
    return {
      process: child,
      said: () => text,
      ended: once(child, 'exit').then(([code]) => code as number | null),
    };
  }

  /** Ends what still runs and removes the folder. */
  close(): void {
    for (const child of this.#launches) if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
