import { AppError, appError } from '../errors.ts';
import type { ProviderName } from './provider.ts';

/** What a call to a provider's API needs from outside. Tests pass their own. */
export interface Outside {
  fetch: typeof fetch;
  /** Milliseconds since 1970. */
  now(): number;
}

export interface ApiAnswer {
  status: number;
  /** Empty when the answer was not a JSON object. */
  body: Record<string, unknown>;
}

/**
 * The cooldown in seconds when a provider does not name one. It is short, because it grows while the provider
 * goes on refusing.
 */
const defaultCooldown = 2;
const longestCooldown = 3600;

interface RateLimit {
  /** How long the cooldown lasts, when the provider says so. */
  seconds?: number | undefined;
  /** Only queries are refused; orders, such as a refund, are accepted. */
  queriesOnly?: boolean;
}

class RateLimitError extends Error {
  readonly queriesOnly: boolean;

  constructor(message: string, queriesOnly: boolean) {
    super(message);
    this.queriesOnly = queriesOnly;
  }
}

/**
 * The error of a rate-limited provider. The call did nothing and told us nothing, and the next query would fail
 * too. It is `provider_unavailable` with the time to wait.
 */
export function rateLimited(
  provider: string,
  code: string,
  { seconds = defaultCooldown, queriesOnly = false }: RateLimit = {},
): AppError {
  const cooldown = Math.min(Math.max(Math.ceil(seconds), 1), longestCooldown);
  const cause = new RateLimitError(`${provider} is rate limited (${code})`, queriesOnly);
  return appError('provider_unavailable', { provider, retry_after: cooldown }, cause);
}

/** How long a provider is left alone, for which calls, and why. */
export interface CooldownRequest {
  seconds: number;
  queriesOnly: boolean;
  reason: string;
}

/** The cooldown that a `rateLimited` error asks for; null for every other error. */
export function cooldownRequested(error: unknown): CooldownRequest | null {
  if (!(error instanceof AppError && error.cause instanceof RateLimitError)) return null;
  const { queriesOnly, message: reason } = error.cause;
  return { seconds: Number(error.details.retry_after), queriesOnly, reason };
}

/** `Retry-After` in seconds. Its other form, a date, and nonsense count as absent. */
export function secondsOf(retryAfter: string | null | undefined): number | undefined {
  return /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
}

interface CallInit {
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: unknown;
  timeoutMs?: number;
  /** The header that says how long to wait, when the provider has one of its own besides `Retry-After`. */
  retryAfter?: string;
}

/**
 * Calls a provider's API and reads the JSON object of its answer. Throws `provider_unavailable` when no such
 * answer comes in time, and `rateLimited` for HTTP 429. Any other HTTP error with a JSON object counts as an
 * answer.
 */
export async function callApi(
  provider: ProviderName,
  url: string,
  init: CallInit,
  fetcher: typeof fetch,
): Promise<ApiAnswer> {
  try {
    const response = await fetcher(url, {
      method: init.method,
      headers: { 'content-type': 'application/json; charset=UTF-8', ...init.headers },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      signal: AbortSignal.timeout(init.timeoutMs ?? 6_000),
    });
    if (response.status === 429) {
      await response.body?.cancel();
      const own = init.retryAfter === undefined ? null : response.headers.get(init.retryAfter);
      throw rateLimited(provider, '429', {
        seconds: secondsOf(own ?? response.headers.get('retry-after')),
      });
    }
    const body: unknown = await response.json();
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Error(`HTTP ${response.status}, not an object`);
    return { status: response.status, body: { ...body } };
  } catch (error) {
    throw error instanceof AppError ? error : appError('provider_unavailable', { provider }, error);
  }
}
