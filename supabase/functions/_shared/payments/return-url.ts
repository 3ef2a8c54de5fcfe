import type { Env } from '../env.ts';
import { inputError } from '../errors.ts';

const longestReturnUrl = 255;

// an app in development: in a browser, under our own scheme, and in Expo Go
const allowedLocally = ['http://127.0.0.1', 'http://localhost', 'journey://', 'exp://'];

/** The addresses that payers may be sent to. On a developer's machine those of `allowedLocally` come on top. */
export function allowedReturns(env: Pick<Env, 'APP_RETURN_URLS' | 'JOURNEY_ENV'>): string[] {
  const given = env.APP_RETURN_URLS.split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  return env.JOURNEY_ENV === 'local' ? [...given, ...allowedLocally] : given;
}

function parse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/**
 * Whether a payer may be sent to this address. An entry is an app's scheme (`journey://`) or an origin. A
 * loopback origin allows all of its ports, because development servers choose theirs.
 */
export function isAllowedReturn(target: string, allowed: readonly string[]): boolean {
  const url = parse(target);
  if (url?.username !== '' || url.password !== '') return false;
  return allowed.some((entry) => {
    if (/^[a-z][a-z0-9+.-]*:\/\/$/i.test(entry)) {
      const scheme = entry.slice(0, -2).toLowerCase();
      return (
        !['http:', 'https:', 'javascript:', 'data:', 'file:'].includes(scheme) && url.protocol === scheme
      );
    }
    const origin = parse(entry);
    // every address of an app's scheme has the origin `null`, so only http has origins to compare
    if (!origin || !['http:', 'https:'].includes(origin.protocol) || origin.protocol !== url.protocol)
      return false;
    const loopback = ['127.0.0.1', 'localhost'].includes(origin.hostname) && origin.port === '';
    return loopback ? origin.hostname === url.hostname : origin.origin === url.origin;
  });
}

/** The provider's return address, with the address that the payer is sent to afterwards. */
export function withReturnTarget(
  returnUrl: string,
  target: string | undefined,
  allowed: readonly string[],
): string {
  if (target === undefined) return returnUrl;
  if (!isAllowedReturn(target, allowed)) {
    throw inputError('return_url', 'must begin with an address this project allows (APP_RETURN_URLS)');
  }
  const url = new URL(returnUrl);
  url.searchParams.set('to', target);
  if (url.href.length > longestReturnUrl) throw inputError('return_url', 'is too long');
  return url.href;
}
