import pg from 'pg';
import type { Caller } from '../gateway/caller.ts';

/** The two things a policy on realtime.messages can permit, as its column `extension` names them. */
export type Extension = 'broadcast' | 'presence';

/** Whose permission is asked for, on which topic. */
export interface AuthorizationContext {
  caller: Caller;
  topic: string;
  /** Headers of the handshake or request. Policies read them as `request.headers`. */
  headers: Record<string, string>;
}

/** The database could not be asked. This says nothing about permission. */
export class DatabaseUnavailableError extends Error {}

/**
 * Asks the row policies on realtime.messages as the platform does: it inserts a probe row per extension, checks
 * whether the caller can see (or write) it, and rolls everything back. A probe has only the columns `topic` and
 * `extension`; a policy that reads other columns refuses.
 */
export class Authorizer {
  readonly #pool: pg.Pool;
  readonly #log: (line: string) => void;

  constructor(pool: pg.Pool, log: (line: string) => void) {
    this.#pool = pool;
    this.#log = log;
  }

  /** The extensions that the caller may read. A policy that fails permits nothing. */
  async readable(context: AuthorizationContext, extensions: readonly Extension[]): Promise<Set<Extension>> {
    return this.#probe(new Set<Extension>(), async (client) => {
      const probes = await client.query<{ id: string; extension: Extension }>(
        `insert into realtime.messages (topic, extension)
         select $1, unnest($2::text[])
         returning id, extension`,
        [context.topic, extensions],
      );
      await impersonate(client, context);
      const visible = await client.query<{ id: string }>(
        'select id from realtime.messages where topic = $1 and id = any($2::uuid[])',
        [context.topic, probes.rows.map((row) => row.id)],
      );
      const ids = new Set(visible.rows.map((row) => row.id));
      return new Set(probes.rows.filter((row) => ids.has(row.id)).map((row) => row.extension));
    });
  }

  /** Whether the caller may write. DO NOT add RETURNING: it would need permission to read as well. */
  async writable(context: AuthorizationContext, extension: Extension): Promise<boolean> {
    return this.#probe(false, async (client) => {
      await impersonate(client, context);
      await client.query('insert into realtime.messages (topic, extension) values ($1, $2)', [
        context.topic,
        extension,
      ]);
      return true;
    });
  }

  async #probe<T>(refused: T, ask: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw new DatabaseUnavailableError(String(error));
    }
    try {
      await client.query('begin');
      const answer = await ask(client);
      await client.query('rollback');
      client.release();
      return answer;
    } catch (error) {
      // A refusal is normal. Only a connection that cannot even roll back is discarded.
      const rolledBack = await client.query('rollback').then(
        () => true,
        () => false,
      );
      client.release(!rolledBack);
      if (isUnavailable(error)) throw new DatabaseUnavailableError(String(error));
      if (!isRefusal(error)) this.#log(`RlsPolicyError: a policy on realtime.messages failed: ${error}`);
      return refused;
    }
  }
}

async function impersonate(client: pg.PoolClient, { caller, topic, headers }: AuthorizationContext) {
  await client.query(
    `select
       set_config('role', $1, true),
       set_config('realtime.topic', $2, true),
       set_config('request.jwt.claims', $3, true),
       set_config('request.jwt.claim.sub', $4, true),
       set_config('request.jwt.claim.role', $1, true),
       set_config('request.headers', $5, true)`,
    [caller.role, topic, JSON.stringify(caller.claims), caller.claims.sub ?? '', JSON.stringify(headers)],
  );
}

/** A plain refusal. A policy that lacks a privilege on what it reads has the same code, but is broken. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.message.startsWith('new row violates row-level security');
}

/** Errors of the connection, of resources, of a shutdown or a timeout, and of a missing partition. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  const code = error.code ?? '';
  if (code === '23514') return error.message.includes('no partition');
  return /^(08|53|55|57|58|XX)/.test(code);
}
