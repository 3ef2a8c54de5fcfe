import { createClient } from '@supabase/supabase-js';
import { z } from 'zod';
import type { Settings } from './settings.ts';

/** An answer of the database that has a code of the registry. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The database and the files, with the rights of the service. */
export interface Backend {
  /** Calls a function and checks its answer. Throws `Refused` for an error of the registry. */
  call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
  /** The bytes of a file, or null when there is none. */
  read(bucket: string, path: string): Promise<Uint8Array | null>;
  /** Stores a file, in place of one that is there. */
  write(bucket: string, path: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** Removes files. One that is gone is no error. */
  remove(bucket: string, paths: readonly string[]): Promise<void>;
}

const callMs = 15_000;
const transferMs = 60_000;
/** As many as Storage removes in one request. */
const mostAtOnce = 1000;

const registryDetails = z.object({ code: z.string() });

function codeOf(details: string | null): string | null {
  try {
    return registryDetails.safeParse(JSON.parse(details ?? '')).data?.code ?? null;
  } catch {
    return null;
  }
}

export function connect({ url, secretKey }: Pick<Settings, 'url' | 'secretKey'>): Backend {
  const client = createClient(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: {
      // Storage takes no signal of its own
      fetch: (input, init) =>
        fetch(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(transferMs) }),
    },
  });
  return {
    async call(name, args, answer) {
      const { data, error } = await client.rpc(name, args).abortSignal(AbortSignal.timeout(callMs));
      if (!error) return answer.parse(data);
      const code = codeOf(error.details);
      throw code === null ? new Error(`${name}: ${error.message}`) : new Refused(code, error.message);
    },
    async read(bucket, path) {
      const { data, error } = await client.storage.from(bucket).download(path);
      if (data) return new Uint8Array(await data.arrayBuffer());
      if (error.status === 400 || error.status === 404) return null;
      throw error;
    },
    async write(bucket, path, bytes, contentType) {
      const options = { contentType, upsert: true, cacheControl: '31536000' };
      const { error } = await client.storage.from(bucket).upload(path, bytes, options);
      if (error) throw error;
    },
    async remove(bucket, paths) {
      for (let at = 0; at < paths.length; at += mostAtOnce) {
        const { error } = await client.storage.from(bucket).remove(paths.slice(at, at + mostAtOnce));
        if (error) throw error;
      }
    },
  };
}
