import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { z } from 'zod';
import type { Env } from './env.ts';
import { appError, fromPostgrest } from './errors.ts';
import type { User } from './http.ts';
import type { Trace } from './trace.ts';

/** Calls functions of the database. Throws `AppError` when a call fails. */
export interface Rpc {
  /** Calls a function and checks its answer against a contract. */
  call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
}

/** The files in Storage, as the service. */
export interface ObjectStore {
  /** The bytes of a file, or null when there is none. */
  read(bucket: string, path: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** The number of its bytes, which are not read, or null when there is none. */
  size(bucket: string, path: string): Promise<number | null>;
  /** Moves a file to another bucket. Answers whether there was something to move. */
  move(bucket: string, from: string, toBucket: string, to: string): Promise<boolean>;
  remove(bucket: string, path: string): Promise<void>;
}

/** The platform as functions see it. */
export interface Db {
  /** As the service. Row policies do not apply; only commands that are granted to the service may be called. */
  service(trace: Trace): Rpc;
  /** As the person who calls. */
  asUser(user: User, trace: Trace): Rpc;
  objects: ObjectStore;
  verifyUser(token: string): Promise<User | null>;
  /** Sets the password of an account. Answers why Auth refused it, or null. */
  setPassword(userId: string, password: string): Promise<string | null>;
  /** Deletes an account softly: its row stays, and its addresses, sessions and ways to sign in go. Repeatable. */
  deleteUser(userId: string): Promise<void>;
}

const timeoutMs = 10_000;

// getClaims (supabase-js 2.119) throws a plain Error for any other algorithm. That would look like a fault of
// ours.
function hasKnownAlgorithm(token: string): boolean {
  try {
    const [header = ''] = token.split('.');
    const { alg } = JSON.parse(atob(header.replaceAll('-', '+').replaceAll('_', '/'))) as { alg?: unknown };
    return alg === 'HS256' || alg === 'ES256' || alg === 'RS256';
  } catch {
    return false;
  }
}

function rpcOn(client: SupabaseClient, headers: Record<string, string>): Rpc {
  return {
    async call(name, args, answer) {
      let request = client.rpc(name, args);
      for (const [header, value] of Object.entries(headers)) request = request.setHeader(header, value);
      const { data, error, status } = await request.abortSignal(AbortSignal.timeout(timeoutMs));
      if (error) throw fromPostgrest(error, status);
      const parsed = answer.safeParse(data);
      if (parsed.success) return parsed.data;
      throw appError(
        'internal',
        {},
        new Error(`${name} answered outside its contract: ${parsed.error.message}`),
      );
    },
  };
}

/** Connects to the platform that the environment names. Makes no call by itself. */
export function createDb(env: Env): Db {
  const auth = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false };
  const secretKey = env.SUPABASE_SECRET_KEYS.default ?? '';
  const publishableKey = env.SUPABASE_PUBLISHABLE_KEYS.default ?? '';
  const serviceClient = createClient(env.SUPABASE_URL, secretKey, { auth });
  const publicClient = createClient(env.SUPABASE_URL, publishableKey, { auth });
  const traceHeaders = (trace: Trace) => ({
    'x-correlation-id': trace.correlationId,
    traceparent: trace.traceparent,
  });

  return {
    service: (trace) => rpcOn(serviceClient, traceHeaders(trace)),
    asUser: (user, trace) =>
      rpcOn(publicClient, { ...traceHeaders(trace), authorization: `Bearer ${user.token}` }),
    objects: {
      async read(bucket, path) {
        const { data, error } = await serviceClient.storage.from(bucket).download(path);
        if (data) return new Uint8Array(await data.arrayBuffer());
        const { status } = error;
        if (status === 400 || status === 404) return null;
        throw appError('internal', {}, error);
      },
      async size(bucket, path) {
        const { data, error } = await serviceClient.storage.from(bucket).info(path);
        if (data) return data.size ?? null;
        const { status } = error;
        if (status === 400 || status === 404) return null;
        throw appError('internal', {}, error);
      },
      async move(bucket, from, toBucket, to) {
        const options = { destinationBucket: toBucket };
        const { error } = await serviceClient.storage.from(bucket).move(from, to, options);
        if (!error) return true;
        const { status } = error;
        if (status === 400 || status === 404) return false;
        throw appError('internal', {}, error);
      },
      async remove(bucket, path) {
        const { error } = await serviceClient.storage.from(bucket).remove([path]);
        if (error) throw appError('internal', {}, error);
      },
    },
    async setPassword(userId, password) {
      const { error } = await serviceClient.auth.admin.updateUserById(userId, { password });
      if (!error) return null;
      if (error.status === 422 || error.code === 'weak_password') return error.message;
      throw appError('internal', {}, error);
    },
    async deleteUser(userId) {
      const { error } = await serviceClient.auth.admin.deleteUser(userId, true);
      if (error && error.status !== 404) throw appError('internal', {}, error);
    },
    // getClaims verifies ES256 and RS256 with the published keys, and asks the Auth server about HS256. So it
    // works for projects with old and with new signing keys.
    async verifyUser(token) {
      if (!hasKnownAlgorithm(token)) return null;
      const { data, error } = await publicClient.auth.getClaims(token);
      if (error) {
        const status = error.status ?? 0;
        if (error.name === 'AuthRetryableFetchError' || status >= 500) throw appError('internal', {}, error);
        return null;
      }
      const claims = data?.claims;
      if (!claims?.sub || claims.role !== 'authenticated') return null;
      return { id: claims.sub, token, sessionId: claims.session_id };
    },
  };
}
