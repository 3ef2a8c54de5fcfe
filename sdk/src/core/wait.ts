/** Waits, or ends early when the signal fires. Never rejects. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** How often a call is tried, and how long it waits between tries. */
export interface RetryPolicy {
  /** Tries after the first one. Default 3. */
  retries: number;
  /** Wait before the second try in milliseconds; doubles with each one. Default 300. */
  baseDelayMs: number;
  /** Longest wait of the backoff in milliseconds. Default 5000. */
  maxDelayMs: number;
  /** Longest wait a server may ask for (429); above it the error is returned at once. Default 20000. */
  maxRetryAfterMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  retries: 3,
  baseDelayMs: 300,
  maxDelayMs: 5000,
  maxRetryAfterMs: 20_000,
};

/** The wait before try number `tries + 1`: exponential, and jittered so that clients do not come back together. */
export function backoffMs(policy: Pick<RetryPolicy, 'baseDelayMs' | 'maxDelayMs'>, tries: number): number {
  const full = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (tries - 1));
  return full * (0.5 + Math.random() * 0.5);
}
