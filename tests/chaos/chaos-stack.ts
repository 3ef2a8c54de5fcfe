import { Pool, type QueryResultRow } from 'pg';
import { removeData, stopEverything } from '../../local/commands/background.ts';
import { apiUrl, databaseUrl, loadConfig, type StackConfig, sandboxUrl } from '../../local/config.ts';
import { signToken } from '../../local/gateway/caller.ts';
import { lockHolder } from '../../local/lock.ts';
import { createLog } from '../../local/log.ts';
import { waitUntil } from '../../local/process.ts';
import { alreadyRunning, startStack } from '../../local/stack.ts';

/** A stack that may be hurt, with data of its own. */
export interface ChaosStack {
  config: StackConfig;
  /** SQL as the owner of the domain; waits while Postgres is away. */
  sql<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** A token as Auth gives it to this person. */
  token(userId: string): Promise<string>;
  /** A call of the sandbox's own API. */
  sandbox<T>(path: string, body?: Record<string, unknown>): Promise<{ status: number; body: T }>;
  /** Kills the edge functions without a word. Answers when it was done, in milliseconds since 1970. */
  killFunctions(): Promise<number>;
  /** Kills Postgres without a word; the stack brings it back. Answers for how many milliseconds it was away. */
  killPostgres(): Promise<number>;
  /** Lets the outbox function work until it says that nothing is left. */
  ringOutbox(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the stack `chaos`. Its database is as durable as one of production: that is what is tested. */
export async function startChaosStack(): Promise<ChaosStack> {
  const log = createLog((text) => process.stderr.write(text));
  const config = loadConfig('chaos', { unsafeFast: false });
  const holder = lockHolder(config);
  if (holder) throw alreadyRunning(config, holder.pid, holder.api);
  // a run that was killed leaves its Postgres
  await stopEverything(config);
  await removeData(config);
  // its books are looked at from outside, so they need no file
  const sandbox = { retryMs: 800, throttleMs: 0, stepMs: 200, stateDir: undefined };
  const stack = await startStack(config, { log, seed: false, sandbox });
  const pool = new Pool({ connectionString: databaseUrl(config), max: 6 });
  // idle connections that a killed server takes with it are replaced
  pool.on('error', () => {});
  let open = 0;
  let away: Promise<unknown> = Promise.resolve();

  const sql: ChaosStack['sql'] = async <Row extends QueryResultRow>(text: string, values: unknown[] = []) => {
    await away;
    open += 1;
    try {
      return (await pool.query<Row>(text, values)).rows;
    } finally {
      open -= 1;
    }
  };

  const kill = async (): Promise<number> => {
    // what this test does by SQL itself is no part of the story; calls through the API are
    await waitUntil(() => open === 0, 60_000);
    const pid = stack.databasePid();
    if (pid === undefined) throw new Error('Postgres does not run');
    const began = Date.now();
    process.kill(pid, 'SIGKILL');
    const isBack = async () => stack.databasePid() !== pid && (await stack.health()).database === 'up';
    if (!(await waitUntil(isBack, 60_000))) throw new Error('Postgres did not come back');
    return Date.now() - began;
  };

  return {
    config,
    sql,
    token: (sub) => signToken(config, { sub, role: 'authenticated', aud: 'authenticated' }, 7200),
    async sandbox<T>(path: string, body?: Record<string, unknown>) {
      const init =
        body === undefined
          ? {}
          : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const answer = await fetch(`${sandboxUrl(config)}/${path}`, init);
      return { status: answer.status, body: (await answer.json()) as T };
    },
    async killFunctions() {
      const pid = stack.functionsPid();
      if (pid === undefined) throw new Error('the functions do not run');
      process.kill(pid, 'SIGKILL');
      const killedAt = Date.now();
      await waitUntil(() => stack.functionsPid() !== pid, 10_000);
      return killedAt;
    },
    killPostgres() {
      const back = kill();
      away = back.catch(() => {});
      return back;
    },
    async ringOutbox() {
      for (let more = true; more; ) {
        const answer = await fetch(`${apiUrl(config)}/functions/v1/outbox`, {
          method: 'POST',
          headers: { apikey: config.secretKey, 'content-type': 'application/json' },
          body: '{}',
        });
        if (!answer.ok) throw new Error(`the outbox answered ${answer.status}: ${await answer.text()}`);
        more = ((await answer.json()) as { more: boolean }).more;
      }
    },
    async stop() {
      await pool.end();
      await stack.stop();
      await removeData(config);
    },
  };
}
