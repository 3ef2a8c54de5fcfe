import { inputError } from '../_shared/errors.ts';

const longestReturnUrl = 255;

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
    if (!origin || origin.protocol !== url.protocol) return false;
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
