import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { Client } from 'pg';
import type { StackEnvironment } from '../../local/environment.ts';

/** Where the stack under test is; `npm test` sets this. */
export function readStackEnvironment(): StackEnvironment {
  const names = ['API_URL', 'DB_URL', 'ADMIN_DB_URL', 'MAIL_URL', 'PUBLISHABLE_KEY', 'SECRET_KEY'] as const;
  const missing = names.filter((name) => !process.env[name]);
  if (missing.length > 0) throw new Error(`Run these with npm test: ${missing.join(', ')} not set.`);
  return process.env as unknown as StackEnvironment;
}

export const stack = readStackEnvironment();

const noSession = { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } };

export function visitor(): SupabaseClient {
  return createClient(stack.API_URL, stack.PUBLISHABLE_KEY, noSession);
}

export function service(): SupabaseClient {
  return createClient(stack.API_URL, stack.SECRET_KEY, noSession);
}

/** A client of a new user who is signed in. */
export async function member(): Promise<{
  client: SupabaseClient;
  id: string;
  email: string;
  token: string;
}> {
  const client = visitor();
  const email = `stack-${crypto.randomUUID()}@example.test`;
  const { data, error } = await client.auth.signUp({ email, password: 'a-long-password' });
  if (error || !data.user || !data.session) throw new Error(`Sign-up failed: ${error?.message}`);
  return { client, id: data.user.id, email, token: data.session.access_token };
}

/** Runs SQL as `postgres`, the way a migration does. */
export async function asPostgres<T>(work: (client: Client) => Promise<T>, url = stack.DB_URL): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Waits until the Data API has read the schema again and knows a function. */
export async function untilKnown(name: string, args: Record<string, unknown> = {}): Promise<void> {
  const client = service();
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const { error } = await client.rpc(name, args);
    if (error?.code !== 'PGRST202') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The Data API never learned of ${name}.`);
}
