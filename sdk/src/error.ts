import { type ErrorCode, errorCatalog } from './generated/errors.ts';

/**
 * What went wrong. The codes of the backend's registry, and four of the client's own:
 * `network` (no answer came), `timeout` (no answer in time), `aborted` (the caller's signal), and
 * `unknown` (an answer that names no code of the registry; see `details`).
 */
export type JourneyErrorCode = ErrorCode | 'network' | 'timeout' | 'aborted' | 'unknown';

/**
 * Whether the command may have taken effect although it failed.
 * `not_applied`: nothing was changed. `unknown`: the request was sent and its answer was lost; ask again, or
 * repeat the call with the same `idempotencyKey`, and the backend answers what really happened.
 */
export type Outcome = 'not_applied' | 'unknown';

/** Everything a {@link JourneyError} says. */
export interface JourneyErrorFields {
  code: JourneyErrorCode;
  /** HTTP status of the answer; 0 when there was none. */
  status: number;
  message: string;
  retryable: boolean;
  details: Record<string, unknown>;
  correlationId: string;
  outcome: Outcome;
  idempotencyKey: string | null;
  tries: number;
}

/**
 * The one kind of error in a `Result`. It is an `Error`, so it may be thrown or logged as it is.
 *
 * @example
 * ```ts
 * const { error } = await journey.bookings.create({ quoteId });
 * if (error?.code === 'quote_expired') await askForNewQuote();
 * if (error?.outcome === 'unknown') await journey.bookings.create({ quoteId }, { idempotencyKey: error.idempotencyKey ?? undefined });
 * ```
 */
export class JourneyError extends Error {
  readonly code: JourneyErrorCode;
  readonly status: number;
  /** Whether the same call can succeed later without changing it. */
  readonly retryable: boolean;
  /** What the backend adds, e.g. `{ field, problem }`, `{ missing: [] }`, `{ retry_after: seconds }`. */
  readonly details: Record<string, unknown>;
  /** Names this call in the logs of the client, the functions and the database: quote it when asking for help. */
  readonly correlationId: string;
  readonly outcome: Outcome;
  /** The key of the command that failed, to repeat it safely; null for calls without one. */
  readonly idempotencyKey: string | null;
  /** How often the request was sent. */
  readonly tries: number;

  constructor(fields: JourneyErrorFields) {
    super(fields.message);
    this.name = 'JourneyError';
    this.code = fields.code;
    this.status = fields.status;
    this.retryable = fields.retryable;
    this.details = fields.details;
    this.correlationId = fields.correlationId;
    this.outcome = fields.outcome;
    this.idempotencyKey = fields.idempotencyKey;
    this.tries = fields.tries;
  }

  /** The fields as a plain object, for logs. */
  toJSON(): JourneyErrorFields & { name: string } {
    const { name, code, status, message, retryable, details, correlationId, outcome, idempotencyKey, tries } =
      this;
    return { name, code, status, message, retryable, details, correlationId, outcome, idempotencyKey, tries };
  }
}

const own: Record<Exclude<JourneyErrorCode, ErrorCode>, { en: string; vi: string }> = {
  network: {
    en: 'The server could not be reached. Check the connection and try again.',
    vi: 'Không kết nối được máy chủ. Hãy kiểm tra mạng rồi thử lại.',
  },
  timeout: { en: 'The answer took too long. Try again.', vi: 'Phản hồi quá lâu. Hãy thử lại.' },
  aborted: { en: 'The call was cancelled.', vi: 'Thao tác đã bị hủy.' },
  unknown: { en: 'Something went wrong. Try again.', vi: 'Đã xảy ra lỗi. Hãy thử lại.' },
};

/** Whether a text is a code of the backend's registry. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalog, code);
}

/**
 * The text to show a person, in English or Vietnamese.
 *
 * @example `alert(errorText(error, 'vi'))`
 */
export function errorText(error: { code: JourneyErrorCode }, locale: 'en' | 'vi'): string {
  return isErrorCode(error.code) ? errorCatalog[error.code][locale] : own[error.code][locale];
}
