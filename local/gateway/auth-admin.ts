// The calls of Auth's admin API that functions make. @supabase/lite 0.10.0 has no admin API.
import { createHash } from 'node:crypto';
import type { AskAuth } from './auth-requests.ts';
import { type CallerKeys, resolveCaller } from './caller.ts';
import { json } from './http.ts';

const path = /\/auth\/v1\/admin\/users\/([0-9a-f-]{36})$/i;

export const refuse = (status: number, code: string, msg: string, more: object = {}): Response =>
  json(status, { code: status, error_code: code, msg, ...more });

type Body = Record<string, unknown>;

const userColumns = `id, aud, role, email, phone, raw_user_meta_data as user_metadata, raw_app_meta_data as app_metadata,
  created_at, updated_at, deleted_at`;
const answerUser = (rows: Body[]): Response =>
  rows[0] ? json(200, rows[0]) : refuse(404, 'user_not_found', 'User not found');

async function setPassword(id: string, body: Body, ask: AskAuth, minimumLength: number): Promise<Response> {
  const { password, ...rest } = body;
  if (typeof password !== 'string' || Object.keys(rest).length > 0) {
    return refuse(400, 'validation_failed', 'The local stack takes a password here, and nothing else.');
  }
  if (password.length < minimumLength) {
    const msg = `Password should be at least ${minimumLength} characters.`;
    return refuse(422, 'weak_password', msg, { weak_password: { reasons: ['length'] } });
  }
  const { rows } = await ask(
    `update auth.users set encrypted_password = extensions.crypt($2, extensions.gen_salt('bf', 10)), updated_at = now()
     where id = $1 returning ${userColumns}`,
    [id, password],
  );
  return answerUser(rows);
}

const obscured = (id: string, value: string): string =>
  createHash('sha256').update(`${id}${value}`).digest('base64url');

/** As the platform deletes softly: addresses become hashes, and all that opens the account is emptied. */
async function softDelete(id: string, ask: AskAuth): Promise<Response> {
  const { rows } = await ask('select email, phone, deleted_at from auth.users where id = $1', [id]);
  const user = rows[0];
  if (!user) return refuse(404, 'user_not_found', 'User not found');
  if (user.deleted_at !== null) return json(200, {});
  await ask(
    `with identity as (
       update auth.identities i set identity_data = '{}', provider_id = encode(sha256(convert_to($1::text || i.provider || ':' || i.provider_id, 'utf8')), 'base64')
       where i.user_id = $1::text::uuid
     ), session as (
       delete from auth.sessions where user_id = $1::text::uuid
     )
     update auth.users set email = $2, phone = $3, email_change = '', phone_change = '', encrypted_password = null,
       confirmation_token = '', recovery_token = '', email_change_token_current = '', email_change_token_new = '',
       phone_change_token = '', raw_user_meta_data = '{}', raw_app_meta_data = '{}', deleted_at = now()
     where id = $1::text::uuid`,
    [id, obscured(id, String(user.email ?? '')), obscured(id, String(user.phone ?? '')).slice(0, 15)],
  );
  return json(200, {});
}

/**
 * `GET /auth/v1/admin/users/{id}`, `PUT` with a new password, and `DELETE` with `should_soft_delete`, as the platform
 * answers them; null for every other request. Other fields are refused, so that nobody relies on what is not here.
 */
export async function answerAdmin(
  request: Request,
  keys: CallerKeys,
  ask: AskAuth,
  minimumLength: number,
): Promise<Response | null> {
  const id = path.exec(new URL(request.url).pathname)?.[1];
  if (id === undefined || !['GET', 'PUT', 'DELETE'].includes(request.method)) return null;
  const caller = await resolveCaller(keys, {
    apikey: request.headers.get('apikey'),
    authorization: request.headers.get('authorization'),
  }).catch(() => null);
  if (caller?.role !== 'service_role') return refuse(403, 'not_admin', 'User not allowed');
  if (request.method === 'GET') {
    return answerUser((await ask(`select ${userColumns} from auth.users where id = $1`, [id])).rows);
  }
  const body = ((await request.json().catch(() => null)) ?? {}) as Body;
  if (request.method === 'PUT') return setPassword(id, body, ask, minimumLength);
  if (body.should_soft_delete === true && Object.keys(body).length === 1) return softDelete(id, ask);
  return refuse(400, 'validation_failed', 'The local stack deletes a user softly, and not otherwise.');
}
