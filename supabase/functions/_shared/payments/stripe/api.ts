import Stripe from 'stripe';
import { appError } from '../../errors.ts';
import { type Outside, rateLimited, secondsOf } from '../call.ts';
import type { StripeConfig } from './config.ts';

/** What a call to Stripe needs besides the attempt. */
export interface StripeTools extends Outside {
  config: StripeConfig;
  client: Stripe;
}

/** Stripe's client, on fetch, pinned to the API version that its types describe. */
export function createClient(config: StripeConfig, { fetch }: Outside): Stripe {
  const url = new URL(config.apiUrl);
  const folder = url.pathname.replace(/\/$/, '');
  // the client accepts a host and a port, but the sandbox is a folder of a host
  const inFolder: typeof fetch = (input, init) => {
    const target = new URL(String(input));
    target.pathname = folder + target.pathname;
    return fetch(target, init);
  };
  return new Stripe(config.secretKey, {
    apiVersion: '2026-10-28.endive',
    httpClient: Stripe.createFetchHttpClient(folder === '' ? fetch : inFolder),
    host: url.hostname,
    port: url.port || (url.protocol === 'http:' ? 80 : 443),
    protocol: url.protocol === 'http:' ? 'http' : 'https',
    // a repeat carries the same idempotency key
    maxNetworkRetries: 1,
    timeout: 6_000,
    telemetry: false,
  });
}

/** The result of a call that was answered. */
export type Answered<T> =
  | { kind: 'done'; value: T }
  /** Stripe wants to be asked about this one later. */
  | { kind: 'busy'; reason: string }
  /** Stripe refused. `code` is Stripe's own, and `param` names the wrong parameter. */
  | { kind: 'refused'; code: string; param: string };

/**
 * Makes one call. Throws `provider_unavailable` when the answer proves nothing, and `rateLimited` when Stripe
 * says so.
 */
export async function callStripe<T>(call: () => Promise<T>): Promise<Answered<T>> {
  try {
    return { kind: 'done', value: await call() };
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    const status = error.statusCode ?? 0;
    const code = error.code ?? error.rawType ?? 'unknown';
    // another call with this idempotency key, or about the same object, is still running
    if (status === 409 || code === 'lock_timeout') return { kind: 'busy', reason: code };
    if (status === 429)
      throw rateLimited('stripe', code, { seconds: secondsOf(error.headers?.['retry-after']) });
    // 401 and 403 are about our key and not about the payment
    const refused = status >= 400 && status < 500 && status !== 401 && status !== 403;
    if (refused) return { kind: 'refused', code, param: error.param ?? '' };
    throw appError('provider_unavailable', { provider: 'stripe' }, error);
  }
}
