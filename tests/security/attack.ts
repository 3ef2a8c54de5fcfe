import { expect } from 'vitest';
import { fetchFrom } from '../support/fetch-from.ts';
import { setting } from '../support/setting.ts';
import type { Person } from '../support/world.ts';

/** An answer of the public API, as an attacker reads it. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: unknown;
}

export interface Call {
  method?: string;
  /** A user's token; without it only the publishable key is sent. */
  token?: string;
  headers?: Record<string, string>;
  /** Another address of this machine, 127.x.y.z, to send from: limits count per network. */
  from?: string;
  /** An object is sent as JSON, anything else as it is. */
  body?: unknown;
}

/** The token that Auth gave somebody. */
export async function tokenOf({ journey }: Person): Promise<string> {
  const { data } = await journey.supabase.auth.getSession();
  if (!data.session) throw new Error('not signed in');
  return data.session.access_token;
}

/** Calls an address below the one that every client knows, without any client library in between. */
export async function call(
  path: string,
  { method = 'GET', token, headers, from, body }: Call = {},
): Promise<Answer> {
  const plain = typeof body === 'string' || body instanceof Uint8Array;
  const response = await (from ? fetchFrom(from) : fetch)(`${setting('API_URL')}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      apikey: setting('PUBLISHABLE_KEY'),
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (plain ? body : JSON.stringify(body)) as BodyInit }),
  });
  const text = await response.text();
  let content: unknown = null;
  try {
    content = JSON.parse(text);
  } catch {
    // a page, a file or nothing
  }
  return { status: response.status, headers: response.headers, text, body: content };
}

export const post = (
  path: string,
  body: unknown,
  more: Omit<Call, 'body' | 'method'> = {},
): Promise<Answer> => call(path, { method: 'POST', body, ...more });

/** The code of a refusal, in whichever shape the part of the API answers: ours, PostgREST's, Storage's or Auth's. */
export function codeOf({ body }: Answer): string {
  const { error, code, error_code, details } = (body ?? {}) as Record<string, unknown>;
  if (typeof error === 'object' && error !== null) return String((error as { code: unknown }).code);
  if (typeof code === 'string' && code.startsWith('PT'))
    return String((JSON.parse(String(details)) as { code: unknown }).code);
  return String(error_code ?? code ?? '');
}

// Words of the inside: our schema behind the API, SQL, source files, machines, secrets.
const inside =
  /private\.|PL\/pgSQL|\bselect\b[^"]*\bfrom\b|\binsert into\b|\bat [^"]*\.[jt]s:\d+|node_modules|file:\/\/|postgres(?:ql)?:\/\/|supabase_(?:admin|auth_admin|storage_admin)|ECONN|Deno\.|stack trace/i;

/** A refusal is the client's fault in words for a client, whatever was sent. */
export function expectCleanRefusal(answer: Answer, what: string): void {
  expect(answer.status, `${what}: ${answer.text.slice(0, 300)}`).toBeGreaterThanOrEqual(400);
  expectClean(answer, what);
}

/** No answer is an accident, and none tells of the inside. */
export function expectClean(answer: Answer, what: string): void {
  expect(answer.status, `${what}: ${answer.text.slice(0, 300)}`).toBeLessThan(500);
  expect(answer.text.slice(0, 2_000), what).not.toMatch(inside);
}
