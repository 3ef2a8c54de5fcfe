import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, type FSWatcher, openSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackConfig } from '../config.ts';
import { StackError } from '../errors.ts';
import type { Log } from '../log.ts';
import { requireFreePort } from '../ports.ts';
import { delay, waitUntil } from '../process.ts';
import { functionEnvironment } from './environment.ts';

export interface FunctionsHost {
  /** Whether the router answers. */
  isUp(): Promise<boolean>;
  /** The process of the router, for tests that kill it. It changes with each start. */
  pid(): number | undefined;
  close(): Promise<void>;
}

export interface FunctionsOptions {
  config: StackConfig;
  log: Log;
  /** Restarts when a file below supabase/functions changes. */
  watch: boolean;
}

/** The output of the functions. It is in a file, because it would hide the messages of the stack. */
export function functionsLog(config: StackConfig): string {
  return join(config.dir, 'functions.log');
}

function launch(config: StackConfig): ChildProcess {
  const { root, dir, ports } = config;
  const functions = join(root, 'supabase', 'functions');
  const readable = [
    functions,
    join(root, 'node_modules'),
    join(root, 'local', 'functions'),
    join(root, 'sdk'),
  ];
  const map = join(functions, 'deno.json');
  const args = [
    'run',
    // Packages come from node_modules only: nothing is downloaded, and the versions are those of the lock file.
    ...['--no-remote', '--no-lock', '--no-prompt', '--node-modules-dir=manual'],
    ...(existsSync(map) ? [`--config=${map}`] : []),
    // The outside world of a local function is the stack itself.
    ...[
      '--allow-net=127.0.0.1,localhost',
      '--allow-env',
      '--allow-sys',
      `--allow-read=${readable.join(',')}`,
    ],
    join(root, 'local', 'functions', 'main.ts'),
    functions,
    String(ports.functions),
  ];
  // The binary itself, not its launcher script, so that it receives signals.
  const binary = join(root, 'node_modules', 'deno', 'deno');
  const output = openSync(functionsLog(config), 'a');
  const child = spawn(existsSync(binary) ? binary : join(root, 'node_modules', '.bin', 'deno'), args, {
    cwd: root,
    // A process group of its own: Ctrl-C at the terminal reaches the stack, and the stack stops this process.
    detached: true,
    stdio: ['pipe', output, output],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DENO_DIR: join(dir, 'deno'),
      DENO_NO_UPDATE_CHECK: '1',
      NO_COLOR: '1',
      ...functionEnvironment(config),
    },
  });
  closeSync(output);
  return child;
}

/** Runs the edge functions under deno and keeps them running. */
export async function startFunctions({
  config,
  log,
  watch: watching,
}: FunctionsOptions): Promise<FunctionsHost> {
  const { host, ports } = config;
  await requireFreePort(ports.functions, 'edge functions', { tell: log.info });
  let closing = false;
  let reloading = false;
  let child: ChildProcess;
  let ended: Promise<void> = Promise.resolve();

  const begin = () => {
    child = launch(config);
    ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const mine = child;
    void ended.then(async () => {
      if (closing || reloading || mine !== child) return;
      log.info('! The edge functions stopped; they start again in a second.');
      await delay(1000);
      if (!closing && mine === child) begin();
    });
  };
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const gone = await Promise.race([ended.then(() => true), delay(3000).then(() => false)]);
    if (!gone) child.kill('SIGKILL');
    await ended;
  };
  const state = async () => {
    const answer = await fetch(`http://${host}:${ports.functions}/_state`, {
      signal: AbortSignal.timeout(2000),
    });
    return (await answer.json()) as { functions: string[]; broken: string[] };
  };
  const isUp = () =>
    state().then(
      () => true,
      () => false,
    );

  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  const folder = join(config.root, 'supabase', 'functions');
  if (watching && existsSync(folder)) {
    watcher = watch(folder, { recursive: true }, (_event, name) => {
      if (!name || /\.test\.ts$|~$/.test(name)) return;
      clearTimeout(timer);
      timer = setTimeout(async () => {
        if (closing) return;
        log.info(`The edge functions start again: ${name} changed.`);
        reloading = true;
        await end();
        reloading = false;
        if (!closing) begin();
      }, 300);
    });
    watcher.on('error', () => watcher?.close());
  }

  writeFileSync(functionsLog(config), '');
  begin();
  const close = async () => {
    closing = true;
    clearTimeout(timer);
    watcher?.close();
    await end();
  };
  if (await waitUntil(isUp, 30_000)) {
    const { broken } = await state();
    if (broken.length > 0)
      log.info(`! These functions did not start: ${broken.join(', ')}; see ${functionsLog(config)}`);
  } else {
    await close();
    const said = readFileSync(functionsLog(config), 'utf8').trimEnd().split('\n').slice(-15).join('\n');
    throw new StackError('The edge functions did not start.', `deno said:\n${said}`);
  }
  return { isUp, pid: () => child.pid, close };
}
