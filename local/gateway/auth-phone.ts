// Signing in with a phone number, as the platform's Auth does it: @supabase/lite 0.10.0 has none of it. Codes go to the
// hook Send SMS, signed like the platform's.
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { Webhook } from 'standardwebhooks';
import { delay } from '../process.ts';
import { refuse } from './auth-admin.ts';
import { type AskAuth, refusalMs } from './auth-requests.ts';
import { json } from './http.ts';

type Body = Record<string, unknown>;

export interface PhoneAuth {
  jwtSecret: string;
  jwtExpiry: number;
  issuer: string;
  /** Where the hook is, and what signs its calls. */
  hook: { url: string; secret: string };
  enableSignup: boolean;
  /** Seconds between two codes to one number. */
  frequency: number;
}

const invalidCredentials = () => refuse(400, 'invalid_credentials', 'Invalid login credentials');

const codeSeconds = 600;

/** The number as Auth stores it: digits, without `+`. */
function digitsOf(phone: unknown): string | null {
  const digits = typeof phone === 'string' ? phone.replace(/^\+|[ ()-]/g, '') : '';
  return /^[1-9][0-9]{6,14}$/.test(digits) ? digits : null;
}

const hashOf = (phone: string, code: string): string =>
  createHash('sha256').update(`${phone}${code}`).digest('hex');

const columns = `id, aud, role, coalesce(email, '') as email, phone, phone_confirmed_at, confirmed_at, last_sign_in_at,
  raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata, created_at, updated_at, banned_until`;

async function beginSession(user: Body, ask: AskAuth, settings: PhoneAuth): Promise<Response> {
  if (user.banned_until !== null && new Date(String(user.banned_until)) > new Date()) {
    return refuse(400, 'user_banned', 'User is banned');
  }
  const sessionId = randomUUID();
  const refreshToken = randomBytes(16).toString('base64url');
  await ask(`insert into auth.sessions (id, user_id, aal) values ($1, $2, 'aal1')`, [sessionId, user.id]);
  await ask(`insert into auth.refresh_tokens (id, token, user_id, session_id) values ($1, $2, $3, $4)`, [
    randomUUID(),
    refreshToken,
    user.id,
    sessionId,
  ]);
  await ask('update auth.users set last_sign_in_at = now() where id = $1', [user.id]);
  const now = Math.floor(Date.now() / 1000);
  const { id, aud, role, email, phone, app_metadata, user_metadata } = user;
  const claims = { sub: id, aud, role, email, phone, app_metadata, user_metadata, session_id: sessionId };
  const token = await new SignJWT({ ...claims, aal: 'aal1', is_anonymous: false } as Record<string, unknown>)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(settings.issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + settings.jwtExpiry)
    .sign(new TextEncoder().encode(settings.jwtSecret));
  const { banned_until: _, ...shown } = user;
  return json(200, {
    access_token: token,
    token_type: 'bearer',
    expires_in: settings.jwtExpiry,
    expires_at: now + settings.jwtExpiry,
    refresh_token: refreshToken,
    user: { ...shown, identities: [], is_anonymous: false },
    weak_password: null,
  });
}

/** `POST /otp`: a code to a number, which begins an account where there is none. */
async function sendCode(body: Body, ask: AskAuth, settings: PhoneAuth): Promise<Response> {
  const phone = digitsOf(body.phone);
  if (phone === null) return refuse(400, 'validation_failed', 'Invalid phone number format (E.164 required)');
  const { rows } = await ask(
    `select id, raw_user_meta_data as user_metadata, greatest(0, extract(epoch from recovery_sent_at + make_interval(secs => $2) - now())) as wait
     from auth.users where phone = $1 and deleted_at is null`,
    [phone, settings.frequency],
  );
  let user = rows[0];
  if (Number(user?.wait ?? 0) > 0) {
    const seconds = Math.ceil(Number(user?.wait));
    return refuse(
      429,
      'over_sms_send_rate_limit',
      `For security purposes, you can only request this after ${seconds} seconds.`,
    );
  }
  if (!user) {
    if (body.create_user === false || !settings.enableSignup) {
      return refuse(422, 'otp_disabled', 'Signups not allowed for otp');
    }
    const made = await ask(
      `insert into auth.users (id, aud, role, phone, raw_app_meta_data, raw_user_meta_data)
       values ($1, 'authenticated', 'authenticated', $2, '{"provider": "phone", "providers": ["phone"]}', $3)
       returning id, raw_user_meta_data as user_metadata`,
      [randomUUID(), phone, JSON.stringify(body.data ?? {})],
    );
    user = made.rows[0] ?? {};
  }
  const otp = String(randomInt(1_000_000)).padStart(6, '0');
  await ask('update auth.users set recovery_token = $2, recovery_sent_at = now() where id = $1', [
    user.id,
    hashOf(phone, otp),
  ]);
  const message = JSON.stringify({
    user: { id: user.id, phone, user_metadata: user.user_metadata ?? {} },
    sms: { otp, phone },
  });
  const id = randomUUID();
  const at = new Date();
  const answer = await fetch(settings.hook.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(settings.hook.secret).sign(id, at, message),
    },
    body: message,
  });
  const said = (await answer.json().catch(() => ({}))) as {
    error?: { http_code?: number; message?: string };
  };
  if (!answer.ok) return refuse(500, 'hook_timeout', 'Failed to reach hook within maximum time');
  if (said.error) return refuse(said.error.http_code ?? 500, 'sms_send_failed', String(said.error.message));
  return json(200, { message_id: id });
}

/** `POST /verify` of a code that went to a number. */
async function takeCode(body: Body, ask: AskAuth, settings: PhoneAuth): Promise<Response> {
  const phone = digitsOf(body.phone);
  const expired = () => refuse(403, 'otp_expired', 'Token has expired or is invalid');
  if (phone === null || typeof body.token !== 'string') return expired();
  // one statement: a code is accepted once
  const { rows } = await ask(
    `update auth.users set recovery_token = '', phone_confirmed_at = coalesce(phone_confirmed_at, now())
     where phone = $1 and recovery_token = $2 and recovery_sent_at > now() - make_interval(secs => $3) and deleted_at is null
     returning ${columns}`,
    [phone, hashOf(phone, body.token), codeSeconds],
  );
  return rows[0] ? beginSession(rows[0], ask, settings) : expired();
}

/** `POST /token` with a number and a password. `asAdmin` may use pgcrypto, which the role of Auth may not. */
async function takePassword(
  body: Body,
  ask: AskAuth,
  asAdmin: AskAuth,
  settings: PhoneAuth,
): Promise<Response> {
  const earliest = delay(refusalMs);
  const phone = digitsOf(body.phone);
  const { rows } = await asAdmin(
    `select ${columns} from auth.users
     where phone = $1 and phone_confirmed_at is not null and deleted_at is null
       and case when encrypted_password like '$2%' then
         -- pgcrypto knows the prefix $2a$ alone, for the same hash
         extensions.crypt($2, overlay(encrypted_password placing '$2a' from 1 for 3)) = overlay(encrypted_password placing '$2a' from 1 for 3)
       end`,
    [phone ?? '', typeof body.password === 'string' ? body.password : ''],
  );
  if (rows[0]) return beginSession(rows[0], ask, settings);
  await earliest;
  return invalidCredentials();
}

/** Answers the requests of Auth that name a phone number and no mail address; null for every other. */
export async function answerPhone(
  request: Request,
  ask: AskAuth,
  asAdmin: AskAuth,
  settings: PhoneAuth,
): Promise<Response | null> {
  if (request.method !== 'POST') return null;
  const url = new URL(request.url);
  const at = /\/auth\/v1\/(otp|verify|token|signup)$/.exec(url.pathname)?.[1];
  if (at === undefined) return null;
  const body = (await request
    .clone()
    .json()
    .catch(() => null)) as Body | null;
  if (typeof body !== 'object' || body === null || typeof body.phone !== 'string' || body.phone === '')
    return null;
  if (typeof body.email === 'string' && body.email !== '') return null;
  if (Object.values(body).some((one) => typeof one === 'string' && one.includes('\0'))) return null;
  if (at === 'otp') return sendCode(body, ask, settings);
  if (at === 'verify') return takeCode(body, ask, settings);
  if (at === 'token' && url.searchParams.get('grant_type') === 'password') {
    return takePassword(body, ask, asAdmin, settings);
  }
  return refuse(
    400,
    'validation_failed',
    'The local stack begins an account with a phone number by a code: POST /otp.',
  );
}
