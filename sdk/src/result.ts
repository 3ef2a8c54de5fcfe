import type { JourneyError } from './error.ts';

/** A call that worked. */
export interface Success<T> {
  data: T;
  error: null;
}

/** A call that failed. `error` says why and what to do. */
export interface Failed {
  data: null;
  error: JourneyError;
}

/**
 * What every method answers. Check `error`, and `data` is typed:
 *
 * @example
 * ```ts
 * const { data: quote, error } = await journey.quotes.create({ vehicleId, startsAt, endsAt });
 * if (error) return show(error.code);
 * pay(quote.total_amount);
 * ```
 */
export type Result<T> = Success<T> | Failed;

export function succeed<T>(data: T): Success<T> {
  return { data, error: null };
}

export function fail(error: JourneyError): Failed {
  return { data: null, error };
}
