// The one call of Auth's admin API that functions make. @supabase/lite 0.10.0 has no admin API.
import type { AskAuth } from './auth-requests.ts';
import { type CallerKeys, resolveCaller } from './caller.ts';
import { json } from './http.ts';

const path = /\/auth\/v1\/admin\/users\/([0-9a-f-]{36})$/i;

const refuse = (status: number, code: string, msg: string, more: object = {}): Response =>
  json(status, { code: status, error_code: code, msg, ...more });

/**
 * `PUT /auth/v1/admin/users/{id}` with a new password, as the platform answers it; null for every other request. Other
 * fields are refused, so that nobody relies on what is not here.
 */
export async function answerAdmin(
  request: Request,
  keys: CallerKeys,
  ask: AskAuth,
  minimumLength: number,
): Promise<Response | null> {
  const id = path.exec(new URL(request.url).pathname)?.[1];
  if (id === undefined || request.method !== 'PUT') return null;
  const caller = await resolveCaller(keys, {
    apikey: request.headers.get('apikey'),
    authorization: request.headers.get('authorization'),
  }).catch(() => null);
  if (caller?.role !== 'service_role') return refuse(403, 'not_admin', 'User not allowed');
  const body = (await request.json().catch(() => null)) as Record<string, unknown> | null;
  const { password, ...rest } = body ?? {};
  if (typeof password !== 'string' || Object.keys(rest).length > 0) {
    return refuse(400, 'validation_failed', 'The local stack takes a password here, and nothing else.');
  }
  if (password.length < minimumLength) {
    const msg = `Password should be at least ${minimumLength} characters.`;
    return refuse(422, 'weak_password', msg, { weak_password: { reasons: ['length'] } });
  }
  const { rows } = await ask(
    `update auth.users set encrypted_password = extensions.crypt($2, extensions.gen_salt('bf', 10)), updated_at = now()
     where id = $1 returning id, aud, role, email, phone, raw_user_meta_data as user_metadata, raw_app_meta_data as app_metadata, created_at, updated_at`,
    [id, password],
  );
  return rows[0] ? json(200, rows[0]) : refuse(404, 'user_not_found', 'User not found');
}
