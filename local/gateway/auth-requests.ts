// What @supabase/lite 0.10.0 does otherwise than the platform's Auth, mended around it.
import { delay } from '../process.ts';
import { json } from './http.ts';

/** Asks the database of Auth. */
export type AskAuth = (sql: string, parameters: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>;

type Body = Record<string, unknown>;

const refuse = (code: string, msg: string): Response => json(400, { code: 400, error_code: code, msg });

const texts = ['email', 'phone', 'password', 'token', 'token_hash', 'type', 'refresh_token', 'auth_code'];

/** Where the platform's reader writes U+FFFD, which is the only thing that PostgreSQL can store. */
const wellFormed = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.toWellFormed() : value;

const hasNul = (value: unknown): boolean => {
  if (typeof value === 'string') return value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, one]) => hasNul(key) || hasNul(one));
};

/** The body with what lite cannot read mended, or the refusal; null when lite should judge it. */
function mendBody(text: string): Body | Response | null {
  let body: unknown;
  try {
    body = JSON.parse(text, wellFormed);
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return refuse('bad_json', 'Could not parse request body as JSON: it must be an object');
  }
  const fields = body as Body;
  const wrong = texts.find((name) => name in fields && typeof (fields[name] ?? '') !== 'string');
  if (wrong) return refuse('bad_json', `Could not parse request body as JSON: ${wrong} must be a string`);
  if (hasNul(fields)) return refuse('validation_failed', 'The character U+0000 cannot be stored.');
  // The platform takes a mailed code as type "email" whatever it was sent for; lite knows only the names of the
  // single occasions, of which "magiclink" looks in the same places.
  return fields.type === 'email' ? { ...fields, type: 'magiclink' } : fields;
}

const banned = () => refuse('user_banned', 'User is banned');

/** Ends the session that was just begun for somebody who is banned, and says so. */
async function refuseBanned(response: Response, ask: AskAuth): Promise<Response> {
  if (!response.ok) return response;
  const { access_token: token } = (await response.clone().json()) as { access_token?: string };
  const claims = token?.split('.')[1];
  if (!claims) return response;
  const { session_id } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { session_id: string };
  const { rows } = await ask(
    `delete from auth.sessions s using auth.users u
     where s.id = $1 and u.id = s.user_id and u.banned_until > now() returning s.id`,
    [session_id],
  );
  return rows.length > 0 ? banned() : response;
}

// Longer than comparing a password takes: else the time of an answer tells whether there is such an account.
export const refusalMs = 500;

async function takeToken(request: Request, body: Body, serve: Serve, ask: AskAuth): Promise<Response> {
  if (typeof body.refresh_token === 'string') {
    const { rows } = await ask(
      `select from auth.refresh_tokens t join auth.users u on u.id::text = t.user_id::text
       where t.token = $1 and u.banned_until > now()`,
      [body.refresh_token],
    );
    return rows.length > 0 ? banned() : serve(request);
  }
  const earliest = delay(refusalMs);
  const response = await refuseBanned(await serve(request), ask);
  if (!response.ok) await earliest;
  return response;
}

type Serve = (request: Request) => Promise<Response>;

/** Serves `/auth/v1` by lite, with the differences mended. */
export function mendAuth(serve: Serve, ask: AskAuth): Serve {
  return async (request) => {
    const url = new URL(request.url);
    if (url.search.includes('%00')) {
      return refuse('validation_failed', 'The character U+0000 cannot be stored.');
    }
    const verify = url.pathname.endsWith('/auth/v1/verify');
    if (verify && url.searchParams.get('type') === 'email') url.searchParams.set('type', 'magiclink');
    if (request.method !== 'POST' && request.method !== 'PUT') {
      return serve(verify ? new Request(url, request) : request);
    }
    const text = await request.text();
    const body = mendBody(text);
    if (body instanceof Response) return body;
    const again = new Request(url, {
      method: request.method,
      headers: request.headers,
      body: body ? JSON.stringify(body) : text,
    });
    if (body && url.pathname.endsWith('/auth/v1/token')) return takeToken(again, body, serve, ask);
    return verify ? refuseBanned(await serve(again), ask) : serve(again);
  };
}
