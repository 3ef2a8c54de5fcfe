/** Follows one request through client, functions, database and providers. */
export interface Trace {
  /** The caller's own id when it sent one, else the trace id. */
  correlationId: string;
  /** W3C trace id: 32 hex digits. */
  traceId: string;
  /** W3C `traceparent` for what this request calls. */
  traceparent: string;
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** Reads the trace of a request, or begins one. Malformed headers count as absent. */
export function traceOf(headers: Headers): Trace {
  const parent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/.exec(
    headers.get('traceparent') ?? '',
  );
  const given = headers.get('x-correlation-id') ?? '';
  const traceId = parent?.[1] ?? randomHex(16);
  return {
    // it is written to every log, so it must not be an API key
    correlationId: /^(?!.*jk_live_)[A-Za-z0-9._:-]{1,100}$/i.test(given) ? given : traceId,
    traceId,
    traceparent: `00-${traceId}-${randomHex(8)}-${parent?.[2] ?? '01'}`,
  };
}

/** A trace that continues work queued under an earlier correlation id. */
export function traceFor(correlationId: string | null): Trace {
  return traceOf(new Headers(correlationId ? { 'x-correlation-id': correlationId } : {}));
}
