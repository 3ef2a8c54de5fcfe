import type { Env } from '../env.ts';

// Every provider takes its settings from the environment in the same way: all of them or none, and in
// production no key that is printed in a guide.

/** The named settings, or null when none of them is set. Throws when only some are. */
export function readSettings<Name extends keyof Env & string>(
  env: Env,
  names: readonly Name[],
): Record<Name, string> | null {
  if (names.every((name) => env[name] === undefined)) return null;
  const settings: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = String(env[name] ?? '').trim();
    if (value === '') {
      throw new Error(
        `${name} is empty. Set all of ${names.join(', ')}, or none to do without this provider.`,
      );
    }
    settings[name] = value;
  }
  return settings as Record<Name, string>;
}

/** Checks an address of a provider. Production accepts only https, and none of the provider's test hosts. */
export function checkUrl(env: Env, name: string, value: string, testHosts: readonly string[]): void {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new Error(`${name} is not an address. Set it to the one the provider gave at onboarding.`);
  }
  if (env.JOURNEY_ENV === 'production' && (url.protocol !== 'https:' || testHosts.includes(url.hostname))) {
    throw new Error(
      `${name} points at ${url.host}, which is not for real money. Set it to the live address.`,
    );
  }
}

/**
 * The public address of the functions, without a slash at its end. Providers receive it with each payment, so
 * production accepts only https: behind a proxy, `SUPABASE_URL` is often an internal address.
 */
export function publicFunctionsUrl(env: Env): string {
  const url = env.PUBLIC_FUNCTIONS_URL ?? `${env.SUPABASE_URL.replace(/\/+$/, '')}/functions/v1`;
  checkUrl(env, 'PUBLIC_FUNCTIONS_URL', url, []);
  return url.replace(/\/+$/, '');
}

/** Checks a secret. Production refuses secrets that are short, printed in public, or the local sandbox's. */
export function checkSecret(env: Env, name: string, value: string, publicSecrets: readonly string[]): void {
  const known = value.length < 16 || publicSecrets.includes(value) || /LOCAL[-_]?SANDBOX/i.test(value);
  if (env.JOURNEY_ENV === 'production' && known) {
    throw new Error(`${name} is a demo secret. Production needs the one the provider gave you.`);
  }
}
