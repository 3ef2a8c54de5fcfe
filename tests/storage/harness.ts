import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { createClient } from '@supabase/supabase-js';
import pg from 'pg';
import { type CallerKeys, signToken } from '../../local/gateway/caller.ts';
import { createStorage, type StorageOptions } from '../../local/storage/server.ts';

/** What a test of storage needs, whether a whole stack runs (API_URL is set) or only our server. */
export interface World {
  apiUrl: string;
  keys: CallerKeys;
  /** The superuser, for policies and for looking behind the API. */
  sql: pg.Client;
  /** The official storage client of a signed-in user. */
  user(id: string): Promise<Storage>;
  /** A visitor with the publishable key. */
  visitor: Storage;
  /** The holder of the secret key. */
  service: Storage;
  token(id: string): Promise<string>;
  /** Makes a bucket with its policies; both go when the world is closed. */
  bucket(options?: BucketOptions): Promise<string>;
  /** The files below the server's folder, when it is ours to look into. */
  filesOnDisk(): Promise<string[] | null>;
  close(): Promise<void>;
}

export type Storage = ReturnType<typeof createClient>['storage'];

type Right = 'select' | 'insert' | 'update' | 'delete';

export interface BucketOptions {
  public?: boolean;
  fileSizeLimit?: number;
  allowedMimeTypes?: string[];
  /** What users may do in their own folder, the one named by their id. */
  rights?: Right[];
}

export const everyRight: Right[] = ['select', 'insert', 'update', 'delete'];

/** Serves storage alone on a free port. */
export async function serveAlone(
  options: Partial<StorageOptions> & Pick<StorageOptions, 'dbUrl' | 'keys'>,
): Promise<{ url: string; dir: string; close(): Promise<void> }> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'storage-test-')));
  const storage = await createStorage({ publicUrl: 'http://127.0.0.1', ...options, dir });
  const answer = async (message: IncomingMessage, reply: ServerResponse) => {
    const bodiless = message.method === 'GET' || message.method === 'HEAD';
    const response = await storage.fetch(
      new Request(`http://127.0.0.1${message.url ?? '/'}`, {
        method: message.method ?? 'GET',
        headers: Object.entries(message.headers).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]),
        body: bodiless ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array>),
        duplex: 'half',
      } as RequestInit),
    );
    reply.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body) await pipeline(Readable.fromWeb(response.body as NodeStream), reply);
    else reply.end();
  };
  const server = createServer((message, reply) => {
    answer(message, reply).catch(() => reply.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    dir,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await storage.close();
      if (!options.dir) await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The address of the database, as the superuser. */
export function superuserUrl(): string {
  const given = process.env.DB_URL;
  if (!given)
    throw new Error('Set DB_URL to a database with the baseline, or run the tests with `npm test`.');
  const url = new URL(given);
  url.username = 'supabase_admin';
  return url.href;
}

export const testKeys: CallerKeys = {
  publishableKey: process.env.PUBLISHABLE_KEY ?? 'sb_publishable_test',
  secretKey: process.env.SECRET_KEY ?? 'sb_secret_test',
  jwtSecret: process.env.JWT_SECRET ?? 'a-secret-for-tests-of-at-least-32-bytes',
};

export async function openWorld(): Promise<World> {
  const keys = testKeys;
  const dbUrl = superuserUrl();
  const sql = new pg.Client({ connectionString: dbUrl });
  await sql.connect();
  const alone = process.env.API_URL ? null : await serveAlone({ dbUrl, keys });
  const apiUrl = alone?.url ?? process.env.API_URL ?? '';
  const run = randomUUID().slice(0, 8);
  const buckets: string[] = [];
  const policies: string[] = [];

  const connect = (key: string, token?: string): Storage =>
    createClient(apiUrl, key, {
      auth: { persistSession: false, autoRefreshToken: false },
      ...(token ? { accessToken: async () => token } : {}),
    }).storage;
  const token = (id: string) =>
    signToken(keys, { sub: id, role: 'authenticated', aud: 'authenticated', session_id: randomUUID() }, 3600);

  return {
    apiUrl,
    keys,
    sql,
    token,
    user: async (id) => connect(keys.publishableKey, await token(id)),
    visitor: connect(keys.publishableKey),
    service: connect(keys.secretKey),
    async bucket(options = {}) {
      const id = `test-${run}-${buckets.length}`;
      buckets.push(id);
      await sql.query(
        `insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
        values ($1, $1, $2, $3, $4)`,
        [id, options.public ?? false, options.fileSizeLimit ?? null, options.allowedMimeTypes ?? null],
      );
      const own = `bucket_id = '${id}' and (storage.foldername(name))[1] = (select auth.uid()::text)`;
      for (const right of options.rights ?? []) {
        const using = right === 'insert' ? '' : `using (${own})`;
        const check = right === 'insert' || right === 'update' ? `with check (${own})` : '';
        policies.push(`${id}-${right}`);
        await sql.query(
          `create policy "${id}-${right}" on storage.objects for ${right} to authenticated ${using} ${check}`,
        );
      }
      return id;
    },
    async filesOnDisk() {
      if (!alone) return null;
      const entries = await readdir(alone.dir, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    },
    async close() {
      for (const policy of policies) await sql.query(`drop policy "${policy}" on storage.objects`);
      const service = connect(keys.secretKey);
      for (const id of buckets) {
        await service.emptyBucket(id);
        await service.deleteBucket(id);
      }
      await sql.end();
      await alone?.close();
    },
  };
}

/** The refusal in a result, in the three words that clients look at; null when there is none. */
export function refusal(result: {
  error: unknown;
}): { status: string; code: string; message: string } | null {
  if (result.error === null) return null;
  const error = result.error as { statusCode: string; code: string; message: string };
  return { status: error.statusCode, code: error.code, message: error.message };
}
