import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiUrl, databaseUrl, mailUrl, type StackConfig, sandboxUrl } from '../config.ts';
import { StackError } from '../errors.ts';
import { expoAccessToken } from '../push/expo.ts';
import { loadVapidPair } from '../push/vapid-keys.ts';
import { sandboxSettings } from '../sandbox/merchants.ts';

/** Reads NAME=value lines, as the CLI reads `supabase/functions/.env`. */
export function parseEnvFile(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const pair = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (!pair?.[1] || pair[2] === undefined) continue;
    const quoted = /^(["'])(.*)\1$/.exec(pair[2]);
    found[pair[1]] = quoted?.[2] ?? pair[2].replace(/\s+#.*$/, '');
  }
  return found;
}

function secretsFromFile(root: string): Record<string, string> {
  const file = join(root, 'supabase', 'functions', '.env');
  if (!existsSync(file)) return {};
  const secrets = parseEnvFile(readFileSync(file, 'utf8'));
  const reserved = Object.keys(secrets).find((name) => name.startsWith('SUPABASE_'));
  if (reserved) {
    throw new StackError(
      `supabase/functions/.env sets ${reserved}, and the platform keeps names that begin with SUPABASE_ for itself.`,
      'Give it another name there and in the function that reads it.',
    );
  }
  return secrets;
}

/** What the hooks of Auth are signed with here. */
export const hookSecrets = {
  SEND_EMAIL_HOOK_SECRET: 'v1,whsec_bG9jYWwtaG9vay1mb3ItbWFpbHMtb2YtYXV0aA==',
  SEND_SMS_HOOK_SECRET: 'v1,whsec_bG9jYWwtaG9vay1mb3Itc21zLW9mLWF1dGguLi4=',
};

/** What the mail catcher signs its reports with. */
export const mailWebhookSecret = 'whsec_bG9jYWwtbWFpbC1jYXRjaGVyLXJlcG9ydHM=';
/** What tickets are signed with here. */
const ticketKeys = {
  keys: [
    {
      kty: 'OKP',
      crv: 'Ed25519',
      kid: 'local-1',
      x: 'RB1zArEFZaMjAQ7g3tLyIieT-faeW80Z7bey31mMhvM',
      d: 'Z3kwcND1mUADtfn7u1NnbEiOir5Jp0wpE6WZ82AKH4c',
    },
  ],
};

/**
 * The environment of a function: what the platform sets, the project's own secrets, and last the addresses of
 * this stack's parts, so that no secret of a real provider is ever used here.
 */
export function functionEnvironment(config: StackConfig): Record<string, string> {
  const publicFunctions = `${apiUrl(config)}/functions/v1`;
  const vapid = loadVapidPair(config.dir);
  return {
    ...secretsFromFile(config.root),
    SUPABASE_URL: apiUrl(config),
    SUPABASE_DB_URL: databaseUrl(config),
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: config.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: config.secretKey }),
    JOURNEY_ENV: 'local',
    PUBLIC_FUNCTIONS_URL: publicFunctions,
    RESEND_API_KEY: 're_local',
    RESEND_BASE_URL: mailUrl(config),
    MAIL_FROM: 'Journey <no-reply@journey.local>',
    RESEND_WEBHOOK_SECRET: mailWebhookSecret,
    ESMS_API_KEY: 'esms_local',
    ESMS_SECRET_KEY: 'esms_local_secret',
    ESMS_BRANDNAME: 'Journey',
    ESMS_API_URL: mailUrl(config),
    ESMS_CALLBACK_SECRET: 'local-secret-of-delivery-reports',
    VAPID_PUBLIC_KEY: vapid.publicKey,
    VAPID_PRIVATE_KEY: vapid.privateKey,
    VAPID_SUBJECT: 'mailto:operator@journey.local',
    EXPO_API_URL: mailUrl(config),
    EXPO_ACCESS_TOKEN: expoAccessToken,
    WEB_PUSH_LOCAL_URL: mailUrl(config),
    TICKET_SIGNING_KEYS: JSON.stringify(ticketKeys),
    ...hookSecrets,
    ...sandboxSettings(sandboxUrl(config)),
    ...config.functionEnv,
  };
}
