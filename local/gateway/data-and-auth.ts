import { App, type EmailDriver, RelationNotFoundError } from '@supabase/lite';
import { Client } from 'pg';
import { apiUrl, databaseUrl, mailUrl, type StackConfig } from '../config.ts';
import { hookSecrets } from '../functions/environment.ts';
import { readProjectSettings } from '../project-settings.ts';
import { answerAdmin } from './auth-admin.ts';
import { answerPhone, type PhoneAuth } from './auth-phone.ts';
import { type AskAuth, mendAuth } from './auth-requests.ts';
import { ask, authConnection, dataApiConnection, serving } from './connection.ts';
import { AnsweredFailure } from './errors.ts';
import { json } from './http.ts';
import { LostConnection } from './reservations.ts';

/** `/rest/v1` and `/auth/v1`, both served by `@supabase/lite`. */
export interface DataAndAuth {
  rest(request: Request): Promise<Response>;
  auth(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/** Sends Auth's mails as the functions send theirs: to the mail catcher, in Resend's format. */
function mailDriver(config: StackConfig, siteUrl: string): EmailDriver {
  // lite 0.10.0 builds links below the address of the site; the platform builds them below that of the API.
  const wrong = `${siteUrl.replace(/\/$/, '')}/auth/v1/verify`;
  const right = `${apiUrl(config)}/auth/v1/verify`;
  const mend = (text?: string) => text?.replaceAll(wrong, right);
  return {
    async send(message) {
      const answer = await fetch(`${mailUrl(config)}/emails`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer re_local' },
        body: JSON.stringify({
          from: 'Journey <auth@journey.local>',
          to: message.to,
          subject: message.subject,
          text: mend(message.text),
          html: mend(message.html),
        }),
      });
      if (!answer.ok) throw new Error(`The mail catcher answered ${answer.status}.`);
    },
  };
}

/**
 * lite prints every database error, also those that it answers to a client. Those need no log line. A lost
 * database does, but not for every request: Realtime reports it once.
 */
function silenceAnsweredFailures(): () => void {
  const original = console.error;
  console.error = (...parts: unknown[]) => {
    const known = [AnsweredFailure, RelationNotFoundError, LostConnection];
    const answered = parts.some((part) => known.some((kind) => part instanceof kind));
    if (!answered) original(...parts);
  };
  return () => {
    console.error = original;
  };
}

const listenAgainMs = 1000;

/**
 * Drops the cached schema when the database says that it changed, as PostgREST does. Reconnects after a lost
 * connection, and then reads what changed meanwhile.
 */
async function listenForChanges(
  adminUrl: string,
  onChange: () => Promise<void>,
): Promise<{ close(): Promise<void> }> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Client | undefined;
  const readAgain = () => {
    onChange().catch((error: unknown) =>
      console.error(`The schema could not be read again: ${String(error)}`),
    );
  };
  const listen = async () => {
    const client = new Client({ connectionString: adminUrl, application_name: 'journey schema listener' });
    current = client;
    client.on('notification', readAgain);
    // a broken connection is reported here and in `end`
    client.on('error', () => {});
    await client.connect();
    client.once('end', again);
    await client.query('listen pgrst');
  };
  const again = () => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      listen().then(readAgain, again);
    }, listenAgainMs);
  };
  await listen();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await current?.end();
    },
  };
}

/** As PostgreSQL refuses it. In the name of a column, lite 0.10.0 would break its connection with it. */
const noNul = (): Response =>
  json(400, {
    code: '22021',
    message: 'invalid byte sequence for encoding "UTF8": 0x00',
    details: null,
    hint: null,
  });

/** Starts the Data API and Auth over the stack's database. */
export async function createDataAndAuth(config: StackConfig): Promise<DataAndAuth> {
  const restoreConsole = silenceAnsweredFailures();
  const settings = readProjectSettings();
  const siteUrl = String(settings.get('auth', 'site_url') ?? 'http://127.0.0.1:3000');
  const keys = {
    enabled: true,
    jwt_secret: config.jwtSecret,
    publishable_key: config.publishableKey,
    secret_key: config.secretKey,
  };
  const minimumLength = Number(settings.get('auth', 'minimum_password_length') ?? 6);
  const data = await dataApiConnection(databaseUrl(config, 'supabase_admin'));
  const users = await authConnection(databaseUrl(config, 'supabase_auth_admin'));
  const restApp = new App({
    connection: data,
    api: { schemas: ['public'], extra_search_path: ['public', 'extensions'], max_rows: 1000 },
    auth: keys,
    studio: { enabled: false },
  });
  const authApp = new App({
    connection: users,
    auth: {
      ...keys,
      site_url: siteUrl,
      additional_redirect_urls: settings.get('auth', 'additional_redirect_urls') as string[] | undefined,
      jwt_expiry: Number(settings.get('auth', 'jwt_expiry') ?? 3600),
      enable_signup: settings.get('auth', 'enable_signup') !== false,
      minimum_password_length: minimumLength,
      refresh_token_reuse_interval: Number(settings.get('auth', 'refresh_token_reuse_interval') ?? 10),
      email: {
        enable_signup: settings.get('auth.email', 'enabled') !== false,
        enable_confirmations: settings.get('auth.email', 'enable_confirmations') === true,
        double_confirm_changes: settings.get('auth.email', 'double_confirm_changes') !== false,
        otp_length: Number(settings.get('auth.email', 'otp_length') ?? 6),
        otp_expiry: Number(settings.get('auth.email', 'otp_expiry') ?? 3600),
      },
    },
    studio: { enabled: false },
    options: { drivers: { email: mailDriver(config, siteUrl) } },
  });
  const listener = await listenForChanges(databaseUrl(config, 'supabase_admin'), () =>
    data.clearSchemaCache(),
  );
  const askUsers: AskAuth = (sql, parameters) => ask(users, sql, parameters);
  // the role of Auth may not use pgcrypto
  const asAdmin: AskAuth = (sql, parameters) => ask(data, sql, parameters);
  const phone: PhoneAuth = {
    jwtSecret: config.jwtSecret,
    jwtExpiry: Number(settings.get('auth', 'jwt_expiry') ?? 3600),
    issuer: `${apiUrl(config)}/auth/v1`,
    hook: {
      url: `${apiUrl(config)}/functions/v1/auth-hooks/send-sms`,
      secret: hookSecrets.SEND_SMS_HOOK_SECRET.replace('v1,', ''),
    },
    enableSignup: settings.get('auth.sms', 'enable_signup') === true,
    frequency: Number.parseInt(String(settings.get('auth.sms', 'max_frequency') ?? '60'), 10),
  };
  const auth = mendAuth(async (request) => authApp.fetch(request), askUsers);
  return {
    rest: async (request) =>
      new URL(request.url).search.includes('%00') ? noNul() : serving(request, () => restApp.fetch(request)),
    auth: async (request) =>
      (await answerAdmin(request, config, asAdmin, minimumLength)) ??
      (await answerPhone(request, askUsers, asAdmin, phone)) ??
      (await auth(request)),
    async close() {
      restoreConsole();
      await Promise.allSettled([listener.close(), data.close(), users.close()]);
    },
  };
}
