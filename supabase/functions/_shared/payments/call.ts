import { appError } from '../errors.ts';
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

/**
 * Calls a provider's API and reads the JSON object it answers with. Throws `provider_unavailable` when there is
 * no such answer in time; an HTTP error with a JSON object is an answer.
 */
export async function callApi(
  provider: ProviderName,
  url: string,
  init: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: unknown; timeoutMs?: number },
  fetcher: typeof fetch,
): Promise<ApiAnswer> {
  try {
    const response = await fetcher(url, {
      method: init.method,
      headers: { 'content-type': 'application/json; charset=UTF-8', ...init.headers },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      signal: AbortSignal.timeout(init.timeoutMs ?? 6_000),
    });
    const body: unknown = await response.json();
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Error(`HTTP ${response.status}, not an object`);
    return { status: response.status, body: { ...body } };
  } catch (error) {
    throw appError('provider_unavailable', { provider }, error);
  }
}
