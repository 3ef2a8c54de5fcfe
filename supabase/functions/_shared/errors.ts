import { type ErrorCode, errorCodes } from './generated/error-codes.ts';

/** An error that the caller may see. Anything else that is thrown becomes `internal`, without its message. */
export class AppError extends Error {
  /** A code of the registry. A newer database may know codes that this copy does not. */
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(fields: {
    code: string;
    status: number;
    retryable: boolean;
    message: string;
    details?: Record<string, unknown>;
    cause?: unknown;
  }) {
    super(fields.message, { cause: fields.cause });
    this.name = 'AppError';
    this.code = fields.code;
    this.status = fields.status;
    this.retryable = fields.retryable;
    this.details = fields.details ?? {};
  }
}

/** An error of the registry. `cause` is logged, never sent. */
export function appError(code: ErrorCode, details: Record<string, unknown> = {}, cause?: unknown): AppError {
  return new AppError({ code, ...errorCodes[code], details, cause });
}

/** `invalid_input` about one field, worded as the commands word it. */
export function inputError(field: string, problem: string): AppError {
  return appError('invalid_input', { field, problem });
}

/** The error body of PostgREST. */
export interface PostgrestFailure {
  code?: string | null;
  message?: string | null;
  details?: string | null;
  hint?: string | null;
}

function detailsOf(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/**
 * Turns a failed database call into an error for the caller. An error that a command raised keeps its code,
 * status and details. A missing privilege or a bad token gets its own code. Everything else is `internal`.
 */
export function fromPostgrest(failure: PostgrestFailure, httpStatus: number): AppError {
  const raised = /^PT([45]\d\d)$/.exec(failure.code ?? '');
  const { code, ...details } = detailsOf(failure.details);
  if (raised && typeof code === 'string') {
    const status = Number(raised[1]);
    const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : undefined;
    return new AppError({
      code,
      status,
      retryable: known?.retryable ?? (status === 429 || status >= 500),
      message: failure.message ?? known?.message ?? code,
      details,
    });
  }
  const cause = new Error(`database: ${failure.code ?? ''} ${failure.message ?? ''} (HTTP ${httpStatus})`);
  if (failure.code === '42501' || httpStatus === 403) return appError('forbidden', {}, cause);
  if (httpStatus === 401) return appError('unauthenticated', {}, cause);
  return appError('internal', {}, cause);
}
