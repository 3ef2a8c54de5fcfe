import { AppError, appError } from '../errors.ts';
import type { ProviderName } from './provider.ts';

/** What a call of a provider's API needs from outside; tests give their own. */
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

/** Seconds to leave a provider alone that does not say for how long; short, as refusals that go on lengthen it. */
const defaultCooldown = 2;
const longestCooldown = 3600;

interface TooOften {
  /** How long to leave it alone, when it says so. */
  seconds?: number | undefined;
  /** Only what became of a payment may not be asked; orders, such as a refund, are taken. */
  questionsOnly?: boolean;
}

class TooOftenError extends Error {
  readonly questionsOnly: boolean;

  constructor(message: string, questionsOnly: boolean) {
    super(message);
    this.questionsOnly = questionsOnly;
  }
}

/**
 * Of a provider that is rate limited: nothing was done, nothing was learnt, and the next question would fare no
 * better. `provider_unavailable` that says when to come again.
 */
export function rateLimited(
  provider: string,
  code: string,
  { seconds = defaultCooldown, questionsOnly = false }: TooOften = {},
): AppError {
  const cooldown = Math.min(Math.max(Math.ceil(seconds), 1), longestCooldown);
  const cause = new TooOftenError(`${provider} is asked too often (${code})`, questionsOnly);
  return appError('provider_unavailable', { provider, retry_after: cooldown }, cause);
}

/** For how long, for what and why a provider is to be left alone. */
export interface CooldownRequest {
  pauseSeconds: number;
  questionsOnly: boolean;
  reason: string;
}

/** What a refusal of `rateLimited` says; null for every other error. */
export function cooldownRequested(error: unknown): CooldownRequest | null {
  if (!(error instanceof AppError && error.cause instanceof TooOftenError)) return null;
  const { questionsOnly, message: reason } = error.cause;
  return { pauseSeconds: Number(error.details.retry_after), questionsOnly, reason };
}

/** `Retry-After` in seconds; its other form, a date, and nonsense are as good as nothing. */
export function secondsOf(retryAfter: string | null | undefined): number | undefined {
  return /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
}

interface CallInit {
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: unknown;
  timeoutMs?: number;
  /** The header that says when to come again, where the provider has one of its own beside `Retry-After`. */
  retryAfter?: string;
}

/**
 * Calls a provider's API and reads the JSON object it answers with. Throws `provider_unavailable` when there is
 * no such answer in time, and as `rateLimited` for HTTP 429; another HTTP error with a JSON object is an answer.
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
