import { errorText, isErrorCode, type JourneyErrorCode } from '../error.ts';
import { type ErrorCode, errorCatalog } from '../generated/errors.ts';

/**
 * What one failed try tells about effects. `nothing`: it may have been applied. `this_try`: this try changed
 * nothing (refused at the door, or rolled back). `all_tries`: the command itself refused, and since it answers
 * the stored result for a known idempotency key, no earlier try with the same key was applied either.
 */
export type Settles = 'nothing' | 'this_try' | 'all_tries';

/** One failed try, before it is known whether there will be another. */
export interface Failure {
  code: JourneyErrorCode;
  status: number;
  message: string;
  retryable: boolean;
  details: Record<string, unknown>;
  correlationId: string | null;
  settles: Settles;
  /** Whether the same request may be sent again without a person deciding so. */
  tryAgain: boolean;
  retryAfterMs: number | null;
}

// These are raised before a command looks up its idempotency key, or say nothing about an earlier try.
const doorCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthenticated',
  'rate_limited',
  'internal',
  'provider_unavailable',
]);
const tryAgainStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const serializationStates: ReadonlySet<string> = new Set(['40001', '40P01']);

/** Reads a JSON object from a value or a text; anything else is an empty object. */
export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'string') {
    try {
      return asObject(JSON.parse(value));
    } catch {
      return {};
    }
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The `Retry-After` of an answer in milliseconds: seconds or a date, or null. */
export function retryAfterMs(header: string | null | undefined): number | null {
  if (!header) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/** A failure the backend named by a code of its registry. */
export function namedFailure(input: {
  code: ErrorCode;
  status?: number;
  message?: string;
  details?: Record<string, unknown>;
  correlationId?: string | null;
  retryAfterMs?: number | null;
}): Failure {
  const known = errorCatalog[input.code];
  const details = input.details ?? {};
  const asked = typeof details.retry_after === 'number' ? details.retry_after * 1000 : null;
  return {
    code: input.code,
    status: input.status || known.status,
    message: input.message || known.en,
    retryable: known.retryable,
    details,
    correlationId: input.correlationId ?? null,
    settles: input.code === 'internal' ? 'nothing' : doorCodes.has(input.code) ? 'this_try' : 'all_tries',
    tryAgain: known.retryable && input.code !== 'internal',
    retryAfterMs: input.retryAfterMs ?? asked,
  };
}

/** A failure known by its HTTP status alone. */
export function statusFailure(input: {
  status: number;
  message?: string;
  details?: Record<string, unknown>;
  settles?: Settles;
  retryAfterMs?: number | null;
}): Failure {
  const { status } = input;
  const code: JourneyErrorCode =
    status === 401
      ? 'unauthenticated'
      : status === 403
        ? 'forbidden'
        : status === 413
          ? 'payload_too_large'
          : status === 429
            ? 'rate_limited'
            : status === 0
              ? 'network'
              : status >= 500
                ? 'internal'
                : 'unknown';
  const tryAgain = status === 0 || tryAgainStatuses.has(status);
  return {
    code,
    status,
    message: input.message || errorText({ code }, 'en'),
    retryable: tryAgain || status >= 500,
    details: input.details ?? {},
    correlationId: null,
    settles: input.settles ?? (status === 0 || status >= 500 ? 'nothing' : 'this_try'),
    tryAgain,
    retryAfterMs: input.retryAfterMs ?? null,
  };
}

/** No answer came: refused connection, lost network, or the time was over. */
export function unansweredFailure(code: 'network' | 'timeout' | 'aborted', message?: string): Failure {
  return {
    code,
    status: 0,
    message: message || errorText({ code }, 'en'),
    retryable: code !== 'aborted',
    details: {},
    correlationId: null,
    settles: 'nothing',
    tryAgain: code !== 'aborted',
    retryAfterMs: null,
  };
}

/** Reads a PostgREST error: `PTnnn` with the code in `details`, an SQLSTATE, or a `PGRSTnnn`. */
export function restFailure(
  status: number,
  error: { code?: string | null; message?: string; details?: unknown; hint?: string | null },
): Failure {
  const { code: named, ...details } = asObject(error.details);
  if (isErrorCode(named)) {
    return namedFailure({ code: named, status, message: error.message, details });
  }
  const sqlstate = error.code ?? '';
  if (status === 0 || (sqlstate === '' && status < 400)) return unansweredFailure('network', error.message);
  const more = { ...details, ...(sqlstate ? { sqlstate } : {}), ...(error.hint ? { hint: error.hint } : {}) };
  if (sqlstate === 'PGRST116') return namedFailure({ code: 'not_found', status: 404, details: more });
  if (/^PGRST30[0-3]$/.test(sqlstate)) {
    return namedFailure({ code: 'unauthenticated', status: 401, message: error.message, details: more });
  }
  // A value that cannot be read, a missing one, one that does not exist, and one that a constraint refuses.
  if (/^22|^2350[23]|^23514/.test(sqlstate)) {
    return namedFailure({ code: 'invalid_input', status: 400, message: error.message, details: more });
  }
  // An SQLSTATE means the statement failed and its transaction was rolled back.
  const rolledBack =
    /^[0-9A-Z]{5}$/.test(sqlstate) && !sqlstate.startsWith('08') && !sqlstate.startsWith('57P');
  const failure = statusFailure({
    status,
    message: error.message,
    details: more,
    settles: rolledBack ? 'this_try' : undefined,
  });
  if (serializationStates.has(sqlstate))
    return { ...failure, code: 'internal', retryable: true, tryAgain: true };
  if (sqlstate === '57014') return { ...failure, code: 'timeout', retryable: true, tryAgain: false };
  return failure;
}

/** Reads the error body of an edge function: `{ error: { code, message, status, retryable, details, correlation_id } }`. */
export function functionFailure(status: number, body: unknown, retryAfter: string | null): Failure {
  const outer = asObject(body);
  const error = asObject(outer.error ?? body);
  const message =
    typeof error.message === 'string' ? error.message : typeof outer.msg === 'string' ? outer.msg : undefined;
  const details = asObject(error.details);
  const wait = retryAfterMs(retryAfter);
  if (isErrorCode(error.code)) {
    const correlationId = typeof error.correlation_id === 'string' ? error.correlation_id : null;
    return namedFailure({ code: error.code, status, message, details, correlationId, retryAfterMs: wait });
  }
  return statusFailure({ status, message, details, retryAfterMs: wait });
}

/** Reads an error of Supabase Auth; its own word for the problem is kept in `details.reason`. */
export function authFailure(error: {
  status?: number;
  code?: string;
  message: string;
  name?: string;
}): Failure {
  const status = error.status ?? 0;
  const reason = error.code ?? error.name ?? 'auth_error';
  const details = { reason };
  if (error.name === 'AuthRetryableFetchError')
    return { ...statusFailure({ status, message: error.message, details }) };
  if (
    error.name === 'AuthSessionMissingError' ||
    reason === 'invalid_credentials' ||
    reason === 'session_not_found'
  ) {
    return namedFailure({ code: 'unauthenticated', status: status || 401, message: error.message, details });
  }
  if (reason === 'otp_expired')
    return namedFailure({ code: 'code_expired', status, message: error.message, details });
  if (reason === 'sms_send_failed' && status === 503)
    return namedFailure({ code: 'sms_unavailable', status, message: error.message, details });
  if (status === 429) return namedFailure({ code: 'rate_limited', status, message: error.message, details });
  if (status === 400 || status === 409 || status === 422) {
    const field = /password/.test(reason)
      ? 'password'
      : /email|user_already_exists/.test(reason)
        ? 'email'
        : /phone/i.test(error.message)
          ? 'phone'
          : undefined;
    return namedFailure({
      code: 'invalid_input',
      status,
      message: error.message,
      details: { ...details, ...(field ? { field } : {}) },
    });
  }
  return statusFailure({ status, message: error.message, details });
}

const storageCodes: Record<string, ErrorCode> = {
  '401': 'unauthenticated',
  '403': 'forbidden',
  '404': 'not_found',
  '413': 'media_too_large',
  '415': 'media_type_refused',
  '429': 'rate_limited',
  AccessDenied: 'forbidden',
  InvalidJWT: 'unauthenticated',
  EntityTooLarge: 'media_too_large',
  InvalidMimeType: 'media_type_refused',
};

/** Reads an error of Supabase Storage, which answers HTTP 400 to nearly everything and says more in the body. */
export function storageFailure(error: {
  status?: number;
  statusCode?: string;
  code?: string;
  message: string;
}): Failure {
  const details = { ...(error.code ? { reason: error.code } : {}) };
  const code = storageCodes[error.code ?? ''] ?? storageCodes[error.statusCode ?? ''];
  if (code) return namedFailure({ code, message: error.message, details });
  return statusFailure({
    status: Number(error.statusCode) || error.status || 0,
    message: error.message,
    details,
  });
}
