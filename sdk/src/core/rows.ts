import { JourneyError } from '../error.ts';
import { type ErrorCode, errorCatalog } from '../generated/errors.ts';
import { fail, type Result, succeed } from '../result.ts';
import type { CallOptions, Calls } from './calls.ts';
import { inputMessage } from './fields.ts';
import { createTraceId } from './ids.ts';

/** An error found here that the backend would name the same way: nothing was sent, or nothing was there. */
export function localError(
  code: ErrorCode,
  details: Record<string, unknown> = {},
  options?: CallOptions,
): JourneyError {
  return new JourneyError({
    code,
    status: errorCatalog[code].status,
    message: code === 'invalid_input' ? inputMessage(code, details) : errorCatalog[code].en,
    retryable: errorCatalog[code].retryable,
    details,
    correlationId: options?.correlationId ?? createTraceId(),
    outcome: 'not_applied',
    idempotencyKey: null,
    tries: 0,
  });
}

/** The one row of an answer, or the error that says there is none. */
export function firstOr<T>(result: Result<T[]>, code: ErrorCode, options?: CallOptions): Result<T> {
  if (result.error) return result;
  const row = result.data[0];
  return row === undefined ? fail(localError(code, {}, options)) : succeed(row);
}

/** The value of an answer, or the error that says there is none. */
export function valueOr<T>(result: Result<T | null>, code: ErrorCode, options?: CallOptions): Result<T> {
  if (result.error) return result;
  return result.data === null ? fail(localError(code, {}, options)) : succeed(result.data);
}

/** The id of the signed-in user, from the session at hand. */
export async function requireUserId(calls: Calls, options?: CallOptions): Promise<Result<string>> {
  const { data } = await calls.client.auth.getSession();
  return data.session ? succeed(data.session.user.id) : fail(localError('unauthenticated', {}, options));
}
