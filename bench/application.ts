import { createHash } from 'node:crypto';
import { Client, type QueryResultRow } from 'pg';
import { socketFolder } from '../local/cluster/settings.ts';
import type { BenchDatabase, Scale } from './database.ts';
import type { Finished } from './pgbench.ts';

/** One connection of the application: a statement is parsed and planned by the server once. */
export class Connection {
  readonly #client: Client;
  readonly #names = new Map<string, string>();

  constructor(database: BenchDatabase) {
    // It owns the tables, as an application's own role does: no policy is asked.
    this.#client = new Client({
      host: socketFolder,
      port: database.config.ports.db,
      user: 'postgres',
      password: 'postgres',
      database: database.name,
    });
  }

  async open(): Promise<void> {
    await this.#client.connect();
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  /** The rows of one prepared statement. */
  async rows<Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `s${this.#names.size}`;
      this.#names.set(text, name);
    }
    return (await this.#client.query<Row>({ name, text, values })).rows;
  }

  /** The only row there is to be. */
  async row<Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row> {
    const [row] = await this.rows<Row>(text, values);
    if (row === undefined) throw new Error(`refused: no row of ${text}`);
    return row;
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.rows('begin');
    try {
      const result = await work();
      await this.rows('commit');
      return result;
    } catch (error) {
      await this.rows('rollback');
      throw error;
    }
  }
}

/** The n-th id of a kind, as bench.id() makes it. */
export function benchId(kind: string, n: number): string {
  const hex = createHash('md5').update(`${kind}:${n}`).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function refuse(code: string): never {
  throw new Error(`refused: ${code}`);
}

/** What one call of an application does, by the number of its quote. */
export type Call = (sql: Connection, n: number, scale: Scale) => Promise<void>;

/** Calls of an application's transaction, shared by as many connections as pgbench has for the command. */
export async function runApplication(
  database: BenchDatabase,
  call: Call,
  load: { clients: number; share: number; first: number },
): Promise<Finished[][]> {
  const connections = Array.from({ length: load.clients }, () => new Connection(database));
  await Promise.all(connections.map((one) => one.open()));
  try {
    return await Promise.all(
      connections.map(async (sql, i) => {
        const finished: Finished[] = [];
        for (let done = 0; done < load.share; done++) {
          const began = performance.now();
          await call(sql, load.first + i * load.share + done, database.scale);
          const ended = performance.now();
          finished.push({ milliseconds: ended - began, at: ended / 1000 });
        }
        return finished;
      }),
    );
  } finally {
    await Promise.all(connections.map((one) => one.close()));
  }
}
