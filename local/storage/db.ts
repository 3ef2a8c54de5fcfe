import pg from 'pg';
import type { Caller } from '../gateway/caller.ts';
import { failureFromDatabase, failures, StorageFailure } from './errors.ts';

/** The caller and the request of a transaction. Policies and triggers can read all of it. */
export interface Actor {
  role: Caller['role'];
  claims: Caller['claims'];
  /** What `storage.operation()` answers, e.g. `storage.object.upload`. */
  operation: string;
  method: string;
  path: string;
  headers: Record<string, string>;
}

type Row = Record<string, unknown>;

/** A running transaction. */
export interface Transaction {
  /** Runs one statement and answers its rows. */
  rows<T extends Row>(text: string, values?: unknown[]): Promise<T[]>;
  /** Takes the lock that orders all writers of one object (`bucket/key`), until the transaction ends. */
  lockObject(address: string): Promise<void>;
}

/** The same request as the service itself: row policies do not apply. */
export function asService(actor: Actor): Actor {
  return { ...actor, role: 'service_role', claims: { ...actor.claims, role: 'service_role' } };
}

const settings = `
  select
    set_config('role', $1, true),
    set_config('request.jwt.claim.role', $1, true),
    set_config('request.jwt.claim.sub', $2, true),
    set_config('request.jwt.claims', $3, true),
    set_config('request.headers', $4, true),
    set_config('request.method', $5, true),
    set_config('request.path', $6, true),
    set_config('storage.operation', $7, true),
    set_config('storage.allow_delete_query', 'true', true),
    set_config('search_path', 'storage', true),
    set_config('statement_timeout', '30s', true)`;

/**
 * The only access to the database: every statement runs in a transaction with the caller's role and settings.
 */
export class Database {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 8, application_name: 'storage' });
    // The next query replaces a connection that was lost while idle. Without a listener, the loss would end the
    // process.
    this.#pool.on('error', () => {});
    // A connection that breaks while in use reports to its query, and once more here, where nothing else
    // listens.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Runs `work` in a transaction as `actor`. Throws database errors in the platform's words. */
  run<T>(
    actor: Actor,
    work: (tx: Transaction) => Promise<T>,
    duplicate?: typeof failures.keyAlreadyExists,
  ): Promise<T> {
    return this.#transaction(actor, work, 'commit', duplicate);
  }

  /** Runs `work` and rolls it back: the only question is whether `actor` may do it. */
  async probe(actor: Actor, work: (tx: Transaction) => Promise<unknown>): Promise<void> {
    await this.#transaction(actor, work, 'rollback');
  }

  async #transaction<T>(
    actor: Actor,
    work: (tx: Transaction) => Promise<T>,
    end: 'commit' | 'rollback',
    duplicate?: typeof failures.keyAlreadyExists,
  ): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw failures.databaseAway(error);
    });
    let broken: Error | undefined;
    try {
      await client.query('begin');
      await client.query(settings, [
        actor.role,
        typeof actor.claims.sub === 'string' ? actor.claims.sub : '',
        JSON.stringify(actor.claims),
        JSON.stringify(actor.headers),
        actor.method,
        actor.path,
        actor.operation,
      ]);
      const result = await work({
        rows: async <R extends Row>(text: string, values: unknown[] = []) =>
          (await client.query<R>(text, values)).rows,
        lockObject: async (address) => {
          await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [address]);
        },
      });
      await client.query(end);
      return result;
    } catch (error) {
      // A connection that cannot even roll back is discarded.
      await client.query('rollback').catch((lost: Error) => {
        broken = lost;
      });
      if (broken && !(error instanceof StorageFailure)) throw failures.databaseAway(error);
      throw failureFromDatabase(error, duplicate);
    } finally {
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
