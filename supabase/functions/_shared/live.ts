import { calendarFetcher } from './calendars/fetch-calendar.ts';
import { createDb } from './db.ts';
import type { Deps } from './deps.ts';
import { readEnv } from './env.ts';

import { readHookSecrets, readMailWebhookSecrets } from './hook-secrets.ts';
import { createMailer } from './mail/mailer.ts';
import { createProviders, createTransfers } from './payments/index.ts';
import { allowedReturns } from './payments/return-url.ts';
import { publicFunctionsUrl } from './payments/settings.ts';
import { createPushSender } from './push/sender.ts';
import { createEsms } from './sms/esms.ts';
import { readTestCodes } from './sms/test-codes.ts';
import { readTicketKeys } from './tickets/keys.ts';
import { webhookSender } from './webhooks/send.ts';

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

async function resolveName(name: string): Promise<string[]> {
  const found = await Promise.allSettled([Deno.resolveDns(name, 'A'), Deno.resolveDns(name, 'AAAA')]);
  return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

/**
 * The real outside, set up from the environment. Each part is made when a handler first asks for it. So a
 * function starts without the settings of parts that it does not use, and refuses to start when the settings of
 * a part it uses are bad. A payment provider with bad settings is off, and the others work.
 */
export function liveDeps(): Deps {
  const env = readEnv(Deno.env.toObject());
  const db = once(() => createDb(env));
  const providers = once(() => createProviders(env));
  const transfers = once(() => createTransfers(env));
  const mailer = once(() => createMailer(env, () => publicFunctionsUrl(env)));
  const sms = once(() => createEsms(env, () => publicFunctionsUrl(env)));
  const push = once(() => createPushSender(env, Date.now));
  const testCodes = once(() => readTestCodes(env));
  const authHooks = once(() => readHookSecrets(env));
  const mailWebhookSecrets = once(() => readMailWebhookSecrets(env));
  const ticketKeys = once(() => readTicketKeys(env));
  const returns = once(() => ({ functionsUrl: publicFunctionsUrl(env), allowed: allowedReturns(env) }));
  return {
    http: {
      verifyUser: (token) => db().verifyUser(token),
      secretKeys: Object.values(env.SUPABASE_SECRET_KEYS),
      log: (line) => console.log(JSON.stringify(line)),
    },
    get db() {
      return db();
    },
    get providers() {
      return providers();
    },
    get transfers() {
      return transfers();
    },
    get mailer() {
      return mailer();
    },
    get sms() {
      return sms();
    },
    get push() {
      return push();
    },
    get testCodes() {
      return testCodes();
    },
    get authHooks() {
      return authHooks();
    },
    get mailWebhookSecrets() {
      return mailWebhookSecrets();
    },
    get returns() {
      return returns();
    },
    calendars: calendarFetcher({ fetch, resolve: resolveName }),
    webhooks: webhookSender(
      { fetch, resolve: resolveName, allowsLocal: env.JOURNEY_ENV === 'local' },
      Date.now,
    ),
    smsReportSecret: env.ESMS_CALLBACK_SECRET ?? null,
    metricsToken: env.METRICS_TOKEN ?? null,
    ticketKeys,
    now: Date.now,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
