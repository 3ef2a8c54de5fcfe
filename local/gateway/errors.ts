/** What a driver reports when PostgreSQL refuses a statement. */
export interface PostgresFailure {
  code: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** Recognises the driver's error, also when something wrapped it. */
export function asPostgresFailure(error: unknown): PostgresFailure | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, message, detail, hint, cause } = error as Partial<PostgresFailure> & { cause?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code))
    return { code, message: String(message), detail, hint };
  return cause ? asPostgresFailure(cause) : null;
}

const exactStatus: Record<string, number> = {
  '23503': 409,
  '23505': 409,
  '25006': 405,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53400': 500,
  '57P01': 503,
  P0001: 400,
};

const classStatus: Record<string, number> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '25': 500,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '53': 503,
  '54': 500,
  '55': 500,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

/** The HTTP status that PostgREST answers for a SQLSTATE (its documented table). */
export function statusOf(code: string): number {
  return exactStatus[code] ?? classStatus[code.slice(0, 2)] ?? 400;
}

/** A database error on its way to the client. It is answered, so nothing needs to log it. */
export class AnsweredFailure extends Error {
  readonly code: string;
  readonly detail?: string;
  readonly hint?: string;
  constructor(failure: PostgresFailure) {
    super(failure.message);
    this.code = failure.code;
    this.detail = failure.detail;
    this.hint = failure.hint;
  }
}

// `@supabase/lite` 0.10.0 answers these well. All others it turns into 500 "SUP" and loses the code.
const leftToLite = (code: string) => code.startsWith('PT') || code === 'PGRST' || code === '42501';

/**
 * Turns a driver error into one that `@supabase/lite` answers as PostgREST does. It uses PostgREST's own
 * way for a database to choose its answer (SQLSTATE "PGRST", body in the message, status in the detail).
 */
export function answerable(error: unknown): unknown {
  const failure = asPostgresFailure(error);
  if (!failure) return error;
  if (leftToLite(failure.code)) return new AnsweredFailure(failure);
  const { code, message, detail, hint } = failure;
  return new AnsweredFailure({
    code: 'PGRST',
    message: JSON.stringify({ code, message, details: detail ?? null, hint: hint ?? null }),
    detail: JSON.stringify({ status: statusOf(code), headers: {} }),
  });
}
