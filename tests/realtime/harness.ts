import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import pg from 'pg';
import { type CallerKeys, signToken } from '../../local/gateway/caller.ts';
import type { RealtimeLimits } from '../../local/realtime/limits.ts';
import { type RealtimeServer, startRealtime } from '../../local/realtime/server.ts';

const env = process.env;

export const keys: CallerKeys = {
  publishableKey: env.PUBLISHABLE_KEY ?? 'sb_publishable_test',
  secretKey: env.SECRET_KEY ?? 'sb_secret_test',
  jwtSecret: env.JWT_SECRET ?? 'test-secret-of-at-least-32-characters',
};

/** The database as superuser: `DB_URL`, with the user replaced. */
export const superuserUrl = (() => {
  const url = new URL(env.DB_URL ?? 'postgresql://postgres:postgres@127.0.0.1:54322/postgres');
  url.username = 'supabase_admin';
  return url.href;
})();

/** A Realtime server on a port of its own, behind a plain HTTP server as the gateway would be. */
export interface OwnServer {
  url: string;
  port: number;
  realtime: RealtimeServer;
  notices: string[];
  close(): Promise<void>;
}

export async function startOwnServer(
  limits: Partial<RealtimeLimits> = {},
  {
    port = 0,
    dbUrl = superuserUrl,
    publicTopics,
  }: { port?: number; dbUrl?: string; publicTopics?: boolean } = {},
): Promise<OwnServer> {
  const notices: string[] = [];
  const realtime = await startRealtime({
    dbUrl,
    keys,
    publicTopics,
    limits: { joinErrorDelayMs: 10, ...limits },
    log: (line) => notices.push(line),
  });
  const http = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const response = await realtime.fetch(
      new Request(`http://127.0.0.1${incoming.url}`, {
        method: incoming.method ?? 'GET',
        headers: Object.entries(incoming.headers).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]),
        body: chunks.length > 0 ? Buffer.concat(chunks) : null,
      }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  http.on('upgrade', (request, socket, head) => realtime.handleUpgrade(request, socket, head));
  await listen(http, port);
  const bound = (http.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    realtime,
    notices,
    async close() {
      await realtime.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** A user's token; the subject is the user's id. */
export function userToken(userId: string, seconds = 3600): Promise<string> {
  return signToken(keys, { sub: userId, role: 'authenticated', session_id: randomUUID() }, seconds);
}

export type Client = SupabaseClient;

// The client's own pauses before it reconnects are seconds long.
const realtimeOptions = { reconnectAfterMs: () => 100 };

/** Official clients that are closed together. */
export class Clients {
  readonly #clients: Client[] = [];

  /** A visitor. */
  open(url: string, options: { vsn?: '1.0.0' | '2.0.0' } = {}): Client {
    return this.#keep(
      createClient(url, keys.publishableKey, {
        realtime: { ...realtimeOptions, ...options },
        auth: { persistSession: false },
      }),
    );
  }

  /**
   * The bearer of what `token` returns at each moment. Waits for the first token: realtime-js 2.119
   * joins without one when a channel is subscribed before it has arrived.
   */
  async openAs(url: string, token: () => string): Promise<Client> {
    const client = createClient(url, keys.publishableKey, {
      realtime: realtimeOptions,
      accessToken: async () => token(),
    });
    await client.realtime.setAuth();
    return this.#keep(client);
  }

  #keep(client: Client): Client {
    this.#clients.push(client);
    return client;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.realtime.disconnect()));
  }
}

/** A topic that no other test uses. */
export function testTopic(): string {
  return `test:${randomUUID()}`;
}

/**
 * Topics for tests, with members: `test:` topics are private property of whoever `grant` names.
 * One call per test file; the policies carry the file's name and disappear with `drop`.
 */
export async function openPolicies(name: string) {
  const db = new pg.Pool({ connectionString: superuserUrl, max: 4 });
  db.on('error', () => undefined);
  const schema = `test_realtime_${name}`;
  const claim = `(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')`;
  const rule = (right: string) => `exists (
    select from ${schema}.members m
    where m.topic = (select realtime.topic()) and m.user_id = ${claim}
      and m.grants @> array[messages.extension || ':${right}'])`;
  await db.query(`
    drop schema if exists ${schema} cascade;
    create schema ${schema};
    create table ${schema}.members (topic text, user_id text, grants text[]);
    grant usage on schema ${schema} to authenticated;
    grant select on ${schema}.members to authenticated;
    create policy ${schema}_read on realtime.messages for select to authenticated
      using (topic like 'test:%' and ${rule('read')});
    create policy ${schema}_write on realtime.messages for insert to authenticated
      with check (topic like 'test:%' and ${rule('write')});
  `);
  return {
    db,
    /** Grants like `broadcast:read`, `broadcast:write`, `presence:read`, `presence:write`. */
    async grant(topic: string, userId: string, ...grants: string[]) {
      await db.query(`insert into ${schema}.members values ($1, $2, $3)`, [topic, userId, grants]);
    },
    async revoke(topic: string, userId: string) {
      await db.query(`delete from ${schema}.members where topic = $1 and user_id = $2`, [topic, userId]);
    },
    async drop() {
      await db.query(`
        drop policy ${schema}_read on realtime.messages;
        drop policy ${schema}_write on realtime.messages;
        drop schema ${schema} cascade;
      `);
      await db.end();
    },
  };
}

function listen(http: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => resolve());
  });
}
